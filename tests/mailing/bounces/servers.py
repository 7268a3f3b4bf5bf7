"""An IMAP and a POP3 server for tests, as small as their clients allow, over real sockets, with TLS where asked for."""

import contextlib
import re
import socketserver
import ssl
import threading
from base64 import b64decode
from collections.abc import Iterator

USER, PASSWORD, TOKEN = "bounces", "a secret", "an access token"


class Box:
    """What the server holds: messages by number, and what it was asked."""

    def __init__(self, messages: list[bytes]) -> None:
        self.messages = dict(enumerate(messages, 1))
        self.removed: set[int] = set()
        self.lines: list[str] = []
        self.is_busy = False  # it answers with something else than what was asked
        self.drops_at = ""  # the connection ends when a command begins with this
        self.port = 0

    @property
    def remaining(self) -> list[bytes]:
        return list(self.messages.values())

    def expunge(self) -> None:
        for key in self.removed:
            self.messages.pop(key, None)
        self.removed.clear()

    def accepts_token(self, encoded: str) -> bool:
        return b64decode(encoded) == f"user={USER}\1auth=Bearer {TOKEN}\1\1".encode()


class Handler(socketserver.StreamRequestHandler):
    """One connection: lines in, lines out."""

    box: Box
    context: ssl.SSLContext | None
    is_implicit: bool

    def setup(self) -> None:
        if self.is_implicit and self.context:
            self.request = self.context.wrap_socket(self.request, server_side=True)
        super().setup()

    def begin_tls(self) -> None:
        assert self.context
        self.request = self.context.wrap_socket(self.request, server_side=True)
        super().setup()

    def say(self, *lines: str | bytes) -> None:
        for line in lines:
            self.wfile.write((line if isinstance(line, bytes) else line.encode()) + b"\r\n")
        self.wfile.flush()

    def handle(self) -> None:
        with contextlib.suppress(OSError):
            self.greet()
            while line := self.rfile.readline():
                text = line.decode("utf-8", "replace").strip()
                self.box.lines.append(text)
                if self.box.drops_at and self.box.drops_at in text:
                    return
                if not self.answer(text):
                    return

    def greet(self) -> None:
        raise NotImplementedError

    def answer(self, text: str) -> bool:
        raise NotImplementedError


class ImapHandler(Handler):
    def greet(self) -> None:
        self.say("* OK [CAPABILITY IMAP4rev1 STARTTLS UIDPLUS AUTH=XOAUTH2] ready")

    def answer(self, text: str) -> bool:
        tag, _, rest = text.partition(" ")
        word, _, rest = rest.partition(" ")
        word = word.upper()
        if word == "UID":
            word, _, rest = rest.partition(" ")
            self.answer_uid(tag, word.upper(), rest)
        elif word == "CAPABILITY":
            self.say("* CAPABILITY IMAP4rev1 STARTTLS UIDPLUS AUTH=XOAUTH2", f"{tag} OK done")
        elif word == "STARTTLS":
            self.say(f"{tag} OK done")
            self.begin_tls()
        elif word == "LOGIN":
            is_right = rest == f'{USER} "{PASSWORD}"'
            self.say(f"{tag} OK done" if is_right else f"{tag} NO [AUTHENTICATIONFAILED] Invalid credentials")
        elif word == "AUTHENTICATE":
            self.say("+ ")
            given = self.rfile.readline().decode().strip()
            if rest == "PLAIN":
                self.box.lines.append(b64decode(given).decode())
                self.say(f"{tag} OK done")
                return True
            self.say(f"{tag} OK done" if self.box.accepts_token(given) else f"{tag} NO invalid token")
        elif word == "SELECT":
            is_there = rest.strip('"') in ("INBOX", "Zur&APw-ck &- mehr")
            self.say(
                f"* {len(self.box.messages)} EXISTS",
                f"{tag} OK done" if is_there else f"{tag} NO no such folder",
            )
        elif word == "LOGOUT":
            self.say("* BYE", f"{tag} OK done")
            return False
        else:
            self.say(f"{tag} BAD unknown")
        return True

    def answer_uid(self, tag: str, word: str, rest: str) -> None:
        if word == "SEARCH" and self.box.is_busy:
            self.say(f"{tag} NO [UNAVAILABLE] try again in 5 minutes")
        elif word == "SEARCH":
            keys = [str(key) for key in self.box.messages if key not in self.box.removed]
            self.say(f"* SEARCH {' '.join(keys)}", f"{tag} OK done")
        elif word == "FETCH":
            key = int(rest.split(maxsplit=1)[0])
            found = re.search(r"<0\.(\d+)>", rest)
            body = self.box.messages[key][: int(found[1])] if found else self.box.messages[key]
            head = b"* %d FETCH (UID %d BODY[]<0> {%d}\r\n" % (key, key, len(body))
            self.wfile.write(head + body + b")\r\n")
            self.say(f"{tag} OK done")
        elif word == "STORE":
            self.box.removed.add(int(rest.split(maxsplit=1)[0]))
            self.say(f"{tag} OK done")
        elif word == "EXPUNGE":
            self.box.expunge()
            self.say(f"{tag} OK done")


class Pop3Handler(Handler):
    def greet(self) -> None:
        self.say("+OK ready")

    def answer(self, text: str) -> bool:
        word, _, rest = text.partition(" ")
        word = word.upper()
        if word == "CAPA":
            self.say("+OK", "STLS", "TOP", "UIDL", ".")
        elif word == "STLS":
            self.say("+OK")
            self.begin_tls()
        elif word == "PASS":
            self.say("+OK" if rest == PASSWORD else "-ERR [AUTH] wrong password")
        elif word == "AUTH":
            self.say("+OK" if self.box.accepts_token(rest.split()[1]) else "-ERR invalid token")
        elif word == "LIST":
            nonsense = ["nothing", "1", "one 2 three", "9" * 30] if self.box.is_busy else []
            self.say("+OK", *nonsense, *(f"{key} {len(raw)}" for key, raw in self.box.messages.items()), ".")
        elif word in ("RETR", "TOP"):
            lines = self.box.messages[int(rest.split()[0])].replace(b"\r\n", b"\n").split(b"\n")
            if word == "TOP":
                lines = lines[: int(rest.split()[1])]
            self.say("+OK", *(b"." + line if line.startswith(b".") else line for line in lines), ".")
        elif word == "DELE":
            self.box.removed.add(int(rest))
            self.say("+OK")
        elif word == "QUIT":
            self.box.expunge()
            self.say("+OK")
            return False
        else:
            self.say("+OK")
        return True


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that does not trust our certificate goes away: that is what some tests are about."""


@contextlib.contextmanager
def serve_mailbox(
    kind: str, messages: list[bytes], *, tls: str = "none", certificate: tuple[str, str] | None = None
) -> Iterator[Box]:
    """Serve these messages by IMAP or POP3 on a port of loopback."""
    context = None
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
    box = Box(messages)
    base = ImapHandler if kind == "imap" else Pop3Handler
    handler = type("Bound", (base,), {"box": box, "context": context, "is_implicit": tls == "implicit"})
    with Server(("127.0.0.1", 0), handler) as server:
        box.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield box
        finally:
            server.shutdown()
