"""Handles rules of style that hold only in some state of the page: a box is ticked, a details element is open.

Readers reach such a state with a click, so they can read what it shows. Rules for a resting pointer are left alone.
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
    """Return whether a rule of the style sheet may hold only in some state of the page."""
    return _find_state(sheet) is not None


def show_at_first(sheet: str) -> str:
    """Return the style sheet for the page before any click: only boxes that its author ticked are ticked."""
    return _ticked.sub("[checked]", sheet)


def show_opened(sheet: str) -> str:
    """Return the style sheet for the page with everything ticked and open."""
    return _write_states(sheet, _NEVER)


def show_mixed(sheet: str) -> str:
    """Return the style sheet with each rule holding, whatever state it asks for."""
    return _write_states(sheet, "")


def _write_states(sheet: str, negated: str) -> str:
    """Return the sheet with each of its states replaced by one that always holds, and each negated one by `negated`."""

    def write(match: re.Match[str]) -> str:
        call = match["call"]
        if call and not _find_state(call):
            return call
        if call and negated and call[:4].lower() == ":not":
            return negated
        return "" if _goes_on(sheet, match.start() - 1) else "*"

    return _selector.sub(write, sheet)
