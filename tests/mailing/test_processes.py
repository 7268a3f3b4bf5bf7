"""Real processes that die while they send: each recipient exactly once, but for what is named as uncertain.

benchmarks/faults_mail.py does the same to whole clusters, more often and for longer.
"""

import os
import signal
import subprocess
import sys
import time

import pytest
from django.db import connection

from benchmarks.mailing.rig import url
from campaigns import doctor
from mailing.models import Lane
from mailing.sending import lanes
from tests.hostile_smtp import parse
from tests.mailing.running import SEPARATE, addresses, counts, fresh, launch_campaign, send, to
from tests.waiting import wait_for

pytestmark = [SEPARATE, pytest.mark.usefixtures("short_waits")]

PLACES = 4  # open connections
RUN = """
import django; django.setup()
from mailing.sending import lanes, runs, sending_run
lanes.LANES_PER_CONNECTION = 1
runs.run_lane(int({}), 0)
"""

# As a worker of a cluster that is told to stop, after a run whose last answers are late.
WAITING = """
import signal
import django; django.setup()
from campaigns.processes import announce_stop
from mailing.sending import lanes, runs, sending_run
lanes.LANES_PER_CONNECTION, sending_run.BUDGET_SECONDS = 1, 1
sending_run.STRAGGLE_SECONDS, sending_run.LAST_WAIT_SECONDS = 0.5, 1
runs.run_lane(int({}), 0)
signal.signal(signal.SIGTERM, lambda *_: announce_stop())
print("waits", flush=True)
"""


@pytest.fixture
def pump_process(monkeypatch):
    """Starts a process that feeds a connection; ended at the end of the test."""
    monkeypatch.setattr(lanes, "LANES_PER_CONNECTION", 1)
    environment = os.environ | {
        "DATABASE_URL": url(connection.settings_dict),
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }
    started = []

    def start(smtp_id, program=RUN):
        command = [sys.executable, "-c", program.format(smtp_id)]
        started.append(subprocess.Popen(command, env=environment, stdout=subprocess.PIPE))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_a_killed_sender_loses_nobody_and_mails_nobody_twice(server, pump_process):
    server.settings.rules = parse("dot delay 0.01")
    campaign = launch_campaign(400, connection=to(server, max_connections=PLACES))
    for kill in (1, 2):
        process = pump_process(campaign.connection_id)
        wait_for(lambda kill=kill: len(server.accepted) > 100 * kill, 30)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert lanes.take_lane(campaign.connection_id, 0) is None, "the lease of the dead still counts"
        Lane.objects.update(leased_until="2020-01-01T00:00Z")
        lanes.free_all_lapsed_lanes()
    server.settings.rules = []
    assert send(campaign).status == "completed"
    got = addresses(server)
    uncertain = set(campaign.deliveries.filter(status="uncertain").values_list("email", flat=True))
    everybody = set(campaign.deliveries.values_list("email", flat=True))
    assert len(uncertain) <= 2 * PLACES * 2
    assert set(got.values()) == {1}
    assert everybody - got.keys() <= uncertain
    assert counts(campaign) == {"accepted": 400 - len(uncertain)} | (
        {"uncertain": len(uncertain)} if uncertain else {}
    )
    assert list(doctor.find_breaches()) == []


def test_a_sender_that_is_told_to_stop_hands_over_what_it_began_and_nothing_is_in_doubt(server, pump_process):
    server.settings.rules = parse("dot delay 0.01")
    campaign = launch_campaign(400, connection=to(server, max_connections=PLACES))
    process = pump_process(campaign.connection_id)
    wait_for(lambda: len(server.accepted) > 50, 30)
    begun = time.monotonic()
    process.terminate()
    assert process.wait(10) == 0
    assert time.monotonic() - begun < 10
    sent = len(server.accepted)
    assert 50 < sent < 400
    assert counts(campaign) == {"accepted": sent, "pending": 400 - sent}
    assert fresh(campaign).status == "running"
    assert not Lane.objects.filter(run__isnull=False).exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_sender_that_waits_for_a_late_answer_ends_in_time_and_leaves_that_message_in_doubt(
    server, pump_process, number
):
    server.settings.rules = parse("dot times=1 stall")
    campaign = launch_campaign(20, connection=to(server, max_connections=PLACES))
    process = pump_process(campaign.connection_id, WAITING)
    assert process.stdout.readline() == b"waits\n"
    assert counts(campaign)["in_data"] == 1
    assert Lane.objects.get(run__isnull=False).number >= lanes.LANES_PER_CONNECTION, (
        "its lane is free for others"
    )
    begun = time.monotonic()
    process.send_signal(number)
    process.wait(10)
    assert time.monotonic() - begun < 10
    if number == signal.SIGKILL:
        Lane.objects.filter(run__isnull=False).update(leased_until="2020-01-01T00:00Z")
        lanes.free_all_lapsed_lanes()
    doubtful = campaign.deliveries.get(status="uncertain")
    assert "before the server" in doubtful.text or "between the message and the server" in doubtful.text
    assert not Lane.objects.filter(run__isnull=False).exists()
    server.settings.rules = []
    assert send(campaign).status == "completed"
    assert counts(campaign) == {"accepted": 19, "uncertain": 1}
    assert doubtful.email not in addresses(server)


def test_a_sender_whose_database_sessions_are_ended_goes_on_and_loses_no_result(server, pump_process):
    server.settings.rules = parse("dot delay 0.01")
    campaign = launch_campaign(300, connection=to(server, max_connections=PLACES))
    process = pump_process(campaign.connection_id)
    wait_for(lambda: len(server.accepted) > 50, 30)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    process.wait(30)
    assert counts(campaign).get("uncertain") is None
    server.settings.rules = []
    assert send(campaign).status == "completed"
    assert counts(campaign) == {"accepted": 300}
    assert set(addresses(server).values()) == {1}
