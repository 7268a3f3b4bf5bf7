"""Segments by purchases at tills."""

import pytest

from mailing import audience
from mailing.forms.segment import build_from_data, build_from_tree
from mailing.models import Contact
from promotions.models import Redemption
from tests.factories import ContactFactory, CouponFactory, LocationFactory
from tests.mailing.revenue.shops import DAY, HOUR, NOW, fold, give_back, sell, void

pytestmark = pytest.mark.django_db


def line(sku, total=1_000, **fields):
    return {"id": "1", "sku": sku, "quantity": 1, "unit_price": total, "line_total": total} | fields


@pytest.fixture
def people():
    """A buys tea twice, long ago and lately; B a cup, elsewhere, and gives it back; C only long ago; D nothing."""
    for name in "ABCD":
        ContactFactory(first_name=name, customer_id=name if name != "D" else None)
    here, there = LocationFactory(name="Mitte", code="M1"), LocationFactory(name="Nord", code="N1")
    tea = line("TEA", categories=["drinks", "tea"], brand="Leaf")
    sell("A", NOW - 100 * DAY, location=here, lines=[tea])
    used = sell("A", NOW - 2 * DAY, location=there, lines=[tea])
    cup = sell("B", NOW - 3 * DAY, location=there, lines=[line("CUP", categories=["kitchen"])])
    give_back(cup, 1_000)
    sell("C", NOW - 90 * DAY, location=here, lines=[line("CUP", 2_500)])
    void(sell("D", NOW - HOUR, lines=[tea]))
    coupon = CouponFactory(code="AUTUMN")
    Redemption.objects.create(sale=used, promotion=coupon.promotion, coupon=coupon, amount=100, uses=1)
    fold()
    return coupon


MONTH = {"amount": 30, "unit": "day"}


@pytest.mark.parametrize(
    ("node", "names"),
    [
        ({"event": "bought", "of": {"sku": "TEA"}}, "A"),
        ({"event": "bought", "of": {"sku": "CUP"}}, "C"),  # B gave it back
        ({"event": "bought", "of": {"category": "drinks"}, "times": 2}, "A"),
        ({"event": "bought", "of": {"category": "drinks"}, "times": 2, "within": MONTH}, ""),
        ({"event": "bought", "of": {"brand": "leaf"}, "done": False}, "BCD"),
        ({"event": "bought", "of": {"location": "mitte"}}, "AC"),
        ({"event": "bought", "of": {"location": "n1", "sku": "TEA"}}, "A"),
        ({"event": "bought", "of": {"location": "Mitte"}, "spent": 2_000, "currency": "EUR"}, "C"),
        ({"event": "bought", "of": {"sku": "TEA"}, "spent": 2_000, "currency": "EUR", "times": 3}, ""),
        ({"event": "returned"}, "B"),
        ({"event": "returned", "of": {"sku": "TEA"}}, ""),
        ({"event": "first_bought"}, "AC"),
        ({"event": "first_bought", "within": {"amount": 95, "unit": "day"}}, "C"),
        ({"event": "redeemed"}, "A"),
        ({"event": "redeemed", "of": {"code": " autumn "}}, "A"),
        ({"event": "redeemed", "of": {"code": "SPRING"}}, ""),
        ({"event": "redeemed", "done": False}, "BCD"),
    ],
)
def test_who_bought_what_where_and_when(people, node, names):
    chosen = Contact.objects.filter(pk__in=audience.contact_keys({"all": [node]}))
    assert "".join(sorted(chosen.values_list("first_name", flat=True))) == names


def test_who_redeemed_a_promotion(people):
    node = {"event": "redeemed", "of": {"promotion": people.promotion.name.upper()}}
    assert audience.count_contacts({"all": [node]}) == 1


@pytest.mark.parametrize(
    ("node", "sentence"),
    [
        ({"event": "bought", "of": {"colour": "red"}}, "narrowed to sku, category, brand, location"),
        ({"event": "bought", "of": {"sku": ""}}, "Say which SKU is meant."),
        ({"event": "redeemed", "of": {"sku": "TEA"}}, "narrowed to promotion, code"),
        ({"event": "opened", "of": {"sku": "TEA"}}, "Only what was bought"),
        ({"event": "returned", "spent": 5}, "only bought goods"),
        ({"event": "returned", "campaign": 5}, "no e-mail campaign"),
    ],
)
def test_what_cannot_be_asked_is_said(node, sentence):
    with pytest.raises(audience.SegmentError, match=sentence):
        audience.compile({"all": [node]})


@pytest.mark.parametrize(
    "node",
    [
        {"event": "bought", "done": True, "of": {"category": "tea"}, "times": 2},
        {"event": "redeemed", "done": False, "of": {"code": "AUTUMN"}},
        {"event": "first_bought", "done": True, "within": MONTH},
    ],
)
def test_the_builder_keeps_what_is_stored(node):
    root = build_from_tree({"all": [node]})
    (leaf,) = root.children
    fields = {f"t-0-{name}": getattr(leaf, name) for name in leaf.__dataclass_fields__ if name != "path"}
    assert build_from_data({"t-group": "all", **fields}).node() == {"all": [node]}
