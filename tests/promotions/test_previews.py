"""What the forms of promotions and campaigns show before anything is saved."""

import pytest

from pos.pages.estimate import estimate
from promotions.models import Promotion, PromotionCampaign
from tests.factories import LocationFactory, PromotionCampaignFactory, PromotionFactory
from tests.pos.test_estimate import draft
from tests.pos.tills import AtTill, basket, line
from tests.promotions.pages import HTMX, read_page, words
from tests.promotions.test_campaign_pages import edit_answers
from tests.promotions.test_promotion_pages import FILLED, PLAIN

pytestmark = pytest.mark.django_db

TEN_OFF_TEA = PLAIN | {"type": "items", "reduction": "percent", "percent": "10", "categories": "tea"}


def says(client, typed) -> str:
    return words(read_page(client.post("/promotions/says/", typed, **HTMX)))


@pytest.mark.parametrize("kind", Promotion.Type.values)
def test_each_kind_is_calculated_on_an_example_while_it_is_typed(client, marketer, kind):
    page = read_page(client.post("/promotions/says/", PLAIN | FILLED[kind][0] | {"type": kind}, **HTMX))
    assert 'id="example" hx-swap-oob="true"' in page
    assert "Total" in words(page)
    assert "<strong>−€" in page
    assert not Promotion.objects.exists()


def test_the_example_takes_what_tills_sold_and_says_how_much_of_it(client, marketer):
    till = AtTill()
    tea = {"sku": "GREEN", "name": "Green tea", "categories": ["tea"]}
    for number in range(3):
        till.put(f"S{number}", {"currency": "EUR", "lines": [line(1, 450, **tea)]})
    till.put("S9", basket(1_000))
    said = says(client, TEN_OFF_TEA)
    assert "everything in tea: matches 1 article, in 3 of the 4 sales of the last 30 days" in said
    assert "Green tea €4.50" in said
    assert "Articles and prices as tills sold them lately." in said


def test_a_changed_quantity_counts_and_one_that_is_as_proposed_follows_the_rule(client, marketer):
    shown = {"example-0-sku": "Article 1", "example-0-proposed": "2", "example-0-quantity": "2"}
    typed = TEN_OFF_TEA | {"min_quantity": "8"}
    assert 'value="6"' in read_page(client.post("/promotions/says/", typed | shown, **HTMX))
    changed = shown | {"example-0-quantity": "50"}
    assert 'name="example-0-quantity" value="50"' in read_page(
        client.post("/promotions/says/", typed | changed, **HTMX)
    )


@pytest.mark.parametrize("quantity", ["-1", "1.5", "a", "²", "1000", "9" * 5_000])
def test_a_quantity_that_is_none_is_named(client, marketer, quantity):
    shown = {"example-0-sku": "Article 1", "example-0-proposed": "2", "example-0-quantity": quantity}
    said = says(client, TEN_OFF_TEA | shown)
    assert "Quantity of Article 1: write a whole number from 0 to 999." in said


def test_what_is_seldom_needed_stands_under_advanced_which_opens_when_it_says_something(client, marketer):
    page = read_page(client.get("/promotions/new/?type=items"))
    simple, advanced = page.split('<details class="card" id="promotion-advanced">')
    assert 'name="percent"' in simple
    for name in ("max_units", "of_original", "min_subtotal", "starts_at", "stacking"):
        assert f'name="{name}"' in advanced
    plain = PromotionFactory()
    assert 'id="promotion-advanced">' in read_page(client.get(f"/promotions/{plain.pk}/edit/"))
    evening = PromotionFactory(conditions=[{"type": "hours", "from": "18:00", "to": "20:00"}])
    assert 'id="promotion-advanced" open>' in read_page(client.get(f"/promotions/{evening.pk}/edit/"))
    wrong = read_page(client.post("/promotions/new/", TEN_OFF_TEA | {"max_units": "0"}), 422)
    assert 'id="promotion-advanced" open>' in wrong


def test_an_edit_of_an_active_campaign_is_shown_before_it_is_saved(client, marketer):
    campaign = PromotionCampaignFactory(status="active", budget=500_000)
    campaign.locations.add(LocationFactory(code="north"))
    address = f"/campaigns/promotion/{campaign.pk}/edit/"
    answers = edit_answers(campaign) | {"budget": "8000"}
    del answers["confirmed"]
    page = read_page(client.post(address, answers))
    said = words(page)
    assert "Budget: €5,000.00 → €8,000.00" in said
    assert "Locations: north → everywhere" in said
    assert "These changes count from the very next sale; nothing is saved yet." in said
    assert '<input type="hidden" name="budget" value="8000">' in page
    assert PromotionCampaign.objects.get().budget == 500_000
    back = read_page(client.post(address, answers | {"preview": "1"}))
    assert 'name="budget" value="8000"' in back
    assert PromotionCampaign.objects.get().budget == 500_000
    assert client.post(address, answers | {"confirmed": "1"}).status_code == 302
    assert PromotionCampaign.objects.get().budget == 800_000


def test_an_edit_of_a_promotion_that_applies_is_shown_before_it_is_saved(client, marketer):
    client.post("/promotions/new/", TEN_OFF_TEA | {"standalone": "on"})
    Promotion.objects.update(status="active")
    promotion = Promotion.objects.get()
    address = f"/promotions/{promotion.pk}/edit/"
    answers = TEN_OFF_TEA | {"standalone": "on", "percent": "15", "priority": "7"}
    said = words(read_page(client.post(address, answers)))
    assert "What it does: 10% off everything in tea. → 15% off everything in tea." in said
    assert "Priority: 100 → 7" in said
    assert Promotion.objects.get().priority == 100
    assert client.post(address, answers | {"confirmed": "1"}).status_code == 302
    assert Promotion.objects.get().priority == 7


def test_what_applies_nowhere_or_does_not_change_is_saved_without_a_question(client, marketer):
    campaign = PromotionCampaignFactory(status="draft", budget=100)
    answers = edit_answers(campaign) | {"budget": "8000"}
    del answers["confirmed"]
    assert client.post(f"/campaigns/promotion/{campaign.pk}/edit/", answers).status_code == 302
    active = PromotionCampaignFactory(status="active", budget=100)
    answers = edit_answers(active)
    del answers["confirmed"]
    assert client.post(f"/campaigns/promotion/{active.pk}/edit/", answers).status_code == 302


def test_the_estimate_says_what_another_percent_would_have_cost(client, marketer):
    AtTill().put("S1", basket(10_000))
    promotion = PromotionFactory(name="Ten")
    campaign = draft(promotion, PromotionFactory(benefit={"type": "fixed_total", "amount": 5}, level="order"))
    address = f"/campaigns/promotion/{campaign.pk}/estimate/"
    page = read_page(client.get(address))
    assert page.count('type="range"') == 1
    assert 'value="10"' in page
    before = estimate(campaign)
    for percent, said in (
        ("15", "15% would have cost €5.00 more than 10%."),
        ("5.5", "5.5% would have cost €4.50 less than 10%."),
        ("10", "10% would have cost as much as 10%."),
        ("x", "Percent: write a number from 0 to 100."),
        ("101", "Percent: write a number from 0 to 100."),
        ("NaN", "Percent: write a number from 0 to 100."),
    ):
        asked = {"try": promotion.pk, "percent": percent}
        part = read_page(client.get(address, asked, **HTMX))
        assert said in words(part), percent
        assert part.strip().startswith(f'<p class="mb-0" id="what-if-{promotion.pk}"')
        assert said in words(read_page(client.get(address, asked)))
    assert estimate(campaign) == before


def forecast(client, typed, target="forecast") -> str:
    return words(read_page(client.post("/promotions/forecast/", typed, **HTMX, HTTP_HX_TARGET=target)))


def test_each_field_of_codes_says_how_many_articles_and_sales_have_them(client, marketer):
    till = AtTill()
    tea = {"sku": "GREEN", "name": "Green tea", "categories": ["tea"], "brand": "Leaf"}
    for number in range(3):
        till.put(f"S{number}", {"currency": "EUR", "lines": [line(1, 450, **tea)]})
    black = {"sku": "BLACK", "categories": ["tea"]}
    till.put("S9", {"currency": "EUR", "lines": [line(1, 300, **black)]})
    unfinished = TEN_OFF_TEA | {"brands": "Leaf", "percent": ""}
    for typed in (TEN_OFF_TEA | {"brands": "Leaf"}, unfinished):
        page = read_page(client.post("/promotions/says/", typed, **HTMX))
        said = {
            name: words(page.split(f'id="matched-id_{name}"')[1].split(">", 1)[1].split("</small>")[0])
            for name in ("skus", "categories", "brands")
        }
        assert said == {
            "skus": "",
            "categories": "Matches 2 articles, sales of the last 30 days with one of them: 4",
            "brands": "Matches 1 article, sales of the last 30 days with it: 3",
        }
    client.post("/promotions/new/", TEN_OFF_TEA)
    page = words(read_page(client.get(f"/promotions/{Promotion.objects.get().pk}/edit/")))
    assert page.count("Matches 2 articles") == 1


WRONG_PERCENTS = ["101", "-1", "12.345", "1.000", "1,5", "9e999999", "-9e999999", "1e-999999", "9" * 400, "NaN", "sNaN",
                  "Infinity", "x", "5%"]  # fmt: skip


def test_the_form_forecasts_what_a_promotion_would_have_cost_and_another_percent(client, marketer):
    AtTill().put("S1", basket(10_000))
    typed = PLAIN | {"type": "sale", "reduction": "percent", "percent": "10"}
    said = forecast(client, typed)
    assert "€10.00" in said
    assert "10.0% of the revenue" in said
    for percent, expected in (
        ("15", "15% would have cost €5.00 more than 10%."),
        ("5.5", "5.5% would have cost €4.50 less than 10%."),
        ("10", "10% would have cost as much as 10%."),
        *((wrong, "Percent: write a number from 0 to 100.") for wrong in WRONG_PERCENTS),
    ):
        asked = typed | {"try_percent": percent}
        assert forecast(client, asked, "forecast-what-if") == expected
    assert "appears here as soon as" in forecast(client, typed | {"percent": ""})
    whole = words(read_page(client.post("/promotions/forecast/", typed)))
    assert "Nothing is saved" in whole
    assert not Promotion.objects.exists()


def test_the_forecast_of_a_stored_promotion_is_beside_the_others_and_not_beside_itself(client, marketer):
    AtTill().put("S1", basket(10_000))
    typed = PLAIN | {"type": "sale", "reduction": "percent", "percent": "10", "standalone": "on"}
    client.post("/promotions/new/", typed)
    Promotion.objects.update(status="active")
    stored = Promotion.objects.get()
    said = forecast(client, typed | {"promotion": stored.pk, "percent": "20"})
    assert "€20.00" in said
    assert "would have given" not in said


def test_the_forecast_counts_amounts_and_locations(client, marketer):
    AtTill().put("S1", basket(10_000))
    typed = PLAIN | {"type": "sale", "reduction": "amount", "amount": "3"}
    assert "€3.00" in forecast(client, typed)
    elsewhere = LocationFactory(code="elsewhere")
    assert "€3.00" not in forecast(client, typed | {"locations": elsewhere.pk})
