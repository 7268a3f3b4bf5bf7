"""A promotion that is paused while a process sends its mail as fast as it can.

benchmarks/faults_offers.py does the same to whole clusters, fifty times.
"""

import os
import random
import signal
import subprocess
import sys
from collections import Counter

import pytest
from django.db import connection

from benchmarks import faults_offers
from benchmarks.mailing import rig
from campaigns import lifecycle
from mailing.models import Delivery
from mailing.sending import lanes
from tests.hostile_smtp import parse
from tests.mailing.running import SEPARATE, send

PLACES = 4
SENDER = """
import django; django.setup()
from mailing.sending import lanes, runs, supply
lanes.LANES_PER_CONNECTION, supply.IDLE_SECONDS = 1, 0.05
while True:
    runs.run_lane({}, 0)
"""


@SEPARATE
@pytest.mark.usefixtures("short_waits")
def test_no_mark_begins_after_a_pause_has_answered_and_each_gets_one_mail_and_one_code(server, monkeypatch):
    monkeypatch.setattr(lanes, "LANES_PER_CONNECTION", 1)
    server.settings.rules = parse("dot delay 0.002")
    with connection.cursor() as cursor:
        cursor.execute(faults_offers.NOTE_MARKS)
    environment = os.environ | {
        "DATABASE_URL": rig.url(connection.settings_dict),
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }
    campaign, mail = faults_offers.make_mail(rig.contacts_of(700), server.port, PLACES)
    command = [sys.executable, "-c", SENDER.format(mail.connection_id)]
    sender = subprocess.Popen(command, env=environment)
    try:
        for _ in range(3):
            pause = faults_offers.pause_once(campaign, lambda: len(server.accepted), random.Random(), 50)
            assert faults_offers.judge_pause(pause, PLACES) == []
            assert Delivery.objects.filter(campaign=mail).exclude(status="accepted").exists(), "in the midst"
            lifecycle.fire(campaign, "resume")
    finally:
        sender.send_signal(signal.SIGKILL)
        sender.wait()
        with connection.cursor() as cursor:
            cursor.execute(faults_offers.NOTE_NO_MORE)
    server.settings.rules = []
    lanes.Lane.objects.update(leased_until="2020-01-01T00:00Z")
    lanes.free_all_lapsed_lanes()
    send(mail)
    got = Counter(message.recipient for message in server.accepted)
    assert faults_offers.judge_end(mail, got) == []
