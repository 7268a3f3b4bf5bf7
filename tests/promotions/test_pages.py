"""The pages of promotions: who may see what, lists, groups, stacking, reports."""

import csv
import re
from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse
from django.utils import timezone

from pos.models import UnfoldedSale
from promotions.models import (
    CustomerGroup,
    Promotion,
    Redemption,
    StackingSettings,
)
from tests.factories import (
    CouponFactory,
    CustomerGroupFactory,
    PromotionCampaignFactory,
    PromotionFactory,
    SaleFactory,
    UserFactory,
)
from tests.promotions.pages import campaign_with, queries, read_page, words

pytestmark = pytest.mark.django_db


# ── who may see what ─────────────────────────────────────────────────────────────────────────────────────────────────

PAGES = [
    ("promotions:campaign_new", [], "promotions.add_promotioncampaign"),
    ("promotions:campaign", ["campaign"], "promotions.view_promotioncampaign"),
    ("promotions:campaign_edit", ["campaign"], "promotions.change_promotioncampaign"),
    ("promotions:campaign_counters", ["campaign"], "promotions.view_promotioncampaign"),
    ("promotions:campaign_days", ["campaign"], "promotions.view_promotioncampaign"),
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
    ("promotions:promotion_report", [], "promotions.view_redemption"),
    ("promotions:promotion_report_csv", [], "promotions.view_redemption"),
]
ACTIONS = [
    ("promotions:campaign_link", ["campaign", "promotion"], "promotions.change_promotioncampaign"),
    ("promotions:campaign_unlink", ["campaign", "promotion"], "promotions.change_promotioncampaign"),
    ("promotions:campaign_move", ["campaign", "promotion"], "promotions.change_promotioncampaign"),
    ("promotions:campaign_switch", ["campaign", "promotion"], "promotions.change_promotion"),
    ("promotions:promotion_switch", ["promotion"], "promotions.change_promotion"),
    ("promotions:promotion_fields", [], "promotions.add_promotion"),
    ("promotions:promotion_sentence", [], "promotions.change_promotion"),
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
        page = read_page(response)
        assert not re.search(r"\sstyle=|<style|\son\w+=|javascript:", page), address
        assert all("src=" in script for script in re.findall(r"<script[^>]*>", page)), address


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


# ── customer groups ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_group_is_made_with_its_customers_and_its_code_stays(client, marketer):
    answer = {"code": "vip", "name": "Very important", "customers": "C1\nC2, C1"}
    assert client.post("/groups/new/", answer)["Location"] == "/groups/"
    group = CustomerGroup.objects.get()
    assert sorted(group.members.values_list("customer", flat=True)) == ["C1", "C2"]
    page = read_page(client.get(f"/groups/{group.pk}/"))
    assert "C1\nC2" in page
    client.post(f"/groups/{group.pk}/", {"code": "other", "name": "VIP", "customers": "C3"})
    group = CustomerGroup.objects.get()
    assert (group.code, group.name) == ("vip", "VIP")
    assert list(group.members.values_list("customer", flat=True)) == ["C3"]
    assert "VIP" in read_page(client.get("/groups/"))


def test_a_code_of_a_group_exists_once(client, marketer):
    CustomerGroupFactory(code="vip")
    read_page(client.post("/groups/new/", {"code": "vip", "name": "Again", "customers": ""}), 422)
    assert CustomerGroup.objects.count() == 1


# ── stacking ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_stacking_rules_are_one_form_with_a_permission_of_their_own(client, administrator):
    answer = {
        "precedence": "priority",
        "max_promotions": "2",
        "max_discount_percent": "25.5",
        "max_discount": "100",
        "item_with_order": "on",
        "buy_get_replaces": "on",
    }
    assert client.post("/stacking/", answer).status_code == 302
    settings = StackingSettings.objects.get()
    assert (settings.precedence, settings.max_promotions) == ("priority", 2)
    assert (settings.max_discount_percent, settings.max_discount) == (2550, 10000)
    assert (settings.coupons_with_promotions, settings.item_with_order) == (False, True)


def test_a_marketer_reads_the_stacking_rules_and_cannot_change_them(client, marketer):
    page = words(read_page(client.get("/stacking/")))
    assert "Rules in force" in page
    assert "Save rules" not in page
    assert client.post("/stacking/", {"precedence": "priority"}).status_code == 403


def test_two_promotions_are_kept_apart_from_the_answer_of_the_inspector(client, administrator):
    _, (one, other) = campaign_with(2)
    asked = f"/stacking/?one={one.pk}&other={other.pk}"
    assert "Never combine them" in read_page(client.get(asked))
    response = client.post("/stacking/pair/", {"one": other.pk, "other": one.pk, "apart": "1"})
    assert response["Location"] == f"/stacking/?one={other.pk}&other={one.pk}#meeting"
    page = words(read_page(client.get(response["Location"])))
    assert "They never combine in one sale, from the very next sale." in page
    assert "They are an excluded pair." in page
    assert f"Never combined {one} and {other} Allow together" in page
    assert f"“{one}” and “{other}”" in page.split("Changes", 1)[1]
    client.post("/stacking/pair/", {"one": one.pk, "other": other.pk})
    page = words(read_page(client.get(asked)))
    assert "can apply to one sale" in page
    assert "All promotions may combine." in page


def test_a_marketer_asks_and_cannot_keep_apart(client, marketer):
    one, other = PromotionFactory.create_batch(2)
    assert "Never combine them" not in read_page(client.get(f"/stacking/?one={one.pk}&other={other.pk}"))
    answer = {"one": one.pk, "other": other.pk, "apart": "1"}
    assert client.post("/stacking/pair/", answer).status_code == 403


def test_what_cannot_be_kept_apart_is_said(client, administrator):
    one = PromotionFactory()
    for other, sentence in ((one.pk, "cannot exclude itself"), ("²", "was deleted"), ("", "was deleted")):
        answer = {"one": one.pk, "other": other, "apart": "1"}
        assert sentence in read_page(client.post("/stacking/pair/", answer, follow=True))


def test_the_inspector_shows_what_applies_now_and_whether_two_can_meet(client, marketer):
    _, (one, other) = campaign_with(2)
    campaign_with(status="paused")
    page = read_page(client.get("/stacking/"))
    applying = page.split("Applying now", 1)[1]
    assert set(re.findall(r'href="/promotions/(\d+)/"', applying)) == {str(one.pk), str(other.pk)}
    asked = f"/stacking/?one={one.pk}&other={other.pk}"
    assert "can apply to one sale" in read_page(client.get(asked))
    Promotion.objects.filter(pk=one.pk).update(stacking={"type": "exclusive"})
    assert f"“{one}” is exclusive" in read_page(client.get(asked))


# ── reports ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("by", ["promotion", "location", "day", "hour", "campaign", "coupon"])
def test_a_report_shows_and_exports_what_the_ledger_has(client, marketer, by):
    coupon = CouponFactory(promotion__name="Spring")
    campaign = PromotionCampaignFactory(status="active")
    sale = SaleFactory(total=1766)
    UnfoldedSale.objects.create(sale_id=sale.pk)
    Redemption.objects.create(
        sale=sale, campaign=campaign, promotion=coupon.promotion, coupon=coupon, amount=1234, uses=1
    )
    page = words(read_page(client.get(f"/reports/promotions/?by={by}")))
    assert "Discounts given €12.34 Uses 1" in page
    exported = client.get(f"/reports/promotions/export/?by={by}")
    assert exported.streaming
    rows = csv.DictReader(exported.getvalue().decode().splitlines())
    given = [Decimal(row["Discount (EUR)"]) for row in rows]
    assert sum(given) == Decimal("12.34")
    assert len(given) == {"hour": 24, "day": timezone.localdate().day}.get(by, 1)


def test_a_report_says_what_it_cannot_be_asked(client, marketer):
    page = read_page(client.get("/reports/promotions/?first=2026-03-02&last=2026-03-01"), 422)
    assert "The last day is before the first." in page
    page = read_page(client.get("/reports/promotions/?first=2020-01-01&last=2026-03-01"), 422)
    assert "A report covers a year at most." in page


def test_a_report_of_nothing_says_so(client, marketer):
    assert "No promotion gave anything in this period." in read_page(client.get("/reports/promotions/"))
