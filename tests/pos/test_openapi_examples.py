"""Every example in the description of the till API is what the running views answer, word for word."""

import json
from datetime import timedelta
from io import BytesIO
from wsgiref.util import setup_testing_defaults

import pytest
from django.db import OperationalError
from django.utils import timezone

from config.wsgi import application
from pos import keys
from pos.api import examples, openapi
from pos.sales import callers, quotes
from promotions import publish
from tests.factories import (
    ContactFactory,
    CouponFactory,
    DeliveryFactory,
    LocationFactory,
    PromotionCampaignFactory,
    PromotionFactory,
)
from tests.pos.tills import AtTill, Response, line

pytestmark = pytest.mark.django_db

TIMES = {
    "evaluated_at": "2026-11-21T10:15:00Z",
    "starts_at": "2026-11-01T08:00:00Z",
    "ends_at": "2026-11-30T20:00:00Z",
    "expires_at": "2026-11-21T10:17:00Z",
    "offline_at": "2026-11-21T10:15:00+01:00",
}
"""The times of the examples. The running views answer with times of today."""


class Shop:
    """The shop of the examples: one till, one campaign with a budget, one coupon that needs a larger basket."""

    def __init__(self):
        self.till = AtTill(location=LocationFactory(code="BER", time_zone="Europe/Berlin"), name="Till 2")
        self.other = AtTill(location=self.till.location, name="Till 1")
        campaign = PromotionCampaignFactory(status="active", budget=500_000)
        coffee = PromotionFactory(name="10% off coffee", target={"match": {"categories": ["coffee"]}})
        publish.link(campaign, coffee)
        spring = PromotionFactory(
            standalone=True, trigger="coupon", conditions=[{"type": "min_subtotal", "amount": 10_000}]
        )
        CouponFactory(code="SPRING10", promotion=spring)
        autumn = PromotionFactory(name="A tenth off", standalone=True, trigger="coupon")
        contact = ContactFactory(customer_id="C9")
        coupon = CouponFactory(
            code="AUTUMN-RTKMWHPXB",
            promotion=autumn,
            made_for=contact.pk,
            ends_at=campaign.ends_at,
            min_subtotal=500,
        )
        DeliveryFactory(contact=contact, coupon=coupon, status="accepted", due_at=None)
        self.ids = {("promotion", coffee.pk): 7, ("promotion", spring.pk): 8}
        self.ids |= {("campaign", campaign.pk): 3, ("id", campaign.pk): 3}

    def show(self, answer, key=""):
        """Return an answer with the ids, the version and the times of the examples in the place of its own."""
        if isinstance(answer, Response):
            answer = answer.body
        if key == "fields":  # sentences, by the path of a value
            return answer
        if isinstance(answer, dict):
            return {name: self.show(part, name) for name, part in answer.items()}
        if isinstance(answer, list):
            return [self.show(part, key) for part in answer]
        if key == "rules_version":
            return 42
        return TIMES[key] if key in TIMES and answer is not None else self.ids.get((key, answer), answer)

    def commit(self, **more):
        return self.till.put("R-1001", examples.REQUESTS["commit"]["commit"] | more)

    def hold(self):
        return self.till.put("R-1001", examples.REQUESTS["commit"]["hold while the customer pays"])

    def give_back(self, title="one unit", reference="B-1"):
        return self.till.send("PUT", f"sales/R-1001/returns/{reference}", examples.REQUESTS["return"][title])

    def sell_offline(self, **more):
        sold = examples.REQUESTS["commit"]["made without a connection"]
        an_hour_ago = (timezone.now() - timedelta(hours=1)).isoformat()
        return self.till.put("R-1003", sold | {"offline_at": an_hour_ago} | more)


@pytest.fixture
def shop():
    return Shop()


def test_each_request_is_answered_as_its_operation_shows(shop):
    answers = examples.ANSWERS
    quoted = shop.till.quote(examples.REQUESTS["quote"]["a basket"])
    assert (quoted.status, shop.show(quoted)) == (200, answers["quote"])
    rules = shop.show(shop.till.send("GET", "rules"))
    rules["rules"] = [rule for rule in rules["rules"] if rule["promotion"] == 7]
    assert rules == answers["rules"]

    sold = shop.commit()
    assert (sold.status, shop.show(sold)) == (201, answers["commit"])
    asked = shop.give_back("only ask", "B-0")
    assert (asked.status, asked["dry_run"]) == (200, True)
    back = shop.give_back()
    assert (back.status, shop.show(back)) == (201, answers["return"])
    assert shop.show(shop.till.send("GET", "sales/R-1001")) == answers["show"]


@pytest.mark.parametrize("verb", ["confirm", "release"])
def test_a_hold_that_ends_is_answered_as_its_operation_shows(shop, verb):
    held = shop.hold()
    assert (held.status, held["state"]) == (201, "held")
    assert shop.show(shop.till.post("R-1001", verb)) == examples.ANSWERS[verb]


def test_a_void_is_answered_as_its_operation_shows(shop):
    shop.commit()
    assert shop.show(shop.till.post("R-1001", "void")) == examples.ANSWERS["void"]


def test_the_other_requests_are_taken_too(shop):
    codes = shop.till.quote(examples.REQUESTS["quote"]["codes"])
    assert shop.show(codes["coupons"]) == [
        *examples.QUOTE["coupons"],
        {"code": "SPRNIG10", "status": "coupon_unknown", "message": "There is no such code."},
    ]
    assert shop.till.quote(examples.REQUESTS["quote"]["one line"])["discount"] == 498
    assert shop.sell_offline().status == 201


# ── refusals ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def send_float(shop):
    return shop.till.quote(examples.BASKET | {"lines": [line(1, 24.9)]})


def send_cut_short(shop):
    environ = {"REQUEST_METHOD": "POST", "PATH_INFO": "/pos/v1/quotes", "wsgi.input": BytesIO(b" " * 120)}
    environ |= {"HTTP_AUTHORIZATION": f"Bearer {shop.till.key}", "CONTENT_LENGTH": "350"}
    setup_testing_defaults(environ)
    return json.loads(b"".join(application(environ, lambda status, headers: None)))


def send_with_revoked_key(shop):
    keys.revoke(shop.till.till)
    return shop.till.send("GET", "rules")


def send_under_an_id_of_another_till(shop):
    shop.other.put("R-1001", examples.REQUESTS["quote"]["one line"])
    return shop.commit()


def return_under_an_id_of_another_till(shop):
    shop.commit()
    shop.other.send("PUT", "sales/R-1001/returns/B-1", examples.REQUESTS["return"]["one unit"])
    return shop.give_back()


def repeat_key(shop):
    return shop.till.send("POST", "quotes", '{"currency": "EUR", "lines": [{"sku": "A", "sku": "B"}]}')


def send_too_many_lines(shop):
    return shop.till.quote(examples.BASKET | {"lines": [line(number, 100) for number in range(501)]})


def commit_twice(shop):
    shop.commit()
    return shop.commit(payment_method="cash")


def send_offline_without_the_right(shop):
    shop.till.till.may_send_offline = False
    shop.till.till.save()
    return shop.sell_offline()


def send_offline_after_wrong_codes(shop):
    shop.till.till.unknown_codes_per_minute = 1
    shop.till.till.save()
    return shop.sell_offline(coupons=["SPRNIG10", "SPIRNG10"])


def confirm_an_expired_hold(shop):
    shop.hold()
    shop.till.post("R-1001", "release")
    return shop.till.post("R-1001", "confirm")


def release_a_sale(shop):
    shop.commit()
    return shop.till.post("R-1001", "release")


def confirm_a_voided_sale(shop):
    shop.commit()
    shop.till.post("R-1001", "void")
    return shop.till.post("R-1001", "confirm")


def return_from_a_hold(shop):
    shop.hold()
    return shop.give_back()


def return_too_much(shop):
    shop.commit()
    shop.give_back()
    body = {"lines": [{"id": "1", "quantity": 2}]}
    return shop.till.send("PUT", "sales/R-1001/returns/B-2", body)


def ask_too_fast(shop):
    shop.monkeypatch.setattr(callers, "BURST_SECONDS", 0)
    return shop.till.quote(examples.BASKET)


def ask_without_a_database(shop):
    def fail(*args):
        raise OperationalError("the connection is closed")

    shop.monkeypatch.setattr(quotes, "_quote", fail)
    return shop.till.quote(examples.BASKET)


def ask_while_the_rules_change(shop):
    shop.monkeypatch.setattr(quotes, "MAX_ATTEMPTS", 0)
    return shop.till.quote(examples.BASKET)


REFUSED_REQUESTS = {
    "not_json": lambda shop: shop.till.send("POST", "quotes", '{"currency": "EUR", "lines": ['),
    "float": send_float,
    "repeated_key": repeat_key,
    "cut_short": send_cut_short,
    "no_key": lambda shop: shop.till.send("GET", "rules", authorization=""),
    "unknown_key": lambda shop: shop.till.send("GET", "rules", authorization="Bearer a-key-that-no-till-has"),
    "revoked_key": send_with_revoked_key,
    "no_such_sale": lambda shop: shop.till.send("GET", "sales/R-1001"),
    "method": lambda shop: shop.till.send("GET", "quotes"),
    "idempotency_mismatch": commit_twice,
    "sale_id_taken": send_under_an_id_of_another_till,
    "return_id_taken": return_under_an_id_of_another_till,
    "offline_not_allowed": send_offline_without_the_right,
    "coupon_throttled": send_offline_after_wrong_codes,
    "quote_changed": lambda shop: shop.commit(expect_discount=500),
    "hold_expired": confirm_an_expired_hold,
    "already_committed": release_a_sale,
    "voided": confirm_a_voided_sale,
    "not_committed": return_from_a_hold,
    "exceeds_sold": return_too_much,
    "too_large": lambda shop: shop.till.send("POST", "quotes", b" " * (1024 * 1024 + 1)),
    "too_many_lines": send_too_many_lines,
    "invalid": lambda shop: shop.till.quote(examples.BASKET | {"lines": [line(1, 2490, quantity=0)]}),
    "too_fast": ask_too_fast,
    "unavailable": ask_without_a_database,
    "busy": ask_while_the_rules_change,
}
"""Functions that have the till of a shop refused, by the `error` of the refusal."""


@pytest.mark.parametrize("error", examples.REFUSALS)
def test_each_refusal_is_what_a_till_is_told(shop, monkeypatch, error):
    shop.monkeypatch = monkeypatch
    assert shop.show(REFUSED_REQUESTS[error](shop)) == examples.refusal_example(error)


def test_no_example_of_the_description_is_left_unchecked():
    """The examples of the document are those that the tests of this file send and compare."""
    sent = [body for bodies in examples.REQUESTS.values() for body in bodies.values()]
    compared = [*sent, *examples.ANSWERS.values(), *map(examples.refusal_example, REFUSED_REQUESTS)]
    assert all(example in compared for example in list_examples(openapi.build_document()["paths"]))


def list_examples(part):
    """Yield each example in a part of the description."""
    if isinstance(part, dict):
        for name, value in part.items():
            if name == "example":
                yield value
            elif name == "examples":
                yield from (example["value"] for example in value.values())
            else:
                yield from list_examples(value)
    elif isinstance(part, list):
        for value in part:
            yield from list_examples(value)
