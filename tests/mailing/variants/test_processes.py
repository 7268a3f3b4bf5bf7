"""Real processes that die in each phase of an A/B test: nobody is lost, nobody is mailed twice, and it goes on."""

import os
import signal
import subprocess
import sys
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from benchmarks.mailing.rig import url
from campaigns import doctor
from mailing.models import EmailCampaign, Lane
from mailing.sending import lanes
from tests.hostile_smtp import parse
from tests.mailing.running import SEPARATE, addresses, counts, fresh, send, to
from tests.mailing.variants.testing import click, count_variants, launch_tested
from tests.waiting import wait_for

pytestmark = [SEPARATE, pytest.mark.usefixtures("short_waits")]

PLACES = 4
# The clock and a worker in one process, as often as they can.
PROGRAM = """
import django; django.setup()
from django.utils import timezone
from mailing import clock
from mailing.sending import lanes, runs, supply
from mailing.variants import releasing
lanes.LANES_PER_CONNECTION, lanes.WAKE_AGAIN_SECONDS, supply.IDLE_SECONDS, releasing.SLICE = 1, 0, 0.05, 20
while True:
    clock.tick(timezone.now())
    runs.run_lane({connection}, 0)
"""


def run_killed(campaign, condition):
    """Let such a process work until the condition holds, and kill it."""
    environment = os.environ | {
        "DATABASE_URL": url(connection.settings_dict),
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }
    program = PROGRAM.format(connection=campaign.connection_id)
    process = subprocess.Popen([sys.executable, "-c", program], env=environment)
    try:
        wait_for(condition, 60)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    Lane.objects.filter(run__isnull=False).update(leased_until="2020-01-01T00:00Z")
    lanes.free_all_lapsed_lanes()


def test_a_process_killed_in_each_phase_loses_nobody_and_mails_nobody_twice(server, monkeypatch):
    monkeypatch.setattr(lanes, "LANES_PER_CONNECTION", 1)
    server.settings.rules = parse("dot delay 0.01")
    test = {"share_percent": 50, "wait": 1, "wait_unit": "hours"}
    campaign = launch_tested(160, connection=to(server, max_connections=PLACES), test=test)
    run_killed(campaign, lambda: len(server.accepted) > 30)
    assert fresh(campaign).phase == "testing"
    run_killed(campaign, lambda: fresh(campaign).phase == "waiting")
    tested = len(server.accepted)
    assert 80 - 2 * PLACES <= tested <= 80
    click(campaign, 1, 30)
    EmailCampaign.objects.filter(pk=campaign.pk).update(phase_at=timezone.now() - timedelta(hours=2))
    run_killed(campaign, lambda: len(server.accepted) > tested + 30)
    assert (fresh(campaign).phase, fresh(campaign).winner) == ("rest", 1)
    server.settings.rules = []
    assert send(campaign).status == "completed"
    got = addresses(server)
    uncertain = set(campaign.deliveries.filter(status="uncertain").values_list("email", flat=True))
    everybody = set(campaign.deliveries.values_list("email", flat=True))
    assert set(got.values()) == {1}
    assert everybody - got.keys() <= uncertain
    assert len(uncertain) <= 3 * 2 * PLACES
    assert sum(counts(campaign).values()) == 160
    assert count_variants(campaign) == {0: 40, 1: 120}
    assert list(doctor.find_breaches()) == []
