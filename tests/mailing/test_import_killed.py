"""A real process that dies while it takes in a file: the next goes on where it was, no row twice and none left out."""

import io
import os
import subprocess
import sys
import time

from django.db import connection
from django.utils import timezone
from django_q.models import OrmQ

from benchmarks.mailing.rig import url
from mailing import clock, importing
from mailing.models import Contact, ContactList, Upload
from tests.mailing.running import SEPARATE

pytestmark = SEPARATE

ROWS = 3000
WORKER = """
import django; django.setup()
from mailing import importing
from mailing.importing import steps
steps.BATCH_ROWS = 100
importing.run({})
"""


def test_an_import_goes_on_after_its_process_was_killed(settings, tmp_path):
    settings.VAR_DIR = tmp_path
    text = "email,n\n" + "".join(f"p{n}@example.com,{n}\n" for n in range(ROWS))
    upload = importing.receive_contacts(io.BytesIO(text.encode()))
    importing.choose_columns(upload, ["email", "n"], new_list="Many")
    importing.run(upload.pk)
    importing.start(Upload.objects.get(pk=upload.pk))
    environment = os.environ | {
        "DATABASE_URL": url(connection.settings_dict),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "VAR_DIR": str(tmp_path),
    }

    done = 0
    while done < ROWS // 2:  # killed wherever it is, each time a little further
        worker = subprocess.Popen([sys.executable, "-c", WORKER.format(upload.pk)], env=environment)
        reached, deadline = done, time.monotonic() + 30
        while reached < done + ROWS // 4:
            assert time.monotonic() < deadline
            time.sleep(0.005)
            reached = Upload.objects.values_list("done", flat=True).get()
        worker.kill()
        worker.wait()
        done = Upload.objects.values_list("done", flat=True).get()
    assert done < ROWS, "it was killed too late to prove anything"

    OrmQ.objects.all().delete()
    clock.tick(timezone.now() + importing.STALLED_AFTER)
    assert [task.func() for task in OrmQ.objects.filter()] == ["mailing.tasks.import_upload"]
    importing.run(upload.pk)
    upload = Upload.objects.get()
    assert (upload.status, upload.created, upload.updated, upload.joined) == ("done", ROWS, 0, ROWS)
    assert [row.line for row in importing.stored_verdicts.read_verdicts(upload)] == [*range(1, ROWS + 1)]
    assert Contact.objects.count() == ContactList.objects.get(name="Many").contacts.count() == ROWS
