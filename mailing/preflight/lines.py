"""One line of a check, and how what it says is stored."""

from enum import StrEnum

import msgspec

from campaigns.texts import UNSTORABLE


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


def write_storable(found: msgspec.Struct) -> dict[str, str]:
    """Return the fields of what was found as they are stored: what servers and DNS said in it may hold anything."""
    return {name: UNSTORABLE.sub("�", text) for name, text in msgspec.to_builtins(found).items()}
