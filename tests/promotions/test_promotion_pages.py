"""The form of a promotion, its page and the list, as a browser without JavaScript sees them."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from promotions.models import (
    Link,
    Promotion,
    Redemption,
)
from tests.factories import (
    CouponFactory,
    CustomerGroupFactory,
    LocationFactory,
    PromotionCampaignFactory,
    PromotionFactory,
    SaleFactory,
    user_in,
)
from tests.promotions.pages import HTMX, campaign_with, linked_names, queries, read_page, words

pytestmark = pytest.mark.django_db


ROWS = {"TOTAL_FORMS": 2, "INITIAL_FORMS": 0, "MIN_NUM_FORMS": 0, "MAX_NUM_FORMS": 50}


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
        "€5.00 off the sale, on sales of €50.00 or more.",
    ),
    "items": (
        {"reduction": "percent", "percent": "12.5", "categories": "tea, coffee"},
        "12.5% off everything in tea or coffee.",
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
        "1 of POT and 4 of CUP together for €39.00.",
    ),
    "tiered": (
        {
            "by": "subtotal",
            **rows("tiers", {"at_least": "100", "percent": "10"}, {"at_least": "50", "percent": "5"}),
        },
        "5% off the sale from €50.00 on, 10% from €100.00 on.",
    ),
    "happy_hour": (
        {
            "reduction": "percent",
            "percent": "30",
            "from_time": "15:00",
            "to_time": "17:00",
            "weekdays": ["1"],
        },
        "30% off everything, on Monday from 15:00 to 17:00.",
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
        "HP1 for €49.00 each.",
    ),
    "first": (
        {"reduction": "percent", "percent": "10"},
        "10% off the sale, on a customer's first purchase.",
    ),
}


@pytest.mark.parametrize("kind", Promotion.Type.values)
def test_each_kind_is_filled_in_and_says_what_it_does(client, marketer, kind):
    said, sentence = FILLED[kind]
    assert f'<option value="{kind}" selected>' in read_page(client.get(f"/promotions/new/?type={kind}"))
    response = client.post("/promotions/new/", PLAIN | said | {"type": kind})
    assert response.status_code == 302, words(response.content.decode())
    promotion = Promotion.objects.get()
    assert (promotion.type, promotion.status) == (kind, "inactive")
    assert sentence in words(read_page(client.get(promotion.get_absolute_url()))).replace("&#x27;", "'")


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
    page = words(read_page(client.get("/promotions/new/")))
    for label in Promotion.Type.labels:
        assert str(label) in page


@pytest.mark.parametrize(
    ("kind", "said", "sentence"),
    [
        ("sale", {"reduction": "percent"}, "This is needed for what you chose."),
        ("items", {"reduction": "price", "amount": "-1"}, "At least 0.00 EUR."),
        ("items", {"reduction": "percent", "percent": "101"}, "At most 100.00%."),
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
    page = words(read_page(client.post("/promotions/new/", PLAIN | said | {"type": kind}), 422))
    assert sentence in page
    assert not Promotion.objects.exists()


def test_another_kind_keeps_what_was_typed_and_complains_of_nothing(client, marketer):
    typed = PLAIN | {
        "type": "items",
        "has": ["identity", "off_sale", "when", "conditions", "hours", "with_others"],
    }
    typed |= {"min_subtotal": "12", "reduction": "percent", "percent": "7"}
    page = read_page(client.post("/promotions/fields/", typed, **HTMX))
    assert page.strip().startswith('<div class="parts" id="promotion-fields">')
    assert 'value="Ten off"' in page
    assert re.search(r'name="percent" value="7"', page)
    assert re.search(r'name="min_subtotal" value="12"', page)
    assert 'name="categories"' in page
    assert "errorlist" not in page


def test_one_more_row_is_added_without_saving(client, marketer):
    typed = PLAIN | {"type": "tiered", "has": ["identity", "tiers"], "more": "tiers"}
    typed |= rows("tiers", {"at_least": "5", "percent": "1"})
    page = read_page(client.post("/promotions/new/", typed))
    assert "tiers-2-at_least" in page
    assert 'name="tiers-0-percent" value="1"' in page
    assert "errorlist" not in page
    assert not Promotion.objects.exists()


@pytest.mark.parametrize("total", ["²", "9" * 5_000, "9" * 17])
def test_a_forged_count_of_rows_is_no_error(client, marketer, total):
    typed = PLAIN | {"type": "tiered", "has": ["identity", "tiers"], "more": "tiers"}
    typed |= rows("tiers", {"at_least": "5", "percent": "1"}) | {"tiers-TOTAL_FORMS": total}
    assert client.post("/promotions/new/", typed).status_code < 500


def test_the_sentence_follows_the_form_and_warns(client, marketer):
    campaign = PromotionCampaignFactory(status="active", budget=100)
    typed = PLAIN | {"type": "sale", "reduction": "amount", "campaign": campaign.pk}
    page = words(read_page(client.post("/promotions/says/", typed, **HTMX)))
    assert "Still to fill in: Amount (EUR)." in page
    page = words(read_page(client.post("/promotions/says/", typed | {"amount": "5"}, **HTMX)))
    assert "€5.00 off the sale." in page
    assert "is smaller than one discount of €5.00" in page
    assert not Promotion.objects.exists()


def test_a_promotion_made_for_a_campaign_is_linked_to_it(client, marketer):
    campaign = PromotionCampaignFactory(status="draft")
    page = read_page(client.get(f"/promotions/new/?campaign={campaign.pk}&type=sale"))
    assert f'name="campaign" value="{campaign.pk}"' in page
    said, _ = FILLED["sale"]
    response = client.post("/promotions/new/", PLAIN | said | {"type": "sale", "campaign": campaign.pk})
    assert response["Location"] == campaign.get_absolute_url()
    assert linked_names(campaign) == ["Ten off"]


@pytest.mark.parametrize(
    ("status", "promotion"),
    [("draft", "active"), ("scheduled", "active"), ("active", "inactive"), ("paused", "inactive")],
)
def test_a_promotion_made_for_a_campaign_is_on_where_no_sale_gets_it_before_the_start(
    client, marketer, status, promotion
):
    """P1, P2, P3, P4"""
    campaign = PromotionCampaignFactory(status=status, starts_at=timezone.now() + timedelta(days=1))
    said, _ = FILLED["sale"]
    typed = PLAIN | said | {"type": "sale", "campaign": campaign.pk}
    page = client.post("/promotions/new/", typed, follow=True).content.decode()
    assert Promotion.objects.get().status == promotion
    assert ("and switched on" in page) == (promotion == "active")
    assert ('<form class="undo"' in page) == (promotion == "active")


def test_a_promotion_that_its_campaign_does_not_take_is_not_saved(client, marketer):
    campaign = PromotionCampaignFactory(status="draft")
    said, _ = FILLED["sale"]
    typed = PLAIN | said | {"type": "sale", "campaign": campaign.pk, "standalone": "on"}
    page = read_page(client.post("/promotions/new/", typed), 422)
    assert "alone" in page
    assert not Promotion.objects.exists()


@pytest.mark.parametrize(
    ("said", "made"),
    [
        ({"trigger": "coupon", "codes": "25"}, 25),
        ({"trigger": "coupon", "codes": ""}, 0),
        ({"trigger": "automatic", "codes": "25"}, 0),
    ],
)
def test_codes_are_generated_with_the_promotion_that_needs_them(client, marketer, said, made):
    kind, _ = FILLED["sale"]
    page = client.post(
        "/promotions/new/", PLAIN | kind | {"type": "sale"} | said, follow=True
    ).content.decode()
    assert Promotion.objects.get().coupons.count() == made
    assert ("25 codes are generated." in page) == (made > 0)
    assert 'name="codes"' not in read_page(client.get(f"/promotions/{Promotion.objects.get().pk}/edit/"))


def test_too_many_codes_are_refused_at_their_field(client, marketer):
    kind, _ = FILLED["sale"]
    typed = PLAIN | kind | {"type": "sale", "trigger": "coupon", "codes": "1000001"}
    assert "less than or equal to 1000000" in read_page(client.post("/promotions/new/", typed), 422)
    assert not Promotion.objects.exists()


def test_a_campaign_offers_each_kind_of_promotion(client, marketer):
    campaign = PromotionCampaignFactory(status="draft")
    page = read_page(client.get(campaign.get_absolute_url()))
    for kind in Promotion.Type.values:
        assert f'href="/promotions/new/?campaign={campaign.pk}&amp;type={kind}"' in page


def test_groups_that_are_stored_and_groups_that_only_tills_know_can_be_chosen(client, marketer):
    CustomerGroupFactory(code="vip", name="Very important")
    promotion = PromotionFactory(conditions=[{"type": "in_group", "groups": ["till-only"]}])
    page = words(read_page(client.get(f"/promotions/{promotion.pk}/edit/")))
    assert "Very important" in page
    assert "till-only" in page


def test_a_form_that_cannot_show_everything_says_so(client, marketer):
    promotion = PromotionFactory(type="sale", benefit={"type": "cheapest_free", "units": 1})
    page = words(read_page(client.get(f"/promotions/{promotion.pk}/edit/")))
    assert "This promotion has settings that this form cannot show." in page
    assert "The cheapest unit of the sale free." in page


def test_a_promotion_shows_its_campaigns_its_warnings_and_what_it_gave(client, marketer):
    campaign, (promotion,) = campaign_with(budget=5, name="Spring")
    Promotion.objects.update(benefit={"type": "fixed_total", "amount": 500}, level="order")
    sale = SaleFactory()
    Redemption.objects.create(sale=sale, campaign=campaign, promotion=promotion, amount=777, uses=1)
    page = words(read_page(client.get(promotion.get_absolute_url())))
    assert "Spring Active" in page
    assert "€7.77" in page
    assert "is smaller than one discount" in page


def test_a_promotion_is_put_into_campaigns_and_taken_out_on_its_own_page(client, marketer):
    """P8: after the end of one campaign it goes on in another."""
    over, (promotion,) = campaign_with(status="cancelled", name="Spring")
    summer = PromotionCampaignFactory(status="active", name="Summer")
    PromotionCampaignFactory(status="expired", name="Summer before")
    page = words(read_page(client.get(promotion.get_absolute_url())))
    assert "it applies nowhere" in page
    assert "Summer Active Add it to Summer" in page
    assert "Summer before" not in page
    assert "Remove it from Spring" not in page
    response = client.post(f"/campaigns/promotion/{summer.pk}/promotions/{promotion.pk}/link/", {"back": "1"})
    assert response["Location"] == f"/promotions/{promotion.pk}/#promotion-campaigns"
    assert linked_names(summer) == [promotion.name]
    page = words(read_page(client.get(promotion.get_absolute_url())))
    assert "it applies nowhere" not in page
    assert "There is no other open campaign" in page
    assert "Remove it from Summer" in page
    client.post(f"/campaigns/promotion/{summer.pk}/promotions/{promotion.pk}/unlink/", {"back": "1"})
    assert linked_names(summer) == []
    assert linked_names(over) == [promotion.name]


def test_of_many_campaigns_the_latest_are_offered_and_others_found_by_name(client, marketer):
    promotion = PromotionFactory()
    PromotionCampaignFactory(name="Winter sale")
    PromotionCampaignFactory.create_batch(6)
    page = words(read_page(client.get(promotion.get_absolute_url())))
    assert "There are more: search by name." in page
    assert "Winter sale" not in page
    assert "Winter sale Draft Add" in words(
        read_page(client.get(f"{promotion.get_absolute_url()}?find=winter"))
    )


def test_a_standalone_promotion_is_offered_no_campaign_and_nobody_without_the_right_is(client, marketer):
    promotion = PromotionFactory(standalone=True)
    PromotionCampaignFactory()
    assert "Add it to a campaign" not in read_page(client.get(promotion.get_absolute_url()))
    linked = PromotionFactory()
    client.force_login(user_in("Analysts"))
    assert "Add it to a campaign" not in read_page(client.get(linked.get_absolute_url()))


def test_who_edits_a_promotion_that_applies_is_warned_with_the_switch_at_hand(client, marketer):
    """P10"""
    _, (promotion,) = campaign_with(name="Spring")
    page = read_page(client.get(f"/promotions/{promotion.pk}/edit/"))
    assert "This promotion applies at the till now. Its active campaigns: Spring ." in words(page)
    assert f'action="/promotions/{promotion.pk}/switch/"' in page
    response = client.post(f"/promotions/{promotion.pk}/switch/", {"back": "1"})
    assert response["Location"] == f"/promotions/{promotion.pk}/edit/"
    assert "applies at the till now" not in read_page(client.get(response["Location"]))
    alone = PromotionFactory(standalone=True)
    assert "applies at the till now" in read_page(client.get(f"/promotions/{alone.pk}/edit/"))
    _, (waits,) = campaign_with(status="paused")
    off = PromotionFactory(standalone=True, status="inactive")
    for promotion in (waits, off):
        assert "applies at the till now" not in read_page(client.get(f"/promotions/{promotion.pk}/edit/"))


# ── switching and deleting ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_promotion_is_switched_on_its_page(client, marketer):
    promotion = PromotionFactory(status="inactive")
    response = client.post(f"/promotions/{promotion.pk}/switch/", {"on": "1"})
    assert response["Location"] == promotion.get_absolute_url()
    assert Promotion.objects.get().status == "active"
    page = read_page(client.post(f"/promotions/{promotion.pk}/switch/", **HTMX))
    assert page.strip().startswith('<section class="card" id="promotion-status"')
    assert Promotion.objects.get().status == "inactive"


def test_deleting_names_the_campaigns_it_leaves_and_not_those_that_are_over(client, marketer):
    promotion = PromotionFactory()
    for name, status in (("Going on", "active"), ("Long past", "expired")):
        PromotionCampaignFactory(
            name=name,
            status=status,
            parts=[lambda key: Link.objects.bulk_create([Link(campaign_id=key, promotion=promotion)])],
        )
    asked = words(read_page(client.get(f"/promotions/{promotion.pk}/delete/")))
    assert "It leaves “Going on” (active)." in asked
    assert "Long past" not in asked


def test_deleting_asks_first_and_keeps_the_ledger(client, marketer):
    campaign, (promotion,) = campaign_with()
    Redemption.objects.create(sale=SaleFactory(), campaign=campaign, promotion=promotion, amount=500, uses=1)
    asked = read_page(client.get(f"/promotions/{promotion.pk}/delete/"))
    assert f"Delete “{promotion}”?" in asked
    assert campaign.name in asked
    assert client.post(f"/promotions/{promotion.pk}/delete/")["Location"] == "/promotions/"
    assert Promotion.objects.get().deleted_at
    assert Redemption.objects.count() == 1
    assert client.get(promotion.get_absolute_url()).status_code == 404
    client.get("/promotions/")  # says that it is deleted
    assert promotion.name not in read_page(client.get("/promotions/"))


def test_a_question_in_the_dialog_is_a_part(client, marketer):
    promotion = PromotionFactory()
    page = read_page(client.get(f"/promotions/{promotion.pk}/delete/", **HTMX))
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
    page = read_page(client.get(f"/promotions/?{asked}"))
    assert sorted(re.findall(r'href="/promotions/\d+/">(\w+)<', page)) == found


def test_a_group_is_called_by_its_name_and_by_its_code_where_there_is_none(client, marketer):
    CustomerGroupFactory(code="vip", name="Friends of the house")
    for n in range(6):
        PromotionFactory(name=f"Tea {n}", conditions=[{"type": "in_group", "groups": ["vip", f"g{n}"]}])
    with CaptureQueriesContext(connection) as queries:
        page = words(read_page(client.get("/promotions/")))
    for n in range(6):
        assert f"for customers of the groups “Friends of the house” or “g{n}”." in page
    assert len([one for one in queries if "promotions_customergroup" in one["sql"]]) == 1


def test_a_promotion_in_many_campaigns_takes_as_many_queries_as_in_one(client, marketer):
    promotion = PromotionFactory(trigger="coupon")
    CouponFactory.create_batch(3, promotion=promotion, min_subtotal=100)

    def link() -> None:
        campaign = PromotionCampaignFactory(status="active")
        campaign.locations.add(LocationFactory())
        Link.objects.create(campaign=campaign, promotion=promotion)

    link()
    queries(client, f"/promotions/{promotion.pk}/")
    alone = queries(client, f"/promotions/{promotion.pk}/")
    for _ in range(4):
        link()
    assert queries(client, f"/promotions/{promotion.pk}/") == alone <= 20
