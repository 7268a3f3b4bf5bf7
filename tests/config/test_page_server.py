"""The server of the pages: what it writes for a HEAD request, and whose turn it is."""

import threading
from io import BytesIO
from types import SimpleNamespace

import pytest
from waitress.adjustments import Adjustments
from waitress.parser import HTTPRequestParser
from waitress.task import WSGITask

from config.page_server import make_dispatcher, without_body_for_head
from config.turns import Turns

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


class Task:
    """A request of a client, as the dispatcher sees its connection; it takes as long as it is let."""

    addr = ("127.0.0.1", 1)

    def __init__(self, client, done=None):
        self.requests = [SimpleNamespace(headers={"X_FORWARDED_FOR": client})]
        self.client, self.done, self.began = client, done, threading.Event()

    def service(self):
        self.began.set()
        if self.done:
            assert self.done.wait(20)

    def cancel(self):
        pass


def make_turns(most):
    dispatcher = SimpleNamespace(lock=threading.Lock(), queue_cv=SimpleNamespace(notify=lambda: None))
    return Turns(lambda task: task.client, most, dispatcher)


def test_clients_have_their_turns_and_each_its_own_order():
    turns = make_turns(most=100)
    for client in "aaaabbc":
        turns.append(Task(client))
    assert len(turns) == 7
    taken = []
    while turns:
        turn = turns.popleft()
        taken.append(turn._task.client)
        turn.service()
    assert "".join(taken) == "abcabaa"


def test_one_client_does_not_run_in_every_thread():
    turns = make_turns(most=2)
    for _ in range(3):
        turns.append(Task("a"))
    running = [turns.popleft(), turns.popleft()]
    assert (bool(turns), len(turns)) == (False, 1)
    turns.append(Task("b"))
    assert turns.popleft()._task.client == "b"
    running[0].service()
    assert turns.popleft()._task.client == "a"
    assert not turns


@pytest.mark.parametrize(
    ("flood", "person", "is_one"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8:1:1::1", "2001:db8:2::1", False),
        ("2001:db8:1:1::1", "2001:db8:1:2::1", True),  # one customer of a provider
        ("192.0.2.9, 198.51.100.1", "192.0.2.8, 198.51.100.1", True),  # what a client claims is not believed
        ("", "garbage", True),
    ],
)
def test_a_thread_is_left_for_whoever_comes_from_another_network(flood, person, is_one):
    dispatcher = make_dispatcher(threads=2)
    done = threading.Event()
    first, second, mine = Task(flood, done), Task(flood, done), Task(person)
    for task in (first, second, mine):
        dispatcher.add_task(task)
    try:
        assert first.began.wait(20)
        assert mine.began.wait(0.5 if is_one else 20) is not is_one
        assert not second.began.is_set()
    finally:
        done.set()
        assert second.began.wait(20)
        assert mine.began.wait(20)
        dispatcher.shutdown()
