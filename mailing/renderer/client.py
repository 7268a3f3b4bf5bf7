"""Asks this process's own renderer. It is started when it is first needed, and again when it has died."""

import atexit
import logging
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Collection, Sequence
from pathlib import Path

from campaigns.sentences import mark
from mailing.content import Compiled, ContentError, Links, Preview, Recipient, Review, Source, load

from .protocol import (
    TIME_LIMIT,
    Answer,
    CompileContent,
    FindProblems,
    MakeMessages,
    PictureRefused,
    PreparePicture,
    ReadyPicture,
    RendererFailed,
    Request,
    ReviewContent,
    ShowPreview,
    pack_frame,
    receive_frame,
)

logger = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = TIME_LIMIT + 5  # seconds for an answer: its start and a full machine are in it
# What Python itself goes by; nothing that is secret reaches a process that reads what people paste
PASSED_ON_VARIABLES = (
    "PATH",
    "LANG",
    "LC_ALL",
    "PYTHONPATH",
    "PYTHONHOME",
    "VIRTUAL_ENV",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONTZPATH",
)


class Renderer:
    """The renderer of this process, and our end of the socket to it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.process: subprocess.Popen[bytes] | None = None
        self.control: socket.socket | None = None

    def start(self) -> socket.socket:
        """Return the socket to a living renderer; start one if there is none. Needs the lock."""
        if self.process and self.control and self.process.poll() is None:
            return self.control
        self.stop()
        ours, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "mailing.renderer.server", str(theirs.fileno())],
                cwd=ROOT,
                env={name: os.environ[name] for name in PASSED_ON_VARIABLES if name in os.environ},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
            )
        self.control = ours
        return ours

    def stop(self) -> None:
        """End the renderer, if there is one. Needs the lock."""
        if self.control:
            self.control.close()
        if self.process:
            self.process.kill()
            self.process.wait()
        self.process = self.control = None

    def forget(self) -> None:
        """Forget the renderer of the parent, in a process that was forked from it."""
        self.lock = threading.Lock()
        if self.control:
            self.control.close()
        if self.process:
            self.process.returncode = 0  # no child of this process: not to be waited for
        self.process = self.control = None

    def connect(self) -> socket.socket:
        """Return a connection to a process forked for one request.

        Raises:
            OSError: it cannot be reached.
        """
        ours, theirs = socket.socketpair()
        with theirs, self.lock:
            for is_last in (False, True):
                control = self.start()
                try:
                    socket.send_fds(control, [b"."], [theirs.fileno()])
                    break
                except OSError:  # it has died since
                    self.stop()
                    if is_last:
                        ours.close()
                        raise
        return ours


renderer = Renderer()
os.register_at_fork(after_in_child=renderer.forget)


@atexit.register
def _stop_at_exit() -> None:
    with renderer.lock:
        renderer.stop()


def start() -> None:
    """Start the renderer, so that the first request does not wait for it. Returns at once."""
    with renderer.lock:
        renderer.start()


def render_preview(source: Source, recipient: Recipient) -> Preview:
    """Return what one recipient would read, as `content.render_preview`.

    Raises:
        ContentError: it does not compile or render.
    """
    preview = _ask(ShowPreview(source, recipient)).preview
    assert preview is not None
    return preview


def find_problems(
    source: Source, samples: Sequence[Recipient] = (), known: Collection[str] = ()
) -> list[tuple[str, str]]:
    """Return (field, sentence) for everything that is wrong with the source, as `content.find_problems`."""
    try:
        return _ask(FindProblems(source, list(samples), list(known))).problems or []
    except ContentError as error:
        return [(error.field, f"{error}.")]


def compile_content(source: Source) -> Compiled:
    """Return the content made ready to send, as `content.compile`.

    Raises:
        ContentError: it does not compile or render.
    """
    compiled = _ask(CompileContent(source)).compiled
    assert compiled is not None
    return load(compiled)


def review_content(source: Source, recipient: Recipient) -> Review:
    """Review a mail for people who hear it or see badly, as `content.review_mail`.

    Raises:
        ContentError: it does not compile or render.
    """
    review = _ask(ReviewContent(source, recipient)).review
    assert review is not None
    return review


def make_messages(source: Source, recipients: Sequence[Recipient], links: Links) -> list[bytes]:
    """Return the whole message for each recipient, ready for DATA.

    Raises:
        ContentError: it does not compile or render.
    """
    return _ask(MakeMessages(source, list(recipients), links)).messages or []


def prepare_picture(data: bytes) -> ReadyPicture:
    """Return an uploaded picture as mails may show it.

    Raises:
        PictureRefused: it cannot be used.
    """
    try:
        answer = _ask(PreparePicture(data))
    except RendererFailed as error:
        raise PictureRefused("hard") from error
    if answer.refusal:
        raise PictureRefused(answer.refusal)
    assert answer.picture is not None
    return answer.picture


def _ask(request: Request) -> Answer:
    """Return the renderer's answer.

    Raises:
        ContentError: it refuses the content, or gives no answer.
    """
    frame = pack_frame(request)
    try:
        try:
            answer = _exchange(frame)
        except ConnectionError:  # the renderer died meanwhile; a request for the same can be made again
            answer = _exchange(frame)
    except (OSError, ValueError) as error:
        logger.exception("The renderer gave no answer.")
        with renderer.lock:
            renderer.stop()
        raise RendererFailed(
            mark("It could not be made: the renderer gave no answer. Try again"), "body"
        ) from error
    if answer.has_failed:
        raise RendererFailed(answer.error, answer.field)
    if answer.error:
        raise ContentError(answer.error, answer.field)
    return answer


def _exchange(frame: bytes) -> Answer:
    with renderer.connect() as connection:
        connection.settimeout(PATIENCE_SECONDS)
        connection.sendall(frame)
        answer: Answer = receive_frame(connection, Answer)
        return answer
