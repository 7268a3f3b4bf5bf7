"""The description of the views is true: whatever is made from it is answered as it says, and never with a 5xx."""

import json
from datetime import timedelta

import msgspec
import pytest
import schemathesis
from django.utils import timezone
from hypothesis import HealthCheck, Phase, settings

from pos.api import examples, openapi, schemas
from pos.models import Sale
from promotions import publish
from tests.factories import CouponFactory, LocationFactory, PromotionCampaignFactory, PromotionFactory
from tests.pos.tills import AtTill, basket

SCHEMA = schemathesis.openapi.from_dict(openapi.build_document())
BOUNDED = settings(
    max_examples=10,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def till():
    """A till that has a sale, a hold and a coupon, in a campaign with limits."""
    till = AtTill()
    campaign = PromotionCampaignFactory(
        discounting=True, status="active", budget=1_000, max_uses_per_customer=2
    )
    publish.link(campaign, CouponFactory(code="A", promotion=PromotionFactory(trigger="coupon")).promotion)
    till.put("committed", basket(1_000))
    till.hold("held", basket(1_000))
    return till


@pytest.mark.django_db(transaction=True)
@SCHEMA.parametrize()
@BOUNDED
def test_every_operation_is_as_it_is_described(case, till, live_server):
    """Right bodies are taken, wrong ones refused; each status, header and body is a described one."""
    references = [None]
    if case.meta.generation.mode.is_positive:
        case.body = make_possible(case.body)
        if "sale_id" in case.path_parameters:
            references += ["committed", "held"]
    for reference in references:
        if reference is not None:
            case.path_parameters["sale_id"] = reference
        case.call_and_validate(
            base_url=f"{live_server.url}/pos/v1", headers={"Authorization": f"Bearer {till.key}"}
        )


def an_hour_ago():
    """A time at which a till may have sold something offline."""
    return (timezone.now() - timedelta(hours=1)).isoformat()


def make_possible(body):
    """Mend what no schema says: the location's currency, each line id once, a sum and a time that can be.

    And integers are written as such: to JSON Schema 2.0 is one, to a till's money it is a float.
    """
    if not isinstance(body, dict):
        return body
    body = json.loads(json.dumps(body), parse_float=lambda text: int(float(text)))
    if "currency" in body:
        body["currency"] = "EUR"
    for number, line in enumerate(body["lines"]):
        line["id"] = f"{number}"
        for price in ("unit_price", "line_total"):
            if line.get(price):
                line[price] %= 10**6
    if body.get("offline_at"):
        body["offline_at"] = an_hour_ago()
    return body


@pytest.mark.django_db
def test_the_examples_are_what_is_taken_and_what_is_answered():
    till = AtTill(location=LocationFactory(code="BER", time_zone="Europe/Berlin"))
    campaign = PromotionCampaignFactory(status="active", budget=500_000)
    coffee = PromotionFactory(name="10 % off coffee", target={"match": {"categories": ["coffee"]}})
    publish.link(campaign, coffee)
    spring = PromotionFactory(
        standalone=True, trigger="coupon", conditions=[{"type": "min_subtotal", "amount": 10_000}]
    )
    CouponFactory(code="SPRING10", promotion=spring)
    sent = examples.REQUESTS
    ids = {("promotion", coffee.pk): 7, ("promotion", spring.pk): 8}
    ids |= {("campaign", campaign.pk): 3, ("id", campaign.pk): 3}

    quoted = till.quote(sent["quote"]["a basket"])
    assert replace_ids(quoted.body, ids) == examples.QUOTE
    assert replace_ids(till.quote(sent["quote"]["codes"]).body["coupons"], ids) == examples.REFUSED_CODES
    assert till.quote(sent["quote"]["one line"])["discount"] == 498
    sold = till.put("R-1001", sent["commit"]["commit"])
    assert (sold.status, replace_ids(sold.body, ids)) == (201, examples.SALE)
    assert till.put("R-1002", sent["commit"]["hold while the customer pays"])["state"] == "held"
    alone = sent["commit"]["made without a connection"] | {"offline_at": an_hour_ago()}
    assert till.put("R-1003", alone).status == 201
    asked = till.send("PUT", "sales/R-1001/returns/B-0", sent["return"]["only ask"])
    assert (asked.status, asked["dry_run"]) == (200, True)
    back = till.send("PUT", "sales/R-1001/returns/B-1", sent["return"]["one unit"])
    assert (back.status, replace_ids(back.body, ids)) == (201, examples.RETURN)
    shown = till.send("GET", "sales/R-1001")
    assert replace_ids(shown.body, ids) == examples.ANSWERS["show"]
    rules = replace_ids(till.send("GET", "rules").body, ids)
    rules["rules"] = [rule for rule in rules["rules"] if rule["promotion"] == 7]
    assert rules == examples.RULES


def replace_ids(value, ids, key=""):
    """An answer with the ids, the version and the time of the examples in the place of its own."""
    if isinstance(value, dict):
        return {name: replace_ids(part, ids, name) for name, part in value.items()}
    if isinstance(value, list):
        return [replace_ids(part, ids, key) for part in value]
    fixed = {"rules_version": 42, "evaluated_at": "2026-11-21T10:15:00Z"}
    fixed |= {"starts_at": "2026-11-01T08:00:00Z", "ends_at": "2026-11-30T20:00:00Z"}
    return fixed.get(key, ids.get((key, value), value))


@pytest.mark.parametrize("error", examples.REFUSALS)
def test_each_refusal_has_an_example_of_its_kind(error):
    assert msgspec.convert(examples.refusal_example(error), schemas.Problem).error == error
    assert f'"{error}"' in json.dumps(openapi.build_document()["paths"])


def test_a_body_of_the_described_kind_is_taken_and_another_is_not():
    described = openapi.build_document()["components"]["schemas"]
    assert set(described["Line"]["required"]) == {"id", "sku", "quantity", "unit_price"}
    assert described["SaleRequest"]["additionalProperties"] is False


@pytest.mark.django_db
def test_the_description_needs_no_key_and_no_row(django_assert_num_queries):
    assert not Sale.objects.exists()
    till = AtTill()
    with django_assert_num_queries(0):
        answer = till.send("GET", "openapi.json", authorization="")
    assert answer.status == 200
    assert answer["openapi"] == "3.1.0"
    assert json.loads(openapi.encode_document()) == answer.body
