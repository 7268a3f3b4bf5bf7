"""Opens messages that anybody may have sent: nothing in them can raise, take long, or pass for a message of ours."""

import re
from collections.abc import Iterable, Iterator
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from email.policy import Compat32

from campaigns.sentences import mark
from campaigns.texts import make_storable, unescape_html

MOST_BYTES_READ = 512 * 1024  # of a message; what it returns of ours stands at its end
MOST_BOUNDARIES = 100  # words "boundary" in it; a parser takes each level's check for every line
MOST_PARTS = 50  # parts that are looked at
LONGEST_HEADER = 16 * 1024  # characters of a header that are read; parameters take time by their square
ENCODED = ("base64", "quoted-printable")
LONGEST_TEXT = 64 * 1024  # characters of a part that are read

# In a header; what is none of ours is no matter. It begins where a word does, so that a long word is tried once.
_IN_ADDRESS = r"[^\s<>()\[\]\",;:]"
ADDRESS = re.compile(rf"(?<!{_IN_ADDRESS}){_IN_ADDRESS}+@{_IN_ADDRESS}+")
_find_boundaries = re.compile(rb"boundary", re.IGNORECASE).findall
_STYLE = re.compile(r"<(style|script|head)\b.*?(?:</\1\s*>|\Z)", re.IGNORECASE | re.DOTALL)
_BREAK = re.compile(r"<(?:br|/p|/div|/tr|/h\d|/li|hr)\b[^<>]*>", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")
_ADDRESS_IN_TAG = re.compile(r"<([^<>@\s]+@[^<>\s]+)>")


class Unreadable(ValueError):
    """The bytes are no message that can be parsed."""


class BoundedHeaders(Compat32):
    """The parser's own policy, which keeps the beginning of a long header alone."""

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        name, value = super().header_source_parse(sourcelines)
        return name, value[:LONGEST_HEADER]


_POLICY = BoundedHeaders()


def open_message(raw: bytes, most: int = MOST_BYTES_READ) -> Message:
    """Open a message, of which at most so many bytes are looked at.

    Raises:
        Unreadable: its parts are nested deeper than in any message that a server sends.
    """
    raw = raw[:most]
    if len(_find_boundaries(raw)) > MOST_BOUNDARIES:
        raise Unreadable(mark("The message has too many parts inside each other."))
    try:
        return message_from_bytes(raw, policy=_POLICY)
    except (RecursionError, ValueError, LookupError) as error:
        raise Unreadable(mark("The message cannot be taken apart.")) from error


def list_own_parts(message: Message) -> list[Message]:
    """Return the parts with the sender's own words, without those of a message within the message."""
    parts: list[Message] = []
    waiting = [message]
    while waiting and len(parts) < MOST_PARTS:
        part = waiting.pop(0)
        if part.get_content_maintype() == "multipart" and part.is_multipart():
            waiting = [*list_children(part), *waiting]
        else:
            parts.append(part)
    return parts


def list_children(part: Message) -> list[Message]:
    """Return the parts or messages directly within one; none where it holds text."""
    payload = part.get_payload()
    return [child for child in payload if isinstance(child, Message)] if isinstance(payload, list) else []


def read_header(message: Message, name: str) -> str:
    """Read a header as text on one line; "" when there is none. A header that breaks RFC 2047 is returned as it is."""
    return next(read_headers(message, name), "")


def read_headers(message: Message, name: str) -> Iterator[str]:
    """Return every header of this name, as text on one line each."""
    wanted = name.lower()
    return read_values(value for other, value in message.raw_items() if other.lower() == wanted)


def read_values(values: Iterable[str]) -> Iterator[str]:
    """Yield values of headers as the parser left them, each as text on one line."""
    for value in values:
        unfolded = " ".join(decode_escaped(str(value)).split())
        try:
            text = str(make_header(decode_header(unfolded)))
        except (HeaderParseError, LookupError, ValueError, UnicodeError):
            text = unfolded
        yield " ".join(make_storable(text).split())


def read_parameter(part: Message, name: str) -> str:
    """Return a parameter of the content type, in small letters; "" without it."""
    try:
        value = part.get_param(name)
    except (ValueError, LookupError, IndexError):
        return ""
    if isinstance(value, tuple):  # RFC 2231: charset, language, value
        value = value[2]
    return str(value or "").strip().lower()


def read_text(part: Message) -> str:
    """Return the text of a part: in the charset it names or really has, and of HTML only the words that show."""
    text = decode_text(part)
    return strip_markup(text) if part.get_content_subtype() == "html" else text


def decode_text(part: Message, most: int | None = LONGEST_TEXT) -> str:
    """Return the text of a part, its transfer encoding and charset taken off; at most so many characters."""
    encoding = read_transfer_encoding(part)
    if part.is_multipart():  # as the parser opens message/delivery-status: blocks of headers
        text = make_storable("\n\n".join(write_block(block) for block in list_children(part)))
        if encoding not in ENCODED:
            return text[:most]
        part = Message()  # some gateway has encoded it against the rules
        part["Content-Type"] = "text/plain; charset=utf-8"
        part["Content-Transfer-Encoding"] = encoding
        part.set_payload(text)
    elif encoding in ENCODED:
        part.replace_header("Content-Transfer-Encoding", encoding)  # without a comment behind it
    try:
        payload = part.get_payload(decode=True)
    except (ValueError, LookupError):
        payload = None
    if not isinstance(payload, bytes):
        return ""
    return make_storable(decode_bytes(payload, read_parameter(part, "charset")))[:most]


def read_transfer_encoding(part: Message) -> str:
    """Return the transfer encoding of a part, in small letters and without a comment; "" without one."""
    return str(part.get("Content-Transfer-Encoding", "")).partition("(")[0].strip().lower()


def write_block(block: Message) -> str:
    """Return a block of headers as it was sent, with the text that follows if its first line was no header."""
    headers = "\n".join(f"{name}: {value}" for name, value in block.raw_items())
    payload = block.get_payload(decode=True)  # without `decode` it loses what is no ASCII
    return "\n\n".join(
        filter(
            None, (decode_escaped(headers), decode_bytes(payload, "") if isinstance(payload, bytes) else "")
        )
    )


def decode_escaped(text: str) -> str:
    """Return text in which the parser escaped all bytes that are not ASCII."""
    return text if text.isascii() else decode_bytes(text.encode("utf-8", "surrogateescape"), "")


def decode_bytes(payload: bytes, charset: str) -> str:
    """Return text from bytes: in the charset that is named, else UTF-8, else as Western text."""
    for name in (charset, "utf-8"):
        try:
            return payload.decode(name or "utf-8")
        except (LookupError, ValueError, UnicodeError):
            continue
    return payload.decode("cp1252", "replace")


def strip_markup(html: str) -> str:
    """Return the words of HTML; addresses in angle brackets stay."""
    text = _ADDRESS_IN_TAG.sub(r" \1 ", _STYLE.sub(" ", html))
    text = _TAG.sub(" ", _BREAK.sub("\n", text))
    return unescape_html(text).replace("\xa0", " ")
