"""A promotion names what tills have sold: the form offers it, and warns of what nothing matches."""

import pytest

from promotions import sold_articles
from promotions.conflicts import conflicts_of
from tests.factories import PromotionFactory, user_in
from tests.pos.test_sandbox import result
from tests.pos.tills import AtTill, line

pytestmark = pytest.mark.django_db

LAMP = {
    "sku": "LAMP1",
    "categories": ["Lighting", "home"],
    "brand": "Lux",
    "name": "Desk lamp",
    "barcode": "4006381",
}


@pytest.fixture
def till():
    till = AtTill()
    lines = [line(1, 5_000, **LAMP), line(2, 300, brand="")]
    assert till.put("S1", {"currency": "EUR", "lines": lines}).status == 201
    return till


@pytest.fixture(autouse=True)
def marketer(client):
    client.force_login(user_in("Marketers"))


def warnings_of_unsold_codes(**match):
    promotion = PromotionFactory(target={"match": match}, standalone=True)
    return [sentence for sentence in conflicts_of(promotion, campaigns=[]) if "No till has sold" in sentence]


def test_what_was_sold_is_known_by_kind(till):
    sold = sold_articles.read_sold_articles()
    assert sold == sold_articles.SoldArticles(("LAMP1", "SKU2"), ("Lighting", "home"), ("Lux",))


def test_what_nothing_matches_is_warned_of_with_what_may_be_meant(till):
    assert warnings_of_unsold_codes(categories=["home"], brands=["Lux"], skus=["LAMP1"]) == []
    assert warnings_of_unsold_codes(categories=["lighting"]) == [
        "No till has sold anything of the category “lighting” lately. Do you mean “Lighting”?"
    ]
    assert warnings_of_unsold_codes(skus=["LAMP9"]) == [
        "No till has sold anything of the SKU “LAMP9” lately."
    ]
    assert warnings_of_unsold_codes(brands=["Lux", "Nox"]) == [
        "No till has sold anything of the brand “Nox” lately."
    ]


def test_codes_in_conditions_and_parts_are_looked_at_too(till):
    buy_get = {
        "type": "buy_get",
        "buy": {"quantity": 1, "match": {"categories": ["hme"]}},
        "get": {"quantity": 1},
    }
    contains = [{"type": "contains", "match": {"brands": ["Lx"]}}]
    said = conflicts_of(PromotionFactory(benefit=buy_get, conditions=contains, standalone=True), campaigns=[])
    assert [sentence for sentence in said if "“hme”" in sentence or "“Lx”" in sentence] == [
        "No till has sold anything of the brand “Lx” lately.",
        "No till has sold anything of the category “hme” lately.",
    ]


def test_nothing_is_warned_of_before_anything_was_sold():
    assert warnings_of_unsold_codes(skus=["NEW"]) == []


def test_the_form_offers_what_was_sold(client, till):
    page = client.get("/promotions/new/?type=items").content.decode()
    for kind, code in (("skus", "LAMP1"), ("categories", "Lighting"), ("brands", "Lux")):
        offered = page.split(f'<datalist id="sold-{kind}">')[1].split("</datalist>")[0]
        assert f'value="{code}"' in offered
        assert f'list="sold-{kind}"' in page
    page = client.get("/promotions/new/?type=bundle").content.decode()
    assert 'data-sold="brands"' in page


@pytest.mark.parametrize("typed", ["LAMP1", "4006381", "Desk lamp", "desk LAMP"])
def test_the_sandbox_finds_an_article_by_sku_barcode_and_name(client, till, typed):
    PromotionFactory(standalone=True, target={"match": {"skus": ["LAMP1"], "categories": ["home"]}})
    from urllib.parse import urlencode

    sent = {"lines-TOTAL_FORMS": 1, "lines-INITIAL_FORMS": 0, "location": till.location.pk}
    sent |= {"lines-0-sku": typed, "lines-0-unit_price": "50", "lines-0-quantity": "1"}
    if typed == "LAMP1":
        sent["lines-0-categories"] = "home"
    assert "Discount €5.00" in result(client, f"/sandbox/?{urlencode(sent)}")


def test_name_and_barcode_change_no_discount(till):
    PromotionFactory(standalone=True)
    body = {"currency": "EUR", "lines": [line(1, 1_000, name="Étagère, groß", barcode="4006381")]}
    assert till.quote(body)["discount"] == 100
