"""Customer groups of segments that ask for purchases alone, and classes of buyers by recency, frequency and money."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from mailing import audience, rfm, segment_groups
from mailing.models import Contact, Segment
from mailing.segments import SegmentError
from pos import folding
from pos.models import Sale
from promotions.models import GroupMember
from tests.factories import ContactFactory, SegmentFactory
from tests.mailing.revenue.shops import DAY, HOUR, NOW, fold, give_back, sell, void
from tests.pos.tills import AtTill, basket, line

pytestmark = pytest.mark.django_db

TEA = {"event": "bought", "of": {"sku": "TEA"}}
OFTEN = {"event": "bought", "times": 2}
RICH = {"event": "bought", "spent": 5_000, "currency": "EUR"}


def at_till(*nodes, word="all"):
    segment = SegmentFactory.build(name=f"Buyers {Segment.objects.count()}", tree={word: list(nodes)})
    return segment_groups.save_segment(segment, at_till=True).group


def members(group):
    return "".join(sorted(GroupMember.objects.filter(group=group).values_list("customer", flat=True)))


def test_a_group_of_buyers_holds_people_without_an_address():
    ContactFactory(customer_id="A")
    for customer in "AB":
        sell(customer, NOW - DAY, lines=[line("1", 1_000, sku="TEA")])
    sell("C", NOW - DAY, lines=[line("1", 1_000, sku="CUP")])
    ContactFactory(customer_id="D")
    fold()
    assert members(at_till(TEA)) == "AB"
    assert members(at_till(TEA | {"done": False}, word="any")) == "CD"
    assert members(at_till(TEA, {"event": "redeemed"}, word="none")) == "CD"
    assert members(at_till(TEA, {"field": "email", "op": "is_set"})) == "A", "it asks for more than purchases"


@pytest.mark.parametrize(
    ("node", "sales"),
    [
        (TEA, 1),
        (TEA | {"times": 2}, 2),
        (OFTEN, 2),
        (RICH, 5),
        ({"event": "bought", "of": {"category": "drinks"}, "spent": 2_500, "currency": "EUR"}, 3),
        ({"event": "first_bought", "within": {"amount": 1, "unit": "hour"}}, 1),
    ],
)
def test_the_fold_moves_the_customer_of_a_sale_in(node, sales):
    till, group = AtTill(), at_till(node)
    for number in range(sales):
        assert members(group) == ""
        sold = [line("1", 1_000, sku="TEA", categories=["drinks"])]
        till.put(f"S{number}", basket() | {"lines": sold, "customer": {"id": "A"}})
        till.put(f"T{number}", basket() | {"lines": sold})
        folding.fold_sales()
    assert members(group) == "A"


def test_the_fold_moves_a_customer_out_who_gives_everything_back_or_whose_sale_is_voided():
    group, others = at_till(TEA), at_till(TEA, {"event": "returned"})
    sold = [sell(name, NOW - DAY, lines=[line("1", 1_000, sku="TEA")]) for name in "ABC"]
    fold()
    assert (members(group), members(others)) == ("ABC", "")
    give_back(sold[0], 1_000)
    void(sold[1])
    fold()
    assert members(group) == "C"


def test_a_fold_asks_for_the_customers_of_its_sales_only_and_for_nobody_without_a_group():
    group = at_till(TEA)
    sell("A", NOW - DAY, lines=[line("1", 1_000, sku="TEA")])
    with CaptureQueriesContext(connection) as queries:
        fold()
    assert members(group) == "A"
    moving = [each["sql"] for each in queries if "promotions_groupmember" in each["sql"]]
    assert len(moving) == 1
    assert "ANY (ARRAY(SELECT customer FROM asked))" in moving[0]


# ── recency, frequency, money ────────────────────────────────────────────────────────────────────────────────────────


def choose(name):
    return "".join(
        Contact.objects.filter(pk__in=audience.contact_keys({"rfm": name}))
        .order_by("customer_id")
        .values_list("customer_id", flat=True)
    )


@pytest.fixture
def buyers():
    """A bought longest ago, once and for 10.00; each following one later, more often and for more; J is the best."""
    for place, name in enumerate("ABCDEFGHIJ"):
        ContactFactory(customer_id=name)
        for number in range(place + 1):
            sell(name, NOW - (100 - place) * DAY - number * HOUR, total=1_000)
    ContactFactory(customer_id="K")
    sell("K", NOW - 366 * DAY, total=900_000)  # no class: too long ago
    fold()


def test_each_measure_has_five_equal_fifths_of_those_who_bought_within_a_year(buyers):
    for measure in rfm.MEASURES:
        assert [choose(f"{measure} {fifth}") for fifth in range(1, 6)] == ["AB", "CD", "EF", "GH", "IJ"]


def test_everybody_who_bought_has_one_class(buyers):
    assert {name: choose(name) for name in rfm.CLASSES if choose(name)} == {
        "asleep": "ABCD",
        "attention": "EF",
        "loyal": "GH",
        "champions": "IJ",
    }


def test_what_came_back_and_other_currencies_are_no_money(buyers):
    Sale.objects.filter(customer="J").update(currency="JPY")
    give_back(sell("I", NOW - DAY, total=50_000), 50_000)
    fold()
    assert choose("money 1") == "AJ"
    assert choose("money 5") == "HI"
    assert choose("recency 5") == "IJ", "the day of what was paid back whole does not count"


def test_a_class_is_a_group_at_the_till_that_no_single_sale_moves(buyers):
    group = at_till({"rfm": "champions"})
    assert members(group) == "IJ"
    for number in range(20):
        sell("L", NOW - number * HOUR)
    fold()
    assert members(group) == "IJ"
    segment_groups.refill_group(Segment.objects.get().pk)
    assert "L" in members(group), "without an address"


def test_another_name_is_refused():
    with pytest.raises(SegmentError, match="“whales” is no class; there are champions, "):
        audience.compile({"rfm": "whales"})


def test_a_class_is_made_a_segment_by_two_clicks(client, marketer, buyers):
    said = client.get("/segments/").content.decode()
    assert 'href="/segments/new/?ready=champions"' in said
    page = client.get("/segments/new/?ready=champions").content.decode()
    assert "recency 4 or 5 of 5, frequency and money together 5 of 5" in page
    sent = {"name": "Champions", "do": "save", "t-group": "all", "t-0-what": "rfm", "t-0-rfm": "champions"}
    client.post("/segments/new/", sent)
    segment = Segment.objects.get()
    assert segment.tree == {"all": [{"rfm": "champions"}]}
    assert '<option value="champions" selected>' in client.get(f"/segments/{segment.pk}/").content.decode()
