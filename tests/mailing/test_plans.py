"""How PostgreSQL goes about statements that messages and the clock need: never through a whole ledger."""

import json
from datetime import time, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from mailing import audience, deliveries
from mailing.comparing import Condition
from mailing.models import Contact, Delivery, Membership
from mailing.segments import compile_tree
from mailing.sending import claim, lanes
from mailing.sending.windows import ALWAYS
from mailing.variants import releasing
from tests.factories import ContactListFactory, SmtpConnectionFactory
from tests.mailing.running import launch_campaign

pytestmark = pytest.mark.django_db
ROWS = 6_000


@pytest.fixture
def campaign():
    """A campaign under way, with hours, a limit and a local hour: some are done, some due, and most due later."""
    smtp = SmtpConnectionFactory()
    now = timezone.now()
    fields = {
        "window_from": time(0), "window_until": time(23, 59), "per_hour": 1000, "local_time": time(9),
        "connection": smtp,
    }  # fmt: skip
    campaign, other = launch_campaign(1, **fields), launch_campaign(1, connection=smtp)
    for of, amount in ((campaign, ROWS), (other, ROWS // 3)):
        Delivery.objects.bulk_create(
            Delivery(
                campaign=of, email=f"{of.pk}-{n}@x.example", connection=smtp,
                status="accepted" if n < amount // 3 else "pending",
                due_at=None if n < amount // 3 else now + timedelta(hours=n % 24, seconds=n),
            )
            for n in range(amount)
        )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE mailing_delivery")
    return campaign


def list_steps(sql, values):
    """The steps of a plan: type, and the table they read."""
    return [(step["Node Type"], step.get("Relation Name")) for step in explain(sql, values)]


def explain(sql, values):
    """All that PostgreSQL says of each step of a plan."""

    def walk(step):
        yield step
        for each in step.get("Plans", ()):
            yield from walk(each)

    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", values)
        found = cursor.fetchone()[0]
    plan = found if isinstance(found, list) else json.loads(found)
    return list(walk(plan[0]["Plan"]))


def refuse_whole_ledger(steps):
    assert ("Seq Scan", "mailing_delivery") not in steps
    assert [kind for kind, _ in steps if "Sort" in kind] == []


def test_a_claim_reads_what_is_due_in_its_order_and_nothing_else(campaign):
    smtp = campaign.connection_id
    steps = list_steps(
        claim.CLAIM,
        {
            "run": 1,
            "planned": smtp,
            "connection": smtp,
            "campaign": campaign.pk,
            "most": 500,
            **ALWAYS._asdict(),
        },
    )
    refuse_whole_ledger(steps)
    assert ("Index Scan", "mailing_delivery") in steps


def test_the_clock_finds_out_whether_anything_is_due_by_an_index(campaign):
    now = timezone.now() + timedelta(days=1)  # when everybody is due
    steps = list_steps(lanes._CONNECTIONS, {"now": now, "near": now})
    assert ("Seq Scan", "mailing_delivery") not in steps
    assert steps[steps.index(("Limit", None)) + 1][0].startswith("Index"), "it stops at the first"


def test_the_rest_of_a_test_is_released_from_where_the_last_step_ended(campaign):
    due = deliveries.write_due_times(campaign, timezone.now())
    last = campaign.deliveries.order_by("-pk").values_list("pk", flat=True)[20]
    steps = list_steps(
        releasing.RELEASE_REST.format(due_at=due.due_at, join=due.join),
        {"campaign": campaign.pk, "winner": 0, "most": 10, "after": last, **due.params},
    )
    assert ("Seq Scan", "mailing_delivery") not in steps


def test_a_page_of_an_audience_need_not_judge_all_of_it():
    """PostgreSQL may go along the index of the list; to judge half a million contacts first took seconds."""
    members = ContactListFactory()
    Contact.objects.bulk_create(Contact(email=f"{n}@x.example") for n in range(ROWS))
    Membership.objects.bulk_create(Membership(list=members, contact=each) for each in Contact.objects.all())
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE mailing_membership, mailing_contact")
    judged = audience.build_judged_query(audience.Selection(lists=(members.pk,)))
    those = f"judged WHERE {audience.STAGES['recipients']} ORDER BY contact_id LIMIT 50"
    kinds = {kind for kind, _ in list_steps(f"{judged.sql} SELECT contact_id FROM {those}", judged.params)}
    assert "CTE Scan" not in kinds  # which would be of all of the list, judged


def list_subplans(query):
    """What is asked anew for each row, or kept in a hash in the hope that memory holds it."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL work_mem = '64kB'")
    steps = explain(query.sql, query.params)
    return [step["Subplan Name"] for step in steps if step.get("Parent Relationship") == "SubPlan"]


@pytest.mark.parametrize(
    "leaf",
    [
        {"event": "sent"},
        {"event": "opened", "times": 2},
        {"event": "bounced", "within": {"amount": 3, "unit": "day"}},
        {"event": "bought", "of": {"sku": "TEA"}},
        {"event": "bought", "times": 2},
        {"event": "first_bought"},
        {"event": "returned"},
        {"event": "redeemed"},
        {"rfm": "champions"},
        {"list": 1},
        {"field": "is_suppressed", "op": "equals", "value": True},
        {"field": "usual_location", "op": "equals", "value": "Cork"},
    ],
    ids=str,
)
def test_who_did_not_do_something_is_found_by_a_join(leaf):
    """NOT IN goes through all that was done for each contact where memory does not hold it: of ten million, hours."""
    for tree in ({"all": [leaf]}, {"none": [leaf, {"field": "city", "op": "equals", "value": "Cork"}]}):
        found = compile_tree(tree)
        everybody = f"SELECT count(*) FROM mailing_contact AS contact WHERE {found.sql}"
        assert list_subplans(Condition(everybody, found.params)) == [], tree


def test_an_audience_is_judged_by_joins():
    wide = audience.Selection(
        lists=(1, 2), segments=((5, {"event": "opened", "done": False}),), without_lists=(3, 4)
    )
    judged = audience.build_judged_query(wide)
    assert list_subplans(Condition(f"{judged.sql} {judged.counts}", judged.params)) == []
