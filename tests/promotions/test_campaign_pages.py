"""The page and the form of a promotion campaign, as a browser without JavaScript sees them."""

import re
from datetime import timedelta

import pytest
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from promotions import publish
from promotions.models import (
    Counter,
    Promotion,
    PromotionCampaign,
    Redemption,
)
from tests.factories import (
    LocationFactory,
    PromotionCampaignFactory,
    PromotionFactory,
    SaleFactory,
)
from tests.promotions.pages import HTMX, campaign_with, linked_names, queries, read_page, words

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


# ── a campaign ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_campaign_is_created_as_a_draft_with_money_in_minor_units(client, marketer):
    here = LocationFactory()
    read_page(client.get("/campaigns/promotion/new/"))
    answer = {
        "name": "Spring",
        "description": "",
        "starts_at": "2090-03-01T08:00",
        "ends_at": "2090-03-31T20:00",
        "currency": "EUR",
        "budget": "1234.50",
        "on_budget_end": "reject",
        "max_uses": "500",
        "max_uses_per_customer": "2",
        "priority": "5",
        "locations": [here.pk],
        "exclusive": "on",
    }
    response = client.post("/campaigns/promotion/new/", answer)
    campaign = PromotionCampaign.objects.get()
    assert response["Location"] == campaign.get_absolute_url()
    assert (campaign.status, campaign.created_by, campaign.budget) == ("draft", marketer, 123450)
    assert (campaign.on_budget_end, campaign.max_uses, campaign.max_uses_per_customer) == ("reject", 500, 2)
    assert campaign.starts_at.isoformat() == "2090-03-01T08:00:00+00:00"
    assert campaign.exclusive
    assert list(campaign.locations.all()) == [here]
    assert campaign.counter.budget == 123450
    page = words(read_page(client.get(campaign.get_absolute_url())))
    assert "€1,234.50" in page
    assert "With others never: each of its promotions applies alone in a sale" in page
    assert here.name in page


def test_what_cannot_be_is_said_at_its_field_and_nothing_is_saved(client, marketer):
    answer = {"name": "", "currency": "EUR", "budget": "1.234", "on_budget_end": "partial", "priority": "0"}
    answer |= {"starts_at": "2090-03-02T08:00", "ends_at": "2090-03-01T08:00", "max_uses": "0"}
    page = words(read_page(client.post("/campaigns/promotion/new/", answer), 422))
    for sentence in (
        "This field is required.",
        "1.234 EUR: write at most 2 digits after the point.",
        "The end must be after the start.",
        "Maximum uses : Ensure this value is greater than or equal to 1.",
        "Priority : Ensure this value is greater than or equal to 1.",
    ):
        assert sentence in page
    assert "Constraint" not in page  # the database's own words help nobody
    assert not PromotionCampaign.objects.exists()


def test_a_currency_without_decimals_takes_whole_amounts(client, marketer):
    LocationFactory(currency="JPY")
    answer = {"name": "Haru", "currency": "JPY", "on_budget_end": "partial", "priority": "1"}
    page = words(read_page(client.post("/campaigns/promotion/new/", answer | {"budget": "5000.5"}), 422))
    assert "write no digits after the point" in page
    client.post("/campaigns/promotion/new/", answer | {"budget": "5000"})
    assert PromotionCampaign.objects.get().budget == 5000


def edit_answers(campaign) -> dict:
    """What a browser sends when the edit form is sent as it is shown, and its question answered with Save."""
    return {
        "confirmed": "1",
        "name": campaign.name,
        "description": campaign.description,
        "starts_at": f"{campaign.starts_at:%Y-%m-%dT%H:%M}",
        "ends_at": f"{campaign.ends_at:%Y-%m-%dT%H:%M}",
        "currency": campaign.currency,
        "budget": "" if campaign.budget is None else f"{campaign.budget / 100:.2f}",
        "on_budget_end": campaign.on_budget_end,
        "max_uses": "",
        "max_uses_per_customer": "",
        "priority": campaign.priority,
    }


def test_an_active_campaign_warns_on_its_form_with_pause_at_hand(client, marketer):
    """P10"""
    campaign = PromotionCampaignFactory(status="active")
    page = read_page(client.get(f"/campaigns/promotion/{campaign.pk}/edit/"))
    assert "This campaign is active." in page
    assert f'action="/campaigns/{campaign.pk}/pause/"' in page
    draft = PromotionCampaignFactory(status="draft")
    assert "This campaign is active." not in read_page(client.get(f"/campaigns/promotion/{draft.pk}/edit/"))


def test_an_edit_of_an_active_campaign_changes_what_was_touched_and_counts_at_once(client, marketer):
    """P3"""
    campaign = PromotionCampaignFactory(status="active", budget=10000)
    response = client.post(
        f"/campaigns/promotion/{campaign.pk}/edit/", edit_answers(campaign) | {"budget": "250"}
    )
    assert response.status_code == 302, response.content.decode()
    edited = PromotionCampaign.objects.get()
    assert (edited.budget, edited.counter.budget) == (25000, 25000)
    assert (edited.starts_at, edited.ends_at) == (campaign.starts_at, campaign.ends_at)  # to the microsecond
    assert [change.detail for change in edited.changes.all()] == [{"budget": [10000, 25000]}]


def test_end_early_is_offered_before_cancel(client, marketer):
    """P10"""
    campaign = PromotionCampaignFactory(status="active")
    page = read_page(client.get(campaign.get_absolute_url()))
    assert page.index(f"/campaigns/{campaign.pk}/end_early/") < page.index(
        f"/campaigns/{campaign.pk}/cancel/"
    )
    asked = read_page(client.get(f"/campaigns/{campaign.pk}/cancel/"))
    assert f'href="/campaigns/{campaign.pk}/end_early/"' in asked


def test_a_paused_campaign_whose_end_has_passed_says_what_a_resume_does(client, marketer):
    ended = timezone.now() - timedelta(hours=1)
    campaign = PromotionCampaignFactory(status="paused", ends_at=ended)
    assert "Its end has passed" in read_page(client.get(campaign.get_absolute_url()))
    asked = words(read_page(client.get(f"/campaigns/{campaign.pk}/resume/")))
    assert "if you resume it now, it expires at once" in asked


@pytest.mark.parametrize("status", ["expired", "cancelled"])
def test_a_campaign_that_is_over_is_not_edited(client, marketer, status):
    campaign = PromotionCampaignFactory(status=status)
    for response in (
        client.get(f"/campaigns/promotion/{campaign.pk}/edit/"),
        client.post(f"/campaigns/promotion/{campaign.pk}/edit/", edit_answers(campaign) | {"name": "Other"}),
    ):
        assert f"is {status}: it cannot be edited" in read_page(response, 409)
    assert PromotionCampaign.objects.get().name == campaign.name


# ── its figures ──────────────────────────────────────────────────────────────────────────────────────────────────────


def give_discount(campaign, amount, at=None):
    sale = SaleFactory(at=at or timezone.now())
    Redemption.objects.create(
        sale=sale, campaign=campaign, promotion=PromotionFactory(), amount=amount, uses=1, at=sale.at
    )


def test_the_counters_show_what_is_spent_held_and_left_and_when_it_ends(client, marketer):
    campaign = PromotionCampaignFactory(status="active", budget=10000, max_uses=10)
    give_discount(campaign, 2500, at=timezone.now() - timedelta(hours=1))
    with_counter(campaign)
    Counter.objects.update(held=500)
    page = words(read_page(client.get(reverse("promotions:campaign_counters", args=[campaign.pk]))))
    assert "Discounts given €25.00 25.0% of €100.00" in page
    assert "On hold at tills €5.00" in page
    assert "Budget left €70.00" in page
    assert "Uses 1 of 10, 9 left" in page
    assert "At the pace of the last day" in page


def with_counter(campaign):
    """Publish the counter that a factory's row does not have yet."""
    with transaction.atomic():
        publish.lock_rules()
        publish.publish_campaign(campaign)


def test_a_campaign_without_limits_sums_its_ledger(client, marketer):
    campaign = PromotionCampaignFactory(status="active")
    give_discount(campaign, 1250)
    give_discount(campaign, 50)
    page = words(read_page(client.get(campaign.get_absolute_url())))
    assert "Discounts given €13.00" in page
    assert "Uses 2" in page
    assert "no limit" in page


def test_a_used_up_budget_is_a_badge_with_its_time_and_the_campaign_stays_active(client, marketer):
    """P3"""
    campaign = PromotionCampaignFactory(status="active", budget=1000)
    give_discount(campaign, 1000)
    with_counter(campaign)
    page = words(read_page(client.get(campaign.get_absolute_url())))
    assert "Budget used up" in page
    assert f"Used up since {timezone.now():%-d %b %Y}" in page
    assert "The campaign stays active: raise the budget" in page
    client.post(f"/campaigns/promotion/{campaign.pk}/edit/", edit_answers(campaign) | {"budget": "20"})
    assert "Budget used up" not in read_page(client.get(campaign.get_absolute_url()))


@pytest.mark.parametrize("status", ["draft", "scheduled", "active", "paused", "expired", "cancelled"])
def test_only_an_active_campaign_asks_for_its_figures_again_and_again(client, marketer, status):
    campaign = PromotionCampaignFactory(status=status)
    page = read_page(client.get(reverse("promotions:campaign_counters", args=[campaign.pk])))
    assert ("every 3s" in page) == (status == "active")


def test_what_it_gave_is_drawn_day_by_day_and_told_in_numbers(client, marketer):
    campaign = PromotionCampaignFactory(status="active", starts_at=timezone.now() - timedelta(days=2))
    assert reverse("promotions:campaign_days", args=[campaign.pk]) in read_page(
        client.get(campaign.get_absolute_url())
    )
    path = reverse("promotions:campaign_days", args=[campaign.pk])
    assert "It has given nothing yet" in read_page(client.get(path))
    give_discount(campaign, 1234)
    page = read_page(client.get(path, **HTMX))
    assert page.count("<title>") == 3
    assert "€12.34, 1</title>" in page
    assert 'hx-trigger="every 60s' in page
    assert "<html" not in page
    campaign = PromotionCampaignFactory(status="cancelled")
    give_discount(campaign, 1)
    assert "every 60s" not in read_page(client.get(reverse("promotions:campaign_days", args=[campaign.pk])))


# ── its promotions ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_promotions_are_found_linked_ordered_and_removed_without_javascript(client, marketer):
    campaign = PromotionCampaignFactory(status="draft")
    socks, shoes = PromotionFactory(name="Socks"), PromotionFactory(name="Shoes")
    PromotionFactory(name="Alone so", standalone=True)
    page = read_page(client.get(f"{campaign.get_absolute_url()}?find=so"))
    assert set(re.findall(r"promotions/(\d+)/link/", page)) == {str(socks.pk)}
    base = f"/campaigns/promotion/{campaign.pk}/promotions"
    for promotion in (socks, shoes):
        assert client.post(f"{base}/{promotion.pk}/link/").status_code == 302
    assert linked_names(campaign) == ["Socks", "Shoes"]
    client.post(f"{base}/{shoes.pk}/move/", {"up": "1"})
    assert linked_names(campaign) == ["Shoes", "Socks"]
    client.post(f"{base}/{shoes.pk}/move/", {"up": "1"})  # it is the first already
    assert linked_names(campaign) == ["Shoes", "Socks"]
    client.post(f"{base}/{shoes.pk}/move/", {"down": "1"})
    assert linked_names(campaign) == ["Socks", "Shoes"]
    client.post(f"{base}/{socks.pk}/unlink/")
    assert linked_names(campaign) == ["Shoes"]


def test_htmx_gets_the_part_that_changed(client, marketer):
    campaign, (promotion,) = campaign_with()
    response = client.post(f"/campaigns/promotion/{campaign.pk}/promotions/{promotion.pk}/switch/", **HTMX)
    page = read_page(response)
    assert page.strip().startswith('<section class="card" id="campaign-promotions"')
    assert "It is switched off" in page


def test_one_promotion_is_switched_and_campaign_and_others_stay(client, marketer):
    """P8"""
    campaign, (one, other) = campaign_with(2)
    client.post(f"/campaigns/promotion/{campaign.pk}/promotions/{one.pk}/switch/")
    assert dict(Promotion.objects.values_list("pk", "status")) == {one.pk: "inactive", other.pk: "active"}
    assert PromotionCampaign.objects.get().status == "active"
    client.post(f"/campaigns/promotion/{campaign.pk}/promotions/{one.pk}/switch/", {"on": "1"})
    assert Promotion.objects.get(pk=one.pk).status == "active"


def test_a_paused_campaign_says_that_its_promotions_wait(client, marketer):
    """P8"""
    campaign, _ = campaign_with(status="paused")
    assert "It waits until the campaign is resumed" in read_page(client.get(campaign.get_absolute_url()))


def test_a_refused_link_says_why(client, marketer):
    campaign, alone = PromotionCampaignFactory(), PromotionFactory(standalone=True)
    response = client.post(f"/campaigns/promotion/{campaign.pk}/promotions/{alone.pk}/link/", **HTMX)
    assert "is standalone: it applies without a campaign" in read_page(response, 409)


def test_the_promotions_of_a_campaign_that_is_over_cannot_be_rearranged(client, marketer):
    campaign, (promotion,) = campaign_with(status="expired")
    page = read_page(client.get(campaign.get_absolute_url()))
    assert "/unlink/" not in page
    assert "Add an existing promotion" not in page
    response = client.post(f"/campaigns/promotion/{campaign.pk}/promotions/{promotion.pk}/unlink/", **HTMX)
    assert "is expired: it cannot be edited" in read_page(response, 409)


def test_a_campaign_asks_as_many_queries_for_many_promotions_as_for_few(client, marketer):
    few, _ = campaign_with(1)
    many, _ = campaign_with(12)
    client.get(few.get_absolute_url())
    assert queries(client, few.get_absolute_url()) == queries(client, many.get_absolute_url())


def test_a_campaign_that_is_over_still_names_a_promotion_that_was_deleted_since(client, marketer):
    """P8"""
    campaign, (kept, gone) = campaign_with(2, status="expired")
    publish.delete_promotion(gone)
    page = read_page(client.get(f"/campaigns/promotion/{campaign.pk}/"))
    assert f'href="/promotions/{kept.pk}/"' in page
    assert f'href="/promotions/{gone.pk}/"' not in page
    assert f"{gone} Deleted" in words(page)
    assert f"Switch off {gone}" not in words(page)
    assert f"Switch off {kept}" in words(page)


def test_a_promotion_that_is_deleted_leaves_the_campaigns_that_go_on(client, marketer):
    """P8"""
    campaign, (kept, gone) = campaign_with(2)
    publish.delete_promotion(gone)
    page = words(read_page(client.get(f"/campaigns/promotion/{campaign.pk}/")))
    assert str(gone) not in page
    assert linked_names(campaign) == [kept.name]


def test_a_draft_says_that_nothing_is_linked_and_one_that_is_over_that_nothing_was(client, marketer):
    for status, sentence in (
        ("draft", "No promotion is linked yet"),
        ("expired", "No promotion was linked to it"),
    ):
        campaign = PromotionCampaignFactory(status=status)
        assert sentence in read_page(client.get(f"/campaigns/promotion/{campaign.pk}/"))


def test_a_campaign_none_of_whose_promotions_is_on_says_so(client, marketer):
    campaign, (one, _) = campaign_with(2)
    idle = "All of them are switched off"
    assert idle not in read_page(client.get(campaign.get_absolute_url()))
    Promotion.objects.update(status="inactive")
    assert idle in read_page(client.get(campaign.get_absolute_url()))
    address = f"/campaigns/promotion/{campaign.pk}/promotions/{one.pk}/switch/"
    assert idle not in read_page(client.post(address, {"on": "1"}, **HTMX))
    over, _ = campaign_with(status="expired")
    Promotion.objects.update(status="inactive")
    assert idle not in read_page(client.get(over.get_absolute_url()))


def test_a_campaign_warns_of_a_linked_promotion_that_cannot_apply_in_it(client, marketer):
    now = timezone.now()
    campaign, (late, _) = campaign_with(2, ends_at=now + DAY, budget=100)
    Promotion.objects.filter(pk=late.pk).update(
        starts_at=now + 2 * DAY, benefit={"type": "fixed_total", "amount": 500}, level="order"
    )
    page = words(read_page(client.get(f"/campaigns/promotion/{campaign.pk}/")))
    assert f"Its window lies outside that of “{campaign}”: it never applies there." in page
    assert f"The budget of “{campaign}”, €1.00, is smaller than one discount of €5.00" in page
    type(campaign).objects.filter(pk=campaign.pk).update(status="expired")
    assert "Its window lies outside" not in read_page(client.get(f"/campaigns/promotion/{campaign.pk}/"))


def test_the_warnings_of_linked_promotions_cost_no_query_each(client, marketer):
    few, _ = campaign_with(1)
    many, _ = campaign_with(12)
    asked = [queries(client, f"/campaigns/promotion/{campaign.pk}/") for campaign in (few, many)]
    assert asked[0] == asked[1]


def test_many_linked_promotions_are_shown_page_by_page_and_can_be_moved_over_its_edge(client, marketer):
    campaign, promotions = campaign_with(60)
    address = f"/campaigns/promotion/{campaign.pk}/"
    assert "1 to 50 of 60" in words(read_page(client.get(address)))
    rest = read_page(client.get(f"{address}promotions/?links=2", **HTMX))
    assert "51 to 60 of 60" in words(rest)
    assert re.findall(r'class="fw-bold" href="/promotions/(\d+)/"', rest) == [
        str(one.pk) for one in promotions[50:]
    ]
    assert len(rest.encode()) < 60_000
    first = promotions[50]
    moved = client.post(f"{address}promotions/{first.pk}/move/", {"up": "1", "links": "2"}, **HTMX)
    # the page stays, its first has changed
    assert f'href="/promotions/{promotions[49].pk}/"' in read_page(moved)
    assert linked_names(campaign)[49:51] == [first.name, promotions[49].name]
