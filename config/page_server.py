"""The server of the pages: waitress, in several worker processes on one socket.

    python -m config.page_server --listen 127.0.0.1:8000 --workers 2 --threads 4

waitress receives a request completely before a thread works on it, and sends the answer from a buffer while the thread
does the next; long ones lie in a file. So a slow client costs a connection and never a thread. It has no deadlines: the
front receives requests completely too, and cuts off clients that stall. After SIGTERM it takes no new connections, and
answers the requests under way for at most DRAIN seconds.

Requests that wait for a thread are taken in turns by the addresses that sent them, and one address has all threads but
one at most. So whoever asks for a thousand pages at once keeps nobody else waiting, however many connections or streams
of HTTP/2 it opened.
"""

import argparse
import contextlib
import gc
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from wsgiref.types import WSGIApplication, WSGIEnvironment

from campaigns.annotations import Argument
from campaigns.processes import die_with
from config.turns import Turns

DRAIN = 10.0  # seconds between SIGTERM and the end of requests that are still under way
RESTART_DELAY = 0.5  # seconds before a worker that died is started anew
CONNECTIONS = 4000  # of one worker at once
ACCEPTED_AT_ONCE = 16
IDLE = 60  # seconds without a byte after which a connection is closed; the front closes idle ones sooner
LONGEST_BODY = 512 * 1024 * 1024  # bytes; the front lets less through


class Workers:
    """The worker processes, and the signals that end them."""

    def __init__(self, listening: socket.socket, workers: int, threads: int) -> None:
        self.listening = listening
        self.threads = threads
        self.wanted = workers
        self.pids: set[int] = set()
        self.is_stopping = False

    def run(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.stop)
        signal.signal(signal.SIGALRM, self.kill)
        for _ in range(self.wanted):
            self.start_one()
        while self.pids:
            pid, status = os.wait()
            self.pids.discard(pid)
            if not self.is_stopping:
                print(
                    f"A worker ended ({os.waitstatus_to_exitcode(status)}); another is started.", flush=True
                )
                time.sleep(RESTART_DELAY)
                self.start_one()

    def start_one(self) -> None:
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            die_with(parent)
            serve(self.listening, self.threads)
            os._exit(0)
        self.pids.add(pid)
        if self.is_stopping:  # told to between the fork and here
            os.kill(pid, signal.SIGTERM)

    def stop(self, *_: object) -> None:
        self.is_stopping = True
        for pid in self.pids:
            os.kill(pid, signal.SIGTERM)
        signal.setitimer(signal.ITIMER_REAL, DRAIN + 2)

    def kill(self, *_: object) -> None:
        for pid in self.pids:
            os.kill(pid, signal.SIGKILL)


def serve(listening: socket.socket, threads: int) -> None:
    """Answer requests until SIGTERM, and then those that are under way."""
    told_to_stop = False

    def stop(*_: object) -> None:
        nonlocal told_to_stop
        told_to_stop = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal: the parent says what to do
    raise_file_limit()
    # only here: the parent stays small, and a new worker reads the program anew
    from waitress import wasyncore  # type: ignore[import-untyped]
    from waitress.server import create_server  # type: ignore[import-untyped]

    from config.wsgi import application
    from mailing import renderer

    renderer.start()  # so that the first preview does not wait for it
    server: Argument = create_server(
        without_body_for_head(application),
        _dispatcher=make_dispatcher(threads),
        sockets=[listening],
        threads=threads,
        connection_limit=CONNECTIONS,
        channel_timeout=IDLE,
        max_request_body_size=LONGEST_BODY,
        outbuf_high_watermark=sys.maxsize,  # a thread waits for no reader: what is not read yet lies in a file
        recv_bytes=65536,
        asyncore_use_poll=True,
        clear_untrusted_proxy_headers=False,  # campaigns.requests judges them
        log_socket_errors=False,
        ident=None,
    )
    accept_several(server)
    gc.collect()
    gc.freeze()  # the program stays: no collection looks through it again
    end_at = float("inf")
    while time.monotonic() < end_at:
        wasyncore.loop(timeout=0.5, use_poll=True, map=server._map, count=1)
        if told_to_stop:
            server.accepting = False
            end_at = min(end_at, time.monotonic() + DRAIN)
            if not any(is_busy(channel) for channel in server.active_channels.values()):
                break


def accept_several(server: Argument) -> None:
    """Let a server accept several waiting connections at once: one at a time, a newcomer waits long behind hundreds.

    Not all of them, since the other workers shall get their share.
    """
    accept_one = server.handle_accept

    def accept() -> None:
        for _ in range(ACCEPTED_AT_ONCE):
            before = len(server.active_channels)
            accept_one()
            if len(server.active_channels) == before:
                break

    server.handle_accept = accept


def make_dispatcher(threads: int) -> Argument:
    """Return what gives waitress's threads their work: each client in its turn."""
    # only here: these need Django
    from waitress.task import ThreadedTaskDispatcher  # type: ignore[import-untyped]

    from campaigns.logins import find_network
    from campaigns.requests import find_client

    def find_sender(channel: Argument) -> str:
        forwarded_for = channel.requests[0].headers.get("X_FORWARDED_FOR", "")
        return find_network(find_client(str(channel.addr[0] if channel.addr else ""), forwarded_for))

    dispatcher: Argument = ThreadedTaskDispatcher()
    dispatcher.queue = Turns(find_sender, max(1, threads - 1), dispatcher)
    dispatcher.set_thread_count(threads)
    return dispatcher


def without_body_for_head(application: WSGIApplication) -> WSGIApplication:
    """Answer HEAD with the headers alone, as HTTP asks.

    Django and waitress each leave that to the other. The front would mistake the body for the answer to the next
    request on the same connection, which may be another person's.
    """

    def answer(environ: WSGIEnvironment, start_response: Argument) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] != "HEAD":
            return application(environ, start_response)
        started: list[tuple[str, list[tuple[str, str]]]] = []

        def keep(status: str, headers: list[tuple[str, str]], *_: Argument) -> Argument:
            started.append((status, headers))

        body: Argument = application(environ, keep)
        try:
            status, headers = started[-1]
            if not any(name.lower() == "content-length" for name, _ in headers):
                # without it waitress would write the end of a body in chunks
                headers = [*headers, ("Content-Length", str(sum(map(len, body))))]
        finally:
            if hasattr(body, "close"):
                body.close()
        start_response(status, headers)
        return []

    return answer


def is_busy(channel: Argument) -> bool:
    """Return whether a connection has a request that is not answered completely."""
    return bool(channel.requests or channel.total_outbufs_len or channel.request)


def raise_file_limit() -> None:
    """Let this process open as many files as it may: each connection is one, and so is each long body."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):  # what is unlimited here may be more than the kernel takes
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def listen(where: str) -> socket.socket:
    """Open a socket at `HOST:PORT`, or at `unix/PATH` for this user alone."""
    if where.startswith("unix/"):
        path = Path(where.removeprefix("unix/"))
        path.unlink(missing_ok=True)
        listening = socket.socket(socket.AF_UNIX)
        before = os.umask(0o177)
        listening.bind(str(path))
        os.umask(before)
    else:
        host, _, port = where.rpartition(":")
        listening = socket.create_server((host.strip("[]"), int(port)), family=family_of(host))
    listening.listen(1024)
    listening.setblocking(False)
    return listening


def family_of(host: str) -> socket.AddressFamily:
    """Return the address family of a host: IPv6 where it holds a colon."""
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def main() -> None:
    """Serve the pages until told to stop."""
    parser = argparse.ArgumentParser(prog="python -m config.page_server", description="Serve the pages.")
    parser.add_argument("--listen", required=True, help="HOST:PORT or unix/PATH")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--threads", type=int, default=4, help="of each worker")
    options = parser.parse_args()
    Workers(listen(options.listen), options.workers, options.threads).run()


if __name__ == "__main__":
    main()
