"""Opens and clicks that are too old become counts: no figure changes, and no row names anybody."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from campaigns import doctor
from mailing import audience, progress, reports, retention
from mailing.models import Event, EventCount
from mailing.sending import tokens
from tests.mailing.running import launch_campaign
from tests.mailing.visits import BODY, get

pytestmark = pytest.mark.django_db
OLD = timedelta(days=500)


@pytest.fixture
def campaign():
    """One recipient of three has opened and clicked long ago, another lately; the third unsubscribed long ago."""
    made = launch_campaign(3, body=BODY, body_format="html")
    first, second, third = (tokens.sign_tokens([each.pk])[0] for each in made.deliveries.order_by("pk"))
    get(f"/t/c/{first.click}/0")
    get(f"/t/c/{first.click}/1")
    get(f"/t/o/{first.open}", "Mozilla/5.0")  # a machine
    get(f"/t/o/{third.open}")
    age(Event.objects.all())
    get(f"/t/c/{second.click}/0")
    get(f"/u/{third.unsubscribe}")
    return made


def age(events):
    """Let these have happened long ago."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE mailing_event SET at = at - %s WHERE id = ANY(%s)",
            [OLD, [*events.values_list("pk", flat=True)]],
        )
        cursor.execute(
            "UPDATE mailing_delivery SET opened_at = opened_at - %s, clicked_at = clicked_at - %s", [OLD, OLD]
        )


def read_all_figures(campaign):
    answers = reports.count_answers(campaign)
    figures = progress.read_figures(campaign)
    return (
        [link.clicks for link in answers.links],
        [(each.opens, each.clicks) for each in answers.origins],
        (figures.opened, figures.clicked, figures.unsubscribed),
    )


@pytest.mark.parametrize("batch", [1, 2, 1000])
def test_every_figure_stays_and_nobody_is_named(campaign, monkeypatch, batch):
    monkeypatch.setattr(retention, "BATCH_EVENTS", batch)
    before = read_all_figures(campaign)
    assert any("for longer than TRACKING_MONTHS" in each for each in doctor.find_breaches())
    amounts = []
    while amount := retention.forget_old_events(timezone.now()):
        amounts.append(amount)
        assert amount <= batch
        assert read_all_figures(campaign) == before
    assert sum(amounts) == 5  # two clicks, their open, the machine's open, and the third's open
    assert list(doctor.find_breaches()) == []
    assert Event.objects.filter(kind__in=("opened", "clicked")).count() == 2
    assert sum(EventCount.objects.values_list("amount", flat=True)) == 5
    assert campaign.deliveries.exclude(opened_at=None).count() == 1, "of the one who clicked lately"
    assert campaign.deliveries.exclude(clicked_at=None).count() == 1
    assert audience.count_contacts({"event": "clicked"}) == 1
    assert reports.count_answers(campaign).unnamed == 5


def test_evidence_of_unsubscribing_stays(campaign, client):
    delivery = campaign.deliveries.last()
    client.post(f"/u/{tokens.sign_token(delivery.pk, tokens.Purpose.UNSUBSCRIBE)}")
    age(Event.objects.filter(kind="unsubscribed"))
    while retention.forget_old_events(timezone.now()):
        pass
    assert Event.objects.filter(kind="unsubscribed").count() == 1
    assert list(doctor.find_breaches()) == []


def test_the_setting_says_how_long(campaign, settings):
    settings.TRACKING_MONTHS = 24
    assert retention.forget_old_events(timezone.now()) == 0


def test_doctor_notices_counts_that_do_not_match(campaign):
    retention.forget_old_events(timezone.now())
    EventCount.objects.filter(kind="clicked", link=0).update(amount=7)
    assert list(doctor.find_breaches()) == [
        f"Campaign {campaign.pk}: 5 old events became counts, which make 11."
    ]


def test_the_page_says_what_is_kept_and_until_when(client, marketer):
    assert "kept for 13 months" in client.get("/tracking/").content.decode()
