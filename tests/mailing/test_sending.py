"""Sending, against a server that fails on order: nobody lost, nobody mailed twice (rows E3–E7, E9, E10)."""

import contextlib
import threading
import time

import pytest

from campaigns import doctor
from campaigns.lifecycle import fire
from mailing import content, drafting, launch, progress, tracking
from mailing.models import Attempt, Contact, Delivery, Lane, Pace, Suppression
from mailing.sending import breaker, lanes, pump, tokens
from tests.hostile_smtp import parse
from tests.mailing.running import (
    SEPARATE,
    addresses,
    counts,
    fresh,
    in_thread,
    launched,
    send,
    tallied,
    to,
)

pytestmark = [SEPARATE, pytest.mark.usefixtures("short_waits")]


@pytest.fixture(autouse=True)
def _every_count_equals_the_ledger():
    yield
    assert list(doctor.examine()) == []


def wait_for(condition, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


# ── a quiet run ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_e9_everybody_gets_one_mail_and_the_campaign_completes_by_itself(server):
    campaign = send(launched(50, connection=to(server)))
    assert campaign.status == "completed"
    assert set(addresses(server).values()) == {1}
    assert addresses(server).keys() == set(campaign.deliveries.values_list("email", flat=True))
    figures = progress.figures(campaign)
    assert (figures.total, figures.sent, figures.percent, figures.seconds_left) == (50, 50, 100.0, 0)
    assert campaign.history.first().verb == "complete"


def test_the_message_is_made_for_its_recipient(server):
    server.settings.keep_every = 1
    campaign = launched(
        [Contact.objects.create(email="zoe@example.com", first_name="Zoë")], connection=to(server)
    )
    send(campaign)
    (message,) = server.accepted
    delivery = campaign.deliveries.get()
    assert message.message_id == f"<{tokens.sign(delivery.pk)}@example.com>"


def test_each_connection_of_the_server_takes_no_more_than_its_messages(server):
    send(launched(30, connection=to(server, messages_per_connection=7, max_connections=1)))
    assert len(addresses(server)) == 30
    assert server.stats()["connections"] >= 5


def test_no_more_connections_are_open_than_allowed(server):
    server.settings.rules = parse("dot delay 0.02")
    campaign = launched(60, connection=to(server, max_connections=3))
    smtp = campaign.connection_id
    with in_thread(lambda: pump.run(smtp, 0)), in_thread(lambda: pump.run(smtp, 1)):
        pass
    send(campaign)
    assert server.stats()["peak"] <= 3


def test_a_lane_feeds_one_process_at_a_time(server):
    server.settings.rules = parse("dot delay 0.02")
    campaign = launched(60, connection=to(server, max_connections=8))
    ran = []
    with contextlib.ExitStack() as runs:
        for _ in range(4):
            runs.enter_context(in_thread(lambda: ran.append(pump.run(campaign.connection_id, 0))))
    assert sorted(ran)[:3] == [0, 0, 0]
    assert set(addresses(server).values()) == {1}


def test_eight_pumps_at_once_mail_each_once_and_the_states_always_make_the_total(server):
    servers = [to(server, max_connections=4) for _ in range(4)]
    campaign = launched(400, sharing="round_robin", routes=[(smtp, 1) for smtp in servers])
    sampled, stop = [], threading.Event()

    def sample():
        while not stop.is_set():
            sampled.append(sum(tallied(campaign).values()))
            time.sleep(0.002)

    with in_thread(sample):
        with contextlib.ExitStack() as runs:
            for smtp in servers:
                for number in (0, 1):
                    runs.enter_context(in_thread(lambda pk=smtp.pk, number=number: pump.run(pk, number)))
        stop.set()
    assert len(sampled) > 20
    assert set(sampled) == {400}
    send(campaign)
    assert set(addresses(server).values()) == {1}
    assert len(addresses(server)) == 400


# ── pause, resume, cancel, unsubscribe ───────────────────────────────────────────────────────────────────────────────


def test_e4_after_a_pause_no_message_leaves_beyond_those_on_their_way_and_resume_sends_exactly_the_rest(
    server,
):
    server.settings.rules = parse("dot delay 0.02")
    campaign = launched(300, connection=to(server, max_connections=4))
    with in_thread(lambda: pump.run(campaign.connection_id, 0)):
        wait_for(lambda: len(server.accepted) > 20)
        fire(campaign, "pause")
        before = len(server.accepted)
    assert len(server.accepted) - before <= 4
    sent = len(server.accepted)
    assert counts(campaign) == {"accepted": sent, "pending": 300 - sent} == tallied(campaign)
    assert pump.run(campaign.connection_id, 0) == 0, "a paused campaign sends nothing"
    fire(fresh(campaign), "resume")
    server.settings.rules = []
    assert send(campaign).status == "completed"
    assert set(addresses(server).values()) == {1}
    assert len(addresses(server)) == 300


def test_e7_a_cancelled_campaign_keeps_what_was_sent_and_skips_the_rest(server):
    server.settings.rules = parse("dot delay 0.02")
    campaign = launched(200, connection=to(server, max_connections=4))
    with in_thread(lambda: pump.run(campaign.connection_id, 0)):
        wait_for(lambda: len(server.accepted) > 20)
        fire(campaign, "cancel")
    launch.close(campaign.pk)
    sent = len(server.accepted)
    assert counts(campaign) == {"accepted": sent, "skipped": 200 - sent}
    reasons = campaign.deliveries.filter(status="skipped").values_list("reason", flat=True).distinct()
    assert list(reasons) == ["cancelled"]


def test_an_unsubscription_is_honoured_although_the_delivery_was_claimed_before(server):
    server.settings.rules = parse("dot delay 0.02")
    campaign = launched(100, connection=to(server, max_connections=2))
    last = campaign.deliveries.order_by("pk").last()
    with in_thread(lambda: pump.run(campaign.connection_id, 0)):
        wait_for(lambda: len(server.accepted) > 5)
        assert Delivery.objects.get(pk=last.pk).status == "claimed"
        tracking.unsubscribe(tokens.sign(last.pk), "one-click", tracking.Visitor())
    send(campaign)
    assert last.email not in addresses(server)
    last.refresh_from_db()
    assert (last.status, last.reason) == ("skipped", "unsubscribed")
    assert counts(campaign) == {"accepted": 99, "skipped": 1}


def test_an_address_suppressed_after_the_launch_gets_nothing(server):
    campaign = launched(10, connection=to(server))
    Suppression.objects.create(email=campaign.deliveries.first().email, reason="complaint")
    send(campaign)
    assert counts(campaign) == {"accepted": 9, "skipped": 1}
    assert campaign.deliveries.get(status="skipped").reason == "suppressed"


def test_a_contact_erased_after_the_launch_gets_nothing(server):
    campaign = launched(10, connection=to(server))
    campaign.deliveries.first().contact.delete()
    assert send(campaign).status == "completed"
    assert campaign.deliveries.get(status="skipped").reason == "invalid"


# ── refusals ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_unknown_recipient_bounces_with_its_code_and_is_suppressed(server):
    server.settings.rules = parse("rcpt to=contact.*1@ 550 5.1.1 No such user")
    campaign = send(launched(10, connection=to(server)))
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
    campaign = send(launched(10, connection=to(server)))
    assert counts(campaign) == {"accepted": 8, "failed": 2}
    assert not Suppression.objects.exists()


def test_a_full_mailbox_is_tried_again_until_the_time_is_over(server):
    server.settings.rules = parse("rcpt times=3 452 4.2.2 Mailbox full")
    campaign = send(launched(1, connection=to(server)))
    delivery = campaign.deliveries.get()
    assert (delivery.status, delivery.attempts) == ("accepted", 4)
    assert [attempt.status for attempt in delivery.tries.all()] == ["deferred"] * 3 + ["accepted"]


def test_a_mailbox_that_stays_full_bounces_softly_and_is_suppressed_the_fifth_time(server):
    server.settings.rules = parse("rcpt 452 4.2.2 Mailbox full")
    contact = Contact.objects.create(email="full@example.com", soft_bounces=3)
    for soft_bounces in (4, 5):
        campaign = send(launched([contact], connection=to(server), retry_hours=0))
        assert counts(campaign) == {"bounced": 1}
        contact.refresh_from_db()
        assert contact.soft_bounces == soft_bounces
    assert Suppression.objects.get().reason == "soft_bounce"


def test_a_mail_that_arrives_ends_the_row_of_soft_bounces(server):
    contact = Contact.objects.create(email="full@example.com", soft_bounces=4)
    send(launched([contact], connection=to(server)))
    contact.refresh_from_db()
    assert contact.soft_bounces == 0


def test_throttling_spends_no_attempt_and_slows_the_connection(server):
    server.settings.rules = parse("dot times=5 451 4.7.1 Slow down")
    campaign = launched(20, connection=to(server, max_connections=8))
    pump.run(campaign.connection_id, 0)
    assert Pace.objects.get().level >= 1
    assert send(campaign).status == "completed"
    assert set(campaign.deliveries.values_list("status", "attempts")) == {("accepted", 1)}


def test_with_three_of_ten_replies_451_all_are_delivered(server):
    server.settings.rules = parse("dot p=0.3 451 4.3.0 Try again later")
    campaign = send(launched(150, connection=to(server)), seconds=40)
    assert counts(campaign) == {"accepted": 150}
    assert set(addresses(server).values()) == {1}


def test_a_server_that_asks_to_wait_is_not_asked_again_before(server):
    server.settings.rules = parse("rcpt times=1 450 4.7.1 Try again in 60 seconds")
    campaign = launched(5, connection=to(server, max_connections=1))
    pump.run(campaign.connection_id, 0)
    pace = Pace.objects.get()
    delivery = campaign.deliveries.get(status="deferred")
    assert (pace.held_until - Attempt.objects.get().at).total_seconds() > 30
    assert (delivery.due_at - Attempt.objects.get().at).total_seconds() > 30
    left = counts(campaign).get("pending", 0)
    assert pump.run(campaign.connection_id, 0) == 0
    assert counts(campaign).get("pending", 0) == left


def test_many_refusals_pause_the_campaign_before_twenty_are_spent_and_the_failed_can_be_retried(server):
    server.settings.rules = parse("dot 554 5.7.1 Blocked for spam")
    campaign = launched(200, connection=to(server))
    pump.run(campaign.connection_id, 0)
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
    campaign = launched(5, connection=to(server))
    broken = campaign.deliveries.first().email
    render = content.Compiled.render

    def picky(self, recipient, links):
        if recipient.email == broken:
            raise content.ContentError("The name is too long.")
        return render(self, recipient, links)

    monkeypatch.setattr(content.Compiled, "render", picky)
    assert send(campaign).status == "completed"
    delivery = campaign.deliveries.get(status="failed")
    assert (delivery.email, delivery.text) == (broken, "The name is too long.")


def test_e6_the_same_unforeseen_error_three_times_fails_the_campaign_with_it(server, monkeypatch):
    campaign = launched(5, connection=to(server))

    def broken(self, recipient, links):
        raise ZeroDivisionError("something nobody thought of")

    monkeypatch.setattr(content.Compiled, "render", broken)
    for status in ("running", "running", "failed"):
        pump.run(campaign.connection_id, 0)
        assert fresh(campaign).status == status
    assert "something nobody thought of" in campaign.history.first().why
    launch.close(campaign.pk)
    assert counts(campaign) == {"skipped": 5}
    assert set(campaign.deliveries.values_list("reason", flat=True)) == {"stopped"}


# ── a server that fails ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_connection_lost_before_the_message_leaves_costs_nothing(server):
    server.settings.rules = parse("rcpt times=2 drop", "data times=1 drop")
    campaign = send(launched(20, connection=to(server)))
    assert counts(campaign) == {"accepted": 20}
    assert set(campaign.deliveries.values_list("attempts", flat=True)) == {1}
    assert set(addresses(server).values()) == {1}


@pytest.mark.parametrize(("rule", "arrived"), [("dot times=1 drop", 0), ("ack times=1 drop", 1)])
def test_a_connection_lost_after_the_dot_leaves_its_message_uncertain_and_it_is_never_sent_again(
    server, rule, arrived
):
    server.settings.rules = parse(rule)
    campaign = send(launched(10, connection=to(server, max_connections=1)))
    assert campaign.status == "completed"
    assert counts(campaign) == {"accepted": 9, "uncertain": 1}
    doubtful = campaign.deliveries.get(status="uncertain")
    assert addresses(server)[doubtful.email] == arrived
    assert doubtful.tries.get().stage == "dot"
    assert progress.figures(campaign).percent == 100.0


def test_an_event_of_an_uncertain_mail_proves_that_it_arrived(server):
    server.settings.rules = parse("ack times=1 drop")
    campaign = send(launched(3, connection=to(server, max_connections=1)))
    doubtful = campaign.deliveries.get(status="uncertain")
    tracking.opened(tokens.sign(doubtful.pk), tracking.Visitor())
    assert counts(campaign) == {"accepted": 3} == tallied(campaign)
    assert progress.figures(campaign).opened == 1


def test_a_person_may_put_the_uncertain_back_while_it_is_paused(server):
    server.settings.rules = parse("dot times=1 drop")
    campaign = launched(10, connection=to(server, max_connections=1))
    pump.run(campaign.connection_id, 0)
    uncertain = campaign.deliveries.filter(status="uncertain")
    assert uncertain.count() == 1
    if fresh(campaign).status == "running":
        fire(campaign, "pause")
        assert drafting.resend_uncertain(campaign) == 1
        fire(fresh(campaign), "resume")
        send(campaign)
        assert counts(campaign) == {"accepted": 10}


def test_a_server_that_is_down_pauses_the_campaign_with_the_reason_and_nothing_is_spent(server):
    campaign = launched(30, connection=to(server, port=1))
    send(campaign)
    campaign = fresh(campaign)
    assert campaign.status == "paused"
    assert "cannot be reached" in campaign.history.first().why
    assert counts(campaign) == {"pending": 30}
    assert not Attempt.objects.exists()
    assert Pace.objects.get().failures < 20
    campaign.connection.port = server.port
    campaign.connection.save()
    fire(campaign, "resume")
    assert send(campaign).status == "completed"
    assert set(campaign.deliveries.values_list("status", "attempts")) == {("accepted", 1)}


def test_a_refused_login_pauses_at_once(server):
    server.settings.login = "shop:another"
    campaign = launched(5, connection=to(server, username="shop", password="secret"))
    pump.run(campaign.connection_id, 0)
    assert fresh(campaign).status == "paused"
    assert "Check user name and password" in campaign.history.first().why
    assert "secret" not in campaign.history.first().why


def test_the_share_of_a_dead_connection_goes_to_the_others(server):
    well, dead = to(server), to(server, port=1)
    campaign = launched(40, sharing="percentage", routes=[(well, 50), (dead, 50)])
    assert campaign.planned == {str(well.pk): 20, str(dead.pk): 20}
    assert send(campaign).status == "completed"
    assert len(addresses(server)) == 40
    lanes_of = {lane.connection.pk: lane for lane in progress.figures(campaign).lanes}
    assert (lanes_of[well.pk].planned, lanes_of[well.pk].actual) == (20, 40)
    assert (lanes_of[dead.pk].planned, lanes_of[dead.pk].actual) == (20, 0)
    assert lanes_of[dead.pk].trouble


def test_failover_sends_all_through_the_first_that_works(server):
    dead, second, third = to(server, port=1), to(server), to(server)
    campaign = launched(20, sharing="failover", routes=[(dead, 1), (second, 1), (third, 1)])
    assert campaign.planned == {str(dead.pk): 20, str(second.pk): 0, str(third.pk): 0}
    assert send(campaign).status == "completed"
    assert set(campaign.deliveries.values_list("connection", flat=True)) == {second.pk}


def test_a_connection_switched_off_while_it_sends_stops_and_the_campaign_says_so(server):
    campaign = launched(5, connection=to(server))
    campaign.connection.is_enabled = False
    campaign.connection.save()
    assert pump.run(campaign.connection_id, 0) == 0
    assert fresh(campaign).status == "paused"
    assert "switched off" in campaign.history.first().why


def test_a_connection_that_works_again_takes_its_share_back(server):
    smtp = to(server)
    campaign = launched(5, connection=smtp)
    Pace.objects.create(connection=smtp, failures=9, down_since=campaign.prepared_at)
    assert breaker.down([smtp.pk]) == {smtp.pk}
    assert pump.run(smtp.pk, 0) == 5
    assert breaker.down([smtp.pk]) == set()
    assert fresh(campaign).status == "completed"


# ── processes that die ───────────────────────────────────────────────────────────────────────────────────────────────


def test_what_a_dead_run_had_claimed_goes_back_and_what_it_was_handing_over_is_in_doubt(server):
    campaign = launched(4, connection=to(server))
    smtp = campaign.connection_id
    run = lanes.take(smtp, 0)
    claimed, handed_over, *_ = campaign.deliveries.order_by("pk")
    Delivery.objects.filter(pk=claimed.pk).update(status="claimed", due_at=None, run=run)
    Delivery.objects.filter(pk=handed_over.pk).update(status="in_data", due_at=None, run=run)
    assert lanes.take(smtp, 0) is None, "its lease has not run out"
    lanes.put_all_right()
    assert counts(campaign) == {"claimed": 1, "in_data": 1, "pending": 2}
    Lane.objects.filter(run=run).update(leased_until="2020-01-01T00:00Z")
    lanes.put_all_right()
    assert counts(campaign) == {"uncertain": 1, "pending": 3}
    assert send(campaign).status == "completed"
    assert handed_over.email not in addresses(server)
    assert len(addresses(server)) == 3


def test_a_run_that_lost_its_lane_sends_nothing_more(server):
    """A process that was stopped for longer than its lease, and wakes after another took over."""
    server.settings.rules = parse("dot delay 0.05")
    campaign = launched(60, connection=to(server, max_connections=2))
    with in_thread(lambda: pump.run(campaign.connection_id, 0)):
        wait_for(lambda: len(server.accepted) > 2)
        Lane.objects.filter(number=0).update(leased_until="2020-01-01T00:00Z")
        lanes.put_all_right()
        with in_thread(lambda: pump.run(campaign.connection_id, 0)):
            pass
    send(campaign)
    assert set(addresses(server).values()) == {1}
    assert counts(campaign).get("uncertain", 0) <= 2
    assert len(addresses(server)) >= 60 - 2
