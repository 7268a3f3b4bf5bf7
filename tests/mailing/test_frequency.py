"""Contacts who asked for less mail than there is."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from mailing.models import Delivery
from tests.factories import ContactFactory
from tests.mailing.running import SEPARATE, launch_campaign, send, to


def is_too_soon(delivery, frequency):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT mailing_is_too_soon(%s, %s, %s)", [delivery.contact_id, delivery.campaign_id, frequency]
        )
        return cursor.fetchone()[0]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("frequency", "ago", "too_soon"),
    [
        ("weekly", timedelta(hours=1), True),
        ("weekly", timedelta(days=6), True),
        # the same newsletter, a little earlier than a week ago
        (
            "weekly",
            timedelta(days=6, hours=23),
            False,
        ),
        ("weekly", timedelta(days=8), False),
        ("monthly", timedelta(days=8), True),
        ("monthly", timedelta(days=27), True),
        ("monthly", timedelta(days=28), False),
    ],
)
def test_a_mail_of_another_campaign_counts_for_its_time(frequency, ago, too_soon):
    contact = ContactFactory(frequency=frequency)
    mine, other = (launch_campaign([contact]).deliveries.get() for _ in range(2))
    assert not is_too_soon(mine, frequency)
    Delivery.objects.filter(pk=other.pk).update(status="accepted", sent_at=timezone.now() - ago)
    assert is_too_soon(mine, frequency) is too_soon
    assert not is_too_soon(other, frequency), "a campaign does not stand in its own way"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("status", "too_soon"), [("in_data", True), ("uncertain", True), ("failed", False), ("skipped", False)]
)
def test_a_mail_on_its_way_counts_and_one_that_never_left_does_not(status, too_soon):
    contact = ContactFactory(frequency="weekly")
    mine, other = (launch_campaign([contact]).deliveries.get() for _ in range(2))
    Delivery.objects.filter(pk=other.pk).update(status=status, due_at=None)
    assert is_too_soon(mine, "weekly") is too_soon


@SEPARATE
def test_the_claim_skips_who_asked_for_less_and_sends_to_everybody_else(server, sound_books):
    people = [ContactFactory(frequency=frequency) for frequency in ("weekly", "", "monthly")]
    first = launch_campaign(people[:2], connection=to(server))
    send(first)
    second = send(launch_campaign(people, connection=to(server)))
    assert dict(second.deliveries.values_list("contact__frequency", "status")) == {
        "weekly": "skipped",
        "": "accepted",
        "monthly": "accepted",
    }
    assert second.deliveries.get(status="skipped").reason == "frequency"
