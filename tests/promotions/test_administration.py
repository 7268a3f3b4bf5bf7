"""The administration of promotions and tills: money as people write it, filters, no value that stops a till."""

import json

import pytest
from django.utils import timezone

from pos.models import Location, Till
from promotions.models import PromotionCampaign, StackingSettings
from tests.factories import CouponFactory, LocationFactory, PromotionCampaignFactory, PromotionFactory
from tests.pos.tills import AtTill, basket

pytestmark = pytest.mark.django_db


def fields_of(page):
    """What the form of an admin page would send as it stands, without its inlines."""
    form = page.context["adminform"].form
    sent = {}
    for bound in form:
        value = bound.value()
        if hasattr(value, "year"):
            local = timezone.localtime(value)
            sent |= {f"{bound.name}_0": f"{local:%Y-%m-%d}", f"{bound.name}_1": f"{local:%H:%M:%S}"}
        elif value not in (None, False):
            sent[bound.name] = value
    return sent


def save(client, address, **changed):
    page = client.get(address)
    sent = fields_of(page) | changed
    for inline in page.context["inline_admin_formsets"]:
        prefix = inline.formset.prefix
        sent |= {f"{prefix}-TOTAL_FORMS": 0, f"{prefix}-INITIAL_FORMS": 0}
    return client.post(address, sent)


@pytest.mark.parametrize(("currency", "typed", "kept"), [("EUR", "12.50", 1_250), ("JPY", "1250", 1_250)])
def test_a_budget_is_typed_and_shown_in_major_units(admin_client, currency, typed, kept):
    campaign = PromotionCampaignFactory(currency=currency)
    address = f"/admin/promotions/promotioncampaign/{campaign.pk}/change/"
    assert save(admin_client, address, budget=typed).status_code == 302
    assert PromotionCampaign.objects.get(pk=campaign.pk).budget == kept
    assert f'value="{typed}"' in admin_client.get(address).content.decode()
    page = admin_client.get("/admin/promotions/promotioncampaign/").content.decode()
    assert ("€12.50" if currency == "EUR" else "1,250") in page


def test_stacking_limits_are_typed_in_major_units(admin_client):
    StackingSettings.objects.create(pk=1)
    address = "/admin/promotions/stackingsettings/1/change/"
    assert save(admin_client, address, max_discount="25", max_discount_percent="30").status_code == 302
    settings = StackingSettings.objects.get()
    assert (settings.max_discount, settings.max_discount_percent) == (2_500, 3_000)


@pytest.mark.parametrize(
    "address",
    [
        "redemption",
        "counter",
        "overrun",
        "customeruse",
        "change",
        "sale",
        "return",
        "till",
        "coupon",
        "promotion",
    ],
)
def test_ledgers_are_shown_with_filters(admin_client, address):
    till = AtTill()
    PromotionCampaignFactory(discounting=True, status="active", budget=100, max_uses_per_customer=5)
    till.put("S1", basket(2_000, customer={"id": "C9"}, offline_at=timezone.now().isoformat()))
    till.give_back("S1", "R1", {"1": 1})
    app = "pos" if address in ("sale", "return", "till") else "promotions"
    page = admin_client.get(f"/admin/{app}/{address}/")
    assert page.status_code == 200
    assert "changelist-filter" in page.content.decode()


@pytest.mark.parametrize(("field", "value"), [("time_zone", "Mars/Olympus"), ("currency", "XQQ")])
def test_a_location_has_a_zone_and_a_currency_that_exist(admin_client, field, value):
    place = LocationFactory()
    answer = save(admin_client, f"/admin/pos/location/{place.pk}/change/", **{field: value})
    assert answer.status_code == 200
    assert f"“{value}” is no" in answer.content.decode()
    assert getattr(Location.objects.get(pk=place.pk), field) != value


def test_an_administrator_sets_what_a_till_may(admin_client):
    till = AtTill().till
    changed = {"unknown_codes_per_minute": "500", "offline_days": "30", "may_send_offline": ""}
    assert save(admin_client, f"/admin/pos/till/{till.pk}/change/", **changed).status_code == 302
    till = Till.objects.get(pk=till.pk)
    assert (till.unknown_codes_per_minute, till.offline_days, till.may_send_offline) == (500, 30, False)


BAD_TEXTS = ["\x00", "a\x00b", "\ud800", "\udc00x"]


@pytest.mark.parametrize("text", BAD_TEXTS)
@pytest.mark.parametrize("model", ["promotion", "coupon"])
def test_json_with_a_text_that_cannot_be_stored_is_refused(admin_client, model, text):
    if model == "promotion":
        thing = PromotionFactory()
        changed = {"conditions": json.dumps([{"type": "in_group", "groups": [text]}])}
    else:
        thing = CouponFactory()
        changed = {"benefit": json.dumps({"type": "free_gift", "sku": text})}
    answer = save(admin_client, f"/admin/promotions/{model}/{thing.pk}/change/", **changed)
    assert answer.status_code in (200, 302)
    thing.refresh_from_db()
    assert text not in json.dumps([thing.benefit], ensure_ascii=False)


@pytest.mark.parametrize(
    ("day", "time"), [("0001-01-01", "00:00:00"), ("1999-12-31", "23:00:00"), ("9999-12-31", "23:59:59")]
)
@pytest.mark.parametrize("model", ["promotioncampaign", "promotion", "coupon"])
def test_an_impossible_time_is_refused(admin_client, model, day, time):
    thing = {
        "promotioncampaign": PromotionCampaignFactory,
        "promotion": PromotionFactory,
        "coupon": CouponFactory,
    }[model]()
    address = f"/admin/promotions/{model}/{thing.pk}/change/"
    answer = save(admin_client, address, ends_at_0=day, ends_at_1=time)
    assert answer.status_code in (200, 302)
    before = thing.ends_at
    thing.refresh_from_db()
    assert thing.ends_at == before


@pytest.mark.parametrize("value", [str(10**30), "-1", "1e400", "NaN", "Infinity", "1" * 5_000])
@pytest.mark.parametrize("field", ["budget", "max_uses", "priority", "max_uses_per_customer"])
def test_an_impossible_number_is_refused(admin_client, field, value):
    campaign = PromotionCampaignFactory()
    address = f"/admin/promotions/promotioncampaign/{campaign.pk}/change/"
    assert save(admin_client, address, **{field: value}).status_code in (200, 302)
    campaign = PromotionCampaign.objects.get(pk=campaign.pk)
    assert (campaign.budget, campaign.max_uses, campaign.priority) == (None, None, 100)


@pytest.mark.parametrize("text", BAD_TEXTS)
def test_a_till_that_sends_such_a_text_is_told_where(text):
    till = AtTill()
    body = json.dumps(basket(1_000, payment_method=text))
    answer = till.send("POST", "quotes", body)
    assert answer.status in (400, 422)
    for path in ("customer", "coupons"):
        value = {"id": text} if path == "customer" else [text]
        assert till.put("S1", basket(1_000, **{path: value})).status in (400, 422)


@pytest.mark.parametrize("number", [10**18, 10**30, -1, 1.5])
def test_a_till_that_sends_an_impossible_number_is_told_where(number):
    till = AtTill()
    for field in ("quantity", "unit_price", "line_total", "min_unit_price"):
        body = basket(1_000)
        body["lines"][0][field] = number
        assert till.quote(body).status in (400, 422), field
    for field in ("expect_discount", "ttl"):
        assert till.put("S1", basket(1_000, **{field: number})).status in (400, 422), field
