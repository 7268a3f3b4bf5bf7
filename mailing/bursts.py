"""What a process remembers of clicks that name nobody, so that bursts and repetitions are known without any row.

The memory is keyed: a random key of the process makes a digest of each delivery, and after a day, or with the process,
it is gone. Each process knows what came to it.
"""

import os
import threading
import time
from collections import OrderedDict
from hashlib import blake2b

import msgspec

from mailing.visitors import Visitor

REPEAT_SECONDS = 10  # the same thing again within them is the same thing
BURST_LINKS, BURST_SECONDS = 5, 1  # so many links of one mail within so many seconds: nobody reads as fast
TRAP_SECONDS = 10  # clicks so near to one of the honeypot link are the same machine's
MEMORY_SECONDS = 24 * 3600
MOST_REMEMBERED = 50_000


class Click(msgspec.Struct):
    at: float
    link: int | None  # None is the honeypot link
    visitor: Visitor
    is_machine: bool


class Memory:
    """The last moments of each delivery, by a digest that this process alone can make."""

    def __init__(self) -> None:
        self._key = os.urandom(32)
        self._lock = threading.Lock()
        self._seen: OrderedDict[bytes, float] = OrderedDict()
        self._clicks: OrderedDict[bytes, list[Click]] = OrderedDict()

    def is_repeated(
        self, pk: int, kind: str, link: int | None, at: float | None = None, within: float = REPEAT_SECONDS
    ) -> bool:
        """Return whether the same was seen within the last moments; remembers it otherwise.

        Args:
            at: when, in seconds; None: now. One memory is asked either always with a time or never.
            within: how many seconds the last moments are.
        """
        now, name = time.monotonic() if at is None else at, self._digest(f"{pk} {kind} {link}")
        with self._lock:
            at = self._seen.get(name)
            if at is not None and now - at < within:
                return True
            self._seen[name] = now
            self._seen.move_to_end(name)
            while len(self._seen) > MOST_REMEMBERED or now - next(iter(self._seen.values())) > MEMORY_SECONDS:
                self._seen.popitem(last=False)
        return False

    def add_click(
        self, pk: int, link: int | None, visitor: Visitor, at: float | None = None
    ) -> tuple[bool, list[tuple[int | None, Visitor]]]:
        """Return whether a machine made this click, and earlier ones counted as a person's that it made as well."""
        now, name = time.monotonic() if at is None else at, self._digest(str(pk))
        with self._lock:
            clicks = [each for each in self._clicks.get(name, ()) if now - each.at < TRAP_SECONDS]
            clicks.append(Click(now, link, visitor, is_machine=False))
            late = [each for each in clicks if now - each.at < BURST_SECONDS]
            if any(each.link is None for each in clicks):
                guilty = clicks
            elif len({each.link for each in late}) >= BURST_LINKS:
                guilty = late
            else:
                guilty = []
            before = [
                (each.link, each.visitor)
                for each in guilty
                if each is not clicks[-1] and not each.is_machine and each.visitor.origin != "machine"
            ]
            for each in guilty:
                each.is_machine = True
            self._clicks[name] = clicks
            self._clicks.move_to_end(name)
            while len(self._clicks) > MOST_REMEMBERED or self._is_stale(now):
                self._clicks.popitem(last=False)
            return clicks[-1].is_machine, before

    def _is_stale(self, now: float) -> bool:
        return now - next(iter(self._clicks.values()))[-1].at > MEMORY_SECONDS

    def _digest(self, text: str) -> bytes:
        return blake2b(text.encode(), key=self._key, digest_size=16).digest()


MEMORY = Memory()
