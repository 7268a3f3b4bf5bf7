"""Sources of messages: IMAP, POP3 or a maildir. Each hands out messages one by one, and removes one on request.

A message whose removal was lost with the connection is handed out again.
"""

import imaplib
import mailbox as mailboxes
import poplib
import re
import socket
import ssl
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Protocol

import msgspec

from campaigns.sentences import keep, mark
from mailing.bounces.parts import MOST_BYTES_READ
from mailing.deadlines import Deadline, end_after
from mailing.smtp.server import make_tls_context

TIMEOUT_SECONDS = 30.0  # for each wait
CONVERSATION_SECONDS = 120.0  # for all that is said to a server, with its slow answers; below a task's time
CHECK_SECONDS = 20.0  # for a whole conversation that only looks whether the mailbox can be read
MOST_BYTES_TAKEN = 2 * MOST_BYTES_READ  # of one message; IMAP is asked for no more
MOST_LINES_TAKEN = 5_000  # of a larger one, from POP3
poplib._MAXLINE = 65_536  # type: ignore[attr-defined]  # bytes; some servers fold no headers

FAILURES = (OSError, imaplib.IMAP4.error, poplib.error_proto, ssl.SSLError, mailboxes.Error, EOFError)
_not_ascii = re.compile(r"[^\x20-\x7e]+")
_is_word = re.compile(r"[A-Za-z0-9.@+/_=&,-]+").fullmatch
_find_control = re.compile(r"[\x00-\x1f\x7f]").search
_is_listed = re.compile(rb"(\d{1,9})[ \t]+(\d{1,18})(?!\S)").match


class SourceFailed(Exception):
    """The mailbox cannot be read; the words say why, and what to do."""


class SourceRefused(SourceFailed):
    """The server answered, and refused."""


class Login(msgspec.Struct, frozen=True):
    """A user name and its secret. is_token: the secret is an OAuth 2 access token, sent by XOAUTH2, not a password."""

    username: str
    secret: str
    is_token: bool = False

    def write_xoauth2(self) -> bytes:
        return f"user={self.username}\1auth=Bearer {self.secret}\1\1".encode()


class Place(msgspec.Struct, frozen=True):
    """A server's address. tls: "none", "starttls" or "implicit"."""

    host: str
    port: int
    tls: str
    authority: str = ""

    def make_context(self) -> ssl.SSLContext:
        return make_tls_context(authority=self.authority)


class _Imap(imaplib.IMAP4):
    """A client whose conversation ends with a deadline."""

    def __init__(self, place: Place, deadline: Deadline) -> None:
        self.place, self.deadline = place, deadline
        super().__init__(place.host, place.port, timeout=TIMEOUT_SECONDS)

    def _create_socket(self, timeout: float | None) -> socket.socket:
        return _open_socket(self.place, self.deadline, timeout)


class _Pop3(poplib.POP3):
    """A client whose conversation ends with a deadline."""

    def __init__(self, place: Place, deadline: Deadline) -> None:
        self.place, self.deadline = place, deadline
        with ExitStack() as self.on_failure:  # the library leaves the socket open when there is no greeting
            super().__init__(place.host, place.port, timeout=TIMEOUT_SECONDS)
            self.on_failure.pop_all()

    def _create_socket(self, timeout: float | None) -> socket.socket:
        return self.on_failure.enter_context(_open_socket(self.place, self.deadline, timeout))


def _open_socket(place: Place, deadline: Deadline, timeout: float | None) -> socket.socket:
    """Connect to a server, and encrypt where that comes first."""
    opened = deadline.open_socket(place.host, place.port, most=timeout)
    opened.settimeout(timeout)
    if place.tls == "implicit":
        deadline.begin(mark("while the encryption began"))
        opened = place.make_context().wrap_socket(opened, server_hostname=place.host)
    deadline.begin(mark("at the greeting"))
    return opened


class Source(Protocol):
    """Messages that wait. `remove` may be called for a key once its message is handled."""

    def count_messages(self) -> int: ...

    def list_messages(self, most: int) -> Iterator[tuple[str, bytes]]: ...

    def remove(self, key: str) -> None: ...


class ImapSource:
    """A folder of an IMAP server, by unique ids: others may read it at the same time."""

    def __init__(self, client: imaplib.IMAP4) -> None:
        self._client = client

    def count_messages(self) -> int:
        return len(self._list_keys())

    def list_messages(self, most: int) -> Iterator[tuple[str, bytes]]:
        for key in self._list_keys()[:most]:
            # PEEK: what nobody has dealt with stays unread
            _, answer = self._client.uid("FETCH", key.decode(), f"(BODY.PEEK[]<0.{MOST_BYTES_TAKEN}>)")
            body = next((part[1] for part in answer if isinstance(part, tuple)), None)
            if body is not None:
                yield key.decode(), body

    def _list_keys(self) -> list[bytes]:
        state, found = self._client.uid("SEARCH", "UNDELETED")
        if state != "OK":
            raise SourceRefused(
                keep("The server does not say which messages wait: %(found)s.", found=_decode(found))
            )
        return [key for key in (found[0] or b"").split() if key.isdigit()]

    def remove(self, key: str) -> None:
        self._client.uid("STORE", key, "+FLAGS.SILENT", "(\\Deleted)")
        if "UIDPLUS" in self._client.capabilities:
            self._client.uid("EXPUNGE", key)
        else:
            self._client.expunge()


class Pop3Source:
    """A POP3 mailbox. The server deletes removed messages at a proper end only, so a lost connection loses nothing."""

    def __init__(self, client: poplib.POP3) -> None:
        self._client = client

    def count_messages(self) -> int:
        return len(self._list_sizes())

    def _list_sizes(self) -> list[tuple[int, int]]:
        _, listing, _ = self._client.list()
        return [(int(each[1]), int(each[2])) for line in listing if (each := _is_listed(line))]

    def list_messages(self, most: int) -> Iterator[tuple[str, bytes]]:
        for number, size in self._list_sizes()[:most]:
            is_small = size <= MOST_BYTES_TAKEN
            _, lines, _ = (
                self._client.retr(number) if is_small else self._client.top(number, MOST_LINES_TAKEN)
            )
            yield str(number), b"\r\n".join(lines) + b"\r\n"

    def remove(self, key: str) -> None:
        self._client.dele(int(key))


class MaildirSource:
    """A maildir on this machine, as Postfix or Dovecot delivers into it."""

    def __init__(self, folder: Path) -> None:
        self._box = mailboxes.Maildir(folder, create=False)

    def count_messages(self) -> int:
        return len(self._box)

    def list_messages(self, most: int) -> Iterator[tuple[str, bytes]]:
        for key in sorted(self._box.keys())[:most]:
            try:
                with self._box.get_file(key) as file:
                    yield key, file.read(MOST_BYTES_TAKEN)
            except KeyError:  # another program took it meanwhile
                continue

    def remove(self, key: str) -> None:
        self._box.discard(key)


@contextmanager
def open_imap(
    place: Place, login: Login, folder: str, seconds: float = CONVERSATION_SECONDS
) -> Iterator[ImapSource]:
    """Open a folder of an IMAP server, for so many seconds.

    Raises:
        SourceFailed: the mailbox cannot be read.
    """
    _refuse_controls(login.username, login.secret, folder)
    with end_after(seconds) as deadline, _naming_failures(place, deadline):
        deadline.begin(mark("when it was called"))
        client = _Imap(place, deadline)
        try:
            if place.tls == "starttls":
                deadline.begin(mark("while the encryption began"))
                client.starttls(place.make_context())
            deadline.begin(mark("at the login"))
            _log_in_to_imap(client, login)
            deadline.begin(mark("when the folder was opened"))
            state, answer = client.select(write_text(encode_folder(folder)))
            if state != "OK":
                raise SourceFailed(
                    keep(
                        "%(host)s has no folder “%(folder)s”: %(answer)s.",
                        host=place.host,
                        folder=folder,
                        answer=_decode(answer),
                    )
                )
            deadline.begin(mark("while the messages were read"))
            yield ImapSource(client)
        finally:
            with suppress(*FAILURES):  # it may have gone already, and everything was said
                client.logout()
            with suppress(*FAILURES):
                client.shutdown()


@contextmanager
def open_pop3(place: Place, login: Login, seconds: float = CONVERSATION_SECONDS) -> Iterator[Pop3Source]:
    """Open a POP3 mailbox, for so many seconds. Removed messages are deleted when the block ends without an error.

    Raises:
        SourceFailed: the mailbox cannot be read.
    """
    _refuse_controls(login.username, login.secret)
    with end_after(seconds) as deadline, _naming_failures(place, deadline):
        deadline.begin(mark("when it was called"))
        client = _Pop3(place, deadline)
        is_done = False
        try:
            if place.tls == "starttls":
                deadline.begin(mark("while the encryption began"))
                client.stls(place.make_context())
            deadline.begin(mark("at the login"))
            if login.is_token:
                _log_in_with_token(client, login)
            else:
                client.user(login.username)
                client.pass_(login.secret)
            deadline.begin(mark("while the messages were read"))
            yield Pop3Source(client)
            client.quit()
            is_done = True
        finally:
            if not is_done:
                with suppress(*FAILURES):
                    client.close()


@contextmanager
def open_maildir(folder: Path) -> Iterator[MaildirSource]:
    """Open a maildir.

    Raises:
        SourceFailed: the mailbox cannot be read.
    """
    if not (folder / "new").is_dir():
        raise SourceFailed(keep("There is no maildir in %(folder)s.", folder=folder))
    with _naming_failures():
        yield MaildirSource(folder)


def _log_in_to_imap(client: imaplib.IMAP4, login: Login) -> None:
    """Log in by a token, by LOGIN, or by PLAIN where the name or the password holds what LOGIN has no letters for."""
    if login.is_token:
        client.authenticate("XOAUTH2", lambda _: login.write_xoauth2())
    elif login.username.isascii() and login.secret.isascii():
        client.login(write_text(login.username), login.secret)  # the library quotes the password alone
    else:
        client.authenticate("PLAIN", lambda _: f"\0{login.username}\0{login.secret}".encode())


def write_text(text: str) -> str:
    """Return a text as IMAP has it: a plain word as it is, else quoted (RFC 3501, 4.3)."""
    return text if _is_word(text) else '"' + text.replace("\\", r"\\").replace('"', r"\"") + '"'


def encode_folder(name: str) -> str:
    """Return the name of a folder as IMAP has it (RFC 3501, 5.1.3); one in ASCII may be encoded already."""

    def encode(letters: re.Match[str]) -> str:
        return "&" + b64encode(letters[0].encode("utf-16-be")).decode().rstrip("=").replace("/", ",") + "-"

    return name if name.isascii() else _not_ascii.sub(encode, name.replace("&", "&-"))


def _refuse_controls(*said: str) -> None:
    """Refuse what would end a line, and so begin a command of its own."""
    if any(map(_find_control, said)):
        raise SourceFailed(
            mark("The user name, the password or the folder holds a control character: type it anew.")
        )


def _log_in_with_token(client: poplib.POP3, login: Login) -> None:
    client._shortcmd("AUTH XOAUTH2 " + b64encode(login.write_xoauth2()).decode())  # type: ignore[attr-defined]


@contextmanager
def _naming_failures(place: Place | None = None, deadline: Deadline | None = None) -> Iterator[None]:
    where = f"{place.host}:{place.port}" if place else mark("The maildir")
    try:
        yield
    except (*FAILURES, UnicodeError) as error:
        if deadline is None or not (deadline.is_over or isinstance(error, TimeoutError)):
            raise _name_failure(where, error) from error
        raise SourceFailed(
            keep("%(where)s did not answer in time %(step)s.", where=where, step=deadline.step)
        ) from error


def _name_failure(where: str, error: Exception) -> Exception:
    match error:
        case ssl.SSLCertVerificationError():
            words = keep(
                "%(where)s shows a certificate that is not trusted: %(verify_message)s.",
                where=where,
                verify_message=error.verify_message,
            )
            return SourceFailed(words)
        case imaplib.IMAP4.error() | poplib.error_proto():
            return SourceRefused(keep("%(where)s refused: %(args)s", where=where, args=_decode(error.args)))
        case SourceFailed():
            return error
        case _:
            return SourceFailed(keep("%(where)s cannot be reached: %(error)s", where=where, error=error))


def _decode(said: object) -> str:
    words = said if isinstance(said, (list, tuple)) else [said]
    return " ".join(
        word.decode("utf-8", "replace") if isinstance(word, bytes) else str(word) for word in words
    )
