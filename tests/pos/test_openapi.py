"""The description of the views is true: whatever is made from it is answered as it says, and never with a 5xx."""

import json
from datetime import timedelta

import msgspec
import pytest
import schemathesis
from django.utils import timezone
from hypothesis import HealthCheck, Phase, settings
from schemathesis.pytest.lazy import get_all_tests

from pos.api import examples, openapi, schemas
from pos.models import Sale
from promotions import publish
from tests.factories import CouponFactory, PromotionCampaignFactory, PromotionFactory
from tests.pos.tills import AtTill, basket

SCHEMA = schemathesis.openapi.from_dict(openapi.build_document())
OPERATIONS = [each.ok().label for each in SCHEMA.get_all_operations()]
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
@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_is_as_it_is_described(operation, till, live_server):
    """Right bodies are taken, wrong ones refused; each status, header and body is a described one."""

    @BOUNDED
    def check(case):
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

    # made here, where it runs: `SCHEMA.parametrize` makes all cases of all operations in every process that collects
    (made,) = get_all_tests(
        schema=SCHEMA.include(name=operation), test_func=check, settings=None, given_kwargs=None
    )
    _, run_check = made.ok()
    run_check()


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
