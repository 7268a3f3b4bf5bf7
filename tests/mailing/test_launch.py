"""The launch (row E9): what is validated, who becomes a recipient, who gets which connection, what is frozen."""

from collections import Counter

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.utils import DatabaseError
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from campaigns import doctor
from campaigns.lifecycle import Refused, fire
from mailing import audience, content, deliveries, drafting, endings, launch, progress
from mailing.models import Contact, Content, EmailCampaign, Membership, Segment, Suppression, Target
from tests.factories import (
    ContactFactory,
    ContactListFactory,
    EmailCampaignFactory,
    SmtpConnectionFactory,
)
from tests.mailing.running import BODY, counts, draft, fresh, launch_campaign

pytestmark = pytest.mark.django_db


def fields(problems):
    return [field for field, _ in problems]


# ── step 1: validation ───────────────────────────────────────────────────────────────────────────────────────────────


def test_e9_a_launchable_campaign_has_no_problem():
    assert launch.find_problems(EmailCampaignFactory(launchable=True)) == []
    assert launch.find_problems(draft()) == []


def test_e9_an_empty_draft_is_told_each_thing_that_is_missing_once():
    campaign = EmailCampaign(name="Empty")
    campaign.save()
    assert sorted(fields(launch.find_problems(campaign))) == [
        "body",
        "connection",
        "from_email",
        "subject",
        "targets",
    ]
    with pytest.raises(Refused) as refused:
        fire(campaign, "launch")
    assert sorted(fields(refused.value.reasons)) == ["body", "connection", "from_email", "subject", "targets"]
    assert fresh(campaign).status == "draft"


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"subject": " "}, "subject", "subject is missing"),
        ({"from_email": "nobody"}, "from_email", "not an e-mail address"),
        ({"reply_to": "nobody@"}, "reply_to", "not an e-mail address"),
        ({"body": "Hello {{ first_name"}, "body", ""),
        ({"body": "Hello, no way out of here"}, "body", "unsubscribe"),
        ({"body": BODY + "x" * 120_000}, "body", "KB"),
    ],
)
def test_e9_what_is_wrong_is_said_at_its_field(changes, field, words):
    campaign = draft(**changes)
    reasons = launch.find_problems(campaign)
    assert [(said, words in sentence) for said, sentence in reasons] == [(field, True)]


def test_e9_a_campaign_without_a_sender_name_is_refused_with_a_sentence():
    campaign = draft(from_name=" ")
    ((field, sentence),) = launch.find_problems(campaign)
    assert (field, "sender name is missing" in sentence) == ("from_name", True)
    with pytest.raises(Refused, match="sender name is missing"):
        fire(campaign, "launch")
    assert fresh(campaign).status == "draft"


def test_e9_with_nobody_left_nothing_untrue_is_said_of_the_contents_fields():
    body = BODY + " {{ city }} {{ phone }} {{ country }} {{ score }}"
    assert fields(launch.find_problems(draft(0, body=body))) == ["targets"]
    campaign = draft(0, body=body + " {{ citty }}")
    assert [sentence for field, sentence in launch.find_problems(campaign) if field == "body"] == [
        "Body, line 5: no contact has a field citty. Did you mean city?"
    ]


def test_e9_an_attribute_that_only_one_old_contact_has_is_known(monkeypatch):
    monkeypatch.setattr(audience, "NEWEST_CONTACTS", 1)
    campaign = draft(1, body=BODY + " {{ shoe }} {{ shoee }}")
    ContactFactory(attributes={"shoe": 42})
    ContactFactory(attributes={})
    assert [sentence for _, sentence in launch.find_problems(campaign)] == [
        "Body, line 5: no contact has a field shoee. Did you mean shoe?"
    ]


def test_e9_another_fault_of_the_content_reads_no_contact_in_search_of_names():
    campaign = draft(1, body=BODY + " {{ score }} {{ first_name")
    with CaptureQueriesContext(connection) as captured:
        assert fields(launch.find_problems(campaign)) == ["body"]
    assert [query["sql"] for query in captured if "unnest" in query["sql"]] == []


@pytest.mark.parametrize(("given", "carried"), [({}, "shop.example"), ({"utm_source": "letter"}, "letter")])
def test_links_carry_the_sites_name_as_their_source_unless_another_is_given(settings, given, carried):
    settings.SITE_NAME = "shop.example"
    campaign = launch_campaign(1, **given)
    compiled = content.load(bytes(Content.objects.get(campaign=campaign).compiled))
    assert compiled.target(0) == (
        f"https://shop.example/news?utm_source={carried}&utm_medium=email&utm_campaign=Autumn"
    )


def test_a_campaign_is_tried_again_for_a_week_at_most():
    campaign = draft(retry_hours=169)
    with pytest.raises(ValidationError, match="168"):
        campaign.full_clean(exclude=["status"])


def test_e9_the_senders_domain_must_be_one_the_connection_takes():
    strict = SmtpConnectionFactory(name="Strict", allowed_domains=["shop.example"])
    assert launch.find_problems(draft(connection=strict)) == [
        ("from_email", "“Strict” takes mail from shop.example only.")
    ]
    assert launch.find_problems(draft(connection=strict, from_email="news@shop.example")) == []


def test_e9_nobody_left_after_exclusions_is_a_problem_of_the_targets():
    campaign = draft(2)
    everybody = campaign.targets.get().list
    campaign.targets.all().delete()
    Target.objects.create(campaign=campaign, list=ContactListFactory(contacts=everybody.contacts.all()))
    Target.objects.create(campaign=campaign, list=everybody, mode="exclude")
    assert fields(launch.find_problems(campaign)) == ["targets"]


def test_e9_a_switched_off_connection_is_a_problem():
    off = SmtpConnectionFactory(is_enabled=False)
    assert fields(launch.find_problems(draft(connection=off))) == ["connection"]


def test_e9_percentages_make_a_hundred():
    one, two = SmtpConnectionFactory(), SmtpConnectionFactory()
    ((field, sentence),) = launch.find_problems(draft(sharing="percentage", routes=[(one, 60), (two, 30)]))
    assert (field, "90%" in sentence) == ("routes", True)
    assert launch.find_problems(draft(sharing="percentage", routes=[(one, 60), (two, 40)])) == []
    assert launch.find_problems(draft(sharing="round_robin", routes=[(one, 2), (two, 1)])) == []
    assert fields(launch.find_problems(draft(sharing="round_robin", routes=[(one, 0)]))) == ["routes"]


def test_e9_content_is_tried_on_the_contacts_themselves():
    contacts = ContactFactory.create_batch(3)
    ContactFactory(attributes={"count": 1})  # who is not among them
    campaign = draft(contacts, body=BODY + "{% for n in (1..count) %}{{ n }}{% endfor %}")
    assert launch.find_problems(campaign) == []
    contacts[1].attributes = {"count": 10_000_000}
    contacts[1].save()
    assert fields(launch.find_problems(campaign)) == ["body"]


def test_content_without_a_sender_yet_names_no_list():
    campaign = draft(from_email="")
    written = launch.build_source(campaign)
    assert (written.list_id, written.feedback) == ("", ())
    assert content.render_preview(written, launch.build_recipient(Contact(email="sam@example.com"))).html


def test_the_launch_never_uses_the_network():
    nowhere = SmtpConnectionFactory(host="host.invalid")
    fire(draft(connection=nowhere), "launch")


# ── step 2: recipients ───────────────────────────────────────────────────────────────────────────────────────────────


def test_e9_lists_and_segments_less_exclusions_less_suppressions_each_address_once():
    people = {name: ContactFactory(email=f"{name}@example.com", city="Berlin") for name in "abcdefg"}
    people["g"].city = "Rome"
    people["g"].save()
    first = ContactListFactory(contacts=[people[name] for name in "abc"])
    second = ContactListFactory(contacts=[people[name] for name in "bcde"])
    gone = ContactListFactory(contacts=[people["d"]])
    romans = Segment.objects.create(name="Rome", tree={"field": "city", "op": "equals", "value": "rome"})
    Membership.objects.filter(list=second, contact=people["e"]).update(unsubscribed_at="2026-01-01T00:00Z")
    Suppression.objects.create(email="C@example.com")
    campaign = draft(0)
    campaign.targets.all().delete()
    for rows in ({"list": first}, {"list": second}, {"segment": romans}, {"list": gone, "mode": "exclude"}):
        Target.objects.create(campaign=campaign, **rows)
    estimate = audience.estimate(audience.read_selection(campaign.targets.all()))
    fire(campaign, "launch")
    launch.prepare(campaign.pk)
    campaign = fresh(campaign)
    assert set(campaign.deliveries.values_list("email", flat=True)) == {
        f"{name}@example.com" for name in "abg"
    }
    assert campaign.funnel == {
        "by_target": {f"list {first.pk}": 3, f"list {second.pk}": 4, f"segment {romans.pk}": 1},
        "named": 8,
        "duplicates": 2,
        "unsubscribed": 1,
        "excluded": 1,
        "suppressed": 1,
        "recipients": 3,
    }
    assert estimate.recipients == campaign.total == progress.read_figures(campaign).total == 3
    named = estimate.duplicates + estimate.unsubscribed + estimate.excluded + estimate.suppressed
    assert estimate.named - named == estimate.recipients


def test_whoever_left_one_list_but_is_in_another_still_gets_it():
    contact = ContactFactory()
    left, stayed = ContactListFactory(contacts=[contact]), ContactListFactory(contacts=[contact])
    Membership.objects.filter(list=left).update(unsubscribed_at="2026-01-01T00:00Z")
    campaign = draft(0)
    campaign.targets.all().delete()
    Target.objects.create(campaign=campaign, list=left)
    Target.objects.create(campaign=campaign, list=stayed)
    fire(campaign, "launch")
    launch.prepare(campaign.pk)
    assert fresh(campaign).total == 1


def test_preparing_twice_changes_nothing():
    campaign = launch_campaign(5)
    before = list(campaign.deliveries.order_by("pk").values())
    launch.prepare(campaign.pk)
    assert list(campaign.deliveries.order_by("pk").values()) == before
    assert fresh(campaign).prepared_at == campaign.prepared_at


def test_a_launch_never_reads_its_recipients_into_memory(django_assert_max_num_queries):
    # a sender of another domain than the recipients': a query may name the sender
    few, many = (fire(draft(number, from_email="news@shop.test"), "launch") for number in (3, 300))
    for campaign in (few, many):
        with django_assert_max_num_queries(40) as asked:
            launch.prepare(campaign.pk)
        assert not any("example.com" in query["sql"] for query in asked.captured_queries)
        assert fresh(campaign).total == (3 if campaign is few else 300)


def test_e9_with_nobody_left_it_is_complete_at_once():
    campaign = fire(draft(2), "launch")
    Suppression.objects.bulk_create(
        Suppression(email=email) for email in Contact.objects.values_list("email", flat=True)
    )
    launch.prepare(campaign.pk)
    campaign = fresh(campaign)
    assert (campaign.status, campaign.total) == ("completed", 0)
    assert progress.read_figures(campaign).percent == 100.0


def test_complete_is_refused_before_it_is_prepared_and_while_somebody_waits():
    campaign = fire(draft(2), "launch")
    with pytest.raises(Refused, match="still being prepared"):
        fire(campaign, "complete")
    launch.prepare(campaign.pk)
    with pytest.raises(Refused, match="2 recipients left"):
        fire(campaign, "complete")


def test_a_campaign_cancelled_before_it_is_prepared_gets_no_recipients():
    campaign = fire(draft(2), "launch")
    fire(campaign, "cancel")
    launch.prepare(campaign.pk)
    assert counts(campaign) == {}


def test_a_campaign_paused_before_it_is_prepared_is_prepared_and_sends_nothing():
    campaign = fire(draft(2), "launch")
    fire(campaign, "pause")
    launch.prepare(campaign.pk)
    assert fresh(campaign).status == "paused"
    assert counts(campaign) == {"pending": 2}


# ── step 3: connections ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("sharing", "shares", "recipients", "given"),
    [
        ("percentage", [50, 50], 7, [4, 3]),
        ("percentage", [33, 33, 34], 10, [3, 3, 4]),
        ("percentage", [70, 20, 10], 23, [16, 5, 2]),
        ("percentage", [99, 1], 30, [30, 0]),
        ("round_robin", [2, 1], 9, [6, 3]),
        ("round_robin", [1, 1, 1], 10, [4, 3, 3]),
        ("failover", [1, 1], 5, [5, 0]),
    ],
)
def test_e9_shares_are_exact_by_largest_remainder(sharing, shares, recipients, given):
    routes = [(SmtpConnectionFactory(), share) for share in shares]
    campaign = launch_campaign(recipients, sharing=sharing, routes=routes)
    taken = Counter(campaign.deliveries.values_list("connection", flat=True))
    assert [taken[smtp.pk] for smtp, _ in routes] == given
    assert campaign.planned == {str(smtp.pk): amount for (smtp, _), amount in zip(routes, given, strict=True)}
    assert list(doctor.find_breaches()) == []


def largest_remainder(shares, recipients):
    """Exact shares, written another way than the statement that makes them."""
    whole = sum(shares)
    given = [recipients * share // whole for share in shares]
    by_rest = sorted(range(len(shares)), key=lambda place: (-(recipients * shares[place] % whole), place))
    for place in by_rest[: recipients - sum(given)]:
        given[place] += 1
    return given


@given(
    shares=st.lists(st.integers(0, 100), min_size=1, max_size=6).filter(any),
    recipients=st.integers(0, 5000),
)
def test_shares_are_those_of_the_largest_remainder_for_any_shares(shares, recipients):
    sql = (
        f"WITH recipients AS (SELECT generate_series(1, %s)), {deliveries.DEAL.rstrip().rstrip(',')}"
        " SELECT array_agg(amount ORDER BY connection_id) FROM given"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [recipients, list(range(len(shares))), shares, shares])
        assert [int(amount) for amount in cursor.fetchone()[0]] == largest_remainder(shares, recipients)


# ── step 4: content ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_e9_the_content_is_frozen_with_its_hash():
    campaign = launch_campaign(1)
    frozen = Content.objects.get(campaign=campaign)
    assert content.load(bytes(frozen.compiled)).hash == campaign.content_hash
    frozen.compiled = b"another"
    with pytest.raises(DatabaseError, match="frozen"), transaction.atomic():
        frozen.save()


def test_content_that_does_not_compile_fails_the_campaign_with_the_reason(monkeypatch):
    campaign = fire(draft(2), "launch")

    def refuse(source):
        raise content.ContentError("Line 3: “endif” is missing.")

    monkeypatch.setattr(launch.renderer, "compile_content", refuse)
    launch.prepare(campaign.pk)
    assert fresh(campaign).status == "failed"
    assert campaign.history.first().why == "Line 3: “endif” is missing."
    assert counts(campaign) == {}


def test_a_campaign_without_any_connection_left_fails():
    campaign = EmailCampaignFactory(status="running", prepared_at=None)
    launch.prepare(campaign.pk)
    assert fresh(campaign).status == "failed"
    assert "no SMTP connection" in campaign.history.first().why


def test_the_same_unforeseen_error_counts_and_another_starts_anew():
    campaign = fire(draft(1), "launch")
    for error in (OSError("a"), OSError("a"), OSError("b"), OSError("b")):
        endings.count_unforeseen_error(campaign.pk, error)
    assert fresh(campaign).status == "running"
    endings.count_unforeseen_error(campaign.pk, OSError("b"))
    assert fresh(campaign).status == "failed"
    assert "OSError: b" in campaign.history.first().why


def test_a_launched_campaign_keeps_its_connections():
    one = SmtpConnectionFactory()
    campaign = launch_campaign(2, sharing="round_robin", routes=[(one, 1)])
    with pytest.raises(Refused, match="connections cannot be edited"):
        campaign.routes.get().delete()
    with pytest.raises(DatabaseError), transaction.atomic():
        campaign.routes.all().delete()


def test_a_duplicate_has_the_connections_and_nothing_of_the_past():
    one, two = SmtpConnectionFactory(), SmtpConnectionFactory()
    campaign = launch_campaign(2, sharing="percentage", routes=[(one, 25), (two, 75)])
    copy = drafting.lifecycle.duplicate(campaign)
    assert [(route.connection, route.share) for route in copy.routes.all()] == [(one, 25), (two, 75)]
    assert (copy.funnel, copy.planned, copy.total, copy.prepared_at) == ({}, {}, 0, None)
    assert launch.find_problems(copy) == []
