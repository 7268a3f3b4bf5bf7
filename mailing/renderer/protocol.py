"""The messages between a client and a renderer: plain data as JSON, each with its length before it.

It uses the JSON of the standard library, which takes everything that attributes hold, numbers of any size too.
"""

import json
import socket
import struct
from typing import Any, Literal

import msgspec

from campaigns.annotations import Annotation
from campaigns.sentences import keep
from mailing.content import ContentError, Links, Preview, Recipient, Review, Source

LONGEST = 64 * 1024 * 1024  # bytes of a frame
PROCESSOR_LIMIT = 5  # seconds of processor time for one request
TIME_LIMIT = 10  # seconds on the clock: a machine under load gives less processor time
_length = struct.Struct("!I")


class RendererFailed(ContentError):
    """The renderer gave no answer: the content took too much time or memory, or crashed a parser."""


Reason = Literal["svg", "unknown", "broken", "pixels", "frames", "tall", "heavy", "hard"]


class PictureRefused(Exception):
    """A picture cannot be used. `reason` says why in one word; who asked has the sentence."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason: Reason = reason


class ReadyPicture(msgspec.Struct, frozen=True):
    """A picture that mails may show. `extension`: png, jpg or gif."""

    data: bytes
    extension: str
    width: int
    height: int
    is_animated: bool


class ShowPreview(msgspec.Struct, frozen=True, tag=True):
    source: Source
    recipient: Recipient


class FindProblems(msgspec.Struct, frozen=True, tag=True):
    source: Source
    samples: list[Recipient]
    known: list[str]


class CompileContent(msgspec.Struct, frozen=True, tag=True):
    source: Source


class MakeMessages(msgspec.Struct, frozen=True, tag=True):
    """Asks to compile the source and render it for each recipient."""

    source: Source
    recipients: list[Recipient]
    links: Links


class ReviewContent(msgspec.Struct, frozen=True, tag=True):
    source: Source
    recipient: Recipient


class PreparePicture(msgspec.Struct, frozen=True, tag=True):
    data: bytes


Request = ReviewContent | ShowPreview | FindProblems | CompileContent | MakeMessages | PreparePicture


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """The answer to a request: one of the first six fields, or `error` with the `field` of the source at fault.

    refusal: why a picture is refused, as `PictureRefused.reason`.
    """

    preview: Preview | None = None
    problems: list[tuple[str, str]] | None = None
    compiled: bytes | None = None
    messages: list[bytes] | None = None
    review: Review | None = None
    picture: ReadyPicture | None = None
    refusal: Reason | None = None
    error: str = ""
    field: str = ""
    has_failed: bool = False


def pack_frame(message: Request | Answer) -> bytes:
    """Return a frame.

    Raises:
        RendererFailed: it is too long.
    """
    data = json.dumps(msgspec.to_builtins(message)).encode()
    if len(data) > LONGEST:
        raise RendererFailed(
            keep("There are %(count)s bytes to go through: too many", count=len(data)), "body"
        )
    return _length.pack(len(data)) + data


def send_answer(connection: socket.socket, answer: Answer) -> None:
    """Send an answer as one frame."""
    connection.sendall(pack_frame(answer))


def receive_frame(connection: socket.socket, kind: Annotation) -> Any:  # Any: a value of `kind`
    """Return the next frame as a value of `kind`.

    Raises:
        ConnectionError: the other end is gone.
        TimeoutError: nothing comes in time.
    """
    size = _length.unpack(_receive_exactly(connection, _length.size))[0]
    if size > LONGEST:
        raise ConnectionError("a frame that is too long")
    return msgspec.convert(json.loads(_receive_exactly(connection, size)), kind)


def _receive_exactly(connection: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        piece = connection.recv(min(size - len(data), 1 << 20))
        if not piece:
            raise ConnectionResetError("the other end is gone")
        data += piece
    return bytes(data)
