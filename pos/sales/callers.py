"""Identifies who asks: a till by its key, or somebody in the workspace who tries out a basket."""

import hashlib
import hmac
import threading
import time

from django.conf import settings
from django.utils.translation import gettext

from pos.api.answers import RequestRefused
from pos.keys import LONGEST_KEY, SHORTEST_KEY
from pos.models import Location
from pos.sales import till_facts
from pos.sales.code_guesses import CodeGuesses
from pos.sales.till_facts import FactsQuery, TillFacts

# one process writes the last-used time of a key at most this often
TOUCH_SECONDS = 60
MAX_REMEMBERED_KEYS = 10_000  # keys that a process remembers
# seconds of requests that may come at once: a till that was offline sends all that it sold meanwhile
BURST_SECONDS = 10


class Caller:
    """A till, known by the hash of its key, with what this process remembers of it.

    The database checks the key on every request. Nothing that is remembered here replaces that check.

    Attributes:
        location: code of its location; empty before the first answer.
    """

    __slots__ = ("allowance", "asked_at", "guesses", "key_hash", "location", "touched_at")

    workspace_location = 0
    """Id of the location for which the workspace asks; 0 for a till."""

    def __init__(self, key_hash: str) -> None:
        self.key_hash = key_hash
        self.location = ""
        self.allowance = float(settings.TILL_RATE * BURST_SECONDS)
        self.asked_at = time.monotonic()
        self.guesses = CodeGuesses()
        self.touched_at = -float(TOUCH_SECONDS)

    def is_touch_due(self) -> bool:
        """Return whether this request must write when the key was last used."""
        return time.monotonic() - self.touched_at >= TOUCH_SECONDS

    def read_facts(self, query: FactsQuery) -> TillFacts:
        """Read what the database knows about this caller and its sale, in one SELECT.

        Raises:
            RequestRefused: 401 when no till has this key, 403 when the key was revoked.
        """
        touch = self.is_touch_due()
        found = till_facts.select_facts(
            query, key_hash=self.key_hash, workspace_location=self.workspace_location, touch=touch
        )
        if found is None or not hmac.compare_digest(found.key_hash, self.key_hash):
            raise unauthorized_refusal("unknown_key", gettext("No till has this key."))
        if found.is_revoked:
            raise RequestRefused(403, "revoked_key", gettext("This till's key was revoked."))
        self.location = found.location_code
        if touch:
            self.touched_at = time.monotonic()
            remember_caller(self)
        return found


class WorkspaceCaller(Caller):
    """Somebody in the workspace who gets the answer that a till at this location would get.

    No use of a key is written.
    """

    __slots__ = ("workspace_location",)

    def __init__(self, location: Location) -> None:
        super().__init__("workspace")
        self.location = location.code
        self.workspace_location = location.pk

    def is_touch_due(self) -> bool:
        return False


_known: dict[str, Caller] = {}
_lock = threading.Lock()


def remember_caller(caller: Caller) -> None:
    """Remember a till whose key is good, for its next request in this process."""
    if caller.key_hash not in _known:
        if len(_known) >= MAX_REMEMBERED_KEYS:
            _known.clear()
        _known[caller.key_hash] = caller


def identify_caller(authorization: str | None) -> Caller:
    """Return the till whose key an Authorization header carries. The key is not looked up yet.

    Raises:
        RequestRefused: 401 when there is no key or it cannot be one, 429 when the till asks faster than its rate.
    """
    scheme, _, key = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not SHORTEST_KEY <= len(key := key.strip()) <= LONGEST_KEY * 4:
        raise unauthorized_refusal("no_key", gettext("Send the till's key as `Authorization: Bearer <key>`."))
    # WSGI gives the header's bytes as latin-1
    key_hash = hashlib.sha256(key.encode("latin-1")).hexdigest()
    caller = _known.get(key_hash) or Caller(key_hash)
    count_request(caller)
    return caller


def count_request(caller: Caller) -> None:
    """Count a request against the rate of its key in this process.

    A token bucket: settings.TILL_RATE requests a second, of which BURST_SECONDS' worth may come at once.

    Raises:
        RequestRefused: 429 when the till asks faster.
    """
    now = time.monotonic()
    with _lock:
        rate = settings.TILL_RATE
        caller.allowance = min(rate * BURST_SECONDS, caller.allowance + (now - caller.asked_at) * rate)
        caller.asked_at = now
        if caller.allowance < 1:
            raise RequestRefused(
                429,
                "too_fast",
                gettext("This till asks more than %(rate)s times a second.") % {"rate": rate},
                headers={"Retry-After": "1"},
            )
        caller.allowance -= 1


def unauthorized_refusal(error: str, message: str) -> RequestRefused:
    """Build the 401 that asks for a till key."""
    return RequestRefused(401, error, message, headers={"WWW-Authenticate": "Bearer"})
