"""An import that is stopped by hand: what was taken in stays and is told; it goes on, or its rest is left."""

import io
from datetime import timedelta

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from campaigns.refusals import Refused
from mailing import importing
from mailing.importing import steps
from mailing.models import Contact, Upload
from tests.factories import user_in
from tests.mailing.pages import page

pytestmark = pytest.mark.django_db
CSV = "email,n\n" + "".join(f"p{n:02}@example.com,{n}\n" for n in range(25))


@pytest.fixture(autouse=True)
def _short_pieces(settings, tmp_path, monkeypatch):
    settings.VAR_DIR = tmp_path
    monkeypatch.setattr(steps, "BATCH_ROWS", 10)


def receive_file():
    return importing.receive_contacts(io.BytesIO(CSV.encode()), name="people.csv")


def fresh(upload):
    return Upload.objects.get(pk=upload.pk)


def try_import():
    upload = receive_file()
    importing.choose_columns(upload, ["email", "n"], new_list="Many")
    importing.run(upload.pk)
    return fresh(upload)


def halfway():
    """Started for real, and one piece of it taken."""
    upload = try_import()
    importing.start(upload)
    assert importing.run(upload.pk, seconds=0) is True
    return fresh(upload)


def test_one_that_is_stopped_takes_no_further_row_and_goes_on_where_it_was(client, marketer):
    upload = halfway()
    address = f"/imports/{upload.pk}/"
    assert f"{address}stop/" in page(client, address)
    assert "What has been imported is kept." in page(client, f"{address}stop/")
    assert fresh(upload).status == "running", "to ask is not to stop"
    assert client.post(f"{address}stop/").url == address
    assert importing.run(upload.pk) is False
    assert Contact.objects.count() == 10
    text = page(client, address)
    assert "It was stopped after row 10." in text
    assert "p09@example.com" in text, "what became of the rows so far"

    OrmQ.objects.all().delete()
    client.post(f"{address}resume/")
    importing.run(upload.pk)
    done = fresh(upload)
    assert (done.status, done.created, done.joined) == ("done", 25, 25)
    assert [row.line for row in importing.stored_verdicts.read_verdicts(done)] == list(range(1, 26))


def test_the_run_at_work_is_stopped_before_its_next_piece(monkeypatch):
    upload = try_import()
    importing.start(upload)
    take = steps.import_batch

    def stopped_meanwhile(begun, piece):
        monkeypatch.setattr(steps, "import_batch", take)
        taken = take(begun, piece)
        importing.stop(begun)
        return taken

    monkeypatch.setattr(steps, "import_batch", stopped_meanwhile)
    assert importing.run(upload.pk) is False
    assert (fresh(upload).done, Contact.objects.count()) == (10, 10)
    with pytest.raises(Refused, match="is stopped: it cannot be stopped"):
        importing.stop(upload)


def test_resuming_queues_the_work(django_capture_on_commit_callbacks):
    upload = halfway()
    importing.stop(upload)
    OrmQ.objects.all().delete()
    with django_capture_on_commit_callbacks(execute=True):
        importing.resume(upload)
    assert [task.func() for task in OrmQ.objects.all()] == ["mailing.tasks.import_upload"]
    with pytest.raises(Refused, match="is running: it cannot be resumed"):
        importing.resume(upload)


def test_the_rest_of_a_stopped_one_can_be_left_and_what_was_taken_stays(client, marketer):
    upload = halfway()
    importing.stop(upload)
    with pytest.raises(Refused, match="is stopped: it cannot be discarded"):
        importing.discard(upload)
    assert "10 of 25 rows have been processed" in page(client, f"/imports/{upload.pk}/end/")
    client.post(f"/imports/{upload.pk}/end/")
    assert fresh(upload).status == "ended"
    assert not importing.path_of(upload.pk).exists()
    assert Contact.objects.count() == 10
    assert "The rows after 10 were skipped." in page(client, f"/imports/{upload.pk}/")
    with pytest.raises(Refused, match="is ended early: it cannot be resumed"):
        importing.resume(upload)


def test_a_stopped_trial_goes_on_or_starts_over_with_other_columns():
    upload = receive_file()
    importing.choose_columns(upload, ["email", "n"])
    importing.run(upload.pk, seconds=0)
    importing.stop(upload)
    importing.resume(upload)
    importing.run(upload.pk)
    assert (fresh(upload).status, fresh(upload).created) == ("tried", 25)

    importing.choose_columns(upload, ["email", "n"])
    importing.run(upload.pk, seconds=0)
    importing.stop(upload)
    importing.choose_columns(upload, ["email", "score"])
    assert fresh(upload).done == 0
    importing.run(upload.pk)
    importing.start(fresh(upload))
    importing.run(upload.pk)
    assert Contact.objects.get(email="p07@example.com").score == 7


def test_a_run_that_read_with_other_columns_takes_nothing():
    upload = receive_file()
    importing.choose_columns(upload, ["email", "n"])
    begun = fresh(upload)
    piece = next(steps._read_batches(begun))
    importing.stop(upload)
    importing.choose_columns(upload, ["email", "score"])
    assert steps.import_batch(begun, piece) is False
    assert fresh(upload).done == 0


def test_a_stopped_one_is_left_after_a_week():
    upload = halfway()
    importing.stop(upload)
    Upload.objects.update(moved_at=timezone.now() - timedelta(days=8))
    receive_file()
    assert fresh(upload).status == "ended"
    assert not importing.path_of(upload.pk).exists()


def test_an_analyst_stops_nothing(client):
    upload = halfway()
    client.force_login(user_in("Analysts"))
    assert "/stop/" not in page(client, f"/imports/{upload.pk}/")
    for step in ("stop", "resume", "end"):
        assert client.post(f"/imports/{upload.pk}/{step}/").status_code == 403
    assert fresh(upload).status == "running"
