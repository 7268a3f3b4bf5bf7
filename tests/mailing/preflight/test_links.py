"""Links that are followed: to the end, never into a private network, and not for ever."""

import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from mailing.preflight import links
from mailing.preflight.lines import State
from mailing.preflight.links import check_link, check_links, is_public


class Pages(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    asked: list = []

    def answer(self):
        self.asked.append((self.command, self.path, dict(self.headers)))
        path = self.path.partition("?")[0]
        status = {
            "/gone": 404,
            "/shy": 403,
            "/broken": 500,
            "/no-head": 405 if self.command == "HEAD" else 200,
        }
        goes = {
            "/moved": "/fine",
            "/round": "/round",
            "/inside": "http://127.0.0.2/",
            "/file": "file:///etc/passwd",
            "/no-address": "http://[",
            "/nul": "http://a\0b.test/",
            "/blank": "http://127.0.0.1 x/",
        }
        self.send_response(302 if path in goes else status.get(path, 200))
        if path in goes:
            self.send_header("Location", goes[path])
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_HEAD = answer  # noqa: N815 the names of the library

    def log_message(self, *arguments):
        """Say nothing."""


@pytest.fixture(scope="module")
def site():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join(5)


def is_the_site(address):
    return address == "127.0.0.1"


@pytest.mark.parametrize(
    ("path", "state", "said"),
    [
        ("/fine?a=b&c=%20d", State.OK, "leads somewhere"),
        ("/moved", State.OK, "leads somewhere"),
        ("/no-head", State.OK, "leads somewhere"),
        ("/gone", State.FAIL, "no page (404)"),
        ("/shy", State.UNKNOWN, "does not answer programs (403)"),
        ("/broken", State.WARN, "in trouble (500)"),
        ("/round", State.FAIL, "redirects more than"),
        ("/inside", State.FAIL, "private network"),
        ("/file", State.FAIL, "not a web address"),
        ("/no-address", State.FAIL, "not a web address"),
        ("/nul", State.FAIL, "has a host that does not exist"),
        ("/blank", State.FAIL, ""),
    ],
)
def test_where_a_link_leads(site, path, state, said):
    verdict = check_link(site + path, may_ask=is_the_site)
    assert (verdict.state, verdict.url) == (state, site + path)
    assert said in verdict.said


def test_nothing_private_is_asked(site):
    Pages.asked.clear()
    for url in (
        site,
        site.replace("127.0.0.1", "localhost"),
        site.replace("127.0.0.1", "[::ffff:127.0.0.1]"),
    ):
        assert "private network" in check_link(url).said
    assert Pages.asked == []


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "255.255.255.255", "::1", "::", "fe80::1%eth0", "fc00::1", "fec0::1", "::ffff:10.0.0.1", "64:ff9b::7f00:1",
        "2002:7f00:1::", "ff02::1", "240.0.0.1", "192.0.2.1",
    ],
)  # fmt: skip
def test_what_is_not_public(address):
    assert not is_public(address)


def test_what_is_public():
    assert is_public("93.184.216.34")
    assert is_public("2606:2800:220:1:248:1893:25c8:1946")


def test_a_name_with_one_private_address_among_others_is_not_asked(monkeypatch):
    def answer(*arguments, **named):
        return [(0, 0, 0, "", (address, 80)) for address in ("93.184.216.34", "10.0.0.1")]

    monkeypatch.setattr(links.socket, "getaddrinfo", answer)
    assert "private network" in check_link("http://two.test/").said


@pytest.mark.parametrize(
    "url", ["ftp://a.test/", "https://", "http://[::1", "http://a.test:99999/", "http://u:p@a.test/"]
)
def test_what_cannot_be_asked(url):
    assert check_link(url).state is State.FAIL


def test_a_server_that_sends_a_letter_now_and_then_does_not_hold_us_up(monkeypatch):
    monkeypatch.setattr(links, "SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip():
            talk, _ = server.accept()
            with talk:
                try:
                    for letter in b"HTTP/1.1 200 OK\r\n" + b"x" * 100:
                        talk.send(bytes([letter]))
                        if ended.wait(0.05):
                            return
                except OSError:
                    return

        ended = threading.Event()
        thread = threading.Thread(target=drip)
        thread.start()
        verdict = check_link(f"http://127.0.0.1:{server.getsockname()[1]}/", may_ask=is_the_site)
        ended.set()
        thread.join(5)
    assert verdict.state is State.WARN


def test_links_together_take_no_longer_than_a_check_may(site, monkeypatch):
    monkeypatch.setattr(links, "SECONDS_OF_ALL", -1.0)
    Pages.asked.clear()
    verdicts = [*check_links([f"{site}/{number}" for number in range(3)], may_ask=is_the_site)]
    assert {(verdict.state, verdict.said.partition(",")[0]) for verdict in verdicts} == {
        (State.UNKNOWN, "was not followed")
    }
    assert Pages.asked == []


def test_many_links_are_each_asked_once(site):
    Pages.asked.clear()
    urls = [f"{site}/{number % 5}" for number in range(20)]
    assert len(list(check_links(urls, may_ask=is_the_site))) == 5
    assert len(Pages.asked) == 5
    assert all("Cookie" not in headers for _, _, headers in Pages.asked)
