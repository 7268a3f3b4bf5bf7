"""The figures of a campaign (row E10): sums over the ledger, at any moment."""

import time
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from campaigns import doctor
from campaigns.lifecycle import fire
from mailing import progress, tallies
from mailing.models import Delivery, EmailCampaign, Tally
from tests.factories import SmtpConnectionFactory
from tests.mailing.running import count_tallies, fresh, launch_campaign

pytestmark = pytest.mark.django_db


def become(campaign, status, number, **fields):
    """Let so many of those that wait take this state."""
    keys = campaign.deliveries.filter(status="pending").order_by("pk").values_list("pk", flat=True)[:number]
    due = timezone.now() if status == "deferred" else None
    Delivery.objects.filter(pk__in=list(keys)).update(status=status, due_at=due, **fields)


@pytest.fixture
def campaign():
    campaign = launch_campaign(20)
    now = timezone.now()
    become(campaign, "accepted", 8, sent_at=now)
    become(campaign, "bounced", 2, sent_at=now)
    become(campaign, "bounced", 1)
    become(campaign, "deferred", 2)
    become(campaign, "failed", 1)
    become(campaign, "uncertain", 2)
    become(campaign, "skipped", 1)
    become(campaign, "in_data", 1, run=1)
    return campaign


def test_e10_every_figure_is_what_its_word_says(campaign):
    opened = Delivery.objects.filter(status="accepted").values_list("pk", flat=True)[:3]
    Delivery.objects.filter(pk__in=list(opened)).update(opened_at=timezone.now())
    Delivery.objects.filter(pk=opened[0]).update(clicked_at=timezone.now())
    figures = progress.read_figures(campaign)
    assert figures.total == 20
    assert figures.accepted == 10  # by the server, bounced since or not
    assert figures.delivered == 8  # accepted and not bounced since
    assert figures.sent == 12  # accepted + bounced after acceptance + uncertain
    assert (figures.bounced, figures.deferred, figures.failed) == (3, 2, 1)
    assert (figures.uncertain, figures.skipped, figures.waiting, figures.sending) == (2, 1, 2, 1)
    assert (figures.opened, figures.clicked) == (3, 1)
    assert figures.percent == 100 * (20 - 2 - 1 - 2) / 20
    assert figures.rate > 0
    assert figures.seconds_left is not None


def test_e10_a_campaign_not_prepared_yet_has_figures_too():
    campaign = EmailCampaign(name="New")
    campaign.save()
    figures = progress.read_figures(campaign)
    assert (figures.total, figures.percent, figures.sent, figures.seconds_left) == (0, 0.0, 0, None)


def test_e10_a_paused_campaign_has_no_rate_and_knows_no_end(campaign):
    fire(campaign, "pause")
    figures = progress.read_figures(fresh(campaign))
    assert (figures.rate, figures.seconds_left) == (0.0, None)


@pytest.mark.parametrize(
    ("limits", "own", "seconds"),
    [
        ({}, {}, None),
        ({"per_second": 2}, {}, 10),
        ({"per_minute": 60}, {}, 20),
        ({"per_minute": 60}, {"per_minute": 6}, 200),
        ({"per_hour": 15}, {}, 3600),
        ({"per_hour": 8}, {}, 7200),
    ],
)
def test_e10_the_time_left_takes_the_limits_into_account(limits, own, seconds):
    campaign = launch_campaign(20, connection=SmtpConnectionFactory(**limits), **own)
    left = progress.read_figures(campaign).seconds_left
    assert left == (seconds and pytest.approx(seconds, rel=0.05, abs=70 if seconds > 1000 else 1))


def test_e10_the_time_left_does_not_vanish_when_half_a_minute_was_quiet(campaign):
    launched_at = timezone.now() - timedelta(minutes=4)
    EmailCampaign.objects.filter(pk=campaign.pk).update(prepared_at=launched_at)
    with connection.cursor() as cursor:  # the history is append-only
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE campaigns_transition SET at = %s", [launched_at])
        cursor.execute("SET LOCAL session_replication_role = origin")
    Tally.objects.update(at=timezone.now() - timedelta(seconds=90))
    figures = progress.read_figures(fresh(campaign))
    assert figures.rate == 0
    assert figures.seconds_left == pytest.approx(5 / (15 / 240), rel=0.1)


def test_folding_changes_no_sum_and_makes_few_rows_of_many(campaign):
    for _ in range(60):
        Delivery.objects.filter(status="failed").update(status="deferred", due_at=timezone.now())
        Delivery.objects.filter(status="deferred", campaign=campaign).order_by("pk").update(
            status="failed", due_at=None
        )
    before = count_tallies(campaign)
    rows = Tally.objects.count()
    assert rows > 100
    tallies.fold_tallies(timezone.now())
    assert count_tallies(campaign) == before
    assert Tally.objects.count() < 20
    assert list(doctor.find_breaches()) == []


def test_old_counts_are_kept_to_a_quarter_of_an_hour(campaign):
    at = timezone.now().replace(minute=7, second=31, microsecond=5) - timedelta(hours=3)
    Tally.objects.update(at=at)
    for _ in range(60):
        Delivery.objects.filter(status="failed").update(opened_at=timezone.now())
        Delivery.objects.filter(status="failed").update(opened_at=None)
    tallies.fold_tallies(timezone.now())
    assert at.replace(minute=0, second=0, microsecond=0) in Tally.objects.values_list("at", flat=True)
    assert list(doctor.find_breaches()) == []


def test_the_doctor_names_a_count_that_differs(campaign):
    assert list(doctor.find_breaches()) == []
    Tally.objects.create(campaign=campaign, connection=campaign.connection, measure="accepted", amount=5)
    first, second = doctor.find_breaches()
    assert first == f"Campaign {campaign.pk}: 13 are counted as accepted, the ledger has 8."
    assert second == f"Campaign {campaign.pk}: it has 20 recipients, its states make 25."


def test_the_doctor_names_a_delivery_nothing_would_come_of(campaign):
    Delivery.objects.filter(status="deferred").update(due_at=None)
    assert [breach for breach in doctor.find_breaches() if "contradicts" in breach]


def test_a_page_of_figures_takes_few_queries(campaign):
    with CaptureQueriesContext(
        connection,
    ) as queries:
        progress.read_figures(campaign)
    assert len(queries) <= 3


def test_a_standing_says_what_the_figures_say(campaign):
    figures, row = progress.read_figures(campaign), progress.read_row_figures([campaign.pk])[campaign.pk]
    for name in ("total", "sent", "opened", "clicked", "percent"):
        assert getattr(row, name) == getattr(figures, name)
    assert row.rate == pytest.approx(figures.rate, rel=0.2)
    assert row.seconds_left == pytest.approx(figures.seconds_left, abs=2)


def test_e10_figures_of_many_recipients_take_no_longer():
    """The sums are over tallies: a hundred thousand deliveries more change nothing."""
    campaign = launch_campaign(1)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO mailing_delivery (campaign_id, contact_id, email, connection_id, status, due_at, attempts,"
            " reason, stage, enhanced_code, text) SELECT %s, -n, 'x', %s, 'accepted', NULL, 1, '', '', '', ''"
            " FROM generate_series(1, 100000) AS n",
            [campaign.pk, campaign.connection_id],
        )
    begun = time.perf_counter()
    assert progress.read_figures(campaign).accepted == 100_000
    assert time.perf_counter() - begun < 0.05
