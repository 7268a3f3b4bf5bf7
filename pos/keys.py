"""Till keys: made, rotated and revoked here; shown once, stored only as their SHA-256.

A key has 32 random letters and digits, 190 bits: no salt or slow hash is needed to keep its hash useless to a thief.
"""

import hashlib
import hmac
import secrets
import string
import threading
import time
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from campaigns.refusals import Refused
from pos.answers import Declined
from pos.facts import Asked, Facts, read
from pos.models import Location, Till

LETTERS = string.ascii_letters + string.digits
SHORTEST, LONGEST = 20, 128
TOUCH_SECONDS = 60  # the last-used time of a key is written at most so often by one process
FORGET_AFTER = 10_000  # keys that a process remembers
# so many seconds' worth may come at once: a till that was offline sends what it sold meanwhile
BURST_SECONDS = 10


def issue(location: Location, name: str, *, key: str = "", by: Any = None) -> tuple[Till, str]:
    """A new till at `location` and its key, which is shown now and never again.

    `key`: a chosen one in the place of a random one; 20 to 128 printable characters.
    Raises: Refused: the name or the key is taken, the key cannot be one, or `by` may not.
    """
    _allow(by, "add")
    key = _checked(key) if key else new_key()
    try:
        with transaction.atomic():
            till = Till.objects.create(location=location, name=name, key_hash=hashed(key), key_hint=key[-4:])
    except IntegrityError:
        if Till.objects.filter(key_hash=hashed(key)).exists():
            raise Refused([("key", "Another till has this key already.")]) from None
        raise Refused([("name", f"There is a till “{name}” at {location} already.")]) from None
    return till, key


def rotate(till: Till, *, by: Any = None) -> str:
    """Give a till another key and return it; the old one is refused from the very next request."""
    _allow(by, "change")
    key = new_key()
    Till.objects.filter(pk=till.pk).update(
        key_hash=hashed(key), key_hint=key[-4:], revoked_at=None, last_used_at=None
    )
    return key


def revoke(till: Till, *, by: Any = None) -> None:
    """Refuse a till's key from the very next request; its sales stay."""
    _allow(by, "change")
    Till.objects.filter(pk=till.pk, revoked_at=None).update(revoked_at=timezone.now())


def new_key() -> str:
    return "till_" + "".join(secrets.choice(LETTERS) for _ in range(32))


def hashed(key: str) -> str:
    """The SHA-256 of a key, in hexadecimal."""
    return hashlib.sha256(key.encode()).hexdigest()


def _checked(key: str) -> str:
    if not SHORTEST <= len(key) <= LONGEST or not key.isprintable() or key != key.strip():
        raise Refused(
            [("key", f"A till key has {SHORTEST} to {LONGEST} printable characters, no space around them.")]
        )
    return key


def _allow(by: Any, action: str) -> None:
    if by is not None and not by.has_perm(f"pos.{action}_till"):
        raise Refused(f"You may not {action} tills: ask an administrator for the right to.")


# ── on every request ─────────────────────────────────────────────────────────────────────────────────────────────────


class Known:
    """What this process remembers of a key that was good: how fast it asks, when its use was last written, where it is.

    Nothing is trusted to it: each request asks the database for the key.
    """

    __slots__ = ("allowance", "at", "location", "touched_at")

    def __init__(self, at: float) -> None:
        self.allowance = float(settings.TILL_RATE * BURST_SECONDS)
        self.at = at
        self.touched_at = -float(TOUCH_SECONDS)
        self.location = ""


_known: dict[str, Known] = {}
_lock = threading.Lock()


def presented(authorization: str | None) -> str:
    """The hash of the key in an Authorization header.

    Raises: Declined: 401 none, or nothing that could be a till key.
    """
    scheme, _, key = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not SHORTEST <= len(key := key.strip()) <= LONGEST * 4:
        raise unauthorized("no_key", "Send the till's key as `Authorization: Bearer <key>`.")
    # WSGI gives the header's bytes as latin-1
    return hashlib.sha256(key.encode("latin-1")).hexdigest()


def within_rate(key_hash: str) -> Known:
    """What is known of the key, after counting this request against its rate in this process.

    A token bucket: settings.TILL_RATE requests a second, of which BURST_SECONDS' worth may come at once.
    Raises: Declined: 429 faster than that.
    """
    now = time.monotonic()
    known = _known.get(key_hash)
    if known is None:
        known = Known(now)
    with _lock:
        rate = settings.TILL_RATE
        known.allowance = min(rate * BURST_SECONDS, known.allowance + (now - known.at) * rate)
        known.at = now
        if known.allowance < 1:
            raise Declined(
                429,
                "too_fast",
                f"This till asks more than {rate} times a second.",
                headers={"Retry-After": "1"},
            )
        known.allowance -= 1
    return known


def is_touch_due(known: Known) -> bool:
    """Whether this request is to write when the key was last used."""
    return time.monotonic() - known.touched_at >= TOUCH_SECONDS


def remember(key_hash: str, known: Known, facts: Facts, *, touched: bool) -> None:
    """Keep what was learnt of a key that is good."""
    known.location = facts.location_code
    if touched:
        known.touched_at = time.monotonic()
    if key_hash not in _known:
        if len(_known) >= FORGET_AFTER:
            _known.clear()
        _known[key_hash] = known


def admitted(facts: Facts | None, key_hash: str) -> Facts:
    """The facts, when they are those of a till whose key is good.

    Raises: Declined: 401 no till has this key; 403 it was revoked.
    """
    if facts is None or not hmac.compare_digest(facts.key_hash, key_hash):
        raise unauthorized("unknown_key", "No till has this key.")
    if facts.is_revoked:
        raise Declined(403, "revoked_key", "This till's key was revoked.")
    return facts


def check(key_hash: str, now: datetime) -> None:
    """Raise what `admitted` raises: before a till that is not known is told what else is wrong."""
    admitted(read(Asked(), key_hash=key_hash, now=now), key_hash)


def unauthorized(error: str, message: str) -> Declined:
    return Declined(401, error, message, headers={"WWW-Authenticate": "Bearer"})
