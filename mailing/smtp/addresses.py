"""E-mail addresses on the wire (RFC 5321 §4.1.2, RFC 5890, RFC 6531)."""

import re
from functools import lru_cache

import idna

from campaigns.sentences import keep

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]"
_LOCAL = rf"{_ATOM}+(?:\.{_ATOM}+)*"
_QUOTED = r'"(?:[ !#-\[\]-~]|\\[ -~])*"'
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?"
_PLAIN = re.compile(rf"(?:{_LOCAL}|{_QUOTED})@{_LABEL}(?:\.{_LABEL})*").fullmatch
_ASCII_LOCAL = re.compile(rf"{_LOCAL}|{_QUOTED}").fullmatch
_ASCII_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*").fullmatch
_LITERAL = re.compile(r"\[[0-9A-Za-z:.-]+\]").fullmatch
_UNSAFE = re.compile(r"[\x00-\x20\x7f<>@\"\\,;()\[\]]|\s").search  # in a local part that is not ASCII


class AddressRefused(ValueError):
    """The address cannot be put on the wire; the words say why.

    needs_smtputf8: a server that speaks SMTPUTF8 would take it.
    """

    def __init__(self, sentence: str, *, needs_smtputf8: bool = False) -> None:
        super().__init__(sentence)
        self.needs_smtputf8 = needs_smtputf8


def encode_for_wire(address: str, *, smtputf8: bool = False) -> bytes:
    """Return `address` as it stands between < and > of MAIL FROM and RCPT TO.

    The domain goes out in IDNA; a local part that is not ASCII goes out as UTF-8, if the server speaks SMTPUTF8.

    Raises:
        AddressRefused: it is no address, holds what could end the command, or needs SMTPUTF8.
    """
    if len(address) <= 254 and _PLAIN(address) and address.rfind("@") <= 64:
        return address.encode("ascii")
    local, at, domain = address.rpartition("@")
    if not at or not local:
        raise AddressRefused(keep("%(address)s is not an e-mail address.", address=repr(address)))
    host = _encode_domain(domain, address)
    if not _ASCII_LOCAL(local):
        if local.isascii() or _UNSAFE(local) or local.startswith(".") or local.endswith(".") or ".." in local:
            raise AddressRefused(keep("%(address)s is not an e-mail address.", address=repr(address)))
        if not smtputf8:
            raise AddressRefused(
                keep(
                    "%(address)s has letters beyond ASCII before the @, and this server does not take such "
                    "addresses (it does not offer SMTPUTF8).",
                    address=repr(address),
                ),
                needs_smtputf8=True,
            )
    wire = f"{local}@{host}".encode()
    if len(local.encode()) > 64 or len(wire) > 254:
        raise AddressRefused(
            keep("%(address)s is longer than an e-mail address may be.", address=repr(address))
        )
    return wire


def _encode_domain(domain: str, address: str) -> str:
    if _ASCII_DOMAIN(domain) or _LITERAL(domain):
        return domain
    try:
        return _encode_idna(domain)
    except idna.IDNAError as error:
        raise AddressRefused(
            keep("The domain of %(address)s is not a valid name.", address=repr(address))
        ) from error


@lru_cache(maxsize=4096)
def _encode_idna(domain: str) -> str:
    return idna.encode(domain, uts46=True).decode("ascii")
