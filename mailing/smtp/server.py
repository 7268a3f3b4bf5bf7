"""The address of an SMTP server, its login, its encryption, and how long to wait for it."""

import asyncio
import base64
import ipaddress
import math
import re
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache

from cryptography.x509 import load_der_x509_certificate

from campaigns.sentences import keep, mark

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_FULL_NAME = re.compile(rf"(?=.{{4,253}}$){_LABEL}(?:\.{_LABEL})*\.(?!\d+$){_LABEL}").fullmatch
_find_certificates = re.compile(
    r"-----BEGIN (?:X509 )?CERTIFICATE-----([^-]*+)(-----END (?:X509 )?CERTIFICATE-----)?"
).findall
_LITERAL = re.compile(r"\[(?:\d{1,3}(?:\.\d{1,3}){3}|IPv6:[0-9A-Fa-f:.]+)\]").fullmatch


class Tls(StrEnum):
    NONE = "none"
    STARTTLS = "starttls"  # required: a server that does not offer it is refused, never spoken to in clear
    IMPLICIT = "implicit"


def is_loopback(host: str) -> bool:
    """Return whether `host`, a name or an address, is this machine itself, so that nobody else can listen."""
    if host.lower() == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if address.version == 6 else None
    return (mapped or address).is_loopback


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds to wait at each stage. The dot's is RFC 5321's (§4.5.3.2): giving up there makes a message uncertain.

    total: for all that is said over a connection, from its opening on.
    """

    connect: float = 15.0
    greeting: float = 60.0
    ehlo: float = 30.0
    starttls: float = 30.0
    auth: float = 30.0
    mail: float = 120.0
    rcpt: float = 120.0
    data: float = 120.0
    dot: float = 600.0
    quit: float = 5.0
    total: float = math.inf


@dataclass(frozen=True, slots=True)
class Server:
    """One SMTP server and the login there.

    tls: a Tls, or its value as stored.
    verify: check the certificate against the system's authorities, or against those in `ca_file` or the text
    `authority` (PEM) where given.
    local_hostname: what EHLO calls us, in ASCII; relays expect a full domain name.
    password: kept out of repr. has_token: it is an access token of OAuth 2, said by XOAUTH2.

    Raises:
        ValueError: `tls` is none of the three, or `local_hostname` cannot stand in a command.
    """

    host: str
    port: int = 25
    tls: Tls = Tls.NONE
    username: str = ""
    password: str = field(default="", repr=False)
    timeouts: Timeouts = Timeouts()
    verify: bool = True
    ca_file: str | None = None
    authority: str = ""
    has_token: bool = False
    local_hostname: str = field(default_factory=socket.gethostname)

    def __post_init__(self) -> None:
        object.__setattr__(self, "tls", Tls(self.tls))  # a plain "starttls" would compare as no encryption
        if not re.fullmatch(r"[!-~]+", self.local_hostname):
            raise ValueError(
                keep(
                    "%(local_hostname)s is no host name to say in EHLO: ASCII without spaces.",
                    local_hostname=repr(self.local_hostname),
                )
            )

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    def tls_context(self) -> ssl.SSLContext:
        """Return one context for all connections alike: loading the authorities takes 10 ms and more."""
        return make_tls_context(self.verify, self.ca_file, self.authority)


@lru_cache(maxsize=64)
def make_tls_context(verify: bool = True, ca_file: str | None = None, authority: str = "") -> ssl.SSLContext:
    """Make the TLS context that checks a server's certificate. The arguments are those of Server."""
    context = ssl.create_default_context(cafile=ca_file, cadata=authority or None)
    if authority:  # what was uploaded is trusted as it is, be it a root, one below it, or the server's own
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def read_authorities(data: bytes) -> str:
    """Return the certificates of a PEM file, or the one of a DER file, as PEM text, each once.

    White space in them means nothing, and what stands between them is left out.

    Raises:
        ValueError: it holds none, one that is damaged, or a private key.
    """
    text = _decode_pem(data)
    if "PRIVATE KEY" in text:
        raise ValueError(
            mark(
                "The file holds a private key, which belongs to the server alone: take the certificate only."
            )
        )
    certificates = [_read_certificate(inner) if end else "" for inner, end in _find_certificates(text)]
    if data[:1] == b"\x30":  # how DER begins
        certificates = [_check_certificate(data)]
    if not any(certificates):
        raise ValueError(
            mark(
                "The file holds no certificate: it must be PEM text, with a line “-----BEGIN CERTIFICATE-----”."
            )
        )
    if not all(certificates):
        damaged = certificates.index("") + 1
        raise ValueError(
            keep(
                "Certificate %(damaged)s of the file is damaged or not whole: take the file from its "
                "source anew.",
                damaged=damaged,
            )
        )
    return "".join(dict.fromkeys(certificates))


def _decode_pem(data: bytes) -> str:
    """Return the text of a file, which Windows may have written as UTF-16."""
    return data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "ascii", "replace")


def _read_certificate(inner: str) -> str:
    """Return what stands between the lines of a certificate as PEM text; "" when it is not a certificate."""
    try:
        return _check_certificate(base64.b64decode("".join(inner.split()), validate=True))
    except ValueError:
        return ""


def _check_certificate(der: bytes) -> str:
    """Return a certificate as PEM text; "" when it is none, or when more stands behind it, such as its private key."""
    pem = ssl.DER_cert_to_PEM_cert(der)
    try:
        _ = load_der_x509_certificate(der).not_valid_after_utc
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=pem)
    except (ssl.SSLError, ValueError):
        return ""
    return pem


def is_hello_name(name: str) -> bool:
    """Return whether `name` is what a server expects in EHLO: a host name with its domain, or an address literal."""
    return bool(_FULL_NAME(name) or _LITERAL(name))


def loop_factory(tls: Tls) -> Callable[[], asyncio.AbstractEventLoop]:
    """Return the faster event loop for connections of this kind, for `asyncio.Runner(loop_factory=…)`.

    Measured: uvloop takes half of asyncio's CPU on plain sockets and half as much again under TLS.
    """
    if tls is not Tls.NONE:
        return asyncio.new_event_loop
    try:
        import uvloop
    except ImportError:  # there is none for Windows
        return asyncio.new_event_loop
    return uvloop.new_event_loop
