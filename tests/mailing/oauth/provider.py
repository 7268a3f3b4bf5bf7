"""An identity provider for tests: consent, codes with PKCE, tokens that end, over real HTTP on loopback."""

import base64
import contextlib
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

CLIENT, SECRET = "fanfare", "client secret"


class IdentityProvider:
    """What it knows, and how it behaves.

    life: seconds an access token lasts. refusal: the error it answers each request for a token with. asked: every
    request for a token. rotates: each refresh token works once. filling: bytes before each answer; drip: seconds
    between one byte of an answer and the next. odd: what it answers in place of what it should.
    """

    def __init__(self) -> None:
        self.codes: dict[str, dict[str, str]] = {}
        self.refresh_tokens: list[str] = []
        self.asked: list[dict[str, str]] = []
        self.life, self.refusal, self.status, self.rotates = 3600, "", 0, True
        self.filling, self.drip, self.odd = 0, 0.0, b""
        self.pause = threading.Event()
        self.pause.set()
        self.lock = threading.Lock()
        self.port = 0

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def token(self) -> str:
        """The access token given last."""
        return f"access-{len(self.asked)}"

    def consent(self, location: str) -> str:
        """Answer the question in `location` as a person who agrees; return where the browser goes next."""
        asked = dict(parse_qsl(urlsplit(location).query))
        assert (asked["client_id"], asked["response_type"]) == (CLIENT, "code")
        assert asked["code_challenge_method"] == "S256"
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def answer(self, form: dict[str, str]) -> tuple[int, dict[str, object]]:
        """Answer a request for a token."""
        self.pause.wait(10)
        with self.lock:
            self.asked.append(form)
            if self.status:
                return self.status, {}
            if self.refusal:
                return 400, {"error": self.refusal, "error_description": f"AADSTS700082: {self.refusal}."}
            if (form.get("client_id"), form.get("client_secret")) != (CLIENT, SECRET):
                return 401, {"error": "invalid_client"}
            if form["grant_type"] == "authorization_code":
                asked = self.codes.pop(form["code"], None)
                digest = hashlib.sha256(form["code_verifier"].encode()).digest()
                challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
                if asked is None or (asked["code_challenge"], asked["redirect_uri"]) != (
                    challenge,
                    form["redirect_uri"],
                ):
                    return 400, {"error": "invalid_grant"}
            elif form["refresh_token"] not in self.refresh_tokens:
                return 400, {"error": "invalid_grant"}
            if self.rotates:
                self.refresh_tokens.clear()
            self.refresh_tokens.append(f"refresh-{len(self.asked)}")
            return 200, {
                "access_token": self.token,
                "refresh_token": self.refresh_tokens[-1],
                "token_type": "Bearer",
                "expires_in": self.life,
            }


@contextlib.contextmanager
def run_provider() -> Iterator[IdentityProvider]:
    """Run an identity provider on a port of the loopback."""
    provider = IdentityProvider()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"])).decode()
            status, said = provider.answer({name: each[0] for name, each in parse_qs(raw).items()})
            body = b" " * provider.filling + (provider.odd or json.dumps(said).encode())
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with contextlib.suppress(ConnectionError):  # whoever asked has heard enough
                for begin in range(0, len(body), 1 if provider.drip else len(body)):
                    self.wfile.write(body[begin : begin + 1] if provider.drip else body)
                    time.sleep(provider.drip)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        provider.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield provider
        finally:
            server.shutdown()
