"""A real process that dies while it writes what waited: each visit is written once."""

import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

from django.db import connection

from benchmarks.mailing.rig import url
from mailing import spool, tracking
from mailing.models import Event, SpoolFile
from mailing.visitors import Visitor
from tests.mailing.running import SEPARATE, launch_campaign

pytestmark = SEPARATE

VISITS = 400
WRITER = """
import django; django.setup()
from mailing import spool, tracking
spool.BATCH_VISITS = 10
tracking.write_spooled(60)
"""


def test_each_visit_is_written_once_wherever_the_writer_is_killed(settings, tmp_path):
    settings.VAR_DIR = tmp_path
    delivery = launch_campaign(1).deliveries.get()
    begun = datetime.now(UTC) - timedelta(days=2)
    for number in range(VISITS):
        at = begun + timedelta(minutes=number)
        spool.keep_visit(spool.Visit(delivery=delivery.pk, kind="opened", visitor=Visitor(), at=at))
    environment = os.environ | {
        "DATABASE_URL": url(connection.settings_dict),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "VAR_DIR": str(tmp_path),
    }
    for part in (1, 2):
        writer = subprocess.Popen([sys.executable, "-c", WRITER], env=environment)
        deadline = time.monotonic() + 60
        while Event.objects.count() < part * VISITS // 4:
            assert time.monotonic() < deadline
            time.sleep(0.002)
        writer.kill()
        writer.wait()
    assert 0 < Event.objects.count() < VISITS, "it was killed too late to prove anything"
    assert SpoolFile.objects.get().done == Event.objects.count()
    tracking.write_spooled(60)
    moments = Event.objects.values_list("at", flat=True)
    assert (len(moments), len(set(moments))) == (VISITS, VISITS)
    assert not SpoolFile.objects.exists()
