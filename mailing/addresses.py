"""E-mail addresses: one spelling for each mailbox."""

import re

import idna
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

LONGEST = 254  # RFC 5321: a path has 256 octets, two of them < and >
LONGEST_LOCAL = 64

# What nearly all addresses look like; the full check takes ten times as long, and imports bring millions.
_plain = re.compile(
    r"[a-z0-9_+-]{1,64}(?:\.[a-z0-9_+-]{1,64})*@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}"
).fullmatch
_unsafe = re.compile(r"[\x00-\x20\x7f<>@\"\\,;:()\[\]]|\s").search  # in a local part that is not ASCII


def normalised(address: str) -> str:
    """The address as it is stored and compared: trimmed, lower-case, its domain in IDNA (RFC 5891).

    Raises: ValueError: it is no e-mail address.
    """
    address = address.strip().lower()
    if _plain(address) and len(address) <= LONGEST and address.index("@") <= LONGEST_LOCAL:
        return address
    local, at, domain = address.rpartition("@")
    if not local.isascii() and _unsafe(local):
        raise ValueError(f"“{address}” is not an e-mail address.")
    try:
        ascii_domain = domain if domain.isascii() else idna.encode(domain, uts46=True).decode()
        validate_email(f"{local}{at}{ascii_domain}" if local.isascii() else f"x{at}{ascii_domain}")
    except (idna.IDNAError, ValidationError) as error:
        raise ValueError(f"“{address}” is not an e-mail address.") from error
    if len(local.encode()) > LONGEST_LOCAL or len(local.encode()) + 1 + len(ascii_domain) > LONGEST:
        raise ValueError(f"“{address}” is longer than an e-mail address may be.")
    return f"{local}{at}{ascii_domain}"
