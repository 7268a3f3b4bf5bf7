"""The renderer: `python -m mailing.renderer.server DESCRIPTOR`, started by `client`, which holds the other end.

It imports the content package and renders a little, so that everything is in memory. Then it forks for each request,
which comes on a connection of its own that the client sends over the socket. No code here may start a thread, since a
process with threads must not fork.
"""

import contextlib
import gc
import logging
import os
import resource
import selectors
import signal
import socket
import sys
from pathlib import Path
from types import FrameType

import msgspec

from campaigns.processes import die_with
from campaigns.sentences import keep, mark
from mailing import content

from .pictures import prepare_picture
from .protocol import (
    PROCESSOR_LIMIT,
    TIME_LIMIT,
    Answer,
    CompileContent,
    FindProblems,
    MakeMessages,
    PictureRefused,
    PreparePicture,
    Request,
    ReviewContent,
    ShowPreview,
    receive_frame,
    send_answer,
)

logger = logging.getLogger(__name__)

MEMORY_LIMIT = 768 * 1024 * 1024  # bytes that a request may take besides what the renderer has
STACK_LIMIT = 64 * 1024 * 1024

TOO_LONG = keep(
    "It takes more than %(processor_limit)s seconds to make: make it shorter or simpler",
    processor_limit=PROCESSOR_LIMIT,
)
CRASHED = mark("It cannot be made: something in it is nested too deeply or broken")
TOO_LARGE = mark("It takes more memory to make than it may")

_WARMTH = (
    content.Source(
        subject="{{ first_name | upcase }}",
        from_email="a@shop.test",
        body="# Hello {{ first_name }}\n\n{{ 'now' | date: 'long' }} {{ 12.5 | money }} [shop](https://shop.test)",
        body_format="markdown",
    ),
    content.Source(
        subject="S",
        from_email="a@shop.test",
        body="<mjml><mj-body><mj-section><mj-column><mj-text>{a|b}</mj-text></mj-column></mj-section></mj-body></mjml>",
        body_format="mjml",
    ),
)


def main(descriptor: int) -> None:
    """Answer requests from the socket `descriptor` until its other end is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever started it; the socket closes then
    _set_limit(resource.RLIMIT_CORE, 0)
    _set_limit(resource.RLIMIT_STACK, STACK_LIMIT)
    for source in _WARMTH:
        content.render_preview(source, content.Recipient("a@b.test", {}, "Ada"))
    gc.collect()
    gc.freeze()  # so that collections in the forked processes copy no pages
    serve(socket.socket(fileno=descriptor))


def serve(control: socket.socket) -> None:
    """Fork for each connection that comes over `control`, until that closes."""
    ended, ending = socket.socketpair()
    for end in (ended, ending):
        end.setblocking(False)
    signal.set_wakeup_fd(ending.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, _wake)
    under_way: dict[int, socket.socket] = {}
    with selectors.DefaultSelector() as ready:
        ready.register(control, selectors.EVENT_READ)
        ready.register(ended, selectors.EVENT_READ)
        while True:
            for key, _ in ready.select():
                if key.fileobj is ended:
                    with contextlib.suppress(BlockingIOError):
                        ended.recv(4096)
                    _collect_ended(under_way)
                    continue
                _, descriptors, _, _ = socket.recv_fds(control, 1, 1)
                if not descriptors:
                    return
                connection = socket.socket(fileno=descriptors[0])
                under_way[_fork(connection, control)] = connection


def _wake(number: int, frame: FrameType | None) -> None:
    """Do nothing: the signal itself ends the wait."""


def _fork(connection: socket.socket, control: socket.socket) -> int:
    renderer = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        control.close()
        die_with(renderer)
        _limit_itself()
        send_answer(connection, answer_request(receive_frame(connection, Request)))
        status = 0
    except ConnectionError:  # whoever asked is gone
        status = 0
    except Exception:
        logger.exception("A request could not be answered.")
    finally:
        os._exit(status)


def _limit_itself() -> None:
    """Let the kernel end this process when it takes too much time or memory."""
    _set_limit(resource.RLIMIT_CPU, PROCESSOR_LIMIT)
    if sys.platform == "linux":
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        _set_limit(resource.RLIMIT_AS, pages * resource.getpagesize() + MEMORY_LIMIT)
    signal.setitimer(signal.ITIMER_REAL, TIME_LIMIT)


def _set_limit(which: int, limit: int) -> None:
    _, hard = resource.getrlimit(which)
    limit = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
    resource.setrlimit(which, (limit, hard))


def answer_request(request: Request) -> Answer:
    """Do what a request asks, and return the answer."""
    try:
        match request:
            case ShowPreview(source, recipient):
                return Answer(preview=content.render_preview(source, recipient))
            case FindProblems(source, samples, known):
                return Answer(problems=content.find_problems(source, samples, known))
            case ReviewContent(source, recipient):
                return Answer(review=content.review_mail(content.compile(source), recipient))
            case CompileContent(source):
                return Answer(compiled=content.compile(source).dump())
            case MakeMessages(source, recipients, links):
                compiled = content.compile(source)
                return Answer(messages=[compiled.render(each, links) for each in recipients])
            case PreparePicture(data):
                return Answer(picture=prepare_picture(data))
    except PictureRefused as refused:
        return Answer(refusal=refused.reason)
    except content.ContentError as error:
        return Answer(error=str(error), field=error.field)
    except MemoryError:
        return Answer(error=TOO_LARGE, field="body", has_failed=True)
    raise msgspec.ValidationError("no request that is known")


def _collect_ended(under_way: dict[int, socket.socket]) -> None:
    """Collect the processes that have ended, and answer in place of those that could not."""
    while under_way:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        connection = under_way.pop(pid)
        if status:
            number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
            took_too_long = number in (signal.SIGXCPU, signal.SIGALRM, signal.SIGKILL)
            said = TOO_LONG if took_too_long else CRASHED
            with contextlib.suppress(OSError):  # whoever asked is gone
                connection.setblocking(False)
                send_answer(connection, Answer(error=said, field="body", has_failed=True))
        connection.close()


if __name__ == "__main__":
    main(int(sys.argv[1]))
