"""What strangers send, as slowly as they like, at the front of `make run` and of production: nobody else waits."""

import http.client
import json
import socket
import ssl
import time
from contextlib import ExitStack, closing, suppress

import pytest

from pos.models import Sale
from tests.config.fronts import serve_behind_front
from tests.factories import PromotionCampaignFactory, TillFactory
from tests.pos.servers import call, environment_of_test_database
from tests.pos.tills import basket

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(240)]
KEY = "the-key-of-the-only-till"
SLOW = 50
MOST = 5.0  # seconds for an answer while others are slow; alone it takes milliseconds


@pytest.fixture
def port():
    PromotionCampaignFactory(discounting=True, status="active")
    TillFactory(key=KEY)
    with serve_behind_front(environment_of_test_database(TILL_RATE="1000")) as ports:
        yield ports["PORT"]


def begin(port, head, body=b""):
    """A connection on which a request was begun, and no more is said."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=20)
    lines = [*head.split("\n"), f"Host: 127.0.0.1:{port}", f"Authorization: Bearer {KEY}", "", ""]
    connection.sendall("\r\n".join(lines).encode() + body)
    return connection


SLOW_REQUESTS = {
    "a till's body": ("POST /pos/v1/quotes HTTP/1.1\nContent-Length: 5000", b'{"currency"'),
    "a till's chunks": ("POST /pos/v1/quotes HTTP/1.1\nTransfer-Encoding: chunked", b"5\r\nabcde\r\n"),
    "a till's long body": ("PUT /pos/v1/sales/S9 HTTP/1.1\nContent-Length: 1048576", b"[" * 500_000),
    "a page's body": ("POST /login/ HTTP/1.1\nContent-Length: 5000", b"username=a"),
    "a page's chunks": ("POST /login/ HTTP/1.1\nTransfer-Encoding: chunked", b"5\r\nabcde\r\n"),
    "a page's long body": ("POST /login/ HTTP/1.1\nContent-Length: 9000000", b"a" * 500_000),
    "an upload": ("POST /contacts/import/ HTTP/1.1\nContent-Length: 400000000", b"a" * 500_000),
    "a head": ("GET /login/ HTTP/1.1\nX-Unfinished: ", None),
}


def test_every_till_and_page_is_answered_while_50_clients_are_slow_in_each_way(port):
    call(port, "POST", "/pos/v1/quotes", basket(1_000), key=KEY)  # the rules are read once
    for name, (head, body) in SLOW_REQUESTS.items():
        with ExitStack() as held:
            for _ in range(SLOW):
                if body is None:
                    slow = socket.create_connection(("127.0.0.1", port), timeout=20)
                    slow.sendall(head.replace("\n", "\r\n").encode())
                else:
                    slow = begin(port, head, body)
                held.enter_context(slow)
            for turn in range(10):
                began = time.monotonic()
                assert call(port, "POST", "/pos/v1/quotes", basket(1_000), key=KEY)[0] == 200, name
                assert call(
                    port, "PUT", f"/pos/v1/sales/{name[-4:]}{turn}".replace(" ", "-"), basket(1_000), key=KEY
                )
                assert call(port, "GET", "/login/")[0] == 200, name
                assert time.monotonic() - began < MOST, name


def test_nobody_waits_for_clients_that_read_nothing_and_say_nothing(port):
    with ExitStack() as held:
        for _ in range(200):  # kept connections
            idle = held.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20))
            idle.sendall(f"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
        for _ in range(SLOW):  # many answers, none of them read
            deaf = held.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20))
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.sendall(f"GET /login/ HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode() * 20)
        for _ in range(SLOW):
            nonsense = held.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20))
            nonsense.sendall(b"GET / HTTP/1.1\r\n\r\n\x16\x03\x01\x00 what is this\r\n\r\n" * 20)
        for turn in range(10):
            began = time.monotonic()
            assert call(port, "PUT", f"/pos/v1/sales/S{turn}", basket(1_000), key=KEY)[0] == 201
            assert call(port, "GET", "/login/")[0] == 200
            assert time.monotonic() - began < MOST


def test_chunked_bodies_are_read_and_what_is_too_long_is_refused_with_a_sentence(port):
    body = json.dumps(basket(1_000)).encode()
    for turn in range(4):
        status, answer = send_in_chunks(port, "PUT", f"/pos/v1/sales/C{turn}", [body[:10], body[10:]])
        assert (status, json.loads(answer)["discount"]) == (201, 100)
        assert call(port, "PUT", f"/pos/v1/sales/P{turn}", basket(1_000), key=KEY)[0] == 201

    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as page:
        page.request("GET", "/login/")
        answer = page.getresponse()
        cookie = answer.headers["Set-Cookie"].split(";")[0]
        token = answer.read().decode().partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]
    form = f"csrfmiddlewaretoken={token}&username=nobody&password=wrong".encode()
    more = {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"}
    status, answer = send_in_chunks(port, "POST", "/login/", [form[:20], form[20:]], more)
    assert status == 200
    assert "correct username and password" in answer.decode()

    for size in (1_048_577, 1_048_600, 1_050_000, 2_000_000, 12_000_000):
        for whole in (True, False):
            status, answer = send_in_chunks(port, "POST", "/pos/v1/quotes", [b"[" * size], {}, whole)
            assert (status, json.loads(answer)["error"]) == (413, "too_large"), (size, whole)
    # nobody is believed who says from where and how a request came
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as liar:
        liar.request("GET", "/login/", headers={"X-Forwarded-Proto": "https", "X-Forwarded-For": "6.6.6.6"})
        answer = liar.getresponse()
        assert "Strict-Transport-Security" not in answer.headers
        assert "Secure" not in answer.headers["Set-Cookie"]
        assert {"Server", "Via"}.isdisjoint(answer.headers)


def send_in_chunks(port, method, path, pieces, headers=None, whole=False):
    """(status, body) of a request whose body has no length ahead; `whole`: that it has."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as client:
        headers = {"Authorization": f"Bearer {KEY}", **(headers or {})}
        if not whole:
            headers["Transfer-Encoding"] = "chunked"
        with suppress(BrokenPipeError, ConnectionResetError):  # it was answered before all was sent
            client.request(
                method, path, b"".join(pieces) if whole else iter(pieces), headers, encode_chunked=not whole
            )
        answer = client.getresponse()
        return answer.status, answer.read()


def test_production_ends_tls_and_says_so_whatever_a_client_claims():
    PromotionCampaignFactory(discounting=True, status="active")
    TillFactory(key=KEY)
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    with serve_behind_front(environment_of_test_database(), "deploy/Procfile") as ports, ExitStack() as stack:
        secure = stack.enter_context(
            closing(
                http.client.HTTPSConnection("localhost", ports["HTTPS_PORT"], timeout=20, context=trusting)
            )
        )
        secure.request("GET", "/login/", headers={"X-Forwarded-Proto": "http"})
        answer = secure.getresponse()
        answer.read()
        assert answer.status == 200
        assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
        assert "Secure" in answer.headers["Set-Cookie"]
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        headers = {"Authorization": f"Bearer {KEY}"}
        secure.request("PUT", "/pos/v1/sales/S1", json.dumps(basket(1_000)), headers)
        assert (secure.getresponse().status, Sale.objects.count()) == (201, 1)
        plain = stack.enter_context(
            closing(http.client.HTTPConnection("localhost", ports["HTTP_PORT"], timeout=20))
        )
        plain.request("GET", "/login/", headers={"X-Forwarded-Proto": "https"})
        answer = plain.getresponse()
        assert answer.status == 308
        assert answer.headers["Location"].startswith("https://localhost")
        check_slow_clients(stack, ports["HTTPS_PORT"], trusting)


def check_slow_clients(stack, port, trusting):
    """Ask as a till while clients in TLS send bodies slowly, read nothing, or never end their handshake."""

    def connect(is_secure=True):
        plain = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20))
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        return (
            stack.enter_context(trusting.wrap_socket(plain, server_hostname="localhost"))
            if is_secure
            else plain
        )

    host = f"\r\nHost: localhost:{port}\r\nAuthorization: Bearer {KEY}\r\n"
    for turn in range(SLOW):
        connect(is_secure=False).sendall(b"\x16\x03\x01\x02")  # the beginning of a handshake
        path, kind = (("/pos/v1/quotes", "application/json"), ("/login/", "text/plain"))[turn % 2]
        head = f"POST {path} HTTP/1.1{host}Content-Type: {kind}\r\nContent-Length: 5000\r\n\r\n"
        connect().sendall(head.encode() + b"{")
        connect().sendall(f"GET /login/ HTTP/1.1{host}\r\n".encode() * 20)
    seconds = []
    with closing(http.client.HTTPSConnection("localhost", port, timeout=20, context=trusting)) as till:
        for turn in range(20):
            began = time.monotonic()
            till.request(
                "PUT", f"/pos/v1/sales/T{turn}", json.dumps(basket(1_000)), {"Authorization": f"Bearer {KEY}"}
            )
            answer = till.getresponse()
            assert (answer.status, bool(answer.read())) == (201, True)
            seconds.append(time.monotonic() - began)
    print(f"tills behind TLS: median {sorted(seconds)[10]:.3f} s, longest {max(seconds):.3f} s")
    assert max(seconds) < MOST


def test_chunks_that_cannot_be_read_are_their_sender_s_fault(port):
    for chunks in (
        b"zz\r\n",
        b"-1\r\nabc\r\n",
        b"f" * 17 + b"\r\n",
        b"4\r\nabcdXX",
        b"4;" + b"a" * 8_000 + b"\r\n",
    ):
        for path, said in (("/pos/v1/quotes", b'{"error":"not_taken"'), ("/login/", b"400 Bad Request")):
            with closing(socket.create_connection(("127.0.0.1", port), timeout=60)) as client:
                head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n"
                client.sendall(head.encode() + chunks)
                answer = http.client.HTTPResponse(client)
                answer.begin()
                assert (answer.status, answer.headers["Retry-After"]) == (400, None), (chunks, path)
                assert answer.read().startswith(said)


FLOOD = 800  # requests at once, more than both workers answer in several seconds


def ask_for_login(port, address):
    """Ask for the page of the login from an address of this machine; return the connection."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=60, source_address=(address, 0))
    connection.sendall(b"GET /login/ HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\n\r\n" % port)
    return connection


def test_a_flood_of_pages_from_one_address_keeps_nobody_else_waiting(port):
    with closing(ask_for_login(port, "127.0.0.2")) as first:  # the programs are loaded
        first.recv(1)
    with ExitStack() as flood:
        sent = [flood.enter_context(closing(ask_for_login(port, "127.0.0.3"))) for _ in range(FLOOD)]
        time.sleep(0.2)
        waits = []
        for _ in range(5):
            began = time.monotonic()
            with closing(ask_for_login(port, "127.0.0.2")) as mine:
                assert mine.recv(12) == b"HTTP/1.1 200"
            waits.append(time.monotonic() - began)
        print(waits)
        assert max(waits) < 5, waits
        sent[-1].setblocking(False)
        with pytest.raises(BlockingIOError):  # the flood is not over yet
            sent[-1].recv(1)
