"""An export is whole before it is sent: a slow reader holds nothing of the database."""

import re
from contextlib import ExitStack

import pytest
from django.db import connection

from campaigns.workspace import responses
from mailing import contacts
from mailing.models import Contact
from tests.factories import ContactFactory
from tests.pos.servers import ROOT


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


def test_long_exports_leave_threads_to_pages(monkeypatch):
    """Four of half a million contacts kept every page waiting for minutes, the login too."""
    monkeypatch.setattr(responses, "IN_MEMORY", 100)
    long, short = ["a,b\r\n"] * 100, ["a,b\r\n"]
    with ExitStack() as others:
        for _ in range(responses.MOST_LONG):
            others.enter_context(responses.take_turn())
        answer = responses.csv_response(long, "some.csv")
        assert (answer.status_code, answer["Retry-After"]) == (503, "30")
        assert "Other large exports are being made" in answer.content.decode()
        assert responses.csv_response(short, "some.csv").status_code == 200
    for _ in range(responses.MOST_LONG + 1):
        answer = responses.csv_response(long, "some.csv")
        assert answer.status_code == 200, "each gives its turn back"
        answer.close()


def test_an_export_that_fails_gives_its_turn_back(monkeypatch):
    monkeypatch.setattr(responses, "IN_MEMORY", 1)

    def fail():
        yield "a,b\r\n"
        raise ValueError("the database went away")

    for _ in range(responses.MOST_LONG + 1):
        with pytest.raises(ValueError, match="went away"):
            responses.csv_response(fail(), "some.csv")
    answer = responses.csv_response(["a,b\r\n"], "some.csv")
    assert answer.status_code == 200
    answer.close()


@pytest.mark.parametrize("procfile", ["Procfile", "deploy/Procfile"])
def test_a_page_server_has_threads_that_no_export_takes(procfile):
    (threads,) = re.findall(r"--threads (\d+)", (ROOT / procfile).read_text())
    assert int(threads) >= responses.MOST_LONG + 2


@pytest.mark.django_db(transaction=True)
def test_no_cursor_is_open_while_an_export_is_read():
    ContactFactory.create_batch(3)
    response = responses.csv_response(contacts.csv_lines(Contact.objects.all()), "contacts.csv")
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_cursors")
        assert cursor.fetchone() == (0,)
    assert response.getvalue().count(b"\r\n") == 4
    response.close()
