"""Who asks, on every request: a till by its key, or the office that tries out what a till would be answered."""

import hashlib
import hmac
import threading
import time
from collections.abc import Iterable, Sequence
from datetime import datetime

from django.conf import settings
from msgspec.structs import replace

from pos.api.answers import Declined
from pos.keys import LONGEST_KEY, SHORTEST_KEY
from pos.models import Location
from pos.sales import facts
from pos.sales.facts import FactsQuery, TillFacts
from pos.sales.guesses import Guesses

TOUCH_SECONDS = 60  # the last-used time of a key is written at most so often by one process
MAX_REMEMBERED_KEYS = 10_000  # keys that a process remembers
# so many seconds' worth may come at once: a till that was offline sends what it sold meanwhile
BURST_SECONDS = 10


class Caller:
    """A till, by the hash of its key, and what this process remembers of it while the key was good.

    `location`: the code of its location; empty before the first answer. Nothing is trusted to what is remembered: each
    request asks the database for the key.
    """

    __slots__ = ("allowance", "asked_at", "guesses", "key_hash", "location", "touched_at")

    office = 0
    """In the place of a key the id of a location."""

    def __init__(self, key_hash: str) -> None:
        self.key_hash = key_hash
        self.location = ""
        self.allowance = float(settings.TILL_RATE * BURST_SECONDS)
        self.asked_at = time.monotonic()
        self.guesses = Guesses()
        self.touched_at = -float(TOUCH_SECONDS)

    def is_touch_due(self) -> bool:
        """Whether this request is to write when the key was last used."""
        return time.monotonic() - self.touched_at >= TOUCH_SECONDS

    def read_facts(
        self,
        asked: FactsQuery,
        now: datetime,
        *,
        reference: str = "",
        counters: Iterable[int] = (),
        codes: Sequence[str] = (),
        customer: str = "",
    ) -> TillFacts:
        """What the database knows, in one SELECT; the arguments are those of facts.read.

        Raises: Declined: 401 no till has this key; 403 it was revoked.
        """
        touch = self.is_touch_due()
        found = facts.select_facts(
            replace(asked, touch=True) if touch else asked,
            key_hash=self.key_hash,
            now=now,
            office=self.office,
            reference=reference,
            counters=counters,
            codes=codes,
            customer=customer,
        )
        if found is None or not hmac.compare_digest(found.key_hash, self.key_hash):
            raise unauthorized_refusal("unknown_key", "No till has this key.")
        if found.is_revoked:
            raise Declined(403, "revoked_key", "This till's key was revoked.")
        self.location = found.location_code
        if touch:
            self.touched_at = time.monotonic()
            remember_caller(self)
        return found


class OfficeCaller(Caller):
    """Somebody in the office, who is answered as a till at this location would be; no key's use is written."""

    __slots__ = ("office",)

    def __init__(self, location: Location) -> None:
        super().__init__("office")
        self.location = location.code
        self.office = location.pk

    def is_touch_due(self) -> bool:
        return False


_known: dict[str, Caller] = {}
_lock = threading.Lock()


def remember_caller(caller: Caller) -> None:
    """Keep a till whose key is good."""
    if caller.key_hash not in _known:
        if len(_known) >= MAX_REMEMBERED_KEYS:
            _known.clear()
        _known[caller.key_hash] = caller


def identify_caller(authorization: str | None) -> Caller:
    """The till whose key an Authorization header carries, within its rate; the key is not looked up yet.

    Raises: Declined: 401 none, or nothing that could be a till key; 429 faster than its rate.
    """
    scheme, _, key = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not SHORTEST_KEY <= len(key := key.strip()) <= LONGEST_KEY * 4:
        raise unauthorized_refusal("no_key", "Send the till's key as `Authorization: Bearer <key>`.")
    # WSGI gives the header's bytes as latin-1
    key_hash = hashlib.sha256(key.encode("latin-1")).hexdigest()
    caller = _known.get(key_hash) or Caller(key_hash)
    count_request(caller)
    return caller


def count_request(caller: Caller) -> None:
    """Count a request against the rate of its key in this process.

    A token bucket: settings.TILL_RATE requests a second, of which BURST_SECONDS' worth may come at once.
    Raises: Declined: 429 faster than that.
    """
    now = time.monotonic()
    with _lock:
        rate = settings.TILL_RATE
        caller.allowance = min(rate * BURST_SECONDS, caller.allowance + (now - caller.asked_at) * rate)
        caller.asked_at = now
        if caller.allowance < 1:
            raise Declined(
                429,
                "too_fast",
                f"This till asks more than {rate} times a second.",
                headers={"Retry-After": "1"},
            )
        caller.allowance -= 1


def unauthorized_refusal(error: str, message: str) -> Declined:
    return Declined(401, error, message, headers={"WWW-Authenticate": "Bearer"})
