"""Checks whether links lead somewhere. A link may name any host, so only public addresses are asked.

The name of a host is looked up once, each of its addresses is judged, and the connection goes to a judged address. So a
name that means another address a moment later reaches nothing. Redirects are followed here and judged in the same way.
Proxies of the environment and cookies are not used, and no body is read.
"""

import http.client
import ipaddress
import math
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing
from functools import cache
from urllib.parse import SplitResult, quote, urljoin, urlsplit

import msgspec

from campaigns.sentences import keep, mark
from mailing.deadlines import Deadline, end_after, look_up
from mailing.preflight.lines import State

SECONDS = 8.0  # for one step of one link
SECONDS_IN_ALL = 20.0  # for one link with its redirects
SECONDS_OF_ALL = 60.0  # for all links of a mail
MOST_REDIRECTS = 5
AT_ONCE = 6  # links asked at the same time
AGENT = "Fanfare link check"
# Answers of servers that do not speak to programs, and say nothing about people
UNDECIDED = frozenset((401, 403, 405, 406, 407, 408, 418, 423, 425, 429, 451, 503, 999))
NO_HEAD = frozenset((400, 403, 404, 405, 406, 410, 500, 501, 503))  # worth asking again by GET

_IN_PATH = "!$%&'()*+,/:;=?@[]~"
_NAT64 = ipaddress.ip_network("64:ff9b::/96")

Judge = Callable[[str], bool]


class Verdict(msgspec.Struct, frozen=True):
    """Where a link leads. `said` goes on after its address."""

    url: str
    state: State
    said: str


class _Ended(Exception):
    """Ends a check, with its state and its words."""

    def __init__(self, state: State, said: str) -> None:
        super().__init__(said)
        self.state, self.said = state, said


def is_public(address: str) -> bool:
    """Return whether an IP address belongs to the public network, also when it is wrapped in another address."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.is_site_local:
            return False
        inner = [ip.ipv4_mapped, ip.sixtofour, *(ip.teredo or ())]
        if ip in _NAT64:
            inner.append(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF))
        if any(each is not None and not is_public(str(each)) for each in inner):
            return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def check_links(urls: Sequence[str], *, may_ask: Judge = is_public) -> Iterator[Verdict]:
    """Check links, several at a time; yield each verdict as soon as it is known."""
    until = time.monotonic() + SECONDS_OF_ALL
    with ThreadPoolExecutor(AT_ONCE) as pool:
        waiting = [pool.submit(check_link, url, may_ask=may_ask, until=until) for url in dict.fromkeys(urls)]
        for done in as_completed(waiting):
            yield done.result()


def check_link(url: str, *, may_ask: Judge = is_public, until: float = math.inf) -> Verdict:
    """Ask for a link by HEAD, by GET where that says nothing, and for all it redirects to.

    Args:
        until: when to ask no more, by the clock of `time.monotonic`.
    """
    now = time.monotonic()
    if now > until:
        return Verdict(url, State.UNKNOWN, mark("was not followed, since the links before it took too long"))
    deadline = min(now + SECONDS_IN_ALL, until)
    target = url
    try:
        for _ in range(MOST_REDIRECTS + 1):
            status, following = _ask(target, deadline, may_ask)
            if not following:
                return Verdict(url, *_judge_status(status))
            target = _join(target, following)
        raise _Ended(
            State.FAIL, keep("redirects more than %(most_redirects)s times", most_redirects=MOST_REDIRECTS)
        )
    except _Ended as ended:
        return Verdict(url, ended.state, ended.said)


def _join(target: str, following: str) -> str:
    """Return where a redirect leads to from an address."""
    try:
        return urljoin(target, following)
    except ValueError as error:
        raise _Ended(State.FAIL, mark("redirects to something that is not a web address")) from error


def _judge_status(status: int) -> tuple[State, str]:
    if status < 400:
        return State.OK, mark("leads somewhere")
    if status in UNDECIDED:
        return State.UNKNOWN, keep("does not answer programs (%(status)s)", status=str(status))
    if status < 500:
        return State.FAIL, keep("leads to no page (%(status)s)", status=str(status))
    return State.WARN, keep("leads to a server in trouble (%(status)s)", status=str(status))


def _ask(url: str, deadline: float, may_ask: Judge) -> tuple[int, str]:
    """Return the status of an answer, and where it redirects to."""
    parts = _split_url(url)
    addresses = _look_up(parts, deadline, may_ask)
    status, following = _request("HEAD", parts, addresses, deadline)
    if status in NO_HEAD:
        status, following = _request("GET", parts, addresses, deadline)
    return status, following if 300 <= status < 400 else ""


def _split_url(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        is_usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_usable = False
    if not is_usable:
        raise _Ended(State.FAIL, mark("leads to something that is not a web address"))
    if parts.username or parts.password:
        raise _Ended(State.FAIL, mark("has a password in it"))
    return parts


def _look_up(parts: SplitResult, deadline: float, may_ask: Judge) -> list[str]:
    """Return the addresses of the host, all of them public."""
    host = parts.hostname or ""
    seconds = deadline - time.monotonic()
    try:
        found = look_up(host, parts.port or 443, min(SECONDS, max(0.0, seconds)))
    except (OSError, ValueError) as error:  # ValueError: NUL, or letters that no name of a host has
        again = isinstance(error, TimeoutError) or (
            isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN
        )
        if again:
            raise _Ended(
                State.UNKNOWN, keep("has a host that DNS did not answer for (%(host)s)", host=host)
            ) from error
        raise _Ended(State.FAIL, keep("has a host that does not exist (%(host)s)", host=host)) from error
    addresses = [address for address, _ in found]
    if not addresses or not all(may_ask(address) for address in addresses):
        raise _Ended(State.FAIL, keep("leads into a private network (%(host)s)", host=host))
    return addresses


def _request(method: str, parts: SplitResult, addresses: list[str], deadline: float) -> tuple[int, str]:
    """Return the status of an answer and its Location."""
    path = quote((parts.path or "/") + (f"?{parts.query}" if parts.query else ""), safe=_IN_PATH)
    said = mark("does not answer in time")
    for address in addresses:
        seconds = min(SECONDS, deadline - time.monotonic())
        if seconds <= 0:
            break
        try:
            with end_after(seconds) as end, closing(_Connection(parts, address, end)) as connection:
                connection.request(
                    method, path, headers={"User-Agent": AGENT, "Accept": "*/*", "Connection": "close"}
                )
                answer = connection.getresponse()
                end.count_seconds_left()  # what was cut off may look like an end
                return answer.status, answer.getheader("Location") or ""
        except http.client.InvalidURL as error:
            raise _Ended(State.FAIL, mark("leads to something that is not a web address")) from error
        except ssl.SSLCertVerificationError as error:
            raise _Ended(
                State.FAIL,
                keep(
                    "has a certificate that browsers refuse (%(verify_message)s)",
                    verify_message=error.verify_message,
                ),
            ) from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            is_late = isinstance(error, TimeoutError) or end.is_over
            said = mark("does not answer in time") if is_late else mark("could not be reached")
    raise _Ended(State.WARN, said)


@cache
def _load_authorities() -> ssl.SSLContext:
    """Load the machine's certificate authorities, once for all connections."""
    return ssl.create_default_context()


class _Connection(http.client.HTTPConnection):
    """A connection to one address of a host, by the name of the host."""

    def __init__(self, parts: SplitResult, address: str, end: Deadline) -> None:
        self._is_encrypted = parts.scheme == "https"
        self.default_port = 443 if self._is_encrypted else 80
        super().__init__(parts.hostname or "", parts.port or self.default_port)
        self._address, self._end = address, end

    def connect(self) -> None:
        self.sock = self._end.open_socket(self._address, self.port)
        if self._is_encrypted:
            self.sock = _load_authorities().wrap_socket(self.sock, server_hostname=self.host)
