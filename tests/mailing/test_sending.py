"""Sending when all goes well, and the steps people take meanwhile (rows E3, E4, E7, E9, E10)."""

import contextlib
import threading
import time

import pytest

from campaigns.lifecycle import fire
from mailing import endings, progress, unsubscribing, visitors
from mailing.models import Contact, Delivery, Suppression
from mailing.sending import runs, tokens
from mailing.sending.tokens import Purpose
from tests.hostile_smtp import parse
from tests.mailing.running import (
    SEPARATE,
    addresses,
    count_held,
    count_tallies,
    counts,
    fresh,
    in_thread,
    join_runs,
    launch_campaign,
    run_until,
    send,
    to,
    wait_for,
)

pytestmark = [SEPARATE, pytest.mark.usefixtures("short_waits", "sound_books")]


def test_e9_everybody_gets_one_mail_and_the_campaign_completes_by_itself(server):
    campaign = send(launch_campaign(50, connection=to(server)))
    assert campaign.status == "completed"
    assert set(addresses(server).values()) == {1}
    assert addresses(server).keys() == set(campaign.deliveries.values_list("email", flat=True))
    figures = progress.read_figures(campaign)
    assert (figures.total, figures.sent, figures.percent, figures.seconds_left) == (50, 50, 100.0, 0)
    assert campaign.history.first().verb == "complete"


def test_the_message_is_made_for_its_recipient(server):
    server.settings.keep_every = 1
    campaign = launch_campaign(
        [Contact.objects.create(email="zoe@example.com", first_name="Zoë")], connection=to(server)
    )
    send(campaign)
    (message,) = server.accepted
    delivery = campaign.deliveries.get()
    assert message.message_id == f"<{tokens.sign_token(delivery.pk, Purpose.MESSAGE_ID)}@example.com>"


def test_each_connection_of_the_server_takes_no_more_than_its_messages(server):
    send(launch_campaign(30, connection=to(server, messages_per_connection=7, max_connections=1)))
    assert len(addresses(server)) == 30
    assert server.stats()["connections"] >= 5


def test_no_more_connections_are_open_than_allowed(server):
    server.settings.rules = parse("dot delay 0.02")
    campaign = launch_campaign(60, connection=to(server, max_connections=3))
    smtp = campaign.connection_id
    with in_thread(lambda: runs.run_lane(smtp, 0)), in_thread(lambda: runs.run_lane(smtp, 1)):
        pass
    send(campaign)
    assert server.stats()["peak"] <= 3


def test_a_lane_feeds_one_process_at_a_time(server):
    server.settings.rules = parse("dot delay 0.02")
    campaign = launch_campaign(60, connection=to(server, max_connections=8))
    ran = []
    with contextlib.ExitStack() as threads:
        for _ in range(4):
            threads.enter_context(in_thread(lambda: ran.append(runs.run_lane(campaign.connection_id, 0))))
    assert sorted(ran)[:3] == [0, 0, 0]
    assert set(addresses(server).values()) == {1}


def test_eight_pumps_at_once_mail_each_once_and_the_states_always_make_the_total(server):
    servers = [to(server, max_connections=4) for _ in range(4)]
    campaign = launch_campaign(400, sharing="round_robin", routes=[(smtp, 1) for smtp in servers])
    sampled, stop = [], threading.Event()

    def sample():
        while not stop.is_set():
            sampled.append(sum(count_tallies(campaign).values()))
            time.sleep(0.002)

    with in_thread(sample):
        with contextlib.ExitStack() as threads:
            for smtp in servers:
                for number in (0, 1):
                    threads.enter_context(
                        in_thread(lambda pk=smtp.pk, number=number: runs.run_lane(pk, number))
                    )
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
    campaign = launch_campaign(300, connection=to(server, max_connections=4))
    with in_thread(lambda: runs.run_lane(campaign.connection_id, 0)):
        wait_for(lambda: len(server.accepted) > 20)
        fire(campaign, "pause")
        before = len(server.accepted)
    assert len(server.accepted) - before <= 4
    sent = len(server.accepted)
    assert counts(campaign) == {"accepted": sent, "pending": 300 - sent} == count_tallies(campaign)
    assert runs.run_lane(campaign.connection_id, 0) == 0, "a paused campaign sends nothing"
    fire(fresh(campaign), "resume")
    server.settings.rules = []
    assert send(campaign).status == "completed"
    assert set(addresses(server).values()) == {1}
    assert len(addresses(server)) == 300


@pytest.mark.usefixtures("short_runs")
def test_e4_while_it_is_paused_the_figure_of_those_on_their_way_is_exact(server):
    server.settings.rules = parse("dot times=2 hold", "dot delay 0.05")
    campaign = launch_campaign(60, connection=to(server, max_connections=4))
    run_until(lambda: count_held(server) == 2, campaign.connection_id)
    fire(campaign, "pause")
    sent = len(server.accepted)
    figures = progress.read_figures(fresh(campaign))
    assert (figures.sending, figures.waiting, figures.accepted) == (2, 60 - sent, sent - 2)
    assert counts(campaign).get("claimed") is None, (
        "nobody is held behind a message that waits for its answer"
    )
    server.release()
    join_runs()
    figures = progress.read_figures(fresh(campaign))
    assert (figures.sending, figures.accepted) == (0, sent)
    assert len(server.accepted) == sent
    fire(fresh(campaign), "resume")
    assert send(campaign).status == "completed"
    assert set(addresses(server).values()) == {1}
    assert len(addresses(server)) == 60


def test_a_paused_campaign_has_nobody_on_their_way_but_those_handed_over(server):
    """Also while a run still holds some that it took: they will not leave."""
    server.settings.rules = parse("dot delay 0.05")
    campaign = launch_campaign(60, connection=to(server, max_connections=4))
    with in_thread(lambda: runs.run_lane(campaign.connection_id, 0)):
        wait_for(lambda: len(server.accepted) > 3)
        fire(campaign, "pause")
        assert progress.read_figures(fresh(campaign)).sending <= 2


def test_e7_a_cancelled_campaign_keeps_what_was_sent_and_skips_the_rest(server):
    server.settings.rules = parse("dot delay 0.02")
    campaign = launch_campaign(200, connection=to(server, max_connections=4))
    with in_thread(lambda: runs.run_lane(campaign.connection_id, 0)):
        wait_for(lambda: len(server.accepted) > 20)
        fire(campaign, "cancel")
    endings.close_campaign(campaign.pk)
    sent = len(server.accepted)
    assert counts(campaign) == {"accepted": sent, "skipped": 200 - sent}
    reasons = campaign.deliveries.filter(status="skipped").values_list("reason", flat=True).distinct()
    assert list(reasons) == ["cancelled"]


def test_an_unsubscription_is_honoured_although_the_delivery_was_claimed_before(server):
    server.settings.rules = parse("dot delay 0.02")
    campaign = launch_campaign(100, connection=to(server, max_connections=2))
    last = campaign.deliveries.order_by("pk").last()
    with in_thread(lambda: runs.run_lane(campaign.connection_id, 0)):
        wait_for(lambda: len(server.accepted) > 5)
        assert Delivery.objects.get(pk=last.pk).status == "claimed"
        unsubscribing.unsubscribe(
            tokens.sign_token(last.pk, Purpose.UNSUBSCRIBE), "one-click", visitors.Visitor()
        )
    send(campaign)
    assert last.email not in addresses(server)
    last.refresh_from_db()
    assert (last.status, last.reason) == ("skipped", "unsubscribed")
    assert counts(campaign) == {"accepted": 99, "skipped": 1}


def test_an_address_suppressed_after_the_launch_gets_nothing(server):
    campaign = launch_campaign(10, connection=to(server))
    Suppression.objects.create(email=campaign.deliveries.first().email, reason="complaint")
    send(campaign)
    assert counts(campaign) == {"accepted": 9, "skipped": 1}
    assert campaign.deliveries.get(status="skipped").reason == "suppressed"


def test_a_contact_erased_after_the_launch_gets_nothing(server):
    campaign = launch_campaign(10, connection=to(server))
    campaign.deliveries.first().contact.delete()
    assert send(campaign).status == "completed"
    assert campaign.deliveries.get(status="skipped").reason == "invalid"
