"""Whatever charset a request claims, its address and its form are read as UTF-8."""

import pytest

pytestmark = pytest.mark.django_db
CODECS = [
    "utf-16",
    "utf-7",
    "latin-1",
    "utf8",
    "rot13",
    "hex",
    "zip",
    "idna",
    "undefined",
    "punycode",
    "no-such",
]


@pytest.mark.parametrize("charset", CODECS)
def test_no_charset_of_a_request_stops_a_page(client, marketer, charset):
    claimed = {"content_type": f"application/x-www-form-urlencoded; charset={charset}"}
    assert client.get("/contacts/?q=%C3%A9", **claimed).status_code == 200
    answer = client.generic("POST", "/lists/new/", b"name=Caf%C3%A9", **claimed)
    assert answer.status_code == 302
    assert "Café" in client.get("/lists/").text


@pytest.mark.parametrize("charset", CODECS)
def test_a_mail_program_unsubscribes_in_any_charset(client, charset):
    claimed = f"application/x-www-form-urlencoded; charset={charset}"
    answer = client.generic("POST", "/u/unknown", b"List-Unsubscribe=One-Click", content_type=claimed)
    assert answer.status_code == 404
