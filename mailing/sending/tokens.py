"""The signed tokens of a delivery: nobody can make one for another delivery, or for another purpose.

Each purpose has a token of its own, because tokens travel: people forward links, pictures are loaded through proxies,
and a Message-ID stands in every reply and bounce. None of these may unsubscribe anybody.

A token is eight bytes of the delivery's key and ten bytes of a keyed BLAKE2b of them (RFC 7693), in URL-safe base64: 24
letters. Each purpose has its own ten of the 64 bytes of the hash. So one hash a message is enough for all tokens but
that of clicks, and one part of a hash tells nothing about the others.

The token of clicks also carries its campaign, under a hash of its own, 32 letters in all: a link whose target is the
same for everybody leads there while the database is away. Mails sent before that have the shorter one, which works on.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from contextlib import suppress
from enum import IntEnum
from functools import lru_cache
from hashlib import blake2b
from hmac import compare_digest
from typing import NamedTuple

from django.conf import settings

TEST_DELIVERY_ID = 0  # the delivery of a test e-mail: nobody's
TOKEN_PART_BYTES = 10  # bytes of the hash for each purpose
KEY_BYTES, CAMPAIGN_BYTES = 8, 6
CLICK_LETTERS = (KEY_BYTES + CAMPAIGN_BYTES + TOKEN_PART_BYTES) * 4 // 3  # of a token with its campaign


class Purpose(IntEnum):
    """What a token is good for. The number is the place of its part in the hash."""

    OPEN = 0
    CLICK = 1
    UNSUBSCRIBE = 2
    MESSAGE_ID = 3
    PREFERENCES = 4
    OFFER = 5


class Tokens(NamedTuple):
    """The tokens of one delivery, in the order of their purposes."""

    open: str
    click: str
    unsubscribe: str
    message_id: str
    preferences: str
    offer: str


@lru_cache(maxsize=1)
def _make_keyed_hash(secret: str) -> "blake2b":
    return blake2b(key=blake2b(secret.encode()).digest(), digest_size=64, person=b"fanfare mails")


@lru_cache(maxsize=1)
def _make_keyed_click_hash(secret: str) -> "blake2b":
    key = blake2b(secret.encode()).digest()
    return blake2b(key=key, digest_size=TOKEN_PART_BYTES, person=b"fanfare clicks")


def sign_token(delivery_id: int, purpose: Purpose) -> str:
    """Make the token of this delivery for one purpose."""
    return _sign(_make_keyed_hash(settings.SECRET_KEY), delivery_id)[purpose]


def sign_tokens(delivery_ids: Iterable[int], campaign_id: int | None = None) -> list[Tokens]:
    """Make the tokens of these deliveries, in their order; with a campaign, the token of clicks carries it."""
    keyed = _make_keyed_hash(settings.SECRET_KEY)
    if campaign_id is None:
        return [_sign(keyed, pk) for pk in delivery_ids]
    clicks, campaign = _make_keyed_click_hash(settings.SECRET_KEY), campaign_id.to_bytes(CAMPAIGN_BYTES)
    return [
        _sign(keyed, pk)._replace(click=_sign_click(clicks, pk.to_bytes(KEY_BYTES) + campaign))
        for pk in delivery_ids
    ]


def _sign_click(keyed: "blake2b", key: bytes) -> str:
    mac = keyed.copy()
    mac.update(key)
    return urlsafe_b64encode(key + mac.digest()).decode()


def _sign(keyed: "blake2b", delivery_id: int) -> Tokens:
    key = delivery_id.to_bytes(8)
    mac = keyed.copy()
    mac.update(key)
    digest = mac.digest()
    # all six are encoded at once: 18 bytes make 24 letters, without a rest
    letters = urlsafe_b64encode(
        key
        + digest[:10]
        + key
        + digest[10:20]
        + key
        + digest[20:30]
        + key
        + digest[30:40]
        + key
        + digest[40:50]
        + key
        + digest[50:60]
    ).decode()
    return Tokens(
        letters[:24], letters[24:48], letters[48:72], letters[72:96], letters[96:120], letters[120:]
    )


def read_token(token: str, purpose: Purpose) -> int:
    """Read the key of the delivery a token was made for.

    Raises:
        ValueError: nobody made it here, or it was made for another purpose.
    """
    raw = _decode(token)
    mac = _make_keyed_hash(settings.SECRET_KEY).copy()
    mac.update(raw[:8])
    part = mac.digest()[purpose * TOKEN_PART_BYTES : (purpose + 1) * TOKEN_PART_BYTES]
    if len(raw) != 18 or not compare_digest(part, raw[8:]):
        raise ValueError("The link is damaged.")
    return int.from_bytes(raw[:8])


def read_click_token(token: str) -> tuple[int, int | None]:
    """Read the keys in a token of clicks: of the delivery, and of the campaign if the token carries it.

    Raises:
        ValueError: nobody made it here, or it was made for another purpose.
    """
    if len(token) < CLICK_LETTERS:
        return read_token(token, Purpose.CLICK), None
    raw = _decode(token)
    key, mac = raw[: KEY_BYTES + CAMPAIGN_BYTES], _make_keyed_click_hash(settings.SECRET_KEY).copy()
    mac.update(key)
    if len(token) != CLICK_LETTERS or not compare_digest(mac.digest(), raw[len(key) :]):
        raise ValueError("The link is damaged.")
    return int.from_bytes(key[:KEY_BYTES]), int.from_bytes(key[KEY_BYTES:])


def is_signed(word: str) -> bool:
    """Return whether a word is a token that was made here, for whatever purpose."""
    with suppress(ValueError):
        read_click_token(word)
        return True
    for purpose in Purpose:
        with suppress(ValueError):
            read_token(word, purpose)
            return True
    return False


def _decode(token: str) -> bytes:
    try:
        return urlsafe_b64decode(token.encode("ascii"))
    except ValueError as error:
        raise ValueError("The link is damaged.") from error
