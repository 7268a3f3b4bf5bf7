"""The demo's completed campaign has something for every part of its report, and its books are right."""

import random
from datetime import timedelta

import pytest

from campaigns import database_time, doctor
from campaigns.models import Campaign
from demo import mails, past, people
from mailing import reports
from mailing.models import Attempt, ContactList, Delivery, EmailCampaign, Suppression, Target
from tests.factories import user_in

pytestmark = pytest.mark.django_db


def send_mail(monkeypatch, ago):
    monkeypatch.setattr(people, "CONTACTS", 1500)
    people.load(random.Random(18))
    catcher, slow = mails.make_connections()
    now = database_time.now()
    mails.make_sent(
        "Welcome to the coffee club",
        user_in("Marketers"),
        mails.read_mail_text("club.md")
        | {"from_name": "Nordlicht", "from_email": "news@nordlicht.example", "sharing": "percentage"},
        [Target(list=ContactList.objects.get(name="Newsletter"))],
        now - ago,
        routes=[(catcher.pk, 75), (slow.pk, 25)],
        opened=520,
        clicked=430,
    )
    past.suppress_lost(now)
    return EmailCampaign.objects.get()


@pytest.fixture
def campaign(monkeypatch):
    return send_mail(monkeypatch, 12 * mails.DAY)


def test_who_answers_a_mail_of_this_day_has_done_so_already(monkeypatch):
    campaign = send_mail(monkeypatch, timedelta(hours=5))
    now = database_time.now()
    deliveries = Delivery.objects.filter(campaign=campaign)
    assert deliveries.filter(opened_at__lt=now).count() > 400
    assert deliveries.filter(unsubscribed_at__lt=now).exists()
    for answer in ("opened_at", "clicked_at", "complained_at", "unsubscribed_at"):
        assert not deliveries.filter(**{f"{answer}__gt": now}).exists()
    assert not Suppression.objects.filter(created_at__gt=now).exists()


def test_every_part_of_the_report_has_something_to_show(campaign):
    assert campaign.status == Campaign.Status.COMPLETED
    found = reports.count_answers(campaign)
    assert len(found.links) == 3
    assert all(link.clicks for link in found.links)
    assert [row.label for row in found.devices] == ["Mobile", "Desktop", "Tablet"]
    assert {"Apple Mail", "Gmail", "Outlook"} <= {row.label for row in found.clients}
    assert all(each.opens for each in found.origins)
    assert {row.label for row in found.countries} == {"Germany", "Austria"}
    matrix = reports.build_matrix(found.replies, found.domains)
    assert matrix.columns == ["250", "550", "554"]
    assert len(matrix.rows) == 4
    assert len(campaign.planned) == 2
    deliveries = Delivery.objects.filter(campaign=campaign)
    assert deliveries.filter(status="bounced", sent_at__isnull=False).exists(), "some came back later"
    assert deliveries.exclude(unsubscribed_at=None).exists()
    assert Attempt.objects.filter(status="deferred").exists()
    assert Suppression.objects.filter(source="tracking_link").exists()
    assert list(doctor.find_breaches()) == []
