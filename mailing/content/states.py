"""Rules of style sheets that hold in some state of the page only: a box is ticked, a details element is open.

Readers bring such a state about with a click, so what is hidden at first and shown in it can be read. What is shown
only while the pointer rests on something is left as it is.
"""

import re

_IN_BRACKETS = r"\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)"
_STATE = r":(?:checked|target|target-within|focus|focus-within|focus-visible)(?![\w-])|\[\s*open\s*\]"
_find_state = re.compile(_STATE, re.IGNORECASE).search
_selector = re.compile(rf"(?P<call>:(?:not|has){_IN_BRACKETS})|(?:{_STATE})", re.IGNORECASE)
_ticked = re.compile(r":checked(?![\w-])", re.IGNORECASE)
_goes_on = re.compile(r"[\w\-\])*\"'\\]|[^\x00-\x7f]").match
_NEVER = ":not(*)"


def has_states(sheet: str) -> bool:
    """May a rule of the style sheet hold in some state of the page only?"""
    return _find_state(sheet) is not None


def show_at_first(sheet: str) -> str:
    """Return the style sheet as it holds before anybody clicks: a box is ticked when its author ticked it."""
    return _ticked.sub("[checked]", sheet)


def show_opened(sheet: str) -> str:
    """Return the style sheet as it holds when everything is ticked and open."""
    return _write_states(sheet, _NEVER)


def show_mixed(sheet: str) -> str:
    """Return the style sheet as it holds when each rule has the states it asks for, also that a box is not ticked."""
    return _write_states(sheet, "")


def _write_states(sheet: str, negated: str) -> str:
    """Return the sheet with its states as always given, and `negated` where one must not be."""

    def write(match: re.Match[str]) -> str:
        call = match["call"]
        if call and not _find_state(call):
            return call
        if call and negated and call[:4].lower() == ":not":
            return negated
        return "" if _goes_on(sheet, match.start() - 1) else "*"

    return _selector.sub(write, sheet)
