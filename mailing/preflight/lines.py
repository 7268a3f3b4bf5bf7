"""One line of a check."""

from enum import StrEnum

import msgspec


class State(StrEnum):
    """How it stands. Nobody knows: there was no answer, or it cannot be seen from here."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    UNKNOWN = "unknown"


class Line(msgspec.Struct, frozen=True):
    """`title` names what was looked at, `said` what was found, `advice` what to do, "" for nothing."""

    title: str
    state: State
    said: str
    advice: str = ""
