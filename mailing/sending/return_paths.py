"""The return path of each mail (VERP): an address of the bounce mailbox that holds the delivery's key, signed.

A report may name another address than the one we wrote to, or none. The address it comes to still says which mail
failed. The token is the delivery's key (eight bytes) and ten bytes of a BLAKE2b of it, with a secret key that only
return paths use: so nobody can make a token, or take one from a link. It is written in hexadecimal digits, since
servers may change capital letters to small ones.
"""

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from hashlib import blake2b
from hmac import compare_digest

from django.conf import settings
from django.db import connection

from mailing.smtp.addresses import encode_for_wire

SIGNATURE_BYTES = 10
PLACE = "*"  # in a bounce address: where the token goes
# The bounce address of a sender domain: that of the mailbox that names it, else that of one that takes all.
ADDRESS_OF_DOMAIN = """
SELECT address FROM mailing_bouncemailbox
WHERE is_enabled AND (sender_domains = '[]' OR sender_domains ? {domain})
ORDER BY sender_domains = '[]', id LIMIT 1
"""
_TOKEN = re.compile(r"(?<![0-9a-f])[0-9a-f]{36}(?![0-9a-f])")


@lru_cache(maxsize=1)
def _make_keyed_hash(secret: str) -> "blake2b":
    return blake2b(
        key=blake2b(secret.encode()).digest(), digest_size=SIGNATURE_BYTES, person=b"fanfare returns"
    )


def sign_delivery(delivery_id: int) -> str:
    """Make the token of a delivery for its return path: 36 digits."""
    key = delivery_id.to_bytes(8)
    mac = _make_keyed_hash(settings.SECRET_KEY).copy()
    mac.update(key)
    return (key + mac.digest()).hex()


def read_delivery_id(token: str) -> int | None:
    """Return the key of the delivery that a token was made for; None for a token that was not made here."""
    if not _TOKEN.fullmatch(token):
        return None
    raw = bytes.fromhex(token)
    mac = _make_keyed_hash(settings.SECRET_KEY).copy()
    mac.update(raw[:8])
    return int.from_bytes(raw[:8]) if compare_digest(mac.digest(), raw[8:]) else None


def find_delivery_id(text: str) -> int | None:
    """Return the key of the delivery whose return path stands in a text; None when there is none."""
    return next(find_delivery_ids(text), None)


def find_delivery_ids(text: str) -> Iterator[int]:
    """Find the keys of the deliveries whose return paths stand in a text."""
    tokens = (read_delivery_id(found) for found in _TOKEN.findall(text.lower()))
    return (pk for pk in tokens if pk is not None)


def find_bounce_address(domain: str) -> str:
    """Find the address to which mails of a sender domain come back, "" without a mailbox for it."""
    with connection.cursor() as cursor:
        cursor.execute(ADDRESS_OF_DOMAIN.format(domain="%s"), [domain])
        row = cursor.fetchone()
    return row[0] if row else ""


def split_bounce_address(address: str) -> tuple[str, str]:
    """Return what is before and after the token: of "bounces@shop.example" that is "bounces+" and "@shop.example"."""
    if PLACE not in address:
        local, _, domain = address.rpartition("@")
        address = f"{local}+{PLACE}@{domain}"
    before, _, after = address.partition(PLACE)
    return before, after


def fill_bounce_address(address: str, token: str) -> str:
    """Return a bounce address with a token in its place."""
    before, after = split_bounce_address(address)
    return before + token + after


def make_writer(address: str) -> Callable[[int], bytes]:
    """Return a function that writes the return path of a delivery under a bounce address, as bytes for the wire.

    Raises:
        AddressRefused: the address cannot be put on the wire.
    """
    before, after = split_bounce_address(encode_for_wire(fill_bounce_address(address, PLACE)).decode())
    prefix, suffix = before.encode(), after.encode()

    def write_return_path(delivery_id: int) -> bytes:
        return prefix + sign_delivery(delivery_id).encode() + suffix

    return write_return_path
