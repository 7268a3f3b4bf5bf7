"""Suppressions from a file: every proper address once, none that stands already changed."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from mailing import suppressions
from mailing.models import Contact, Suppression
from tests.factories import SuppressionFactory, user_in

pytestmark = pytest.mark.django_db
CSV = b"Name;Who\nAda;ADA@example.com\nX;nonsense\nBob;bob@example.com\nAda;ada@example.com\nshort\n"


def sent(client, content=CSV, **fields):
    file = SimpleUploadedFile("gone.csv", content)
    return client.post("/suppressions/import/", {"file": file, "reason": "list_import"} | fields)


def test_the_addresses_of_a_file_are_suppressed_and_those_that_are_keep_their_reason(
    client, marketer, monkeypatch
):
    monkeypatch.setattr(suppressions, "BATCH", 1)
    SuppressionFactory(email="bob@example.com", reason="complaint", source="webhook")
    response = sent(client, detail="From the agency")
    assert response.url == "/suppressions/"
    text = client.get(response.url).content.decode()
    assert "Suppressed now: 1. Suppressed already: 2. Rows without a proper address: 2." in text
    stored = Suppression.objects.order_by("email").values_list("email", "reason", "source", "detail")
    assert list(stored) == [
        ("ada@example.com", "list_import", "csv_import", "From the agency"),
        ("bob@example.com", "complaint", "webhook", Suppression.objects.get(email="bob@example.com").detail),
    ]
    assert not Contact.objects.exists()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"PK\x03\x04", "This is a workbook, not CSV"),
        (b"name\nAda\n", "No column holds e-mail addresses"),
        (b"email\n" + b"x" * 6 * 2**20, "The file has 6 MB; at most 5 are taken"),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused_with_a_sentence(client, marketer, content, sentence):
    response = sent(client, content)
    assert response.status_code == 422
    assert sentence in response.content.decode()
    assert not Suppression.objects.exists()


def test_an_analyst_imports_no_suppressions(client):
    client.force_login(user_in("Analysts"))
    assert sent(client).status_code == 403
