"""The sandbox page: the till's own evaluation, in words, and nothing written."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.http import urlencode

from pos.models import Sale
from promotions.models import Counter, Coupon, Link, Promotion, PromotionCampaign, Redemption
from promotions.publish.counters import correct_counters
from promotions.reasons import AMOUNTS, INSTANTS, SENTENCES
from tests.factories import (
    CouponFactory,
    CustomerGroupFactory,
    LocationFactory,
    PromotionCampaignFactory,
    PromotionFactory,
    UserFactory,
)
from tests.pos.tills import AtTill

pytestmark = pytest.mark.django_db

FORM = {"lines-INITIAL_FORMS": 0, "lines-MIN_NUM_FORMS": 0, "lines-MAX_NUM_FORMS": 50}


def sandbox_address(location, *lines, **sale) -> str:
    """The address of the page with this basket; a line is its fields as they are typed."""
    sent = FORM | {"lines-TOTAL_FORMS": len(lines) + 1, "location": location.pk} | sale
    for number, line in enumerate(lines):
        sent |= {f"lines-{number}-{name}": value for name, value in line.items()}
    return f"/sandbox/?{urlencode(sent, doseq=True)}"


def get_page(client, address) -> str:
    response = client.get(address)
    assert response.status_code == 200, response.content.decode()[:2000]
    return response.content.decode()


def result(client, address) -> str:
    """What the reader sees of the result."""
    page = get_page(client, address).split('id="result"', 1)[1]
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def in_campaign(status="active", promotion=None, **fields):
    promotion = promotion or PromotionFactory()
    link = [lambda key: Link.objects.bulk_create([Link(campaign_id=key, promotion=promotion)])]
    campaign = PromotionCampaignFactory(status=status, parts=link, **fields)
    publish_all()
    return campaign


def publish_all():
    from django.db import transaction

    with transaction.atomic():
        correct_counters()


SHIRT = {"sku": "SHIRT", "quantity": "2", "unit_price": "19.99"}


def test_the_page_says_what_the_till_is_answered(client, marketer):
    till = AtTill()
    campaign = in_campaign(promotion=PromotionFactory(name="Ten off"))
    quote = till.quote(
        {"currency": "EUR", "lines": [{"id": "1", "sku": "SHIRT", "quantity": 2, "unit_price": 1999}]}
    )
    assert (quote.status, quote["discount"]) == (200, 400)
    page = result(client, sandbox_address(till.location, SHIRT))
    assert "Subtotal €39.98 Discount €4.00 10.0% To pay €35.98" in page
    assert f"Ten off in {campaign} −€4.00" in page


def test_trying_out_writes_nothing(client, marketer):
    location = LocationFactory()
    in_campaign(budget=1000, max_uses=5)
    coupon = CouponFactory(promotion__standalone=True)
    publish_all()
    address = sandbox_address(location, SHIRT, coupons=coupon.code, customer="C1")
    result(client, address)  # the first one may read the rules into the process
    before = (
        list(Counter.objects.values()),
        list(Coupon.objects.values()),
        list(PromotionCampaign.objects.values()),
    )
    with CaptureQueriesContext(connection) as captured:
        assert "The code is used." in result(client, address)
    assert not [query["sql"] for query in captured if re.match(r"\s*(INSERT|UPDATE|DELETE)", query["sql"])]
    assert before == (
        list(Counter.objects.values()),
        list(Coupon.objects.values()),
        list(PromotionCampaign.objects.values()),
    )
    assert not Sale.objects.exists()
    assert not Redemption.objects.exists()


def test_everything_that_did_not_apply_says_why_with_its_figures(client, marketer):
    location = LocationFactory(name="Here", code="HERE")
    CustomerGroupFactory(code="vip", name="Friends")
    for name, fields in {
        "Threshold": {"conditions": [{"type": "min_subtotal", "amount": 5000}]},
        "Four": {"conditions": [{"type": "min_quantity", "quantity": 4}]},
        "Others": {"target": {"match": {"skus": ["HAT"]}}},
        "Members": {"conditions": [{"type": "in_group", "groups": ["vip"]}]},
        "Late": {"starts_at": timezone.now() + timedelta(days=9)},
        "Cash": {"conditions": [{"type": "payment_method", "methods": ["cash"]}]},
        "Coded": {"trigger": "coupon"},
    }.items():
        PromotionFactory(name=name, standalone=True, **fields)
    in_campaign("paused", PromotionFactory(name="Waiting"))
    page = result(client, sandbox_address(location, SHIRT, customer="C1", payment_method="card"))
    late = f"{timezone.localtime() + timedelta(days=9):%-d %b %Y}"
    for sentence in (
        "Threshold It needs €50.00; what counts here is worth €39.98.",
        "Four It needs 4 articles; 2 count here.",
        "Others No article of the sale is one it is for.",
        "Members It is for customers of Friends; this one belongs to none.",
        f"Late It starts on {late}",
        "Cash It is for payment by cash; this sale is paid by card.",
        "Coded It needs a coupon code, and none of its codes is here.",
        "Its campaign is paused.",
    ):
        assert sentence in page
    assert page.index("Threshold") < page.index("Waiting") < page.index("Others")  # nearest first


def test_a_budget_that_cuts_a_discount_is_told(client, marketer):
    in_campaign(budget=150, promotion=PromotionFactory(name="Cut"))
    page = result(client, sandbox_address(LocationFactory(), SHIRT))
    assert "−€1.50 It would have given €4.00; no more of the budget is left." in page


def test_drafts_take_part_only_when_asked(client, marketer):
    location = LocationFactory()
    in_campaign("draft", PromotionFactory(name="Idea", status="inactive"), starts_at=None)
    assert "No promotion applies." in result(client, sandbox_address(location, SHIRT))
    assert "Discount €4.00" in result(client, sandbox_address(location, SHIRT, drafts="on"))


def test_windows_and_hours_are_judged_at_the_time_asked_in_the_zone_of_the_location(client, marketer):
    location = LocationFactory(time_zone="America/New_York")
    PromotionFactory(
        name="Lunch", standalone=True, conditions=[{"type": "hours", "from": "12:00", "to": "13:00"}]
    )
    page = result(client, sandbox_address(location, SHIRT, at="2026-07-01T16:30"))  # the site's zone is UTC
    assert "Wednesday 1 Jul 2026, 12:30 there" in page
    assert "Discount €4.00" in page
    page = result(client, sandbox_address(location, SHIRT, at="2026-07-01T12:30"))
    assert "Its hours are 12:00–13:00; here it is 08:30." in page


def test_codes_say_whether_they_are_good(client, marketer):
    coupon = CouponFactory(code="SPRING", promotion__standalone=True)
    CouponFactory(code="OFF", active=False, promotion=coupon.promotion)
    page = result(client, sandbox_address(LocationFactory(), SHIRT, coupons="spring OFF, NOPE"))
    assert "spring Used The code is used." in page
    assert "OFF Not used The code is switched off" in page
    assert "NOPE Not used There is no such code." in page


def test_a_gift_stands_with_what_applies_and_not_with_what_does_not(client, marketer):
    PromotionFactory(name="A mug on top", standalone=True, benefit={"type": "free_gift", "sku": "MUG"})
    page = result(client, sandbox_address(LocationFactory(), SHIRT))
    assert "The till may add 1 × MUG for free: A mug on top." in page
    assert "Every promotion applied." in page


def test_weighed_goods_and_a_currency_without_decimals(client, marketer):
    tokyo = LocationFactory(currency="JPY", time_zone="Asia/Tokyo")
    PromotionFactory(standalone=True)
    page = result(client, sandbox_address(tokyo, {"sku": "TEA", "quantity": "0.350", "unit_price": "999"}))
    assert "Subtotal ¥350 Discount ¥35 10.0% To pay ¥315" in page


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ({"sku": "A"}, "Price (EUR): What does one cost?"),
        ({"sku": "A", "unit_price": "1.999"}, "write at most 2 digits after the point"),
        ({"sku": "A", "unit_price": "1", "quantity": "two"}, "A number, such as 2 or 0.350."),
        ({"sku": "A", "unit_price": "1", "quantity": "0"}, "lines.0.quantity"),
    ],
)
def test_a_line_that_cannot_be_is_told(client, marketer, line, sentence):
    assert sentence in result(client, sandbox_address(LocationFactory(), line))


def test_an_empty_basket_is_told(client, marketer):
    assert "lines" in result(client, sandbox_address(LocationFactory()))


def test_lines_are_added_and_removed_without_javascript(client, marketer):
    location = LocationFactory()
    lines = [{"sku": sku, "quantity": "1", "unit_price": "1"} for sku in ("A", "B")]
    page = get_page(client, sandbox_address(location, *lines, more="line"))
    assert "lines-3-sku" in page
    page = get_page(client, sandbox_address(location, *lines, remove="0"))
    assert re.search(r'name="lines-0-sku" value="B"', page)
    assert 'value="A"' not in page
    assert 'value="A"' not in get_page(client, sandbox_address(location, lines[0], remove="0"))


def test_a_forged_count_of_lines_is_no_error(client, marketer):
    location = LocationFactory()
    for total in ("", "x", "-1", "99999999", "²", "9" * 5_000):
        for more in ({}, {"more": "line"}, {"remove": "7"}, {"remove": "²"}, {"remove": "9" * 5_000}):
            address = sandbox_address(location, SHIRT, **more).replace(
                "lines-TOTAL_FORMS=2", f"lines-TOTAL_FORMS={total}"
            )
            get_page(client, address)


def test_without_a_location_the_page_says_who_adds_one(client, marketer):
    page = get_page(client, "/sandbox/")
    assert "No location yet" in page
    assert "An administrator adds it." in page

    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    page = get_page(client, "/sandbox/")
    assert "/admin/pos/location/add/" in page
    assert "An administrator adds it." not in page


def test_the_page_needs_its_permission(client):
    assert client.get("/sandbox/").status_code == 302
    client.force_login(UserFactory())
    assert client.get("/sandbox/").status_code == 403


def test_every_reason_the_engine_gives_has_a_sentence():
    from typing import get_args

    from promotions.engine.basket import CouponStatus
    from promotions.engine.outcome import Reason

    reasons = {*get_args(Reason), *get_args(CouponStatus), "applied"}
    assert set(SENTENCES) == reasons
    assert reasons >= AMOUNTS | INSTANTS


def test_names_of_other_promotions_stand_in_the_reasons(client, marketer):
    better = {"benefit": {"type": "percent", "percent": 5000}, "stacking": {"type": "best_of", "group": "g"}}
    worse = {"benefit": {"type": "percent", "percent": 1000}, "stacking": {"type": "best_of", "group": "g"}}
    PromotionFactory(name="Half", standalone=True, **better)
    PromotionFactory(name="Tenth", standalone=True, **worse)
    page = result(client, sandbox_address(LocationFactory(), SHIRT))
    assert "“Half” is the better deal, and only one of them counts." in page
    assert Promotion.objects.count() == 2
