"""E-mail addresses: one spelling for each mailbox."""

import idna
from django.core.exceptions import ValidationError
from django.core.validators import validate_email


def normalised(address: str) -> str:
    """The address as it is stored and compared: trimmed, lower-case, its domain in IDNA (RFC 5891).

    Raises: ValueError: it is no e-mail address.
    """
    local, at, domain = address.strip().lower().rpartition("@")
    try:
        ascii_domain = domain if domain.isascii() else idna.encode(domain, uts46=True).decode()
        validate_email(f"{local}{at}{ascii_domain}" if local.isascii() else f"x{at}{ascii_domain}")
    except (idna.IDNAError, ValidationError) as error:
        raise ValueError(f"“{address}” is not an e-mail address.") from error
    return f"{local}{at}{ascii_domain}"
