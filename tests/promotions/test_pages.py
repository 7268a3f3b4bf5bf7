"""The pages of promotions, as a browser without JavaScript and htmx see them."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from promotions import publish
from promotions.models import (
    Counter,
    Coupon,
    CustomerGroup,
    Link,
    Promotion,
    PromotionCampaign,
    Redemption,
    StackingSettings,
)
from tests.factories import (
    CouponFactory,
    CustomerGroupFactory,
    LocationFactory,
    PromotionCampaignFactory,
    PromotionFactory,
    SaleFactory,
    UserFactory,
    user_in,
)

pytestmark = pytest.mark.django_db

HTMX = {"HTTP_HX_REQUEST": "true"}
DAY = timedelta(days=1)
ROWS = {"TOTAL_FORMS": 2, "INITIAL_FORMS": 0, "MIN_NUM_FORMS": 0, "MAX_NUM_FORMS": 50}


@pytest.fixture
def marketer(client):
    user = user_in("Marketers", username="mara")
    client.force_login(user)
    return user


@pytest.fixture
def administrator(client):
    user = user_in("Administrators", username="ada")
    client.force_login(user)
    return user


def shown(response, status=200) -> str:
    assert response.status_code == status, response.content.decode()[:2000]
    return response.content.decode()


def words(page: str) -> str:
    """What the reader sees."""
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def campaign_with(count=1, status="active", **fields):
    """A campaign and its linked promotions."""
    promotions = PromotionFactory.create_batch(count)
    links = [
        lambda key, one=one, place=place: Link.objects.bulk_create(
            [Link(campaign_id=key, promotion=one, position=place)]
        )
        for place, one in enumerate(promotions)
    ]
    return PromotionCampaignFactory(status=status, parts=links, **fields), promotions


# ── who may see what ─────────────────────────────────────────────────────────────────────────────────────────────────

PAGES = [
    ("promotions:campaign_new", [], "promotions.add_promotioncampaign"),
    ("promotions:campaign", ["campaign"], "promotions.view_promotioncampaign"),
    ("promotions:campaign_edit", ["campaign"], "promotions.change_promotioncampaign"),
    ("promotions:counters", ["campaign"], "promotions.view_promotioncampaign"),
    ("promotions:campaign_linked", ["campaign"], "promotions.view_promotioncampaign"),
    ("promotions:promotions", [], "promotions.view_promotion"),
    ("promotions:promotion", ["promotion"], "promotions.view_promotion"),
    ("promotions:promotion_new", [], "promotions.add_promotion"),
    ("promotions:promotion_edit", ["promotion"], "promotions.change_promotion"),
    ("promotions:promotion_delete", ["promotion"], "promotions.delete_promotion"),
    ("promotions:coupons", [], "promotions.view_coupon"),
    ("promotions:coupons_export", [], "promotions.view_coupon"),
    ("promotions:coupon", ["coupon"], "promotions.view_coupon"),
    ("promotions:coupon_new", [], "promotions.add_coupon"),
    ("promotions:coupons_generate", [], "promotions.add_coupon"),
    ("promotions:groups", [], "promotions.view_customergroup"),
    ("promotions:group", ["group"], "promotions.change_customergroup"),
    ("promotions:stacking", [], "promotions.view_stackingsettings"),
    ("promotions:reports", [], "promotions.view_redemption"),
    ("promotions:reports_export", [], "promotions.view_redemption"),
]
ACTIONS = [
    ("promotions:campaign_link", ["campaign", "promotion"], "promotions.change_promotioncampaign"),
    ("promotions:campaign_unlink", ["campaign", "promotion"], "promotions.change_promotioncampaign"),
    ("promotions:campaign_move", ["campaign", "promotion"], "promotions.change_promotioncampaign"),
    ("promotions:campaign_switch", ["campaign", "promotion"], "promotions.change_promotion"),
    ("promotions:promotion_switch", ["promotion"], "promotions.change_promotion"),
    ("promotions:promotion_fields", [], "promotions.add_promotion"),
    ("promotions:promotion_says", [], "promotions.change_promotion"),
    ("promotions:coupon_switch", ["coupon"], "promotions.change_coupon"),
]


@pytest.fixture
def things():
    campaign, (promotion,) = campaign_with()
    return {
        "campaign": campaign.pk,
        "promotion": promotion.pk,
        "coupon": CouponFactory().pk,
        "group": CustomerGroupFactory().pk,
    }


def holding(name: str):
    app_label, codename = name.split(".")
    user = UserFactory()
    user.user_permissions.add(Permission.objects.get(content_type__app_label=app_label, codename=codename))
    return user


@pytest.mark.parametrize(("name", "of", "permission"), PAGES)
def test_a_page_opens_with_its_permission_and_not_without(client, things, name, of, permission):
    address = reverse(name, args=[things[thing] for thing in of])
    assert client.get(address).status_code == 302  # to the login
    client.force_login(UserFactory())
    assert client.get(address).status_code == 403
    client.force_login(holding(permission))
    assert client.get(address).status_code == 200


@pytest.mark.parametrize(("name", "of", "permission"), ACTIONS)
def test_an_action_is_posted_with_its_permission_and_not_without(client, things, name, of, permission):
    address = reverse(name, args=[things[thing] for thing in of])
    assert client.post(address).status_code == 302
    client.force_login(UserFactory())
    assert client.post(address, {"type": "sale"}).status_code == 403
    client.force_login(holding(permission))
    assert client.get(address).status_code == 405
    assert client.post(address, {"type": "sale"}).status_code in (200, 302)


def test_no_page_has_a_style_or_a_script_of_its_own(client, administrator, things):
    """The content security policy would refuse them."""
    addresses = [reverse(name, args=[things[thing] for thing in of]) for name, of, _ in PAGES]
    addresses += [f"/promotions/new/?type={kind}" for kind in Promotion.Type.values]
    addresses += [f"/reports/promotions/?by={by}" for by in ("day", "hour", "campaign", "coupon", "beyond")]
    for address in addresses:
        response = client.get(address)
        if response.streaming:
            continue
        page = shown(response)
        assert not re.search(r"\sstyle=|<style|\son\w+=|javascript:", page), address
        assert all("src=" in script for script in re.findall(r"<script[^>]*>", page)), address


# ── a campaign ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_campaign_is_created_as_a_draft_with_money_in_minor_units(client, marketer):
    here = LocationFactory()
    shown(client.get("/campaigns/promotion/new/"))
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
    }
    response = client.post("/campaigns/promotion/new/", answer)
    campaign = PromotionCampaign.objects.get()
    assert response["Location"] == campaign.get_absolute_url()
    assert (campaign.status, campaign.created_by, campaign.budget) == ("draft", marketer, 123450)
    assert (campaign.on_budget_end, campaign.max_uses, campaign.max_uses_per_customer) == ("reject", 500, 2)
    assert campaign.starts_at.isoformat() == "2090-03-01T08:00:00+00:00"
    assert list(campaign.locations.all()) == [here]
    assert campaign.counter.budget == 123450
    page = words(shown(client.get(campaign.get_absolute_url())))
    assert "€1,234.50" in page
    assert here.name in page


def test_what_cannot_be_is_said_at_its_field_and_nothing_is_saved(client, marketer):
    answer = {"name": "", "currency": "EUR", "budget": "1.234", "on_budget_end": "partial", "priority": "0"}
    answer |= {"starts_at": "2090-03-02T08:00", "ends_at": "2090-03-01T08:00"}
    page = words(shown(client.post("/campaigns/promotion/new/", answer), 422))
    for sentence in (
        "This field is required.",
        "1.234 EUR: write at most 2 digits after the point.",
        "The end must lie after the start.",
    ):
        assert sentence in page
    assert not PromotionCampaign.objects.exists()


def test_a_currency_without_decimals_takes_whole_amounts(client, marketer):
    LocationFactory(currency="JPY")
    answer = {"name": "Haru", "currency": "JPY", "on_budget_end": "partial", "priority": "1"}
    page = words(shown(client.post("/campaigns/promotion/new/", answer | {"budget": "5000.5"}), 422))
    assert "write no digits after the point" in page
    client.post("/campaigns/promotion/new/", answer | {"budget": "5000"})
    assert PromotionCampaign.objects.get().budget == 5000


def edit_answers(campaign) -> dict:
    """What a browser sends when the edit form is sent as it is shown."""
    return {
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
    page = shown(client.get(f"/campaigns/promotion/{campaign.pk}/edit/"))
    assert "This campaign is active." in page
    assert f'action="/campaigns/{campaign.pk}/pause/"' in page
    draft = PromotionCampaignFactory(status="draft")
    assert "This campaign is active." not in shown(client.get(f"/campaigns/promotion/{draft.pk}/edit/"))


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


@pytest.mark.parametrize("status", ["expired", "cancelled"])
def test_a_campaign_that_is_over_is_not_edited(client, marketer, status):
    campaign = PromotionCampaignFactory(status=status)
    for response in (
        client.get(f"/campaigns/promotion/{campaign.pk}/edit/"),
        client.post(f"/campaigns/promotion/{campaign.pk}/edit/", edit_answers(campaign) | {"name": "Other"}),
    ):
        assert f"is {status}: it cannot be edited" in shown(response, 409)
    assert PromotionCampaign.objects.get().name == campaign.name


# ── its figures ──────────────────────────────────────────────────────────────────────────────────────────────────────


def spent(campaign, amount, at=None):
    sale = SaleFactory(at=at or timezone.now())
    Redemption.objects.create(
        sale=sale, campaign=campaign, promotion=PromotionFactory(), amount=amount, uses=1, at=sale.at
    )


def test_the_counters_show_what_is_spent_held_and_left_and_when_it_ends(client, marketer):
    campaign = PromotionCampaignFactory(status="active", budget=10000, max_uses=10)
    spent(campaign, 2500, at=timezone.now() - timedelta(hours=1))
    with_counter(campaign)
    Counter.objects.update(held=500)
    page = words(shown(client.get(reverse("promotions:counters", args=[campaign.pk]))))
    assert "Discounts given €25.00 25.0 % of €100.00" in page
    assert "Held at tills €5.00" in page
    assert "Budget left €70.00" in page
    assert "Uses 1 of 10, 9 left" in page
    assert "At the pace of the last day" in page


def with_counter(campaign):
    """Publish the counter that a factory's row does not have yet."""
    from django.db import transaction

    with transaction.atomic():
        publish.lock()
        publish.campaign_changed(campaign)


def test_a_campaign_without_limits_sums_its_ledger(client, marketer):
    campaign = PromotionCampaignFactory(status="active")
    spent(campaign, 1250)
    spent(campaign, 50)
    page = words(shown(client.get(campaign.get_absolute_url())))
    assert "Discounts given €13.00" in page
    assert "Uses 2" in page
    assert "no limit" in page


def test_a_used_up_budget_is_a_badge_with_its_time_and_the_campaign_stays_active(client, marketer):
    """P3"""
    campaign = PromotionCampaignFactory(status="active", budget=1000)
    spent(campaign, 1000)
    with_counter(campaign)
    page = words(shown(client.get(campaign.get_absolute_url())))
    assert "Budget used up" in page
    assert f"Nothing is left since {timezone.now():%-d %b %Y}" in page
    assert "The campaign stays active: raise the budget" in page
    client.post(f"/campaigns/promotion/{campaign.pk}/edit/", edit_answers(campaign) | {"budget": "20"})
    assert "Budget used up" not in shown(client.get(campaign.get_absolute_url()))


@pytest.mark.parametrize("status", ["draft", "scheduled", "active", "paused", "expired", "cancelled"])
def test_only_an_active_campaign_asks_for_its_figures_again_and_again(client, marketer, status):
    campaign = PromotionCampaignFactory(status=status)
    page = shown(client.get(reverse("promotions:counters", args=[campaign.pk])))
    assert ("every 3s" in page) == (status == "active")


# ── its promotions ───────────────────────────────────────────────────────────────────────────────────────────────────


def linked_names(campaign) -> list[str]:
    return [link.promotion.name for link in campaign.links.select_related("promotion")]


def test_promotions_are_found_linked_ordered_and_removed_without_javascript(client, marketer):
    campaign = PromotionCampaignFactory(status="draft")
    socks, shoes = PromotionFactory(name="Socks"), PromotionFactory(name="Shoes")
    PromotionFactory(name="Alone so", standalone=True)
    page = shown(client.get(f"{campaign.get_absolute_url()}?find=so"))
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
    page = shown(response)
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
    assert "It waits until the campaign is resumed" in shown(client.get(campaign.get_absolute_url()))


def test_a_refused_link_says_why(client, marketer):
    campaign, alone = PromotionCampaignFactory(), PromotionFactory(standalone=True)
    response = client.post(f"/campaigns/promotion/{campaign.pk}/promotions/{alone.pk}/link/", **HTMX)
    assert "is standalone: it applies without a campaign" in shown(response, 409)


def test_the_promotions_of_a_campaign_that_is_over_cannot_be_rearranged(client, marketer):
    campaign, (promotion,) = campaign_with(status="expired")
    page = shown(client.get(campaign.get_absolute_url()))
    assert "/unlink/" not in page
    assert "Add an existing promotion" not in page
    response = client.post(f"/campaigns/promotion/{campaign.pk}/promotions/{promotion.pk}/unlink/", **HTMX)
    assert "is expired: it cannot be edited" in shown(response, 409)


# ── the form of a promotion ──────────────────────────────────────────────────────────────────────────────────────────

PLAIN = {"name": "Ten off", "trigger": "automatic", "stacking": "stackable", "priority": "100"}


def rows(prefix, *filled) -> dict:
    """The rows of a form as a browser sends them."""
    sent = {f"{prefix}-{name}": value for name, value in (ROWS | {"TOTAL_FORMS": len(filled) + 1}).items()}
    for number, row in enumerate(filled):
        sent |= {f"{prefix}-{number}-{name}": value for name, value in row.items()}
    return sent


FILLED = {
    "sale": (
        {"reduction": "amount", "amount": "5", "min_subtotal": "50"},
        "€5.00 off the sale, from €50.00.",
    ),
    "items": (
        {"reduction": "percent", "percent": "12.5", "categories": "tea, coffee"},
        "12.5 % off everything in tea or coffee.",
    ),
    "buy_get": (
        {"buy_quantity": "2", "buy_skus": "S1", "get_quantity": "1", "get_same": "on", "reward": "free"},
        "Buy 2 of S1, get 1 free (the cheapest of them).",
    ),
    "bundle": (
        {
            "reduction": "price",
            "amount": "39",
            **rows("parts", {"skus": "POT"}, {"quantity": "4", "skus": "CUP"}),
        },
        "1 of POT with 4 of CUP for €39.00 together.",
    ),
    "tiered": (
        {
            "by": "subtotal",
            **rows("tiers", {"at_least": "100", "percent": "10"}, {"at_least": "50", "percent": "5"}),
        },
        "Off the sale: 5 % from €50.00 and 10 % from €100.00.",
    ),
    "happy_hour": (
        {
            "reduction": "percent",
            "percent": "30",
            "from_time": "15:00",
            "to_time": "17:00",
            "weekdays": ["1"],
        },
        "30 % off everything, on Monday from 15:00 to 17:00.",
    ),
    "flash": (
        {
            "reduction": "price",
            "amount": "49",
            "skus": "HP1",
            "starts_at": "2090-01-01T10:00",
            "ends_at": "2090-01-01T12:00",
            "max_uses": "100",
        },
        "HP1 for €49.00 a unit.",
    ),
    "first": (
        {"reduction": "percent", "percent": "10"},
        "10 % off everything, on a customer's first purchase.",
    ),
}


@pytest.mark.parametrize("kind", Promotion.Type.values)
def test_each_kind_is_filled_in_and_says_what_it_does(client, marketer, kind):
    said, sentence = FILLED[kind]
    assert f'<option value="{kind}" selected>' in shown(client.get(f"/promotions/new/?type={kind}"))
    response = client.post("/promotions/new/", PLAIN | said | {"type": kind})
    assert response.status_code == 302, words(response.content.decode())
    promotion = Promotion.objects.get()
    assert (promotion.type, promotion.status) == (kind, "inactive")
    assert sentence in words(shown(client.get(promotion.get_absolute_url()))).replace("&#x27;", "'")


@pytest.mark.parametrize("kind", Promotion.Type.values)
def test_a_stored_promotion_saved_as_it_is_shown_stays_what_it_was(client, marketer, kind):
    said, _ = FILLED[kind]
    client.post("/promotions/new/", PLAIN | said | {"type": kind})
    before = Promotion.objects.values().get()
    response = client.post(f"/promotions/{before['id']}/edit/", PLAIN | said | {"type": kind})
    assert response.status_code == 302, words(response.content.decode())
    after = Promotion.objects.values().get()
    assert {**before, "updated_at": None} == {**after, "updated_at": None}
    assert [change.what for change in Promotion.objects.get().changes.all()] == ["created"]


def test_the_kinds_are_offered_first(client, marketer):
    page = words(shown(client.get("/promotions/new/")))
    for label in Promotion.Type.labels:
        assert label in page


@pytest.mark.parametrize(
    ("kind", "said", "sentence"),
    [
        ("sale", {"reduction": "percent"}, "This is needed for what you chose."),
        ("items", {"reduction": "price", "amount": "-1"}, "At least 0.00 EUR."),
        ("items", {"reduction": "percent", "percent": "101"}, "At most 100.00 %."),
        ("tiered", {"by": "subtotal", **rows("tiers")}, "Fill in at least one tier."),
        (
            "tiered",
            {"by": "subtotal", **rows("tiers", {"at_least": "5", "percent": "1", "amount": "1"})},
            "A tier has either a percent or an amount.",
        ),
        (
            "tiered",
            {"by": "subtotal", **rows("tiers", *[{"at_least": "5", "percent": "1"}] * 2)},
            "tiers must rise",
        ),
        ("happy_hour", {"reduction": "percent", "percent": "5"}, "This field is required."),
        (
            "sale",
            {"reduction": "amount", "amount": "1", "stacking": "best_of"},
            "This is needed for what you chose.",
        ),
    ],
)
def test_an_answer_that_cannot_be_is_said_and_nothing_saved(client, marketer, kind, said, sentence):
    page = words(shown(client.post("/promotions/new/", PLAIN | said | {"type": kind}), 422))
    assert sentence in page
    assert not Promotion.objects.exists()


def test_another_kind_keeps_what_was_typed_and_complains_of_nothing(client, marketer):
    typed = PLAIN | {
        "type": "items",
        "has": ["identity", "off_sale", "when", "conditions", "hours", "meeting"],
    }
    typed |= {"min_subtotal": "12", "reduction": "percent", "percent": "7"}
    page = shown(client.post("/promotions/fields/", typed, **HTMX))
    assert page.strip().startswith('<div class="parts" id="promotion-fields">')
    assert 'value="Ten off"' in page
    assert re.search(r'name="percent" value="7"', page)
    assert re.search(r'name="min_subtotal" value="12"', page)
    assert 'name="categories"' in page
    assert "errorlist" not in page


def test_one_more_row_is_added_without_saving(client, marketer):
    typed = PLAIN | {"type": "tiered", "has": ["identity", "tiers"], "more": "tiers"}
    typed |= rows("tiers", {"at_least": "5", "percent": "1"})
    page = shown(client.post("/promotions/new/", typed))
    assert "tiers-2-at_least" in page
    assert 'name="tiers-0-percent" value="1"' in page
    assert "errorlist" not in page
    assert not Promotion.objects.exists()


def test_the_sentence_follows_the_form_and_warns(client, marketer):
    campaign = PromotionCampaignFactory(status="active", budget=100)
    typed = PLAIN | {"type": "sale", "reduction": "amount", "campaign": campaign.pk}
    page = words(shown(client.post("/promotions/says/", typed, **HTMX)))
    assert "Still to fill in: Amount (EUR)." in page
    page = words(shown(client.post("/promotions/says/", typed | {"amount": "5"}, **HTMX)))
    assert "€5.00 off the sale." in page
    assert "is smaller than one discount of €5.00" in page
    assert not Promotion.objects.exists()


def test_a_promotion_made_for_a_campaign_is_linked_to_it(client, marketer):
    campaign = PromotionCampaignFactory(status="draft")
    page = shown(client.get(f"/promotions/new/?campaign={campaign.pk}&type=sale"))
    assert f'name="campaign" value="{campaign.pk}"' in page
    said, _ = FILLED["sale"]
    response = client.post("/promotions/new/", PLAIN | said | {"type": "sale", "campaign": campaign.pk})
    assert response["Location"] == campaign.get_absolute_url()
    assert linked_names(campaign) == ["Ten off"]


def test_groups_that_are_stored_and_groups_that_only_tills_know_can_be_chosen(client, marketer):
    CustomerGroupFactory(code="vip", name="Very important")
    promotion = PromotionFactory(conditions=[{"type": "in_group", "groups": ["till-only"]}])
    page = words(shown(client.get(f"/promotions/{promotion.pk}/edit/")))
    assert "Very important" in page
    assert "till-only" in page


def test_a_form_that_cannot_show_everything_says_so(client, marketer):
    promotion = PromotionFactory(type="sale", benefit={"type": "cheapest_free", "units": 1})
    page = words(shown(client.get(f"/promotions/{promotion.pk}/edit/")))
    assert "This promotion says more than this form can show." in page
    assert "The cheapest 1 unit of everything free." in page


def test_a_promotion_shows_its_campaigns_its_warnings_and_what_it_gave(client, marketer):
    campaign, (promotion,) = campaign_with(budget=5, name="Spring")
    Promotion.objects.update(benefit={"type": "fixed_total", "amount": 500}, lane="order")
    sale = SaleFactory()
    Redemption.objects.create(sale=sale, campaign=campaign, promotion=promotion, amount=777, uses=1)
    page = words(shown(client.get(promotion.get_absolute_url())))
    assert "Spring Active" in page
    assert "€7.77" in page
    assert "is smaller than one discount" in page


# ── switching and deleting ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_promotion_is_switched_on_its_page(client, marketer):
    promotion = PromotionFactory(status="inactive")
    response = client.post(f"/promotions/{promotion.pk}/switch/", {"on": "1"})
    assert response["Location"] == promotion.get_absolute_url()
    assert Promotion.objects.get().status == "active"
    page = shown(client.post(f"/promotions/{promotion.pk}/switch/", **HTMX))
    assert page.strip().startswith('<section class="card" id="promotion-status"')
    assert Promotion.objects.get().status == "inactive"


def test_deleting_asks_first_and_keeps_the_ledger(client, marketer):
    campaign, (promotion,) = campaign_with()
    Redemption.objects.create(sale=SaleFactory(), campaign=campaign, promotion=promotion, amount=500, uses=1)
    asked = shown(client.get(f"/promotions/{promotion.pk}/delete/"))
    assert f"Delete “{promotion}”?" in asked
    assert campaign.name in asked
    assert client.post(f"/promotions/{promotion.pk}/delete/")["Location"] == "/promotions/"
    assert Promotion.objects.get().deleted_at
    assert Redemption.objects.count() == 1
    assert client.get(promotion.get_absolute_url()).status_code == 404
    client.get("/promotions/")  # says that it is deleted
    assert promotion.name not in shown(client.get("/promotions/"))


def test_a_question_in_the_dialog_is_a_part(client, marketer):
    promotion = PromotionFactory()
    page = shown(client.get(f"/promotions/{promotion.pk}/delete/", **HTMX))
    assert page.strip().startswith('<div class="ask-body">')


# ── the list ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("", ["Alone", "Loose", "Off", "Within"]),
        ("q=loo", ["Loose"]),
        ("type=bundle", ["Off"]),
        ("state=inactive", ["Off"]),
        ("state=standalone", ["Alone"]),
        ("state=loose", ["Loose", "Off"]),
        ("state=nonsense", ["Alone", "Loose", "Off", "Within"]),
    ],
)
def test_the_list_is_narrowed(client, marketer, asked, found):
    _, (within,) = campaign_with()
    Promotion.objects.filter(pk=within.pk).update(name="Within")
    PromotionFactory(name="Alone", standalone=True)
    PromotionFactory(name="Loose")
    PromotionFactory(name="Off", status="inactive", type="bundle")
    PromotionFactory(name="Gone", deleted_at=timezone.now())
    page = shown(client.get(f"/promotions/?{asked}"))
    assert sorted(re.findall(r'href="/promotions/\d+/">(\w+)<', page)) == found


def queries(client, address) -> int:
    with CaptureQueriesContext(
        connection,
    ) as captured:
        shown(client.get(address))
    return len(captured)


@pytest.mark.parametrize(
    "address", ["/promotions/", "/coupons/", "/groups/", "/stacking/", "/reports/promotions/"]
)
def test_a_list_asks_as_many_queries_for_many_rows_as_for_few(client, administrator, address):
    def add():
        _, (promotion,) = campaign_with(budget=1000)
        coupon = CouponFactory()
        CustomerGroupFactory()
        Redemption.objects.create(sale=SaleFactory(), promotion=promotion, coupon=coupon, amount=5, uses=1)

    add()
    client.get(address)  # what is remembered from the first time on
    few = queries(client, address)
    for _ in range(12):
        add()
    assert queries(client, address) == few


def test_a_campaign_asks_as_many_queries_for_many_promotions_as_for_few(client, marketer):
    few, _ = campaign_with(1)
    many, _ = campaign_with(12)
    client.get(few.get_absolute_url())
    assert queries(client, few.get_absolute_url()) == queries(client, many.get_absolute_url())


# ── coupons ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def unlocked():
    return PromotionFactory(name="Unlocked", trigger="coupon")


COUPON = {"discount": "promotion", "kind": "multi_use"}


def test_a_code_is_created_with_a_discount_of_its_own(client, marketer, unlocked):
    answer = COUPON | {"code": "spring10", "promotion": unlocked.pk, "active": "on", "min_subtotal": "20"}
    answer |= {"discount": "percent", "percent": "10", "max_uses": "3", "customer": "C9"}
    response = client.post("/coupons/new/", answer)
    coupon = Coupon.objects.get()
    assert response["Location"] == f"/coupons/{coupon.pk}/"
    assert (coupon.code, coupon.min_subtotal, coupon.max_uses, coupon.customer) == ("SPRING10", 2000, 3, "C9")
    assert coupon.benefit == {"type": "percent", "percent": 1000}


def test_a_code_exists_once_whatever_its_case(client, marketer, unlocked):
    CouponFactory(promotion=unlocked, code="SPRING")
    page = shown(client.post("/coupons/new/", COUPON | {"code": "spring", "promotion": unlocked.pk}), 422)
    assert "The code “SPRING” exists already." in page


def test_only_promotions_with_a_coupon_are_offered(client, marketer, unlocked):
    PromotionFactory(name="Automatic")
    page = words(shown(client.get("/coupons/new/")))
    assert "Unlocked" in page
    assert "Automatic" not in page


def test_a_code_is_edited_and_keeps_a_discount_the_form_cannot_show(client, marketer, unlocked):
    benefit = {"type": "fixed_price", "amount": 100}
    coupon = CouponFactory(promotion=unlocked, code="OLD", benefit=benefit)
    assert "its own, as it is" in shown(client.get(f"/coupons/{coupon.pk}/"))
    client.post(f"/coupons/{coupon.pk}/", COUPON | {"code": "NEW", "discount": "kept", "active": "on"})
    coupon = Coupon.objects.get()
    assert (coupon.code, coupon.benefit, coupon.active) == ("NEW", benefit, True)


def test_an_analyst_sees_a_code_and_cannot_change_it(client, unlocked):
    coupon = CouponFactory(promotion=unlocked)
    client.force_login(user_in("Analysts"))
    page = shown(client.get(f"/coupons/{coupon.pk}/"))
    assert "<button" not in page.split("<main", 1)[1]
    assert client.post(f"/coupons/{coupon.pk}/", COUPON | {"code": "NEW"}).status_code == 403


def test_codes_are_generated_and_exported(client, marketer, unlocked):
    answer = COUPON | {
        "promotion": unlocked.pk,
        "kind": "one_time",
        "number": "25",
        "begins": "mail-",
        "length": "8",
    }
    response = client.post("/coupons/generate/", answer | {"batch": "May mailing"})
    assert Coupon.objects.filter(batch="May mailing", code__startswith="MAIL-", kind="one_time").count() == 25
    page = shown(client.get(response["Location"]))
    assert "25 codes" in page
    exported = client.get("/coupons/export/?batch=May mailing")
    lines = b"".join(exported.streaming_content).decode().splitlines()
    assert exported["Content-Disposition"].startswith('attachment; filename="coupons-')
    assert lines[0].startswith("code,promotion")
    assert {line.split(",")[0] for line in lines[1:]} == set(Coupon.objects.values_list("code", flat=True))


def test_a_length_that_can_be_guessed_is_refused(client, marketer, unlocked):
    answer = COUPON | {"promotion": unlocked.pk, "number": "5", "length": "4"}
    shown(client.post("/coupons/generate/", answer), 422)
    assert not Coupon.objects.exists()


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("", ["COMING", "GONE", "GOOD", "OFF", "USED"]),
        ("q=goo", ["GOOD"]),
        ("state=usable", ["GOOD"]),
        ("state=coming", ["COMING"]),
        ("state=used_up", ["USED"]),
        ("state=ended", ["GONE"]),
        ("state=off", ["OFF"]),
        ("batch=may", ["OFF"]),
    ],
)
def test_the_codes_are_narrowed(client, marketer, unlocked, asked, found):
    now = timezone.now()
    for code, fields in {
        "GOOD": {},
        "COMING": {"starts_at": now + DAY},
        "USED": {"kind": "one_time", "uses": 1},
        "GONE": {"ends_at": now - DAY},
        "OFF": {"active": False, "batch": "May mailing"},
    }.items():
        CouponFactory(promotion=unlocked, code=code, **fields)
    page = shown(client.get(f"/coupons/?{asked}"))
    assert sorted(re.findall(r'href="/coupons/\d+/">(\w+)<', page)) == found


def test_a_code_is_switched_off_in_the_list(client, marketer, unlocked):
    coupon = CouponFactory(promotion=unlocked)
    row = shown(client.post(f"/coupons/{coupon.pk}/switch/", **HTMX))
    assert row.strip().startswith(f'<tr id="coupon-{coupon.pk}">')
    assert "Switched off" in row
    assert not Coupon.objects.get().active
    client.post(f"/coupons/{coupon.pk}/switch/", {"on": "1"})
    assert Coupon.objects.get().active


# ── customer groups ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_group_is_made_with_its_customers_and_its_code_stays(client, marketer):
    answer = {"code": "vip", "name": "Very important", "customers": "C1\nC2, C1"}
    assert client.post("/groups/new/", answer)["Location"] == "/groups/"
    group = CustomerGroup.objects.get()
    assert sorted(group.members.values_list("customer", flat=True)) == ["C1", "C2"]
    page = shown(client.get(f"/groups/{group.pk}/"))
    assert "C1\nC2" in page
    client.post(f"/groups/{group.pk}/", {"code": "other", "name": "VIP", "customers": "C3"})
    group = CustomerGroup.objects.get()
    assert (group.code, group.name) == ("vip", "VIP")
    assert list(group.members.values_list("customer", flat=True)) == ["C3"]
    assert "VIP" in shown(client.get("/groups/"))


def test_a_code_of_a_group_exists_once(client, marketer):
    CustomerGroupFactory(code="vip")
    shown(client.post("/groups/new/", {"code": "vip", "name": "Again", "customers": ""}), 422)
    assert CustomerGroup.objects.count() == 1


# ── stacking ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_stacking_rules_are_one_form_with_a_permission_of_their_own(client, administrator):
    first, second = PromotionFactory.create_batch(2)
    answer = {
        "precedence": "priority",
        "max_promotions": "2",
        "max_discount_percent": "25.5",
        "max_discount": "100",
        "item_with_order": "on",
        "buy_get_replaces": "on",
        "first": second.pk,
        "second": first.pk,
    }
    assert client.post("/stacking/", answer).status_code == 302
    settings = StackingSettings.objects.get()
    assert (settings.precedence, settings.max_promotions) == ("priority", 2)
    assert (settings.max_discount_percent, settings.max_discount) == (2550, 10000)
    assert (settings.coupons_with_promotions, settings.item_with_order) == (False, True)
    pair = f"{first.pk}-{second.pk}"
    page = shown(client.get("/stacking/"))
    assert f'value="{pair}"' in page
    client.post("/stacking/", {"precedence": "value"})  # the pair is no longer ticked
    assert f'value="{pair}"' not in shown(client.get("/stacking/"))


def test_a_marketer_reads_the_stacking_rules_and_cannot_change_them(client, marketer):
    page = words(shown(client.get("/stacking/")))
    assert "Rules in force" in page
    assert "Save rules" not in page
    assert client.post("/stacking/", {"precedence": "priority"}).status_code == 403


def test_half_a_pair_is_refused(client, administrator):
    page = shown(client.post("/stacking/", {"precedence": "value", "first": PromotionFactory().pk}), 422)
    assert "A pair has two promotions." in page


def test_the_inspector_shows_what_applies_now_and_whether_two_can_meet(client, marketer):
    _, (one, other) = campaign_with(2)
    campaign_with(status="paused")
    page = shown(client.get("/stacking/"))
    applying = page.split("Applying now", 1)[1]
    assert set(re.findall(r'href="/promotions/(\d+)/"', applying)) == {str(one.pk), str(other.pk)}
    asked = f"/stacking/?one={one.pk}&other={other.pk}"
    assert "can apply to one sale" in shown(client.get(asked))
    Promotion.objects.filter(pk=one.pk).update(stacking={"type": "exclusive"})
    assert f"“{one}” is exclusive" in shown(client.get(asked))


# ── reports ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("by", ["promotion", "location", "day", "hour", "campaign", "coupon"])
def test_a_report_shows_and_exports_what_the_ledger_has(client, marketer, by):
    coupon = CouponFactory(promotion__name="Spring")
    campaign = PromotionCampaignFactory(status="active")
    sale = SaleFactory(total=1766)
    Redemption.objects.create(
        sale=sale, campaign=campaign, promotion=coupon.promotion, coupon=coupon, amount=1234, uses=1
    )
    page = words(shown(client.get(f"/reports/promotions/?by={by}")))
    assert "Discounts given €12.34 Uses 1" in page
    exported = client.get(f"/reports/promotions/export/?by={by}").content.decode()
    assert "Discount (EUR)" in exported.splitlines()[0]
    assert sum("12.34" in line for line in exported.splitlines()) == 1


def test_a_report_says_what_it_cannot_be_asked(client, marketer):
    page = shown(client.get("/reports/promotions/?first=2026-03-02&last=2026-03-01"), 422)
    assert "The last day lies before the first." in page
    page = shown(client.get("/reports/promotions/?first=2020-01-01&last=2026-03-01"), 422)
    assert "A report covers a year at most." in page


def test_a_report_of_nothing_says_so(client, marketer):
    assert "No promotion gave anything there and then." in shown(client.get("/reports/promotions/"))
