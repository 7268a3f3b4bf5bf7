"""Servers that fail and runs that die: nobody lost, nobody mailed twice, and the reason in words."""

import pytest

from campaigns.lifecycle import fire
from mailing import drafting, progress, tracking, visitors
from mailing.models import Attempt, Delivery, Lane, Pace
from mailing.sending import lanes, runs, tokens
from tests.hostile_smtp import parse
from tests.mailing.running import (
    SEPARATE,
    addresses,
    count_tallies,
    counts,
    fresh,
    in_thread,
    launch_campaign,
    list_down_connections,
    send,
    to,
    wait_for,
)

pytestmark = [SEPARATE, pytest.mark.usefixtures("short_waits", "sound_books")]


def test_a_connection_lost_before_the_message_leaves_costs_nothing(server):
    server.settings.rules = parse("rcpt times=2 drop", "data times=1 drop")
    campaign = send(launch_campaign(20, connection=to(server)))
    assert counts(campaign) == {"accepted": 20}
    assert set(campaign.deliveries.values_list("attempts", flat=True)) == {1}
    assert set(addresses(server).values()) == {1}


@pytest.mark.parametrize(("rule", "arrived"), [("dot times=1 drop", 0), ("ack times=1 drop", 1)])
def test_a_connection_lost_after_the_dot_leaves_its_message_uncertain_and_it_is_never_sent_again(
    server, rule, arrived
):
    server.settings.rules = parse(rule)
    campaign = send(launch_campaign(10, connection=to(server, max_connections=1)))
    assert campaign.status == "completed"
    assert counts(campaign) == {"accepted": 9, "uncertain": 1}
    doubtful = campaign.deliveries.get(status="uncertain")
    assert addresses(server)[doubtful.email] == arrived
    assert doubtful.tries.get().stage == "dot"
    assert progress.read_figures(campaign).percent == 100.0


def test_an_event_of_an_uncertain_mail_proves_that_it_arrived(server):
    server.settings.rules = parse("ack times=1 drop")
    campaign = send(launch_campaign(3, connection=to(server, max_connections=1)))
    doubtful = campaign.deliveries.get(status="uncertain")
    tracking.note_open(tokens.sign_token(doubtful.pk, tokens.Purpose.OPEN), visitors.Visitor())
    assert counts(campaign) == {"accepted": 3} == count_tallies(campaign)
    assert progress.read_figures(campaign).opened == 1


def test_a_person_may_put_the_uncertain_back_while_it_is_paused(server):
    server.settings.rules = parse("dot times=1 drop")
    campaign = launch_campaign(10, connection=to(server, max_connections=1))
    runs.run_lane(campaign.connection_id, 0)
    uncertain = campaign.deliveries.filter(status="uncertain")
    assert uncertain.count() == 1
    if fresh(campaign).status == "running":
        fire(campaign, "pause")
        assert drafting.resend_uncertain(campaign) == 1
        fire(fresh(campaign), "resume")
        send(campaign)
        assert counts(campaign) == {"accepted": 10}


def test_a_server_that_is_down_pauses_the_campaign_with_the_reason_and_nothing_is_spent(server):
    campaign = launch_campaign(30, connection=to(server, port=1))
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
    campaign = launch_campaign(5, connection=to(server, username="shop", password="secret"))
    runs.run_lane(campaign.connection_id, 0)
    assert fresh(campaign).status == "paused"
    assert "Check user name and password" in campaign.history.first().why
    assert "secret" not in campaign.history.first().why


def test_the_share_of_a_dead_connection_goes_to_the_others(server):
    well, dead = to(server), to(server, port=1)
    campaign = launch_campaign(40, sharing="percentage", routes=[(well, 50), (dead, 50)])
    assert campaign.planned == {str(well.pk): 20, str(dead.pk): 20}
    assert send(campaign).status == "completed"
    assert len(addresses(server)) == 40
    figures_of = {row.connection.pk: row for row in progress.read_figures(campaign).connections}
    assert (figures_of[well.pk].planned, figures_of[well.pk].actual) == (20, 40)
    assert (figures_of[dead.pk].planned, figures_of[dead.pk].actual) == (20, 0)
    assert figures_of[dead.pk].trouble


def test_failover_sends_all_through_the_first_that_works(server):
    dead, second, third = to(server, port=1), to(server), to(server)
    campaign = launch_campaign(20, sharing="failover", routes=[(dead, 1), (second, 1), (third, 1)])
    assert campaign.planned == {str(dead.pk): 20, str(second.pk): 0, str(third.pk): 0}
    assert send(campaign).status == "completed"
    assert set(campaign.deliveries.values_list("connection", flat=True)) == {second.pk}


def test_a_connection_switched_off_while_it_sends_stops_and_the_campaign_says_so(server):
    campaign = launch_campaign(5, connection=to(server))
    campaign.connection.is_enabled = False
    campaign.connection.save()
    assert runs.run_lane(campaign.connection_id, 0) == 0
    assert fresh(campaign).status == "paused"
    assert "switched off" in campaign.history.first().why


def test_a_connection_that_works_again_takes_its_share_back(server):
    smtp = to(server)
    campaign = launch_campaign(5, connection=smtp)
    Pace.objects.create(connection=smtp, failures=9, down_since=campaign.prepared_at)
    assert list_down_connections([smtp.pk]) == {smtp.pk}
    assert runs.run_lane(smtp.pk, 0) == 5
    assert list_down_connections([smtp.pk]) == set()
    assert fresh(campaign).status == "completed"


# ── runs that die ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_a_dead_run_had_claimed_goes_back_and_what_it_was_handing_over_is_in_doubt(server):
    campaign = launch_campaign(4, connection=to(server))
    smtp = campaign.connection_id
    run = lanes.take_lane(smtp, 0)
    claimed, handed_over, *_ = campaign.deliveries.order_by("pk")
    Delivery.objects.filter(pk=claimed.pk).update(status="claimed", due_at=None, run=run)
    Delivery.objects.filter(pk=handed_over.pk).update(status="in_data", due_at=None, run=run)
    assert lanes.take_lane(smtp, 0) is None, "its lease has not run out"
    lanes.free_all_lapsed_lanes()
    assert counts(campaign) == {"claimed": 1, "in_data": 1, "pending": 2}
    Lane.objects.filter(run=run).update(leased_until="2020-01-01T00:00Z")
    lanes.free_all_lapsed_lanes()
    assert counts(campaign) == {"uncertain": 1, "pending": 3}
    assert send(campaign).status == "completed"
    assert handed_over.email not in addresses(server)
    assert len(addresses(server)) == 3


def test_a_run_that_lost_its_lane_sends_nothing_more(server):
    """A process that was stopped for longer than its lease, and wakes after another took over."""
    server.settings.rules = parse("dot delay 0.05")
    campaign = launch_campaign(60, connection=to(server, max_connections=2))
    with in_thread(lambda: runs.run_lane(campaign.connection_id, 0)):
        wait_for(lambda: len(server.accepted) > 2)
        Lane.objects.filter(number=0).update(leased_until="2020-01-01T00:00Z")
        lanes.free_all_lapsed_lanes()
        with in_thread(lambda: runs.run_lane(campaign.connection_id, 0)):
            pass
    send(campaign)
    assert set(addresses(server).values()) == {1}
    assert counts(campaign).get("uncertain", 0) <= 2
    assert len(addresses(server)) >= 60 - 2
