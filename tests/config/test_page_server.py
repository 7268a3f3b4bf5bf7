"""The server of the pages: what it writes for a HEAD request."""

from io import BytesIO

import pytest
from waitress.adjustments import Adjustments
from waitress.parser import HTTPRequestParser
from waitress.task import WSGITask

from config.page_server import without_body_for_head

FORGED = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged"


def answer_whole(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(FORGED)))])
    return [FORGED]


def answer_in_pieces(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return (piece for piece in (FORGED[:9], FORGED[9:]))


class Server:
    """What a task of waitress asks of its server."""

    server_name, effective_port, adj = "a.test", 80, Adjustments()

    def __init__(self, application):
        self.application = application


class Channel:
    """A connection that keeps what is written."""

    addr, creation_time, adj = ("127.0.0.1", 1), 0, Server.adj

    def __init__(self, application):
        self.server = Server(application)
        self.written = BytesIO()

    def write_soon(self, data):
        return self.written.write(data)

    def check_client_disconnected(self):
        return False


def ask(application, method):
    """What waitress writes for a request."""
    request = HTTPRequestParser(Server.adj)
    request.received(f"{method} / HTTP/1.1\r\nHost: a.test\r\n\r\n".encode())
    channel = Channel(without_body_for_head(application))
    WSGITask(channel, request).service()
    return channel.written.getvalue()


@pytest.mark.parametrize("application", [answer_whole, answer_in_pieces])
def test_a_head_is_answered_without_a_body_that_the_front_would_take_for_the_next_answer(application):
    answer = ask(application, "HEAD")
    assert answer.endswith(b"\r\n\r\n")
    assert answer.count(b"HTTP/1.1 200 OK") == 1
    assert b"Content-Length: %d\r\n" % len(FORGED) in answer
    assert b"chunked" not in answer


def test_a_get_has_its_body():
    assert ask(answer_whole, "GET").endswith(b"\r\n\r\n" + FORGED)
