"""Segments: a tree of conditions chooses exactly the contacts it says."""

from datetime import timedelta

import pytest
from django.utils import timezone

from mailing import audience
from mailing.models import Event, Membership, Suppression
from mailing.segments import MOST_CONDITIONS, SegmentError
from tests.factories import ContactFactory, ContactListFactory, DeliveryFactory, LocationFactory, SaleFactory
from tests.outside import choose_contacts

pytestmark = pytest.mark.django_db


def choose_first_names(tree):
    """The first names of the contacts the tree chooses."""
    from django.db import connection

    sql, params = audience.compile(tree)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT contact.first_name FROM mailing_contact AS contact WHERE {sql}", params)
        names = {row[0] for row in cursor}
    assert audience.count_contacts(tree) == len(names)
    return "".join(sorted(names))


@pytest.fixture
def people():
    attributes = {
        "A": {"points": 10, "plan": "Gold", "since": "2026-01-31"},
        "B": {"points": "200", "plan": "gold", "since": "2025-06-01"},
        "C": {"points": 3.5, "newsletter": True},
        "D": {},
    }
    cities = {"A": "Berlin", "B": "Bergen", "C": "", "D": "Oslo"}
    return {
        name: ContactFactory(
            first_name=name, last_name="", city=cities[name], score=score, attributes=attributes[name]
        )
        for name, score in zip("ABCD", (1, 20, None, 300), strict=True)
    }


@pytest.mark.parametrize(
    ("field", "op", "value", "names"),
    [
        ("city", "equals", "berlin", "A"),
        ("city", "not_equals", "Berlin", "BCD"),
        ("city", "contains", "ER", "AB"),
        ("city", "starts_with", "be", "AB"),
        ("city", "ends_with", "lo", "D"),
        ("city", "is_set", None, "ABD"),
        ("city", "is_not_set", None, "C"),
        ("city", "greater_than", "berlin", "D"),
        ("score", "greater_than", 5, "BD"),
        ("score", "less_than", "20", "A"),
        ("score", "between", [1, 20], "AB"),
        ("score", "equals", 300, "D"),
        ("score", "is_not_set", None, "C"),
        ("points", "greater_than", 9, "AB"),
        ("points", "less_than", 5, "C"),
        ("points", "between", ["3.5", "10"], "AC"),
        ("points", "is_set", None, "ABC"),
        ("plan", "equals", "GOLD", "AB"),
        ("plan", "not_equals", "gold", "CD"),
        ("since", "greater_than", "2025-12-31", "A"),
        ("newsletter", "equals", True, "C"),
        ("unheard_of", "is_set", None, ""),
        ("unheard_of", "not_equals", "x", "ABCD"),
    ],
)
def test_every_operator_compares_as_it_says(people, field, op, value, names):
    assert choose_first_names({"field": field, "op": op, "value": value}) == names


@pytest.mark.parametrize("written", ["IT", "it", "Italy", "Italien"])
def test_a_country_is_found_by_its_name_too(written):
    people = [{"email": "a@x.test", "country": "IT"}, {"email": "b@x.test", "country": "DE"}]
    assert choose_contacts({"field": "country", "op": "equals", "value": written}, people) == ["a@x.test"]
    assert audience.count_contacts({"field": "country", "op": "not_equals", "value": written}) == 1


@pytest.mark.parametrize("op", ["greater_than", "less_than", "equals"])
def test_a_number_beyond_all_numbers_is_refused(op):
    with pytest.raises(SegmentError, match="no number"):
        audience.count_contacts({"field": "points", "op": op, "value": float("inf")})


def test_groups_nest_and_none_turns_the_unknown_into_yes(people):
    gold = {"field": "plan", "op": "equals", "value": "gold"}
    rich = {"field": "score", "op": "greater_than", "value": 100}
    few = {"field": "points", "op": "less_than", "value": 100}
    assert choose_first_names({"all": [gold, few]}) == "A"
    assert choose_first_names({"any": [gold, rich]}) == "ABD"
    assert choose_first_names({"none": [gold, rich]}) == "C"
    assert choose_first_names({"all": [{"none": [rich]}, {"any": [few, {"all": [gold]}]}]}) == "ABC"
    assert (
        choose_first_names({})
        == choose_first_names({"all": []})
        == choose_first_names({"none": []})
        == "ABCD"
    )


def test_lists_flags_and_their_opposites(people):
    members = ContactListFactory(contacts=[people["A"], people["B"]])
    Membership.objects.filter(contact=people["B"]).update(unsubscribed_at=timezone.now())
    Suppression.objects.create(email=people["C"].email, reason="unsubscribed")
    Suppression.objects.create(email=people["D"].email, reason="hard_bounce")
    assert choose_first_names({"list": members.pk}) == "A"
    assert choose_first_names({"none": [{"list": members.pk}]}) == "BCD"
    assert choose_first_names({"field": "is_unsubscribed", "op": "equals", "value": True}) == "C"
    assert choose_first_names({"field": "is_bounced", "op": "equals", "value": True}) == "D"
    assert choose_first_names({"field": "is_suppressed", "op": "equals", "value": False}) == "AB"
    assert choose_first_names({"field": "is_suppressed", "op": "not_equals", "value": True}) == "AB"


def test_events_within_a_time_and_of_one_campaign(people):
    now = timezone.now()
    old = DeliveryFactory(contact=people["A"], status="accepted", sent_at=now, due_at=None)
    new = DeliveryFactory(
        contact=people["B"], status="accepted", sent_at=now - timedelta(days=40), due_at=None
    )
    Event.objects.create(
        delivery=old, campaign=old.campaign, kind="opened", basis="interest", at=now - timedelta(days=40)
    )
    Event.objects.create(delivery=new, campaign=new.campaign, kind="opened", basis="interest", at=now)
    month = {"amount": 1, "unit": "month"}
    assert choose_first_names({"event": "opened"}) == "AB"
    assert choose_first_names({"event": "opened", "within": month}) == "B"
    assert choose_first_names({"event": "opened", "done": False, "within": month}) == "ACD"
    assert choose_first_names({"event": "opened", "campaign": old.campaign_id}) == "A"
    assert choose_first_names({"event": "clicked"}) == ""
    assert choose_first_names({"event": "sent", "within": month}) == "A"


def test_what_customers_bought_at_tills_and_how_often(people):
    now = timezone.now()
    for name, number in (("A", "C1"), ("B", "C2"), ("C", "C3")):
        people[name].customer_id = number
        people[name].save()
    SaleFactory.create_batch(2, customer="C1", at=now)
    SaleFactory(customer="C1", at=now - timedelta(days=40))
    SaleFactory(customer="C2", at=now - timedelta(days=40))
    SaleFactory(customer="C3", at=now, state="voided")
    SaleFactory(customer="", at=now)
    month = {"amount": 1, "unit": "month"}
    assert choose_first_names({"event": "bought"}) == "AB"
    assert choose_first_names({"event": "bought", "within": month}) == "A"
    assert choose_first_names({"event": "bought", "done": False, "within": month}) == "BCD"
    assert choose_first_names({"event": "bought", "times": 2}) == "A"
    assert choose_first_names({"event": "bought", "times": 3}) == "A"
    assert choose_first_names({"event": "bought", "times": 3, "within": month}) == ""
    assert choose_first_names({"event": "bought", "times": 3, "done": False}) == "BCD"


def test_what_customers_spent_at_tills_less_what_came_back(people):
    now = timezone.now()
    for name, number in (("A", "C1"), ("B", "C2"), ("C", "C3")):
        people[name].customer_id = number
        people[name].save()
    SaleFactory.create_batch(2, customer="C1", at=now, total=5000)
    sale = SaleFactory(customer="C2", at=now, total=10000)
    SaleFactory(customer="C3", at=now, total=10000, currency="JPY")
    hundred = {"event": "bought", "spent": 10000, "currency": "EUR"}
    assert choose_first_names(hundred) == "AB"
    assert choose_first_names(hundred | {"spent": 10001}) == ""
    assert choose_first_names(hundred | {"times": 2}) == "A"
    assert choose_first_names(hundred | {"done": False}) == "CD"
    for number in (1, 2):
        sale.returned_total = 50 * number
        sale.save()
    assert choose_first_names(hundred) == "A"
    assert choose_first_names(hundred | {"spent": 9900}) == "AB"


@pytest.mark.parametrize(
    ("tree", "words"),
    [
        ({"field": "city", "op": "like", "value": "x"}, "no way to compare"),
        ({"field": "a; drop table", "op": "equals", "value": "x"}, "no name of a field"),
        ({"field": "city", "op": "equals"}, "give a value"),
        ({"field": "score", "op": "between", "value": [1]}, "two values"),
        ({"field": "is_bounced", "op": "equals", "value": "yes"}, "true or false"),
        ({"event": "danced"}, "no event"),
        ({"event": "opened", "within": {"amount": 1, "unit": "week'; drop"}}, "a number of one of"),
        ({"event": "opened", "times": 0}, "a whole number above 0"),
        ({"event": "bought", "spent": 0, "currency": "EUR"}, "an amount above 0"),
        ({"event": "opened", "spent": 5, "currency": "EUR"}, "only bought goods"),
        ({"list": "3"}, "needs the list"),
        ({"all": [], "any": []}, "and nothing else"),
        ({"nothing": 1}, "must name"),
        ([], "must name"),
        ({"all": [{"list": 1}] * (MOST_CONDITIONS + 1)}, "at most"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_a_sentence(tree, words):
    with pytest.raises(SegmentError, match=words):
        audience.compile(tree or {"all": [tree]})


def test_a_tree_deeper_than_any_person_needs_is_refused():
    tree = {"list": 1}
    for _ in range(30):
        tree = {"all": [tree]}
    with pytest.raises(SegmentError, match="deep"):
        audience.compile(tree)


def test_what_a_person_types_is_never_sql(people):
    for value in ("' OR true --", "%s", "%%", "\\", "Robert'); DROP TABLE mailing_contact;--"):
        assert choose_first_names({"field": "city", "op": "equals", "value": value}) == ""
        assert choose_first_names({"field": "plan", "op": "contains", "value": value}) == ""


# ── values as people write them ──────────────────────────────────────────────────────────────────────────────────────


def pick_values(tree, *values, field="v"):
    """Those of these values of a contact's attribute that the tree chooses."""
    contacts = [
        {"email": f"p{place}@x.test"} | ({field: value} if value is not None else {})
        for place, value in enumerate(values)
    ]
    addresses = choose_contacts(tree, contacts)
    return [values[int(address[1:].partition("@")[0])] for address in addresses]


@pytest.mark.parametrize(
    ("op", "value", "chosen"),
    [
        ("equals", "12.50", ["12.50", "12.5", 12.5, "12,50"]),
        ("equals", "12,5", ["12.50", "12.5", 12.5, "12,50"]),
        ("equals", "7", [7, "7"]),
        ("equals", "007", ["007"]),
        ("not_equals", "12.5", [7, "7", "007", "1.234,50", "abc", None]),
        ("greater_than", "12", ["12.50", "12.5", 12.5, "12,50", "1.234,50"]),
        ("greater_than", "1.234,49", ["1.234,50"]),
        ("less_than", "8", [7, "7", "007"]),
        ("between", ["7", "12.5"], ["12.50", "12.5", 12.5, "12,50", 7, "7", "007"]),
    ],
)
def test_numbers_compare_as_numbers_however_they_are_written(op, value, chosen):
    values = ["12.50", "12.5", 12.5, "12,50", 7, "7", "007", "1.234,50", "abc", None]
    assert pick_values({"field": "v", "op": op, "value": value}, *values) == chosen


@pytest.mark.parametrize(
    ("op", "value", "chosen"),
    [
        (
            "greater_than",
            "2026-01-01",
            ["2026-03-01", "15.02.2026", "2026-01-02T10:00:00Z", "2.1.2026 09:30"],
        ),
        (
            "greater_than",
            "01.01.2026",
            ["2026-03-01", "15.02.2026", "2026-01-02T10:00:00Z", "2.1.2026 09:30"],
        ),
        ("less_than", "2026-01-02", ["2026-01-01"]),
        ("between", ["2026-01-02", "2026-02-15"], ["15.02.2026", "2026-01-02T10:00:00Z", "2.1.2026 09:30"]),
        ("greater_than", "2026-01-02T09:59:59", ["2026-03-01", "15.02.2026", "2026-01-02T10:00:00Z"]),
    ],
)
def test_what_is_no_date_is_neither_before_nor_after_one(op, value, chosen):
    values = [
        "2026-03-01",
        "never",
        "n/a",
        "15.02.2026",
        7,
        "2026-01-02T10:00:00Z",
        "2.1.2026 09:30",
        "2026-02-30",
    ]
    values += ["2026-01-01", "20260301", "02/03/2026", "31.02.2026x", True, None]
    assert pick_values({"field": "v", "op": op, "value": value}, *values) == chosen


@pytest.mark.parametrize("value", ["2026-01-15", "15.01.2026", "15.1.2026"])
def test_the_same_day_in_another_form_is_equal(value):
    values = ["2026-01-15", "15.01.2026", "15.1.2026", "2026-01-15T08:00Z", "2026-01-16", "15.01.2027", None]
    assert pick_values({"field": "v", "op": "equals", "value": value}, *values) == values[:3]


@pytest.mark.parametrize(
    ("op", "value", "chosen"),
    [
        ("less_than", "2026-01-15T08:00:00+02:00", ["2026-01-15T06:59:00+01:00", "2026-01-14T22:59-0700"]),
        ("greater_than", "2026-01-15T06:00Z", ["2026-01-15T05:30:00-08:00", "2026-01-15 07:00+00"]),
    ],
)
def test_times_that_name_their_offset_compare_as_instants(op, value, chosen):
    values = ["2026-01-15T06:59:00+01:00", "2026-01-15T05:30:00-08:00", "2026-01-15 07:00+00"]
    values += ["2026-01-14T22:59-0700"]
    odd = ["2026-02-29T08:00Z", "0000-01-01T00:00Z", "2026-01-15T24:61+99:99", "never", None]
    found = pick_values({"field": "v", "op": op, "value": value}, *values, *odd)
    assert [each for each in found if each in values] == chosen


@pytest.mark.parametrize("value", ["", "  ", "\u00a0", [], {}])
def test_what_is_blank_or_empty_is_not_set(value):
    assert pick_values({"field": "v", "op": "is_set"}, value, 0, False, "x") == [0, False, "x"]
    assert audience.count_contacts({"field": "v", "op": "is_not_set"}) == 1


@pytest.mark.parametrize(
    ("tree", "chosen"),
    [
        ({"field": "v", "op": "not_equals", "value": "Rome"}, ["Oslo", "", None]),
        ({"none": [{"field": "v", "op": "contains", "value": "o"}]}, ["", None]),
        ({"none": [{"field": "v", "op": "greater_than", "value": "5"}]}, ["Rome", "Oslo", "", None]),
        ({"field": "v", "op": "is_not_set"}, ["", None]),
        ({"none": [{"field": "v", "op": "is_set"}]}, ["", None]),
    ],
)
def test_negative_conditions_hold_for_people_without_a_value(tree, chosen):
    assert pick_values(tree, "Rome", "Oslo", "", None) == chosen


def test_postal_codes_and_customer_numbers_are_no_numbers():
    assert pick_values({"field": "v", "op": "equals", "value": "1234"}, "01234", "1234", "1234.0") == [
        "1234",
        "1234.0",
    ]
    ContactFactory(first_name="X", customer_id="12")
    ContactFactory(first_name="Y", customer_id="12.0")
    assert choose_first_names({"field": "customer_id", "op": "equals", "value": "12"}) == "X"


def test_the_signup_date_is_a_day_of_the_site(settings):
    settings.TIME_ZONE = "Europe/Berlin"
    late = ContactFactory(first_name="L")
    type(late).objects.filter(pk=late.pk).update(created_at="2026-01-31T23:30:00Z")
    early = ContactFactory(first_name="E")
    type(early).objects.filter(pk=early.pk).update(created_at="2026-01-31T22:30:00Z")
    assert choose_first_names({"field": "signup_date", "op": "equals", "value": "2026-02-01"}) == "L"
    assert choose_first_names({"field": "signup_date", "op": "less_than", "value": "01.02.2026"}) == "E"


def test_the_usual_location_is_where_somebody_bought_most():
    rome, oslo = LocationFactory(code="R1", name="Rome"), LocationFactory(code="O1", name="Oslo")
    for name in "ABC":
        ContactFactory(first_name=name, customer_id=name)
    for location, customer in [(rome, "A"), (rome, "A"), (oslo, "A"), (oslo, "B")]:
        SaleFactory(location=location, customer=customer)
    SaleFactory(location=oslo, customer="A", state="voided")
    SaleFactory(location=oslo, customer="A", state="voided")
    assert choose_first_names({"field": "usual_location", "op": "equals", "value": "rome"}) == "A"
    assert choose_first_names({"field": "usual_location", "op": "equals", "value": "o1"}) == "B"
    assert choose_first_names({"field": "usual_location", "op": "not_equals", "value": "Rome"}) == "BC"
    assert choose_first_names({"field": "usual_location", "op": "is_set"}) == "AB"
    assert choose_first_names({"field": "usual_location", "op": "is_not_set"}) == "C"


@pytest.mark.parametrize(
    ("op", "value", "cells", "right"),
    [
        ("greater_than", 10**17, ["5", "200000000000000000", 3 * 10**17], [1, 2]),
        ("greater_than", 1e16, ["5", 2e16, "20000000000000000"], [1, 2]),
        ("less_than", 1e-7, ["5", "0", "0.00000001"], [1, 2]),
        ("greater_than", "1 000", ["999", "1001"], [1]),
        ("greater_than", "1'000.00", ["999", "1001"], [1]),
        ("greater_than", " 10 ", ["9", "11"], [1]),
        ("greater_than", "+10", ["9", "11"], [1]),
        ("greater_than", 5, ["+6", "+4", "12 €", "1e5"], [0]),
        ("greater_than", "5" * 200, ["6"], []),
        ("greater_than", 5, ["9" * 100, "9" * 101, "9" * 200_000, "+", " 9", "9,5", "x 9"], [0, 5]),
        (
            "less_than",
            "2026-02-01",
            ["2026-01-15 or so", "2026-01-15 " + "x" * 200, "15.01.2026 10:00"],
            [0, 2],
        ),
        ("equals", "Zoë", ["Zoe\u0308", "Zoë", "ZOË", "Zoe"], [0, 1, 2]),
        ("contains", "é", ["cafe\u0301", "café", "cafe"], [0, 1]),
    ],
)
def test_a_value_compares_as_it_is_meant_however_it_is_written(op, value, cells, right):
    people = [{"email": f"u{place}@x.test", "v": cell} for place, cell in enumerate(cells)]
    chosen_ones = choose_contacts({"field": "v", "op": op, "value": value}, people)
    assert chosen_ones == [f"u{place}@x.test" for place in right]


@pytest.mark.parametrize(
    ("value", "sentence"),
    [("2026-02-30", "no such day"), ("31.11.2026", "no such day"), ("\ud800", "may hold")],
)
def test_a_value_that_nothing_can_be_is_named(value, sentence):
    with pytest.raises(SegmentError, match=sentence):
        audience.compile({"field": "since", "op": "greater_than", "value": value})
