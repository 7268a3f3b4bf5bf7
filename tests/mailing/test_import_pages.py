"""The pages of an import: a file, its columns, the trial, and what became of each row."""

from pathlib import Path

import psycopg
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError
from django_q.models import OrmQ

from campaigns import database_time
from mailing import importing
from mailing.forms import UploadForm
from mailing.importing import steps
from mailing.models import Contact, ContactList, Upload
from tests.factories import ContactFactory, ContactListFactory, user_in
from tests.mailing.pages import page

pytestmark = pytest.mark.django_db
HTMX = {"HTTP_HX_REQUEST": "true"}
CSV = b"Contact address,First name,Favourite\nada@example.com,Ada,tea\nnonsense,X,y\n"


@pytest.fixture(autouse=True)
def _folder_of_its_own(settings, tmp_path):
    settings.VAR_DIR = tmp_path


def upload_file(client, content=CSV, name="people.csv"):
    response = client.post("/contacts/import/", {"file": SimpleUploadedFile(name, content)})
    assert response.status_code == 302, response.content.decode()
    upload = Upload.objects.latest("pk")
    assert response.url == f"/imports/{upload.pk}/columns/"
    return upload


def run_import(upload):
    """What the queue does."""
    importing.run(upload.pk)
    return Upload.objects.get(pk=upload.pk)


CHOSEN = {
    "column_0": "email",
    "column_1": "first_name",
    "column_2": "attribute",
    "name_2": "likes",
    "new_list": "Newsletter",
}


@pytest.mark.parametrize(
    ("numbers", "is_told"),
    [
        (("1.234", "12.000"), True),
        (("1.234", "1.5"), False),
        (("1.23", "48"), False),
        (("0.125",), False),
        ((), False),
    ],
)
def test_a_column_whose_numbers_may_be_thousands_is_told_beforehand(client, marketer, numbers, is_told):
    rows = "".join(f"p{place}@x.test;{number}\n" for place, number in enumerate(numbers or ["none"]))
    upload = upload_file(client, f"email;turnover\n{rows}".encode())
    said = "“1.234” is read with a decimal point."
    assert (said in page(client, f"/imports/{upload.pk}/columns/")) is is_told


def test_a_file_goes_through_its_columns_and_a_trial_to_its_end(
    client, marketer, django_capture_on_commit_callbacks
):
    upload = upload_file(client)
    text = page(client, f"/imports/{upload.pk}/columns/")
    assert "ada@example.com" in text, "an example"
    assert '<option value="email" selected>' in text, "guessed from its values"
    with django_capture_on_commit_callbacks(execute=True):
        response = client.post(f"/imports/{upload.pk}/columns/", CHOSEN)
    assert response.url == f"/imports/{upload.pk}/"
    assert [task.func() for task in OrmQ.objects.all()] == ["mailing.tasks.import_upload"]
    text = page(client, response.url)
    assert "every 1s" in text
    assert "Counting the rows" in text

    run_import(upload)
    text = page(client, response.url, **HTMX)
    assert "every 1s" not in text
    assert text.strip().startswith('<div id="upload"')
    assert "“nonsense” is not an e-mail address." in text
    assert "Import 1 contact" in text
    assert not Contact.objects.exists()
    assert not ContactList.objects.exists()

    client.post(f"/imports/{upload.pk}/start/")
    assert run_import(upload).status == "done"
    text = page(client, response.url)
    contact_list = ContactList.objects.get(name="Newsletter")
    assert f"/contacts/?list={contact_list.pk}" in text
    assert contact_list.contacts.get().attributes == {"likes": "tea"}
    assert "nonsense" not in page(client, f"{response.url}?verdict=created")
    rejected = client.get(f"/imports/{upload.pk}/not-taken.csv")
    assert rejected["Content-Disposition"] == 'attachment; filename="people-not-taken.csv"'
    assert b"nonsense,X,y," in b"".join(rejected.streaming_content)


def test_the_rows_of_a_large_import_are_shown_a_page_at_a_time(client, marketer):
    rows = "".join(f"p{n:03}@example.com\n" for n in range(60))
    upload = upload_file(client, f"email\n{rows}".encode())
    importing.choose_columns(upload, ["email"])
    run_import(upload)
    text = page(client, f"/imports/{upload.pk}/")
    assert "p049@example.com" in text
    assert "p050@example.com" not in text
    assert "?after=50#rows" in text
    assert "p050@example.com" in page(client, f"/imports/{upload.pk}/?after=50")


def test_an_import_begun_at_a_list_proposes_that_list(client, marketer):
    members = ContactListFactory(name="Members")
    assert f'/contacts/import/?list={members.pk}"' in page(client, "/lists/")
    assert "Import contacts into “Members”" in page(client, f"/contacts/import/?list={members.pk}")
    file = SimpleUploadedFile("people.csv", CSV)
    response = client.post(f"/contacts/import/?list={members.pk}", {"file": file})
    assert f'<option value="{members.pk}" selected>Members</option>' in page(client, response.url)
    page(client, "/contacts/import/?list=999999")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"PK\x03\x04", "This is a workbook, not CSV"),
        (b"", "The submitted file is empty"),
        (b"ada@example.com\n", "The first line must name the columns"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_on_the_page(client, marketer, content, sentence):
    response = client.post("/contacts/import/", {"file": SimpleUploadedFile("people.csv", content)})
    assert response.status_code == 422
    assert sentence in response.content.decode()
    assert not Upload.objects.exists()


def test_a_file_that_is_too_large_is_refused(client, marketer, monkeypatch):
    monkeypatch.setattr(UploadForm.base_fields["file"], "limit", 2**20)
    response = client.post(
        "/contacts/import/", {"file": SimpleUploadedFile("people.csv", b"x" * (3 * 2**20))}
    )
    assert response.status_code == 422
    assert "The file has 3 MB; at most 1 are taken" in response.content.decode()


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"column_0": ""}, "Say which column holds the e-mail addresses."),
        ({"column_1": "email"}, "is taken from another column already"),
        ({"name_2": ""}, "Give the attribute a name."),
        ({"name_2": "two words"}, "“two words” cannot be the name of an attribute"),
        ({"new_list": "Members"}, "There is a list of that name: choose it instead."),
        ({"list": "members"}, "not both"),
    ],
)
def test_what_is_wrong_with_the_columns_is_said_beside_them(client, marketer, wrong, sentence):
    members = ContactListFactory(name="Members")
    upload = upload_file(client)
    chosen = CHOSEN | {key: members.pk if value == "members" else value for key, value in wrong.items()}
    response = client.post(f"/imports/{upload.pk}/columns/", chosen)
    assert response.status_code == 422
    assert sentence in response.content.decode()
    assert Upload.objects.get().status == "choosing"


def test_what_was_chosen_stands_there_again_after_the_trial(client, marketer):
    ContactFactory(attributes={"likes": "tea"})
    upload = upload_file(client)
    client.post(f"/imports/{upload.pk}/columns/", CHOSEN)
    run_import(upload)
    text = page(client, f"/imports/{upload.pk}/columns/")
    assert 'value="likes"' in text
    assert 'value="Newsletter"' in text


def test_an_import_is_discarded_after_a_question(client, marketer):
    upload = upload_file(client)
    assert "Nothing was imported from it" in page(client, f"/imports/{upload.pk}/discard/")
    assert client.post(f"/imports/{upload.pk}/discard/").url == "/contacts/import/"
    assert not Upload.objects.exists()
    assert not importing.path_of(upload.pk).exists()


def test_one_that_is_being_worked_on_is_not_discarded(client, marketer):
    upload = upload_file(client)
    importing.choose_columns(upload, ["email", "", ""])
    response = client.post(f"/imports/{upload.pk}/discard/")
    assert response.status_code == 409
    assert "it cannot be discarded" in response.content.decode()


def test_a_file_that_has_gone_sends_back_to_the_upload(client, marketer):
    upload = upload_file(client)
    importing.path_of(upload.pk).unlink()
    response = client.get(f"/imports/{upload.pk}/columns/", follow=True)
    assert "The file is no longer here" in response.content.decode()


def make_unreadable(path):
    path.unlink()
    path.mkdir()  # as a file that its user may not open: the tests may be run by one who may open each


@pytest.mark.parametrize("lose", [Path.unlink, make_unreadable])
@pytest.mark.parametrize("encoding", ["", "cp1252"])
@pytest.mark.parametrize("is_checked", [False, True])
def test_an_import_whose_file_has_gone_fails_with_a_sentence(client, marketer, lose, encoding, is_checked):
    upload = upload_file(client)
    importing.read_in_encoding(upload, encoding) if encoding else None
    importing.choose_columns(Upload.objects.get(pk=upload.pk), ["email", "", ""])
    if is_checked:
        importing.run(upload.pk)
        importing.start(Upload.objects.get(pk=upload.pk))
    lose(importing.path_of(upload.pk))
    assert not importing.run(upload.pk)
    assert Upload.objects.get(pk=upload.pk).status == "failed"
    assert "The file is no longer here: upload it again." in client.get(f"/imports/{upload.pk}/").text
    OrmQ.objects.all().delete()
    importing.queue_stalled(database_time.now() + importing.STALLED_AFTER * 2)
    assert not OrmQ.objects.exists()


def test_an_import_that_no_try_can_do_fails_with_what_happened(client, marketer, monkeypatch):
    upload = upload_file(client)
    importing.choose_columns(upload, ["email", "", ""])
    with monkeypatch.context() as broken:
        broken.setattr(steps, "BATCH_ROWS", "many")
        with pytest.raises(TypeError):
            importing.run(upload.pk)
    assert not importing.run(upload.pk)
    assert Upload.objects.get(pk=upload.pk).status == "failed"
    assert "An unforeseen error stopped it. TypeError: " in client.get(f"/imports/{upload.pk}/").text


@pytest.mark.parametrize("error", [OperationalError, psycopg.errors.DeadlockDetected, MemoryError])
def test_an_import_that_a_later_try_can_do_goes_on(client, marketer, monkeypatch, error):
    upload = upload_file(client)
    importing.choose_columns(upload, ["email", "", ""])

    def fail(*_):
        raise error("later")

    with monkeypatch.context() as broken:
        broken.setattr(steps, "import_batch", fail)
        with pytest.raises(error):
            importing.run(upload.pk)
    assert Upload.objects.get(pk=upload.pk).status == "running"
    assert not importing.run(upload.pk)
    assert Upload.objects.get(pk=upload.pk).status == "tried"


def test_an_analyst_looks_at_an_import_and_cannot_start_it(client, marketer):
    upload = upload_file(client)
    importing.choose_columns(upload, ["email", "", ""])
    run_import(upload)
    client.force_login(user_in("Analysts"))
    assert "/start/" not in page(client, f"/imports/{upload.pk}/")
    for path in ("start", "discard", "columns"):
        assert client.post(f"/imports/{upload.pk}/{path}/").status_code == 403
