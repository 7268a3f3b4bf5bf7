"""What a till is told of a value that cannot be: what is expected in its place, in words."""

import msgspec
import pytest

from pos.api import schemas
from pos.api.answers import RequestRefused
from pos.api.body import read_request
from pos.api.expectations import describe_expected
from pos.api.schemas import SaleRequest
from tests.pos.tills import basket, line


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"currency": "eur"}, 'currency: A text such as "EUR" is expected; this is "eur".'),
        ({"lines": []}, "lines: A list of one or more entries is expected; this is []."),
        ({"ttl": 5}, "ttl: A whole number from 30 to 3600 is expected; this is 5."),
        ({"state": "done"}, 'state: "committed" or "held" is expected; this is "done".'),
        ({"coupons": [""]}, 'coupons.0: A text of 1 to 64 characters is expected; this is "".'),
        ({"coupons": "A"}, 'coupons: A list of at most 20 entries is expected; this is "A".'),
        (
            {"payment_method": None},
            "payment_method: A text of at most 64 characters is expected; this is null.",
        ),
        ({"customer": 3}, "customer: An object is expected; this is 3."),
        (
            {"offline_at": "2026-01-01T10:00:00"},
            'offline_at: A time with its zone, such as "2030-01-31T18:05:00+01:00" is expected; '
            'this is "2026-01-01T10:00:00".',
        ),
        (
            {"lines": [line(1, 100, quantity=0)]},
            'lines.0.quantity: A whole number from 1 to 1000000 or a text such as "0.350" is expected; this is 0.',
        ),
        (
            {"lines": [line(1, 100, discountable=1)]},
            "lines.0.discountable: True or false is expected; this is 1.",
        ),
    ],
)
def test_a_value_that_cannot_be_is_told_what_is_expected(changes, message):
    with pytest.raises(RequestRefused) as declined:
        read_request(msgspec.json.encode(basket(1_000, **changes)), SaleRequest)
    assert declined.value.problem.message == message


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(field.type, id=f"{struct.__name__}.{field.name}")
        for struct in (
            schemas.SaleRequest,
            schemas.Line,
            schemas.Customer,
            schemas.ReturnRequest,
            schemas.ReturnLine,
        )
        for field in msgspec.structs.fields(struct)
    ],
)
def test_there_are_words_for_every_type_that_a_till_may_send(kind):
    assert describe_expected(kind)
