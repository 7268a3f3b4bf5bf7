"""Text on the wire: quoted-printable bodies (RFC 2045) and encoded headers (RFC 2047). The result is always ASCII."""

import re
from binascii import b2a_base64, b2a_qp
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache

from liquid import escape

SOFT = "=\r\n"  # a soft line break: text goes on in the next line

# one short line of ASCII: no "=", no dot in front
_plain = re.compile(r"[!-\-/-<>-~][ -<>-~]{0,74}").fullmatch
# the same, with nothing that HTML escapes
is_plain_in_html = re.compile(r"[!#-%(-\-/-;?-~][ !#-%(-;?-~]{0,74}").fullmatch
_unit = re.compile(rb"=..|[^=\r\n]|\n", re.DOTALL)
_blanks = re.compile(r"(?:=20|=09|=?\r\n|[ \t])+").match
_blank_end = re.compile(r"(?:=20|=09|=?\r\n|[ \t]|=)\Z").search
_controls = re.compile(r"[\x00-\x20\x7f\x85\u2028\u2029]+")
_phrase = re.compile(r"(?:[!-~]{1,60}(?: |\Z))+").fullmatch  # words that can stand in a quoted string, folded


def encode_quoted_printable(text: str) -> str:
    """Return `text` in quoted-printable. Results joined by SOFT are the quoted-printable of the joined texts.

    So every result stands in lines of its own: none depends on its neighbours. Lines have at most 76 characters, the
    last at most 75 (the "=" of SOFT may follow), and none begins with a dot: the message needs no dot-stuffing.
    """
    if _plain(text):
        return text
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    wire = b2a_qp(text.encode("utf-8", "replace"), istext=True)
    if len(wire) <= 75 and b"\n" not in wire and wire[:1] != b".":
        return wire.decode()
    lines = wire.split(b"\n")
    # b2a_qp may end on 76 characters, makes 77 of a line that ends in an escaped blank, and knows no dot-stuffing
    if len(lines[-1]) > 75 or any(len(line) > 76 or line[:1] == b"." for line in lines):
        lines = _refill_lines(lines)
    return b"\r\n".join(lines).decode()


def trim_wire(wire: str) -> str:
    """Return text in quoted-printable without the blanks and breaks at its two ends, but for the last break."""
    start = _blanks(wire)
    wire = wire[start.end() :] if start else wire
    end = len(wire)
    while shorter := _blank_end(wire, max(end - 3, 0), end):
        end = shorter.start()
    return f"{wire[:end]}\r\n"


def encode_quoted_html(text: str) -> str:
    """Return `encode_quoted_printable` of plain `text` escaped for HTML."""
    return text if is_plain_in_html(text) else encode_quoted_printable(str(escape(text)))


def _refill_lines(lines: list[bytes]) -> list[bytes]:
    """Return quoted-printable text with dots at the start of a line escaped, no line over 75 but for its "="."""
    filled = []
    for number, line in enumerate(lines, 1):
        if line[:1] != b"." and len(line) <= (76 if number < len(lines) else 75):
            filled.append(line)
            continue
        soft = line.endswith(b"=")
        now = b""
        for unit in _unit.findall(line[:-1] if soft else line):
            if len(now) + len(unit) > 75:
                filled.append(now + b"=")
                now = b""
            now += b"=2E" if unit == b"." and not now else unit
        filled.append(now + b"=" if soft else now)
    return filled


def make_one_line(text: str) -> str:
    """Make `text` fit for a header: every run of white space and control characters is one space, none at the ends."""
    if text.isprintable() and "  " not in text:
        return text.strip(" ")
    return _controls.sub(" ", text).strip(" ")


def encode_header(text: str) -> str:
    """Return the value of an unstructured header such as Subject: ASCII, folded, and always one header."""
    if len(text) <= 64 and text.isascii() and text.isprintable() and "=?" not in text:
        return text.strip(" ")
    text = make_one_line(text)
    if not text.isascii() or "=?" in text:
        return _encode_words(text)
    if any(len(word) > 64 for word in text.split(" ")):
        return _encode_words(text)
    return _fold(text)


def _fold(text: str) -> str:
    """Return `text` in lines of at most 64 characters or one word, broken at its spaces."""
    lines = [""]
    for word in text.split(" "):
        if lines[-1] and len(lines[-1]) + len(word) > 64:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}" if lines[-1] else word
    return "\r\n ".join(lines)


def encode_mailbox(name: str, email: str) -> str:
    """Return the value of a From or To header: `name`, when there is one, and the address (RFC 5322, 3.4)."""
    name = make_one_line(name)
    if not name:
        return email
    if not name.isascii() or "=?" in name or not _phrase(name):
        return f"{_encode_words(name)}\r\n <{email}>"
    if '"' in name or "\\" in name:
        name = re.sub(r'(["\\])', r"\\\1", name)
    if len(name) > 60:
        name = _fold(name)
    return f'"{name}" <{email}>' if len(name) + len(email) < 64 else f'"{name}"\r\n <{email}>'


def _encode_words(text: str) -> str:
    """Encode text by RFC 2047 "B": words of at most 39 bytes of UTF-8 (no line over 76), each of whole characters."""
    data = text.encode("utf-8", "replace")
    words = []
    start = 0
    while start < len(data):
        end = start + 39
        while end < len(data) and data[end] & 0xC0 == 0x80:  # inside a character
            end -= 1
        words.append(f"=?utf-8?b?{b2a_base64(data[start:end], newline=False).decode()}?=")
        start = end
    return "\r\n ".join(words)


@lru_cache(maxsize=16)
def date_header(second: int) -> str:
    """Return the value of a Date header for a UNIX time in whole seconds."""
    return format_datetime(datetime.fromtimestamp(second, UTC))
