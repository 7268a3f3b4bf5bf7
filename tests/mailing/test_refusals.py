"""What comes of messages a server refuses or puts off (rows E5, E6)."""

import pytest

from campaigns.lifecycle import fire
from mailing import content, drafting, endings
from mailing.models import Attempt, Contact, Pace, Suppression
from mailing.sending import runs
from tests.hostile_smtp import parse
from tests.mailing.running import SEPARATE, addresses, counts, fresh, launch_campaign, send, to

pytestmark = [SEPARATE, pytest.mark.usefixtures("short_waits", "sound_books")]


def test_an_unknown_recipient_bounces_with_its_code_and_is_suppressed(server):
    server.settings.rules = parse("rcpt to=contact.*1@ 550 5.1.1 No such user")
    campaign = send(launch_campaign(10, connection=to(server)))
    bounced = campaign.deliveries.filter(status="bounced")
    assert bounced
    for delivery in bounced:
        assert (delivery.stage, delivery.code, delivery.enhanced_code) == ("rcpt", 550, "5.1.1")
        assert delivery.text == "No such user"
        assert Suppression.objects.get(email=delivery.email).reason == "hard_bounce"
        assert [str(attempt) for attempt in delivery.tries.all()] == ["rcpt: 550 5.1.1 No such user"]
    assert campaign.status == "completed"


def test_a_refusal_for_policy_is_our_fault_and_suppresses_nobody(server):
    server.settings.rules = parse("dot times=2 550 5.7.1 Message blocked")
    campaign = send(launch_campaign(10, connection=to(server)))
    assert counts(campaign) == {"accepted": 8, "failed": 2}
    assert not Suppression.objects.exists()


def test_a_full_mailbox_is_tried_again_until_the_time_is_over(server):
    server.settings.rules = parse("rcpt times=3 452 4.2.2 Mailbox full")
    campaign = send(launch_campaign(1, connection=to(server)))
    delivery = campaign.deliveries.get()
    assert (delivery.status, delivery.attempts) == ("accepted", 4)
    assert [attempt.status for attempt in delivery.tries.all()] == ["deferred"] * 3 + ["accepted"]


def test_a_mailbox_that_stays_full_bounces_softly_and_is_suppressed_the_fifth_time(server):
    server.settings.rules = parse("rcpt 452 4.2.2 Mailbox full")
    contact = Contact.objects.create(email="full@example.com", soft_bounces=3)
    for soft_bounces in (4, 5):
        campaign = send(launch_campaign([contact], connection=to(server), retry_hours=0))
        assert counts(campaign) == {"bounced": 1}
        contact.refresh_from_db()
        assert contact.soft_bounces == soft_bounces
    assert Suppression.objects.get().reason == "soft_bounce"


def test_a_mail_that_arrives_ends_the_row_of_soft_bounces(server):
    contact = Contact.objects.create(email="full@example.com", soft_bounces=4)
    send(launch_campaign([contact], connection=to(server)))
    contact.refresh_from_db()
    assert contact.soft_bounces == 0


def test_throttling_spends_no_attempt_and_slows_the_connection(server):
    server.settings.rules = parse("dot times=5 451 4.7.1 Slow down")
    campaign = launch_campaign(20, connection=to(server, max_connections=8))
    runs.run_lane(campaign.connection_id, 0)
    assert Pace.objects.get().level >= 1
    assert send(campaign).status == "completed"
    assert set(campaign.deliveries.values_list("status", "attempts")) == {("accepted", 1)}


def test_with_three_of_ten_replies_451_all_are_delivered(server):
    server.settings.rules = parse("dot p=0.3 451 4.3.0 Try again later")
    campaign = send(launch_campaign(150, connection=to(server)), seconds=40)
    assert counts(campaign) == {"accepted": 150}
    assert set(addresses(server).values()) == {1}


def test_a_server_that_asks_to_wait_is_not_asked_again_before(server):
    server.settings.rules = parse("rcpt times=1 450 4.7.1 Try again in 60 seconds")
    campaign = launch_campaign(5, connection=to(server, max_connections=1))
    runs.run_lane(campaign.connection_id, 0)
    pace = Pace.objects.get()
    delivery = campaign.deliveries.get(status="deferred")
    assert (pace.held_until - Attempt.objects.get().at).total_seconds() > 30
    assert (delivery.due_at - Attempt.objects.get().at).total_seconds() > 30
    left = counts(campaign).get("pending", 0)
    assert runs.run_lane(campaign.connection_id, 0) == 0
    assert counts(campaign).get("pending", 0) == left


def test_many_refusals_pause_the_campaign_before_twenty_are_spent_and_the_failed_can_be_retried(server):
    server.settings.rules = parse("dot 554 5.7.1 Blocked for spam")
    campaign = launch_campaign(200, connection=to(server))
    runs.run_lane(campaign.connection_id, 0)
    campaign = fresh(campaign)
    assert campaign.status == "paused"
    assert "Blocked for spam" in campaign.history.first().why
    assert 10 <= counts(campaign)["failed"] < 20
    server.settings.rules = []
    failed = counts(campaign)["failed"]
    assert drafting.retry_failed(campaign) == failed
    fire(campaign, "resume")
    assert send(campaign).status == "completed"
    assert set(addresses(server).values()) == {1}
    assert len(addresses(server)) == 200


def test_a_recipient_whose_values_break_the_content_fails_alone(server, monkeypatch):
    campaign = launch_campaign(5, connection=to(server))
    broken = campaign.deliveries.first().email
    render = content.Compiled.render

    def picky(self, recipient, links, **named):
        if recipient.email == broken:
            raise content.ContentError("The name is too long.")
        return render(self, recipient, links, **named)

    monkeypatch.setattr(content.Compiled, "render", picky)
    assert send(campaign).status == "completed"
    delivery = campaign.deliveries.get(status="failed")
    assert (delivery.email, delivery.text) == (broken, "The name is too long.")


def test_e6_the_same_unforeseen_error_three_times_fails_the_campaign_with_it(server, monkeypatch):
    campaign = launch_campaign(5, connection=to(server))

    def raise_error(*_, **named):
        raise ZeroDivisionError("something nobody thought of")

    monkeypatch.setattr(content.Compiled, "render", raise_error)
    for status in ("running", "running", "failed"):
        runs.run_lane(campaign.connection_id, 0)
        assert fresh(campaign).status == status
    assert "something nobody thought of" in campaign.history.first().why
    endings.close_campaign(campaign.pk)
    assert counts(campaign) == {"skipped": 5}
    assert set(campaign.deliveries.values_list("reason", flat=True)) == {"stopped"}
