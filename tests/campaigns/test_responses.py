"""An export is whole before it is sent: a slow reader holds nothing of the database."""

import pytest
from django.db import connection

from campaigns.workspace import responses
from mailing import contacts
from mailing.models import Contact
from tests.factories import ContactFactory


@pytest.mark.parametrize("limit", [10, 10**6])
def test_an_export_is_written_before_its_first_byte_is_sent(monkeypatch, limit):
    monkeypatch.setattr(responses, "IN_MEMORY", limit)
    written = []
    lines = (written.append(line) or line for line in ["a,b\r\n", "ä,2\r\n", "3,4\r\n"])
    response = responses.csv_response(lines, "some.csv")
    assert len(written) == 3
    assert response["Content-Length"] == "16"
    assert response["Content-Disposition"] == 'attachment; filename="some.csv"'
    assert response.getvalue().decode() == "a,b\r\nä,2\r\n3,4\r\n"
    response.close()


def test_an_error_on_the_way_is_no_half_file():
    def fail():
        yield "a,b\r\n"
        raise ValueError("the database went away")

    with pytest.raises(ValueError, match="went away"):
        responses.csv_response(fail(), "some.csv")


@pytest.mark.django_db(transaction=True)
def test_no_cursor_is_open_while_an_export_is_read():
    ContactFactory.create_batch(3)
    response = responses.csv_response(contacts.csv_lines(Contact.objects.all()), "contacts.csv")
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_cursors")
        assert cursor.fetchone() == (0,)
    assert response.getvalue().count(b"\r\n") == 4
    response.close()
