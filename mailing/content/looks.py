"""Works out whether readers see an element, from its attributes and its style, as browsers do."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from . import styles

# What the standard's own style sheet hides; mail clients run no script, so <noscript> is shown
_NEVER_SHOWN = frozenset(
    """area base basefont datalist head link meta noembed noframes param script style template title iframe
    desc defs metadata symbol annotation annotation-xml input""".split()
)
_zero = re.compile(r"[+-]?(?:0+(?:\.0*)?|\.0+)(?:[a-z]+|%)?").fullmatch
_length = re.compile(r"([+-]?(?:\d+(?:\.\d*)?|\.\d+))(px|pt|em|rem|ex|ch|%|vw|vh|in|cm|mm|pc)?").fullmatch
_size_of_font = re.compile(r"(?:^|\s)((?:\d++(?:\.\d*+)?|\.\d++)(?:px|pt|em|rem|ex|%)?)(?=\s|/)").search
# A colour that nothing is seen of: each way to write one has its own place for how clear it is
_clear_colour = re.compile(
    r"transparent|#[0-9a-f]{3}0|#[0-9a-f]{6}00|(?:rgb|hsl)a?\((?:[^(),]*,){3}\s*(?:0+(?:\.0*)?|\.0+)%?\s*\)"
    r"|(?:rgb|hsl)a?\([^(),/]*/\s*(?:0+(?:\.0*)?|\.0+)%?\s*\)"
).fullmatch
_moved = re.compile(
    r"\btranslate(?:x|y|3d)?\(\s*(-?\d*\.?\d+[a-z%]*)\s*(?:,\s*(-?\d*\.?\d+[a-z%]*))?"
).findall
_RELATIVE = frozenset(("em", "%", "ex"))
_CLIPPING = frozenset(("hidden", "clip"))
_OFF_SCREEN_PIXELS = -500  # pixels to the left or above from which on nothing of an element is on the page


class Look(NamedTuple):
    """How an element looks; all but `display` are inherited."""

    is_hidden: bool = False  # with all that is in it
    is_unseen: bool = False  # visibility: what is in it may be shown again
    is_tiny: bool = False  # letters of no size
    is_clear: bool = False  # letters of no colour
    white_space: str = "normal"
    display: str = ""

    @property
    def shows_text(self) -> bool:
        return not (self.is_hidden or self.is_unseen or self.is_tiny or self.is_clear)

    @property
    def shows_pictures(self) -> bool:
        return not (self.is_hidden or self.is_unseen)


def compute_look(tag: str, attributes: Mapping[str, str | None], parent: Look) -> Look:
    """Return how an element looks inside one that looks like `parent`."""
    if parent.is_hidden or tag in _NEVER_SHOWN:
        return parent._replace(is_hidden=True)
    style = styles.compute_style(attributes.get("style") or "") if attributes else {}
    display = style.get("display", "")
    if "hidden" in attributes and (not display or attributes["hidden"] == "until-found"):
        return parent._replace(is_hidden=True)
    if tag == "dialog" and "open" not in attributes and not display:
        return parent._replace(is_hidden=True)
    white_space = "pre" if tag in ("pre", "textarea", "xmp", "listing", "plaintext") else parent.white_space
    if not style:
        if white_space == parent.white_space and not parent.display:
            return parent
        return parent._replace(white_space=white_space, display="")
    return Look(
        is_hidden=_is_hidden(style),
        is_unseen=_inherit(style.get("visibility"), parent.is_unseen, ("hidden", "collapse")),
        is_tiny=_is_tiny(style, parent.is_tiny),
        is_clear=_is_clear(style.get("color"), parent.is_clear),
        white_space=style.get("white-space", white_space),
        display=display,
    )


def _inherit(value: str | None, inherited: bool, hiding: tuple[str, ...]) -> bool:
    return inherited if value in (None, "inherit") else value in hiding


def _is_clear(colour: str | None, inherited: bool) -> bool:
    if colour is None or colour in ("inherit", "currentcolor"):
        return inherited
    return _clear_colour(colour) is not None


def _is_hidden(style: Mapping[str, str]) -> bool:
    if style.get("display") == "none":  # mso-hide hides from Outlook alone: everybody else sees such a button
        return True
    if style.get("content-visibility") == "hidden" or _zero(style.get("opacity", "1")):
        return True
    overflow = {*style.get("overflow", "").split(), style.get("overflow-x"), style.get("overflow-y")}
    sizes = [style.get(name, "auto") for name in ("height", "max-height", "width", "max-width")]
    if overflow & _CLIPPING and any(_zero(size) for size in sizes):
        return True
    if style.get("position") in ("absolute", "fixed"):
        if any(
            _pixels(style.get(name, "")) <= _OFF_SCREEN_PIXELS for name in ("left", "top", "right", "bottom")
        ):
            return True
        if re.fullmatch(r"rect\(\s*(?:[01](?:px)?[\s,]*){4}\)", style.get("clip", "")):
            return True
    if (
        _pixels(style.get("text-indent", "")) <= _OFF_SCREEN_PIXELS
        or _pixels(style.get("margin-left", "")) <= _OFF_SCREEN_PIXELS
    ):
        return True
    shifts = [shift for moved in _moved(style.get("transform", "")) for shift in moved if shift[-1:] != "%"]
    if any(_pixels(shift) <= _OFF_SCREEN_PIXELS for shift in shifts):
        return True
    hiding = re.fullmatch(r"inset\((?:50|100)%.*\)|circle\(0.*\)", style.get("clip-path", ""))
    return bool(hiding) or re.search(r"scale\(\s*0[.0]*\s*\)", style.get("transform", "")) is not None


def _is_tiny(style: Mapping[str, str], inherited: bool) -> bool:
    size = style.get("font-size")
    if size is None and (short := _size_of_font(style.get("font", ""))):
        size = short[1]
    found = _length(size or "")
    if found is None:
        return inherited and size in (None, "inherit", "smaller", "larger")
    number, unit = float(found[1]), found[2] or "px"
    if number == 0:
        return True
    return inherited if unit in _RELATIVE else unit in ("px", "pt") and number <= 1


def _pixels(value: str) -> float:
    found = _length(value)
    if found is None:
        return 0
    return float(found[1]) * {"em": 16, "rem": 16, "pt": 1.3, "%": 10}.get(found[2] or "px", 1)
