"""One line of a check."""

from enum import StrEnum

import msgspec


class State(StrEnum):
    """The result of a check. `UNKNOWN`: there was no answer, or nobody can see it from here."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    UNKNOWN = "unknown"


class Line(msgspec.Struct, frozen=True):
    """`title`: what was checked, `said`: what was found, `advice`: what to do, "" for nothing."""

    title: str
    state: State
    said: str
    advice: str = ""
