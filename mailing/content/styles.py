"""CSS: declarations read as browsers do, and style sheets copied into style attributes.

The page stays as it was written: the inliner works on a copy of the page's tags, and what it found for each is put
into the source. So no doctype, comment, quote or omitted tag of the author's changes.
"""

import html
import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

import css_inline

from . import markup
from .source import ContentError

_NUMBER = "data-n"  # of an element, in the copy
_inliner = css_inline.CSSInliner(load_remote_stylesheets=False)

_comment = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
_part = re.compile(
    r"""(?:
        [^;"'()\\] | \\. | "(?:[^"\\]|\\.)*+" | '(?:[^'\\]|\\.)*+' | \((?:[^()"']|"[^"]*+"|'[^']*+')*+\) | ["'()\\]
    )++""",
    re.VERBOSE | re.DOTALL,
)
_important = re.compile(r"\s*!\s*important\s*\Z", re.IGNORECASE)
_name = re.compile(r"(?:--)?-?[a-zA-Z_][a-zA-Z0-9_-]*").fullmatch
_blocks = re.compile(r"\{[^{}]*\}")


class Declaration(NamedTuple):
    """One declaration of a style: its property in lower case, its value, and both as written."""

    name: str
    value: str
    important: bool
    source: str


@lru_cache(maxsize=500)
def declarations(style: str) -> tuple[Declaration, ...]:
    """The declarations of a style attribute; what is malformed is skipped, as browsers do."""
    found = []
    for match in _part.finditer(_comment.sub("", style)):
        name, colon, value = match[0].partition(":")
        name = name.strip()
        plain = _important.sub("", value).strip()
        if colon and plain and _name(name):
            important = bool(_important.search(value))
            found.append(Declaration(name.lower(), plain, important, match[0].strip()))
    return tuple(found)


@lru_cache(maxsize=500)
def computed(style: str) -> Mapping[str, str]:
    """What a style attribute comes to: property and value, both in lower case; the last of equal weight wins."""
    every = declarations(style)
    values = {each.name: each.value.lower() for each in every if not each.important}
    return MappingProxyType(values | {each.name: each.value.lower() for each in every if each.important})


def inline(page: str) -> str:
    """The page with its style sheets copied into style attributes, for mail clients that drop style sheets.

    The page must have been checked for its depth. Raises: ContentError: the style sheets cannot be read.
    """
    found = list(markup.pieces(page))
    copy, start_tags = [], []
    for place, piece in enumerate(found):
        if piece.hidden or piece.kind in ("comment", "condition"):
            continue
        source = piece.source
        if piece.is_start:
            start_tags.append(place)
            if "style" in source.lower() and "style" in markup.attributes(source):
                source = markup.with_attribute(source, "style", "")
            source = markup.with_number(source, _NUMBER, place)
        copy.append(source)
    styles = _styles_by_number("".join(copy))
    for place in start_tags:
        if sheet := styles.get(place):
            tag = found[place].source
            found[place] = markup.Piece("tag", _with_style(tag, sheet), found[place].name)
    return "".join(piece.source for piece in found)


def _styles_by_number(page: str) -> dict[int, str]:
    """What the style sheets of a numbered page say of each of its elements."""
    try:
        inlined = _inliner.inline(page.encode("utf-8", "replace").decode())
    except css_inline.InlineError as error:
        raise ContentError(f"The style sheet cannot be read: {error}", "body") from error
    styles: dict[int, str] = {}
    for piece in markup.pieces(inlined):
        if piece.is_start and 'style="' in piece.source:
            values = markup.attributes(piece.source)
            if values.get("style") and values.get(_NUMBER, "").isdecimal():
                styles.setdefault(int(values[_NUMBER]), markup.unescape_value(values["style"]))
    return styles


def _with_style(tag: str, sheet: str) -> str:
    """The tag with the declarations of `sheet` before those of its author, which win where both are alike."""
    written = markup.attributes(tag).get("style", "")
    added = _additions(sheet, written)
    return markup.with_attribute(tag, "style", f"{added} {written}".strip()) if added else tag


@lru_cache(maxsize=500)
def _additions(sheet: str, written: str) -> str:
    """What a sheet adds to a style attribute, escaped for it."""
    own = {each.name: each.important for each in declarations(markup.unescape_value(written))}
    added = [
        each.source
        for each in declarations(sheet)
        if each.name not in own or (each.important and not own[each.name])
    ]
    return html.escape("; ".join(added), quote=False) + ";" if added else ""


def sheets(page: str) -> str:
    """All style sheets of a page, together."""
    return "\n".join(
        piece.source for piece in markup.pieces(page) if piece.kind == "raw" and piece.name == "style"
    )


def chooses_by_attribute(sheet: str) -> bool:
    """Does a rule of the style sheet look at a class, an id or another attribute?"""
    selectors = _comment.sub("", sheet)
    while (shorter := _blocks.sub(";", selectors)) != selectors:
        selectors = shorter
    return re.search(r"[.#\[]", selectors) is not None
