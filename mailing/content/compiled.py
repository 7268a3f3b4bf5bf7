"""Content compiled once, and spliced for each recipient."""

import re
import time
from collections.abc import Callable
from hashlib import sha256
from typing import Any, TypeVar

import msgspec

from mailing.content.source import Values

from .limits import check_html_depth
from .mime import (
    date_header,
    encode_header,
    encode_mailbox,
    encode_quoted_printable,
    make_one_line,
    trim_wire,
)
from .names import CLICK, OPEN, PREFERENCES, SUBJECT, UNSUBSCRIBE
from .parts import LineTemplate, PartTemplate
from .plaintext import decimal_mark, write_text
from .rendering import EscapedWires, Wires, write_value
from .sandbox import HTML, TEXT, Settings, Template
from .source import ContentError, Links, Preview, Recipient
from .styles import inline_styles
from .urls import add_utm, tidy_url
from .visible_page import make_visible_page

T = TypeVar("T")
VERSION = 1  # of the stored form

# An address that can stand in a header without quotes; not ASCII only when the relay speaks SMTPUTF8
_address = re.compile(
    r"""[^\s\x00-\x1f\x7f\ud800-\udfff<>()\[\],;:\\"@]{1,64}@[^\s\x00-\x1f\x7f\ud800-\udfff<>()\[\],;:\\"@]{1,255}"""
).fullmatch
_message_id = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,200}").fullmatch
_url = re.compile(r"https?://[!-;=?-~]{1,900}").fullmatch


class StoredContent(msgspec.Struct, frozen=True, kw_only=True):
    """What is stored of a campaign's content: templates ready to render, and the headers that all mails share."""

    version: int = VERSION
    subject: str
    from_name: str
    from_email: str
    reply_to: str
    html: str
    text: str
    late: bool  # CSS is inlined into each rendered message
    text_late: bool = False  # the text is made from each rendered message's HTML
    text_made: bool = False  # the text is made from the HTML, and not its author's own
    links: tuple[str, ...]
    settings: Settings
    domain: str
    list_id: str
    feedback: tuple[str, ...]
    unsubscribe_email: str


class Compiled:
    """The content of one campaign: immutable, storable. Made by `compile` or `load`.

    `links` has the URL of each tracked link by its index, as its author wrote it (Liquid in it where it differs by
    recipient); `target` is where it leads. `hash` is the SHA-256 of `dump()` in hex. `late`: no message can be spliced,
    since CSS is inlined into each.
    """

    def __init__(self, stored: StoredContent) -> None:
        """Parse the templates; a LiquidError says what does not parse."""
        self._stored = stored
        self._dump = msgspec.msgpack.encode(stored)
        self.hash = sha256(self._dump).hexdigest()
        self.links = stored.links
        self.late = stored.late
        # may a branch that is not taken, or a loop's last round, leave breaks before the text or behind it?
        self._is_loose = stored.text_made and (
            stored.text.startswith("{%") or stored.text.rstrip().endswith("%}")
        )
        self._decimal = decimal_mark(stored.settings.babel_locale)
        self._is_titled_by_subject = SUBJECT in stored.html
        self._targets = [LineTemplate(Template(url, TEXT, stored.settings)) for url in stored.links]
        self._subject = LineTemplate(Template(stored.subject, TEXT, stored.settings))
        self._from_name = LineTemplate(Template(stored.from_name, TEXT, stored.settings))
        fixed = self._from_name.fixed
        self._from = None if fixed is None else encode_mailbox(fixed, stored.from_email)
        self._text = PartTemplate(Template(stored.text, TEXT, stored.settings))
        self._html = PartTemplate(Template(stored.html, HTML, stored.settings))
        boundary = f"=_{self.hash[:32]}"  # "=_" cannot occur in quoted-printable
        part = (
            f"\r\n--{boundary}\r\nContent-Type: text/%s; charset=utf-8\r\n"
            "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
        )
        self._before_text, self._before_html = part % "plain", part % "html"
        self._end = f"\r\n--{boundary}--\r\n"
        self._shared_headers = self._headers_of_all(boundary)

    def dump(self) -> bytes:
        """Return what `load` makes the same content from again."""
        return self._dump

    def render(self, recipient: Recipient, links: Links, *, at: float | None = None) -> bytes:
        """Return the whole message for one recipient, made at the UNIX time `at` (now).

        Lines end in CRLF, those of the body have at most 76 characters, and none begins with a dot: it goes to DATA
        as it is, without dot-stuffing. ASCII, unless the address itself is not.

        Raises:
            ContentError: the recipient's values break the template, or are not fit for a header.
        """
        at = time.time() if at is None else at
        values = self._values(recipient, links)
        head = self._head(recipient, values, at)
        if self.late or self._stored.text_late:
            return self._message(head, *self._bodies_in_full(values, recipient.seed, at))
        seed, wires = recipient.seed, Wires(values)
        html = self._html.splice(EscapedWires(wires), seed, at)  # first: it fills most of what the text needs
        text = self._text.splice(wires, seed, at)
        return self._message(head, trim_wire(text) if self._is_loose else text, html)

    def render_in_full(self, recipient: Recipient, links: Links, *, at: float | None = None) -> bytes:
        """Return the same bytes as `render`, made anew without anything remembered: slower, to compare with."""
        at = time.time() if at is None else at
        values = self._values(recipient, links)
        return self._message(
            self._head(recipient, values, at), *self._bodies_in_full(values, recipient.seed, at)
        )

    def preview(
        self,
        recipient: Recipient,
        links: Links,
        *,
        preheader: str = "",
        at: float | None = None,
        notes: list[str] | None = None,
    ) -> Preview:
        """Return what this recipient would read; `preheader` is a template of its own, since the HTML holds it by now.

        A value that a filter cannot use, such as a text for a date, is added to `notes`.

        Raises:
            ContentError: with the field at fault.
        """
        at = time.time() if at is None else at
        values, seed = self._values(recipient, links), recipient.seed
        subject = make_one_line(self._reading("subject", self._subject.render_values, values, seed, at))
        if self._is_titled_by_subject:
            values[SUBJECT] = subject
        page, seen = self._reading("body", self._pages, values, seed, at, notes)
        beside = LineTemplate(Template(preheader, TEXT, self._stored.settings))
        return Preview(
            subject=subject,
            preheader=make_one_line(self._reading("preheader", beside.render_values, values, seed, at)),
            sender=make_one_line(self._reading("from_name", self._from_name.render_values, values, seed, at)),
            html=page,
            text=(
                write_text(seen, self._decimal)
                if self._stored.text_late
                else self._trimmed_text(values, seed, at)
            ),
        )

    @staticmethod
    def _reading(field: str, render: Callable[..., T], *arguments: object) -> T:
        try:
            return render(*arguments)
        except ContentError as error:
            raise ContentError(str(error), field) from error

    def target(self, index: int, recipient: Recipient | None = None, *, at: float | None = None) -> str:
        """Return the address link `index` leads to, in ASCII, with its UTM parameters.

        `recipient` is asked for by the links that differ by recipient; without one their values are empty.

        Raises:
            IndexError: there is no such link.
            ContentError: its Liquid cannot be rendered.
        """
        if index < 0:
            raise IndexError(f"there is no link {index}")
        line = self._targets[index]
        if line.fixed is not None:
            return add_utm(tidy_url(line.fixed), self._stored.settings.utm)
        recipient = recipient or Recipient(email="")
        url = line.render_values(_own_values(recipient), recipient.seed, time.time() if at is None else at)
        return add_utm(tidy_url(url), self._stored.settings.utm)

    def list_plain_targets(self) -> list[str | None]:
        """List where each link leads by its index; None where that differs by recipient."""
        return [
            None if line.fixed is None else self.target(index) for index, line in enumerate(self._targets)
        ]

    def _values(self, recipient: Recipient, links: Links) -> dict[str, Any]:  # Any: as in `Values`
        """Return every variable a template may read, by name."""
        values = _own_values(recipient)
        base, token = links.base, links.token
        values[UNSUBSCRIBE] = unsubscribe = f"{base}/u/{token}"
        values[PREFERENCES] = f"{base}/p/{links.preferences_token or token}"
        if not _url(f"{unsubscribe}{links.open_token}{links.click_token}{links.preferences_token}"):
            raise ContentError(f"{unsubscribe!r} is not an address for a link")
        values[CLICK] = f"{base}/t/c/{links.click_token or token}"
        values[OPEN] = f"{base}/t/o/{links.open_token or token}"
        return values

    def _headers_of_all(self, boundary: str) -> str:
        stored = self._stored
        lines = ["List-Unsubscribe-Post: List-Unsubscribe=One-Click"]  # RFC 8058
        if stored.reply_to:
            lines.append(f"Reply-To: {stored.reply_to}")
        if stored.list_id:
            lines.append(f"List-Id: <{stored.list_id}>")
        if stored.feedback:
            lines.append(f"Feedback-ID: {':'.join(stored.feedback)}")
        lines.append("MIME-Version: 1.0")
        lines.append(f'Content-Type: multipart/alternative;\r\n boundary="{boundary}"')
        return "\r\n".join(lines)

    def _head(self, recipient: Recipient, values: dict[str, Any], at: float) -> str:  # Any: as in `Values`
        """Return all headers. The subject becomes a value, which the title of the page may use."""
        stored = self._stored
        if not _address(recipient.email):
            raise ContentError(f"{recipient.email!r} is not an e-mail address fit for a header")
        first, last = values.get("first_name"), values.get("last_name")
        name = f"{write_value('first_name', first)} {write_value('last_name', last)}"
        message_id = ""
        if recipient.message_id:
            if not _message_id(recipient.message_id):
                raise ContentError(f"{recipient.message_id!r} is no left side of a Message-ID")
            message_id = f"Message-ID: <{recipient.message_id}@{stored.domain}>\r\n"
        sender = self._from or encode_mailbox(
            self._from_name.render_values(values, recipient.seed, at), stored.from_email
        )
        subject = self._subject.render_values(values, recipient.seed, at)
        if self._is_titled_by_subject:
            values[SUBJECT] = make_one_line(subject)
        unsubscribe = f"<{values[UNSUBSCRIBE]}>"
        if stored.unsubscribe_email:
            token = values[UNSUBSCRIBE].rpartition("/")[2]
            unsubscribe += f",\r\n <mailto:{stored.unsubscribe_email}?subject=unsubscribe%20{token}>"
        return (
            f"From: {sender}\r\n"
            f"To: {encode_mailbox(name, recipient.email)}\r\n"
            f"Subject: {encode_header(subject)}\r\n"
            f"Date: {date_header(int(at))}\r\n"
            f"{message_id}"
            f"List-Unsubscribe: {unsubscribe}\r\n"
            f"{self._shared_headers}\r\n"
        )

    def _pages(
        self, values: Values, seed: object, at: float, notes: list[str] | None = None
    ) -> tuple[str, str]:
        """Return the HTML part as its recipient reads it, and as its text part is made from it."""
        page = self._html.template.whole(values, seed, at, notes)
        if not self.late:
            return page, page
        check_html_depth(page)
        inlined = inline_styles(page)
        seen = make_visible_page(page) if self._stored.text_late else ""
        return inlined, seen or inlined

    def _bodies_in_full(self, values: Values, seed: object, at: float) -> tuple[str, str]:
        if not (self.late or self._stored.text_late):
            text = self._text.in_full(values, seed, at)
            return trim_wire(text) if self._is_loose else text, self._html.in_full(values, seed, at)
        page, seen = self._pages(values, seed, at)
        if self._stored.text_late:
            return encode_quoted_printable(write_text(seen, self._decimal)), encode_quoted_printable(page)
        text = self._text.in_full(values, seed, at)
        return trim_wire(text) if self._is_loose else text, encode_quoted_printable(page)

    def _trimmed_text(self, values: Values, seed: object, at: float) -> str:
        text: str = self._reading("text", self._text.template.whole, values, seed, at)
        return text.strip(" \t\n") + "\n" if self._is_loose else text

    def _message(self, head: str, text: str, html: str) -> bytes:
        return "".join((head, self._before_text, text, self._before_html, html, self._end)).encode()


def _own_values(recipient: Recipient) -> dict[str, Any]:  # Any: as in `Values`
    """Return the recipient's own variables. An empty name does not hide an attribute of that name."""
    values = {**recipient.attributes, "attributes": recipient.attributes, "email": recipient.email}
    if recipient.first_name:
        values["first_name"] = recipient.first_name
    if recipient.last_name:
        values["last_name"] = recipient.last_name
    return values


def load(dumped: bytes) -> Compiled:
    """Return the content that `dump` stored.

    Raises:
        ContentError: not made by `dump`, or by a version no longer read.
    """
    return Compiled(_read_stored(dumped))


def read_links(dumped: bytes) -> tuple[str, ...]:
    """Return the `links` of a stored content, without reading its templates.

    Raises:
        ContentError: as `load` does.
    """
    return _read_stored(dumped).links


def _read_stored(dumped: bytes) -> StoredContent:
    try:
        stored = msgspec.msgpack.decode(dumped, type=StoredContent)
    except msgspec.DecodeError as error:
        raise ContentError(f"The stored content cannot be read: {error}") from error
    if stored.version != VERSION:
        raise ContentError(f"The stored content has version {stored.version}; this program reads {VERSION}")
    return stored
