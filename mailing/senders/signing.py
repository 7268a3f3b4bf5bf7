"""DKIM signatures (RFC 6376, RFC 8463) for messages that are ready for the wire: relaxed/relaxed, never `l=`.

A message is read once: its headers and body are brought into the relaxed form, the body is hashed, and each key signs
the same bytes. All steps over the whole body are `bytes` methods, which run in C.
"""

import re
from base64 import b64encode
from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha256

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256

from campaigns import database_time

PrivateKey = Ed25519PrivateKey | RSAPrivateKey

# The headers that are signed where a message has them. Gmail wants Feedback-ID to be among them.
SIGNED = (
    b"from to cc reply-to subject date message-id in-reply-to references list-id list-unsubscribe "
    b"list-unsubscribe-post feedback-id mime-version content-type content-transfer-encoding"
).split()
_PLACES = {name: place for place, name in enumerate(SIGNED)}
OVERSIGNED = b"from"  # listed once more than it occurs: nobody can add a second one

_line_end = re.compile(rb"\r\n|\r|\n")
_blanks = re.compile(rb"[ \t]+")
_LINE = 72  # characters of a line of a signature
_PADDING = PKCS1v15()
_HASH = SHA256()


class SigningKey(msgspec.Struct, frozen=True):
    """A private key, and the selector under which DNS has its public half."""

    selector: str
    key: PrivateKey

    @property
    def algorithm(self) -> str:
        """The value of the tag `a`."""
        return "ed25519-sha256" if isinstance(self.key, Ed25519PrivateKey) else "rsa-sha256"

    def sign(self, data: bytes) -> bytes:
        """Return the signature over canonical headers."""
        if isinstance(self.key, Ed25519PrivateKey):
            return self.key.sign(sha256(data).digest())
        return self.key.sign(data, _PADDING, _HASH)


class Signer:
    """Puts one signature for each of its keys before the messages of a domain."""

    def __init__(self, domain: str, keys: Sequence[SigningKey]) -> None:
        self.domain = domain
        self.keys = tuple(keys)
        self._beginnings = lru_cache(maxsize=16)(self._write_beginnings)

    def sign(self, message: bytes, at: float | None = None) -> bytes:
        """Return the message with its signatures. Bare CR and LF become line ends, as they do on their way out."""
        return self.sign_wire(write_line_ends(message), at)

    def sign_wire(self, message: bytes, at: float | None = None) -> bytes:
        """Return the message with its signatures. All its lines end in CRLF, and no dot is doubled."""
        head, _, body = message.partition(b"\r\n\r\n")
        names, headers = _read_headers(head)
        hashed = b64encode(sha256(make_body_canonical(body)).digest())
        stamp = b"%d" % (database_time.unix_time() if at is None else at)
        signed: list[bytes] = []
        for key, (begins, canonical) in zip(self.keys, self._beginnings(names), strict=True):
            said = b"%b;\r\n bh=%b;\r\n b=" % (stamp, hashed)
            data = b"%b%b%b; bh=%b; b=" % (headers, canonical, stamp, hashed)
            signed += begins, said, _fold(b64encode(key.sign(data))), b"\r\n"
        signed.append(message)
        return b"".join(signed)

    def _write_beginnings(self, names: tuple[bytes, ...]) -> list[tuple[bytes, bytes]]:
        """Return the beginning of each key's signature, as it is written and in the relaxed form."""
        beginnings = []
        for key in self.keys:
            begins = (
                f"DKIM-Signature: v=1; a={key.algorithm}; c=relaxed/relaxed;\r\n d={self.domain};\r\n"
                f" s={key.selector};\r\n h={_fold_names((*names, OVERSIGNED))};\r\n t="
            ).encode()
            canonical = begins.replace(b"DKIM-Signature: ", b"dkim-signature:").replace(b"\r\n ", b" ")
            beginnings.append((begins, canonical))
        return beginnings


def write_line_ends(message: bytes) -> bytes:
    """Return the message with CRLF for each line end, bare CR and LF among them, and its last line ended."""
    ends = message.count(b"\r\n")
    if not message.count(b"\n") == ends == message.count(b"\r"):
        message = _line_end.sub(b"\r\n", message)
    return message if message.endswith(b"\r\n") else message + b"\r\n"


def make_body_canonical(body: bytes) -> bytes:
    """Return the body in the relaxed form (RFC 6376, 3.4.4)."""
    if b"\t" in body:
        body = body.replace(b"\t", b" ")
    while b"  " in body:
        body = body.replace(b"  ", b" ")
    if b" \r\n" in body:
        body = body.replace(b" \r\n", b"\r\n")
    if body.endswith(b" "):
        body = body[:-1]
    while body.endswith(b"\r\n\r\n"):
        body = body[: len(body.rstrip(b"\r\n")) + 2] if body.strip(b"\r\n") else b""
    if body in (b"", b"\r\n"):
        return b""
    return body if body.endswith(b"\r\n") else body + b"\r\n"


def _read_headers(head: bytes) -> tuple[tuple[bytes, ...], bytes]:
    """Return the names of the headers to be signed, and all of them in the relaxed form, in the order of the names.

    Of headers with one name the last comes first, as verifiers take them.
    """
    found: list[tuple[int, int, bytes]] = []
    lines = head.replace(b"\r\n ", b" ").replace(b"\r\n\t", b" ").split(b"\r\n")
    for number, line in enumerate(lines):
        name, _, value = line.partition(b":")
        place = _PLACES.get(name.lower().rstrip(b" \t"))
        if place is not None:
            if b"\t" in value or b"  " in value:
                value = _blanks.sub(b" ", value)
            found.append((place, -number, value.strip(b" ")))
    found.sort()
    names = tuple([SIGNED[place] for place, _, _ in found])
    headers = b"".join([b"%b:%b\r\n" % (SIGNED[place], value) for place, _, value in found])
    return names, headers


def _fold_names(names: Sequence[bytes]) -> str:
    """Return the value of the tag `h`, in lines."""
    lines = [""]
    for name in names:
        word = name.decode()
        if len(lines[-1]) + len(word) > _LINE - 8:
            lines.append("")
        lines[-1] += f"{word}:"
    return "\r\n ".join(lines).removesuffix(":")


def _fold(signature: bytes) -> bytes:
    return b"\r\n ".join([signature[start : start + _LINE] for start in range(0, len(signature), _LINE)])
