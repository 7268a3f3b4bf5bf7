"""What a campaign would have given, from the sales that tills made."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from campaigns import lifecycle
from pos.models import Sale
from pos.pages.estimate import estimate
from promotions.models import Link, PromotionCampaign, Redemption
from tests.factories import (
    CustomerGroupFactory,
    LocationFactory,
    PromotionCampaignFactory,
    PromotionFactory,
)
from tests.pos.test_sandbox import in_campaign
from tests.pos.tills import AtTill, basket, line

pytestmark = pytest.mark.django_db


def draft(*promotions, **fields) -> PromotionCampaign:
    campaign = PromotionCampaignFactory(status="draft", starts_at=None, ends_at=None, **fields)
    Link.objects.bulk_create(
        [Link(campaign=campaign, promotion=one, position=n) for n, one in enumerate(promotions)]
    )
    return campaign


def test_it_is_what_the_same_sales_get_once_the_campaign_runs():
    till = AtTill()
    regulars = CustomerGroupFactory(code="regulars")
    regulars.members.create(customer="C1")
    campaign = draft(
        PromotionFactory(name="Ten"),
        PromotionFactory(name="Hats", target={"match": {"skus": ["HAT"]}}),
        PromotionFactory(name="Regulars", conditions=[{"type": "in_group", "groups": ["regulars"]}]),
    )
    in_campaign(promotion=PromotionFactory(name="Shirts", target={"match": {"skus": ["SHIRT"]}}))
    goods = [
        [line(1, 1_999, 3, sku="SHIRT")],
        [line(1, 2_500, 2, sku="HAT"), line(2, 999, sku="SHIRT")],
        [line(1, 350, "0.350", sku="TEA", line_total=123)],
    ]
    baskets = [
        {"currency": "EUR", "lines": lines, "customer": {"id": customer}}
        for lines in goods
        for customer in ("C1", "C2", "")
    ]
    for number, sent in enumerate(baskets):
        till.put(f"before-{number}", sent)
    found = estimate(campaign)
    before = Redemption.objects.values_list("amount", flat=True)
    given_before = sum(before)
    lifecycle.fire(campaign, "activate")
    for number, sent in enumerate(baskets):
        till.put(f"after-{number}", sent)
    own = Redemption.objects.filter(campaign=campaign)
    assert found.discount == sum(own.values_list("amount", flat=True)) > 0
    assert found.touched == own.values("sale").distinct().count()
    assert (found.sales, found.revenue) == (9, sum(Sale.objects.values_list("subtotal", flat=True)) // 2)
    assert {part.name: (part.sales, part.amount) for part in found.parts} == {
        name: (lines.count(), sum(lines.values_list("amount", flat=True)))
        for name in ("Ten", "Hats", "Regulars")
        for lines in [own.filter(promotion__name=name)]
    }
    others = Redemption.objects.exclude(campaign=campaign).values_list("amount", flat=True)
    assert found.displaced == given_before - (sum(others) - given_before)


def test_a_first_purchase_is_one_to_the_customer_who_had_bought_nothing_before():
    till = AtTill()
    campaign = draft(PromotionFactory(conditions=[{"type": "first_purchase"}]))
    for number, customer in enumerate(["C1", "C1", "C2", ""]):
        till.put(f"S{number}", basket(1_000, customer={"id": customer}))
    assert estimate(campaign).touched == 2


def test_its_window_and_its_limits_are_set_aside_and_its_places_are_not():
    here, elsewhere = AtTill(), AtTill(location=LocationFactory())
    campaign = draft(PromotionFactory(), budget=1, max_uses=1)
    campaign.locations.add(here.till.location)
    PromotionCampaign.objects.filter(pk=campaign.pk).update(starts_at=timezone.now() + timedelta(days=9))
    for number in range(2):
        here.put(f"S{number}", basket(1_000))
        elsewhere.put(f"S{number}", basket(1_000))
    found = estimate(campaign)
    assert (found.sales, found.touched, found.discount) == (4, 2, 200)


def test_voided_sales_and_those_in_another_currency_tell_nothing():
    till, swiss = AtTill(), AtTill(location=LocationFactory(currency="CHF"))
    campaign = draft(PromotionFactory())
    assert estimate(campaign) is None
    till.put("S1", basket(1_000))
    till.post("S1", "void")
    till.hold("H1", basket(1_000))
    swiss.put("S1", basket(1_000, currency="CHF"))
    assert estimate(campaign) is None


def test_codes_and_promotions_that_are_off_are_named_and_not_counted():
    till = AtTill()
    till.put("S1", basket(1_000))
    campaign = draft(
        PromotionFactory(name="Ten"),
        PromotionFactory(name="Coded", trigger="coupon"),
        PromotionFactory(name="Idle", status="inactive"),
    )
    found = estimate(campaign)
    assert (found.discount, found.need_codes, found.off) == (100, ("Coded",), ("Idle",))
    assert [part.name for part in found.parts] == ["Ten", "Coded"]


def test_a_day_is_a_day_at_the_least_and_a_budget_lasts_as_long_as_its_pace():
    till = AtTill()
    for number in range(4):
        till.put(f"S{number}", basket(1_000))
    campaign = draft(PromotionFactory())
    assert estimate(campaign).a_day == 400
    Sale.objects.filter(reference="S0").update(at=timezone.now() - timedelta(days=8))
    found = estimate(campaign)
    assert (found.a_day, found.lasts(1_000)) == (50, pytest.approx(20, rel=1e-3))
    assert estimate(draft()).lasts(1_000) is None


def test_the_page_shows_it_before_the_campaign_runs_and_not_while_it_does(client, marketer):
    AtTill().put("S1", basket(1_000))
    campaign = draft(PromotionFactory(name="Ten"), budget=1_000)
    assert (
        f"/campaigns/promotion/{campaign.pk}/estimate/"
        in client.get(campaign.get_absolute_url()).content.decode()
    )
    address = f"/campaigns/promotion/{campaign.pk}/estimate/"
    page = client.get(address).content.decode()
    for words in ("on 1 sale since", "€1.00", "10.0% of the revenue", "10 days", "Ten"):
        assert words in page
    lifecycle.fire(campaign, "activate")
    assert 'id="campaign-estimate"' not in client.get(campaign.get_absolute_url()).content.decode()
    part = client.get(address, headers={"HX-Request": "true"}).content.decode()
    assert "hidden" in part
    assert "€" not in part


@pytest.mark.parametrize(
    ("names", "sentence"),
    [(["A"], "A needs a coupon code."), (["A", "B"], "A, B need a coupon code.")],
)
def test_the_page_names_the_promotions_that_need_a_code(client, marketer, names, sentence):
    AtTill().put("S1", basket(1_000))
    campaign = draft(*(PromotionFactory(name=name, trigger="coupon") for name in names))
    page = client.get(f"/campaigns/promotion/{campaign.pk}/estimate/")
    assert sentence in page.content.decode()


def test_it_costs_as_many_queries_on_many_sales_as_on_few(client, marketer):
    till, campaign = AtTill(), draft(PromotionFactory())
    counts = []
    for number in range(12):
        till.put(f"S{number}", basket(1_000, customer={"id": f"C{number}"}))
        with CaptureQueriesContext(connection) as captured:
            estimate(campaign)
        counts.append(len(captured))
    assert counts[0] == counts[-1]


def test_nobody_without_the_right_sees_it(client, django_user_model):
    client.force_login(django_user_model.objects.create_user("nobody"))
    assert client.get(f"/campaigns/promotion/{draft().pk}/estimate/").status_code == 403
