"""Suppressions from a file: tried first, every proper address once, none that stands already changed."""

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from mailing import importing
from mailing.importing import steps
from mailing.models import Contact, Suppression, Upload
from tests.factories import SuppressionFactory, user_in
from tests.mailing.pages import page

pytestmark = pytest.mark.django_db
CSV = b"Name;Who\nAda;ADA@example.com\nX;nonsense\nBob;bob@example.com\nAda;ada@example.com\nshort\n"


@pytest.fixture(autouse=True)
def _folder_of_its_own(settings, tmp_path):
    settings.VAR_DIR = tmp_path


def post_file(client, content=CSV, **fields):
    file = SimpleUploadedFile("gone.csv", content)
    return client.post("/suppressions/import/", {"file": file, "reason": "list_import"} | fields)


def test_the_addresses_of_a_file_are_suppressed_after_a_trial_and_those_that_are_keep_their_reason(
    client, marketer, monkeypatch
):
    monkeypatch.setattr(steps, "BATCH_ROWS", 2)
    SuppressionFactory(email="bob@example.com", reason="complaint", source="webhook", detail="")
    response = post_file(client, detail="From the agency")
    upload = Upload.objects.get()
    assert response.url == f"/imports/{upload.pk}/"
    importing.run(upload.pk)
    text = page(client, response.url)
    assert "Suppress 1 address<" in text
    assert "Suppressed already: complaint." in text
    assert Suppression.objects.count() == 1, "nobody is suppressed by the trial"

    assert client.post(f"/imports/{upload.pk}/start/").url == response.url
    importing.run(upload.pk)
    text = page(client, response.url)
    assert "Show the suppressions" in text
    stored = Suppression.objects.order_by("email").values_list("email", "reason", "source", "detail")
    assert list(stored) == [
        ("ada@example.com", "list_import", "csv_import", "From the agency"),
        ("bob@example.com", "complaint", "webhook", ""),
    ]
    upload.refresh_from_db()
    assert (upload.created, upload.updated, upload.invalid) == (1, 2, 2)
    assert not Contact.objects.exists()
    assert f"/imports/{upload.pk}/" in page(client, "/suppressions/import/")


def test_an_import_stands_in_the_menu_where_its_rows_go(client, marketer):
    post_file(client)
    client.post("/contacts/import/", {"file": SimpleUploadedFile("people.csv", CSV)})
    for upload in Upload.objects.all():
        is_of_addresses = upload.kind == Upload.Kind.SUPPRESSIONS
        address = "/suppressions/" if is_of_addresses else "/contacts/import/"
        for path in ("discard/", "columns/" if upload.status == "choosing" else ""):
            text = page(client, f"/imports/{upload.pk}/{path}")
            assert re.findall(r'<a class="entry" href="([^"]*)" aria-current="page">', text) == [address]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"PK\x03\x04", "This is a workbook, not CSV"),
        (b"name\nAda\n", "No column holds e-mail addresses"),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused_with_a_sentence(
    client, marketer, tmp_path, content, sentence
):
    response = post_file(client, content)
    assert response.status_code == 422
    assert sentence in response.content.decode()
    assert not Upload.objects.exists()
    assert not list(tmp_path.glob("imports/*"))


def test_a_file_of_suppressions_has_no_columns_to_be_chosen(client, marketer):
    post_file(client)
    upload = Upload.objects.get()
    importing.run(upload.pk)
    assert client.get(f"/imports/{upload.pk}/columns/").url == f"/imports/{upload.pk}/"


def test_an_analyst_imports_no_suppressions_and_starts_none(client, marketer):
    post_file(client)
    upload = Upload.objects.get()
    importing.run(upload.pk)
    client.force_login(user_in("Analysts"))
    assert post_file(client).status_code == 403
    assert client.post(f"/imports/{upload.pk}/start/").status_code == 403
    assert "Suppress 2 addresses" not in page(client, f"/imports/{upload.pk}/")
