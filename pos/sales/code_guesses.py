"""How fast a till may try coupon codes that it has not used before.

A person mistypes a few codes a minute; a program that guesses tries thousands a second. So each till key may try a
number of unknown codes a minute (`Till.unknown_codes_per_minute`; one key may serve a chain), counted in this process
like the rate of its requests. Above that, every code that the key has not used before is `coupon_throttled`, existing
or not, so that the answer tells a guesser nothing. A code that the key has used before stays good. A wrong code counts
once, however often it is sent again with a changed basket.
"""

import threading
import time

MAX_REMEMBERED_CODES = 10_000  # good codes, and as many wrong ones, that a process remembers of one key
SECONDS_PER_MINUTE = 60.0

_lock = threading.Lock()


class CodeGuesses:
    """The codes that one till key tried, and how many unknown ones it may still try now."""

    __slots__ = ("_allowance", "_at", "_good", "_wrong")

    def __init__(self) -> None:
        self._allowance: float | None = None
        self._at = 0.0
        self._good: dict[str, None] = {}
        self._wrong: dict[str, None] = {}

    def admit(self, key: str, *, exists: bool, per_minute: int) -> bool:
        """Return whether the till may learn now what becomes of a code.

        Args:
            key: `promotions.codes.code_key` of the code.
            exists: whether there is such a code.
            per_minute: unknown codes that the till may try in a minute; all of them may come at once.
        """
        with _lock:
            if key in (self._good if exists else self._wrong):
                return True
            now = time.monotonic()
            allowance = per_minute if self._allowance is None else self._allowance
            self._allowance = min(per_minute, allowance + (now - self._at) * per_minute / SECONDS_PER_MINUTE)
            self._at = now
            if self._allowance < 1:
                return False
            if exists:
                remember_code(self._good, key)
            else:
                self._allowance -= 1
                remember_code(self._wrong, key)
            return True


def remember_code(codes: dict[str, None], key: str) -> None:
    """Remember `key`, and forget the oldest one when there are too many."""
    if len(codes) >= MAX_REMEMBERED_CODES:
        del codes[next(iter(codes))]
    codes[key] = None
