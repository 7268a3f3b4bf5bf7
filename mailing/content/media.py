"""Finds the rules of style sheets that hold on a wide screen, and not on paper or on a telephone."""

import re
from collections.abc import Iterator

_SCREEN_WIDTH = 1000  # pixels: of a mail client on a desktop
_EM = 16  # pixels
_comment = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
_rule = re.compile(r"@(?P<kind>media|supports)\b(?P<query>[^{};@]*+)\{", re.IGNORECASE)
_is_denied = re.compile(r"\s*not\b", re.IGNORECASE).match
_brace = re.compile(r""""(?:[^"\\\n]|\\.)*+"|'(?:[^'\\\n]|\\.)*+'|[{}]""", re.DOTALL)
_width = re.compile(r"\(\s*(min|max)-width\s*:\s*(\d*\.?\d+)(px|em|rem)?\s*\)").fullmatch
# Declarations that let an element be seen or not, or strike it out
_hides = re.compile(
    r"\b(?:display|visibility|position|clip|clip-path|content-visibility|white-space)\s*:|line-through"
    r"|\bopacity\s*:\s*[0.]|\bfont(?:-size)?\s*:\s*[01]|\btransform\s*:|\btransparent\b|\bsuper\b"
    r"|\bcolor\s*:\s*(?:#[0-9a-f]{3}0\b|#[0-9a-f]{6}00\b|(?:rgb|hsl)[^;}]{0,100}[,/]\s*[0.]+%?\s*\))"
    r"|\b(?:text-indent|margin-left)\s*:\s*-|(?<!line-)\bheight\s*:\s*0|\bmax-width\s*:\s*0(?!\.)|(?<!-)\bwidth\s*:\s*0(?!\.)",
    re.IGNORECASE,
).search
# The properties of these
_changes = re.compile(
    r"""\b(?:display|visibility|position|clip|clip-path|content-visibility|white-space|text-decoration(?:-line)?
    |opacity|font(?:-size)?|transform|color|vertical-align|text-indent|margin-left|height|max-height|width|max-width)\s*:""",
    re.IGNORECASE | re.VERBOSE,
).search


def unfold_media(sheet: str, of: str = "") -> str:
    """Return the style sheet with its rules for a wide screen outside of @media.

    Args:
        of: the media that the whole sheet is for; "" for all.
    """
    return "".join(_list_parts(_comment.sub("", sheet))) if holds_on_screen(of) else ""


def holds_on_screen(media: str) -> bool:
    """Return whether rules for these media hold on a wide screen. Unknown media do not."""
    return any(_query_holds(query) for query in media.split(","))


def changes_in_block(sheet: str) -> bool:
    """Return whether a rule in @media or @supports sets anything that may show or hide an element."""
    plain = _comment.sub("", sheet) if "@media" in sheet.lower() or "@supports" in sheet.lower() else ""
    return any(
        _changes(plain, rule.end(), _end_of_block(plain, rule.end())) for rule in _rule.finditer(plain)
    )


def may_hide(sheet: str) -> bool:
    """Return whether a rule of a style sheet may hide an element."""
    return _hides(_comment.sub("", sheet)) is not None


def _list_parts(sheet: str) -> Iterator[str]:
    """Yield the parts of a style sheet that hold on a wide screen."""
    position = 0
    while rule := _rule.search(sheet, position):
        yield sheet[position : rule.start()]
        end = _end_of_block(sheet, rule.end())
        is_media = rule["kind"].lower() == "media"
        if holds_on_screen(rule["query"]) if is_media else not _is_denied(rule["query"]):
            yield from _list_parts(sheet[rule.end() : end])
        position = end + 1
    yield sheet[position:]


def _end_of_block(sheet: str, position: int) -> int:
    depth = 1
    for brace in _brace.finditer(sheet, position):
        depth += {"{": 1, "}": -1}.get(brace[0], 0)
        if not depth:
            return brace.start()
    return len(sheet)


def _read_query(query: str) -> tuple[str, list[str]]:
    """Return the kind of media a query asks for ("screen" when it names none), and the features."""
    kind, *features = re.split(r"\s+and\s+|\s+and(?=\()|(?<=\))and\s+", " ".join(query.lower().split())) or [
        ""
    ]
    if kind.startswith("("):
        kind, features = "", [kind, *features]
    kind = re.sub(r"^only\s+", "", kind)
    return "screen" if kind in ("", "all", "screen") else kind, features


def _query_holds(query: str) -> bool:
    kind, features = _read_query(query)
    if kind.startswith("not "):
        return kind[4:].strip() not in ("all", "screen") and not features
    return kind == "screen" and all(_has_feature(feature) for feature in features)


def _has_feature(feature: str) -> bool:
    found = _width(feature)
    if found is None:
        return False
    size = float(found[2]) * (_EM if found[3] in ("em", "rem") else 1)
    return size <= _SCREEN_WIDTH if found[1] == "min" else size >= _SCREEN_WIDTH
