"""What a server allows of one connection, of one hour and of one day: nobody is lost or spent over it."""

import pytest

from mailing.models import Delivery, Pace, Suppression
from mailing.smtp import sessions
from tests.hostile_smtp import Settings, hostile_smtp, parse
from tests.mailing.running import SEPARATE, addresses, counts, fresh, launch_campaign, send, to

pytestmark = SEPARATE
PIPELINED = "PIPELINING,8BITMIME,ENHANCEDSTATUSCODES,SIZE 50000000"


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch):
    monkeypatch.setattr(sessions, "_sizes", {})


@pytest.fixture
def server():
    with hostile_smtp(Settings()) as server:
        yield server


@pytest.mark.parametrize(
    "refusal",
    [
        "452 4.5.3 Too many messages sent",
        "421 too many messages in this connection",
        "421 4.7.0 closing, goodbye",
        "550 This message has exceeded the max number of messages per session. Open a new session. IB510",
    ],
)
@pytest.mark.parametrize("extensions", [PIPELINED, "8BITMIME"])
def test_a_connection_that_is_full_is_followed_by_the_next_at_once(server, refusal, extensions):
    server.settings.change(extensions=extensions, rules=[f"mail after=5 {refusal}"])
    smtp = to(server, max_connections=2)
    campaign = launch_campaign(40, connection=smtp)
    send(campaign, seconds=15)
    assert counts(campaign) == {"accepted": 40}
    assert max(addresses(server).values()) == 1
    assert not Delivery.objects.exclude(attempts=0).exclude(status="accepted").exists()
    assert Pace.objects.get(pk=smtp.pk).level == 0, "nothing was throttled"
    refused = sum(number for name, number in server.counts.items() if name.startswith("mail "))
    assert refused <= 4, "the number is remembered"
    assert server.counts["connections"] <= 40 / 5 + refused + 2


def test_a_limit_of_one_hour_lets_nobody_bounce_or_be_suppressed(server):
    """IB607: the code of an unknown user, sent to whoever comes after the first ten."""
    words = "550 5.1.1 <x@y.example> - 192.0.2.0 has sent to too many recipients this hour. IB607 <http://x.test/rl>"
    server.settings.rules = parse("rcpt after=10 " + words)
    campaign = launch_campaign(50, connection=to(server, max_connections=1))
    send(
        campaign,
        seconds=15,
        until=lambda campaign: len(server.accepted) >= 10 and server.counts["rcpt 550"] > 2,
    )
    assert counts(campaign).get("bounced", 0) == 0
    assert counts(campaign).get("failed", 0) == 0
    assert not Suppression.objects.exists()
    server.settings.rules = []
    Delivery.objects.filter(campaign=campaign, due_at__isnull=False).update(due_at="2020-01-01T00:00Z")
    send(fresh(campaign), seconds=30)
    assert counts(campaign) == {"accepted": 50}


@pytest.mark.parametrize(
    "refusal",
    [
        r"550-5.4.5 Daily user sending limit exceeded. For more information on Gmail\n550 5.4.5 sending limits go to",
        "550 5.7.1 Daily SMTP relay limit exceeded for customer.",
        "552 Message would take you over your relay quota of 30 Current quota used: 30",
        "554 5.2.252 SendAsDenied; shop@y.example not allowed to send as a@shop.test",
    ],
)
def test_the_day_s_quota_of_a_relay_spends_nobody_and_is_told(server, refusal):
    server.settings.rules = parse(*[f"dot after={after} {refusal}" for after in (30,)])
    smtp = to(server, max_connections=1)
    campaign = launch_campaign(60, connection=smtp)
    send(
        campaign,
        seconds=40,
        until=lambda campaign: (
            campaign.status != "running" or Pace.objects.filter(pk=smtp.pk, failures__gt=0)
        ),
    )
    assert counts(campaign) == {"accepted": 30, "pending": 30}
    assert not Delivery.objects.filter(campaign=campaign, status="pending").exclude(attempts=0).exists()
    assert refusal[14:40] in Pace.objects.get(pk=smtp.pk).trouble


def test_every_third_recipient_throttled_for_a_while_is_accepted_in_the_end(server):
    server.settings.rules = parse("rcpt p=0.33 times=8 450 Too many requests. Try again later. #MS-ST-G")
    campaign = launch_campaign(40, connection=to(server))
    send(campaign, seconds=60)
    assert counts(campaign) == {"accepted": 40}
    assert set(Delivery.objects.filter(campaign=campaign).values_list("attempts", flat=True)) == {1}


def test_dead_mailboxes_are_bounced_and_do_not_stop_the_others(server):
    server.settings.rules = parse(
        r"dot of=0.5 554 delivery error: dd This user doesn't have a yahoo.com account (x@yahoo.example) [0] - mta1"
    )
    campaign = launch_campaign(20, connection=to(server))
    send(campaign)
    done = counts(campaign)
    assert fresh(campaign).status == "completed"
    assert done["bounced"] + done["accepted"] == 20
    assert done["bounced"] >= 5
    assert Suppression.objects.count() == done["bounced"]


@pytest.mark.parametrize(
    "refusal",
    [
        "550 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org",
        "550 5.1.1 RBL: blocked using bl.x.test",
        "553 5.3.0 alpd681 DNSBL:RBL 521< 192.0.2.4 >_is_blocked.",
        "550 Sender verify failed",
    ],
)
def test_a_listed_server_pauses_the_campaign_with_everybody_still_to_be_sent_to(server, refusal):
    server.settings.rules = parse(f"rcpt {refusal}")
    campaign = send(launch_campaign(60, connection=to(server)))
    assert campaign.status == "paused"
    assert refusal[-20:] in campaign.history.latest("pk").why
    done = counts(campaign)
    assert set(done) <= {"pending", "deferred"}
    assert done["deferred"] < 20
    assert not Suppression.objects.exists()


def test_a_sender_without_a_domain_stops_the_connection_and_spends_nobody(server):
    server.settings.rules = parse("rcpt 450 4.1.8 <a@shop.test>: Sender address rejected: Domain not found")
    smtp = to(server)
    campaign = launch_campaign(20, connection=smtp)
    send(
        campaign, seconds=40, until=lambda campaign: Pace.objects.filter(pk=smtp.pk, failures__gt=0).exists()
    )
    assert counts(campaign) == {"pending": 20}
    assert not Delivery.objects.filter(campaign=campaign).exclude(attempts=0).exists()
    assert "Domain not found" in Pace.objects.get(pk=smtp.pk).trouble
