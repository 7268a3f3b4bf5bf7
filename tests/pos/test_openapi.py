"""The description of the views is true: whatever is made from it is answered as it says, and never with a 5xx."""

import json

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from pos import openapi
from pos.models import Sale
from promotions import publish
from tests.factories import CouponFactory, PromotionCampaignFactory, PromotionFactory
from tests.pos.tills import AtTill, basket

pytestmark = pytest.mark.django_db(transaction=True)

SCHEMA = schemathesis.openapi.from_dict(openapi.described())
BOUNDED = settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def call(live_server, till):
    """Send a case to a running server, and check the answer against the description.

    A body of the described kind may still be refused: for its currency, which is the location's, or a line id twice.
    """

    def checked(case, *excluded):
        case.call_and_validate(
            base_url=f"{live_server.url}/pos/v1",
            headers={"Authorization": f"Bearer {till.key}"},
            excluded_checks=[positive_data_acceptance, *excluded],
        )

    return checked


@pytest.fixture
def till():
    till = AtTill()
    campaign = PromotionCampaignFactory(
        discounting=True, status="active", budget=1_000, max_uses_per_customer=2
    )
    publish.link(campaign, CouponFactory(code="A", promotion=PromotionFactory(trigger="coupon")).promotion)
    till.put("committed", basket(1_000))
    till.hold("held", basket(1_000))
    return till


@SCHEMA.parametrize()
@BOUNDED
def test_every_operation_is_as_it_is_described(case, call):
    call(case)


@SCHEMA.include(path_regex="sale_id").parametrize()
@BOUNDED
def test_every_operation_on_a_sale_that_is_there_is_as_it_is_described(case, call):
    for reference in ("committed", "held"):
        case.path_parameters["sale_id"] = reference  # in the place of one that may have been wrong on purpose
        call(case, negative_data_rejection)


def test_a_body_of_the_described_kind_is_taken_and_another_is_not(till):
    described = openapi.described()["components"]["schemas"]
    assert set(described["Line"]["required"]) == {"id", "sku", "quantity", "unit_price"}
    assert described["SaleRequest"]["additionalProperties"] is False
    assert till.put("S1", basket(1_000)).status == 201


def test_the_description_needs_no_key_and_no_row():
    Sale.objects.all().delete()
    answer = AtTill().send("GET", "openapi.json", authorization="")
    assert answer.status == 200
    assert answer["openapi"] == "3.1.0"
    assert json.loads(openapi.document()) == answer.body
