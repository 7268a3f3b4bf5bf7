"""Costs of articles by CSV: checked first, then taken in."""

from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from pos import article_costs
from pos.article_costs import UnreadableCosts, check_file
from pos.models import ArticleCost
from tests.factories import user_in

pytestmark = pytest.mark.django_db
FILE = (
    "SKU;Cost;Currency\nTEA;2,40;EUR\nCUP;1.5;\nTEA;3;CHF\nPOT;two;EUR\n;1;EUR\nCUP;1.60;EUR\n"
    "YEN;120;JPY\nBAD;1;XXQ\n"
)


def upload(client, text):
    file = SimpleUploadedFile("costs.csv", text if isinstance(text, bytes) else text.encode())
    return client.post(reverse("tills:article_costs"), {"file": file})


def list_costs():
    return {(row.sku, row.currency): row.cost for row in ArticleCost.objects.all()}


def test_a_file_is_checked_first_and_stored_when_somebody_has_seen_the_result(client):
    client.force_login(user_in("Marketers"))
    ArticleCost.objects.create(sku="TEA", currency="EUR", cost=200)
    ArticleCost.objects.create(sku="CUP", currency="EUR", cost=150)
    page = upload(client, FILE)
    check = page.context["check"]
    assert (check.added, check.changed, check.same) == (2, 1, 1)
    assert [(row.line, row.reason) for row in check.wrong] == [
        (5, "The cost is no number: write one such as 2.40."),
        (6, "An SKU has 1 to 64 letters."),
        (7, "The article stands above with another cost."),
        (9, "“XXQ” is not a currency: write its three letters, such as EUR."),
    ]
    assert len(list_costs()) == 2, "nothing is stored yet"
    answer = client.post(reverse("tills:article_costs_take"), {"signed": page.context["signed"]}, follow=True)
    assert "The costs of 4 articles are stored." in answer.text
    assert list_costs() == {
        ("TEA", "EUR"): Decimal(240),
        ("CUP", "EUR"): Decimal(150),
        ("TEA", "CHF"): Decimal(300),
        ("YEN", "JPY"): Decimal(120),
    }
    assert "€2.40" in answer.text


@pytest.mark.parametrize(("raw", "said"), [
    (b"PK\x03\x04\0\0", "The file is no text"),
    (b"sku;price\nTEA;1\n", "names no column “cost”"),
    (b"sku;cost;sku\nTEA;1;CUP\n", "names more than one column “sku”"),
    (b"sku;cost;Kosten\nTEA;1;2\n", "names more than one column “cost”"),
    (b"", "names no column “sku”"),
])  # fmt: skip
def test_what_is_no_file_of_costs_is_refused_with_a_sentence(client, raw, said):
    with pytest.raises(UnreadableCosts, match=said):
        check_file(raw)
    client.force_login(user_in("Marketers"))
    page = upload(client, raw or b"\n")
    assert page.status_code == 422
    assert said in page.text


@pytest.mark.parametrize("cost", ["-1", "nan", "inf", "1e20", "1,234.50", ""])
def test_a_cost_that_is_no_amount_is_left_out(cost):
    check = check_file(f"sku\tcost\nTEA\t{cost}\n".encode())
    assert (check.costs, len(check.wrong)) == ({}, 1)


def test_only_what_was_checked_can_be_taken_in(monkeypatch):
    signed = article_costs.sign_costs(check_file(b"sku,cost\nTEA,1\n"))
    with pytest.raises(UnreadableCosts):
        article_costs.take_costs(signed[:-2])
    monkeypatch.setattr(article_costs, "GOOD_FOR", -1)
    signed = article_costs.sign_costs(check_file(b"sku,cost\nTEA,1\n"))
    with pytest.raises(UnreadableCosts, match="upload the file again"):
        article_costs.take_costs(signed)


def test_who_may_only_look_changes_nothing(client):
    client.force_login(user_in("Analysts"))
    assert "Upload" not in client.get(reverse("tills:article_costs")).text
    assert "check" not in upload(client, FILE).context
    signed = article_costs.sign_costs(check_file(b"sku,cost\nTEA,1\n"))
    assert client.post(reverse("tills:article_costs_take"), {"signed": signed}).status_code == 403


@pytest.mark.parametrize(
    "cost",
    ["9e999999", "-9e999999", "NaN", "sNaN", "Infinity", "1e30", "-0.01", "1.234,56", "１.x", "2\u202e"],
)
def test_a_cost_of_any_odd_shape_is_a_wrong_row_and_never_an_error(cost):
    check = check_file(f"sku;cost\nTEA;{cost}\nCUP;1,50\n".encode())
    assert [row.line for row in check.wrong] == [2]
    assert check.costs == {("CUP", "EUR"): Decimal(150)}


@pytest.mark.parametrize("cost", ["1,234", "1.234", "12.000", "-1,500"])
def test_a_cost_that_may_be_a_thousand_is_refused_by_its_name(cost):
    [row] = check_file(f"sku;cost\nTEA;{cost}\n".encode()).wrong
    assert row.reason.startswith(f"Cost: “{cost}” can be read in two ways: write ")


@pytest.mark.parametrize(
    ("cost", "minor"), [("1,2340", "123.4"), ("0,125", "12.5"), ("1234", "123400"), ("2,4", "240")]
)
def test_a_cost_may_have_parts_of_a_cent(cost, minor):
    assert check_file(f"sku;cost\nTEA;{cost}\n".encode()).costs == {("TEA", "EUR"): Decimal(minor)}
