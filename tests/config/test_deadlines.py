"""A body that does not come in time is never taken for a whole one, and never answered as if all were done."""

import http.client
import json
import socket
import ssl
import time
from contextlib import closing

import pytest

from pos.models import Sale
from tests.config.fronts import SECRET_KEY, serve_behind_front
from tests.factories import PromotionCampaignFactory, TillFactory, UserFactory
from tests.pos.servers import call, environment_of_test_database, serve
from tests.pos.tills import basket

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(240)]
KEY = "the-key-of-the-only-till"
SHORT = {"write 20m": "write 2s", "read_body 21m": "read_body 3s"}
SALE = json.dumps(basket(1_000)).encode()
FORM = b"username=a&password=b"
CHUNKED = "Transfer-Encoding: chunked"
CUT_BODIES = {
    "a sale that looks whole": ("PUT /pos/v1/sales/S1", f"Content-Length: {len(SALE) + 1}", SALE),
    "a sale that looks whole, in chunks": (
        "PUT /pos/v1/sales/S2",
        CHUNKED,
        f"{len(SALE):x}\r\n".encode() + SALE + b"\r\n",
    ),
    "a sale of which nothing came": ("PUT /pos/v1/sales/S3", "Content-Length: 500", b""),
    "half a long sale": ("PUT /pos/v1/sales/S4", "Content-Length: 1048576", b"[" * 500_000),
    "a confirmation, which needs no body": ("POST /pos/v1/sales/S0/confirm", "Content-Length: 2", b""),
    "a form": ("POST /login/", "Content-Length: 5000", FORM),
    "a form in chunks": ("POST /login/", CHUNKED, b"15\r\n" + FORM + b"\r\n"),
    "a form of which nothing came": ("POST /login/", "Content-Length: 5000", b""),
    "a long form": ("POST /login/", "Content-Length: 99999", b"a" * 80_000),
}


@pytest.fixture
def till():
    PromotionCampaignFactory(discounting=True, status="active")
    return TillFactory(key=KEY)


def send_cut(port, start, length, body):
    """A connection on which the body of a request lacks its end."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=30)
    lines = [f"{start} HTTP/1.1", "Host: 127.0.0.1", length, f"Authorization: Bearer {KEY}", "", ""]
    connection.sendall("\r\n".join(lines).encode() + body)
    return connection


def drip(connection):
    """Send a byte now and then, which buys no time."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        connection.sendall(b" ")
        time.sleep(0.2)


def read_to_end(connection):
    """All that comes before the other side closes."""
    answer = b""
    try:
        while piece := connection.recv(65536):
            answer += piece
    except ConnectionResetError:
        pass  # closed with something unread
    return answer


def test_a_body_past_the_deadline_ends_its_connection_without_an_answer(till):
    with serve_behind_front(environment_of_test_database(), deadlines=SHORT) as ports:
        began = time.monotonic()
        cut = {name: send_cut(ports["PORT"], *request) for name, request in CUT_BODIES.items()}
        dripping = send_cut(ports["PORT"], "PUT /pos/v1/sales/S5", "Content-Length: 5000", b"{")
        with dripping, pytest.raises(ConnectionError):
            drip(dripping)
        for name, connection in cut.items():
            with connection:
                assert read_to_end(connection) == b"", name
        assert 2 < time.monotonic() - began < 30
        assert not Sale.objects.exists()
        assert call(ports["PORT"], "PUT", "/pos/v1/sales/S1", basket(1_000), key=KEY)[0] == 201


def test_a_body_of_http_2_past_the_deadline_is_not_answered_either(till):
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    trusting.set_alpn_protocols(["h2"])
    with serve_behind_front(environment_of_test_database(), "deploy/Procfile", SHORT) as ports:
        address = ("localhost", ports["HTTPS_PORT"])
        for ends in (True, False):
            with (
                socket.create_connection(address, timeout=30) as plain,
                trusting.wrap_socket(plain, server_hostname="localhost") as connection,
            ):
                assert connection.selected_alpn_protocol() == "h2"
                connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS, 0, 0, b""))
                connection.sendall(frame(HEADERS, END_HEADERS, 1, write_head(address)))
                connection.sendall(frame(DATA, END_STREAM if ends else 0, 1, SALE))
                kinds = read_kinds_of_stream(connection)
            assert (HEADERS in kinds) is ends, kinds  # an answer, or none
            assert (RESET in kinds) is not ends, kinds
            assert Sale.objects.count() == 1


DATA, HEADERS, RESET, SETTINGS = 0, 1, 3, 4
END_STREAM, END_HEADERS = 1, 4


def frame(kind, flags, stream, payload):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def write_head(address):
    """The head of a sale in HTTP/2, each field written out."""
    fields = {
        ":method": "PUT",
        ":scheme": "https",
        ":authority": f"{address[0]}:{address[1]}",
        ":path": "/pos/v1/sales/H1",
        "authorization": f"Bearer {KEY}",
    }
    return b"".join(
        b"\0" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()
        for name, value in fields.items()
    )


def read_kinds_of_stream(connection):
    """The kinds of frames on the first stream, until it is over."""
    kinds, seen, waiting = set(), b"", True
    while waiting and (piece := connection.recv(65536)):
        seen += piece
        while len(seen) >= 9 and len(seen) >= 9 + int.from_bytes(seen[:3], "big"):
            length, kind, flags = int.from_bytes(seen[:3], "big"), seen[3], seen[4]
            if int.from_bytes(seen[5:9], "big") == 1:
                kinds.add(kind)
                waiting = kind != RESET and not (kind in (DATA, HEADERS) and flags & END_STREAM)
            seen = seen[9 + length :]
    return kinds


def test_a_till_server_without_a_front_refuses_a_body_that_ends_before_its_end(till):
    with serve(environment_of_test_database()) as port:
        for name, request in CUT_BODIES.items():
            # the end of chunks that are whole JSON is not missed: the front passes on none that were cut
            if "/pos/" in request[0] and request[1] != CHUNKED:
                with send_cut(port, *request) as connection:
                    connection.shutdown(socket.SHUT_WR)
                    assert not read_to_end(connection).startswith(b"HTTP/1.1 2"), name
        assert not Sale.objects.exists()


def test_only_who_is_signed_in_sends_more_than_99_999_bytes_to_a_page(till, client, settings):
    with serve_behind_front(environment_of_test_database()) as ports:
        # answered before anything of the body was sent; below 256 KB the front waits for the end, and throws it away
        for start in (
            "POST /contacts/import/",
            "POST /suppressions/import/",
            "POST /login/",
            "PUT /anything/",
        ):
            for length in (300_000, 5_000_000, 400_000_000):
                with send_cut(ports["PORT"], start, f"Content-Length: {length}", b"") as connection:
                    answer = connection.recv(65536)
                    assert answer.startswith((b"HTTP/1.1 302", b"HTTP/1.1 413")), (start, length, answer)
                    assert (b"Location: /login/?next=/" in answer) is answer.startswith(b"HTTP/1.1 302")
        with closing(http.client.HTTPConnection("127.0.0.1", ports["PORT"], timeout=30)) as stranger:
            for more in ({"Cookie": "sessionid=abcdefghijklmnopqrstuvwxyz012345"}, {"HX-Request": "true"}):
                stranger.request("POST", "/contacts/import/", b"a" * 100_000, more)
                answer = stranger.getresponse()
                answer.read()
                assert answer.status in (200, 302)
                assert "/login/" in answer.headers.get("Location", "") + answer.headers.get("HX-Redirect", "")
                stranger.close()
            stranger.request("POST", "/login/", iter([b"a" * 60_000, b"a" * 60_000]), encode_chunked=True)
            assert stranger.getresponse().status == 413
            stranger.close()

            settings.SECRET_KEY = SECRET_KEY  # signs the session
            client.force_login(UserFactory(is_superuser=True))
            secret = "a" * 32
            known = {
                "Cookie": f"sessionid={client.cookies['sessionid'].value}; csrftoken={secret}",
                "X-CSRFToken": secret,
                "Content-Type": "application/x-www-form-urlencoded",
            }
            stranger.request("POST", "/contacts/import/", b"a" * 3_000_000, known)
            answer = stranger.getresponse()
            assert (answer.status, b"This field is required" in answer.read()) == (422, True)
