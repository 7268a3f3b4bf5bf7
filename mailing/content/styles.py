"""CSS: declarations read as browsers do, and style sheets copied into style attributes.

The page stays as it was written: the inliner works on a copy of the page's tags, and what it found for each is put
into the source. So no doctype, comment, quote or omitted tag of the author's changes.

A style attribute is stronger than any sheet. So what a rule for some screens would change is not copied, unless that
rule is marked as important: the mail must look as its author's HTML does on every screen.
"""

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

import css_inline

from . import markup, media
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
_style = re.compile(r' style="([^"]+)"').search
_string = re.compile(r"""\\.|"(?:[^"\\]|\\.)*+"|'(?:[^'\\]|\\.)*+'""", re.DOTALL)
_important = re.compile(r"\s*!\s*important\s*\Z", re.IGNORECASE)
_name = re.compile(r"(?:--)?-?[a-zA-Z_][a-zA-Z0-9_-]*").fullmatch
_blocks = re.compile(r"\{[^{}]*\}")
_IGNORE = "data-css-inline"  # what the inliner leaves alone
_step = re.compile(
    r"""/\*.*?(?:\*/|\Z) | "(?:[^"\\\n]|\\.)*+" | '(?:[^'\\\n]|\\.)*+'
      | @(?:media|supports|container|layer)\b(?P<query>[^{};@]*+)\{ | [{}]""",
    re.DOTALL | re.IGNORECASE | re.VERBOSE,
)
# A name of one of these covers the names that begin with it
_SHORT = frozenset("background border flex font grid inset list margin outline padding".split())


class Declaration(NamedTuple):
    """One declaration of a style: its property in lower case, its value, and both as written."""

    name: str
    value: str
    important: bool
    source: str


@lru_cache(maxsize=500)
def read_declarations(style: str) -> tuple[Declaration, ...]:
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
def compute_style(style: str) -> Mapping[str, str]:
    """What a style attribute comes to: property and value, both in lower case; the last of equal weight wins."""
    every = read_declarations(style)
    values = {each.name: each.value.lower() for each in every if not each.important}
    return MappingProxyType(values | {each.name: each.value.lower() for each in every if each.important})


def inline_styles(page: str) -> str:
    """The page with its style sheets copied into style attributes, for mail clients that drop style sheets.

    The page must have been checked for its depth. Raises: ContentError: the style sheets cannot be read.
    """
    found = list(markup.cut_pieces(page))
    number = _number_for(page)
    # wide: the copy with what holds for some screens only holding for all
    copy: list[str] = []
    wide: list[str] = []
    start_tags: list[int] = []
    for place, piece in enumerate(found):
        if piece.hidden or (piece.kind in ("comment", "condition") and not markup.is_doctype(piece)):
            continue
        source = wide_source = piece.source
        if piece.is_start:
            start_tags.append(place)
            if "style" in source.lower() and "style" in markup.attributes(source):
                source = markup.with_attribute(source, "style", "")
            source = wide_source = markup.with_number(source, number, place)
            if piece.name == "style" and not _holds_everywhere(markup.attributes(source)):
                source = markup.with_attribute(source, _IGNORE, "ignore")
                is_for_print = (markup.attributes(source).get("media") or "").strip().lower() == "print"
                wide_source = source if is_for_print else wide_source
        elif piece.kind == "raw" and piece.name == "style":
            wide_source = _drop_conditions(source)
        copy.append(source)
        wide.append(wide_source)
    styles = _styles_by_number("".join(copy), number)
    on_some_screens = _styles_by_number("".join(wide), number) if wide != copy else styles
    for place in start_tags:
        sheet = _keep_constant(styles.get(place, ""), on_some_screens.get(place, ""))
        if sheet:
            tag = found[place].source
            found[place] = markup.Piece("tag", _add_style(tag, sheet), found[place].name)
    return markup.join_pieces(found)


def inline_for_screen(page: str) -> str:
    """The page with the style that each element has on a wide screen: to learn what is seen there, not to be sent.

    The page must have been checked for its depth. Raises: ContentError: the style sheets cannot be read.
    """
    found = list(markup.cut_pieces(page))
    sheets = {place: media.unfold_media(sheet, of) for place, of, sheet in _sheets(found)}
    number = _number_for(page)
    copy: list[str] = []
    for place, piece in enumerate(found):
        if piece.hidden or (piece.kind in ("comment", "condition") and not markup.is_doctype(piece)):
            continue
        source = sheets.get(place, piece.source)
        if piece.is_start:
            source = markup.with_number(markup.with_attribute(source, "style", ""), number, place)
        copy.append(source)
    for place, sheet in _styles_by_number("".join(copy), number).items():
        found[place] = found[place]._replace(source=_add_style(found[place].source, sheet))
    return markup.join_pieces(found)


def hides_by_media(page: str) -> bool:
    """May rules that hold for some media only decide over what is seen of the page?"""
    sheets = list(_sheets(markup.cut_pieces(page)))
    return any(of or media.changes_in_block(sheet) for _, of, sheet in sheets) and any(
        media.may_hide(sheet) for _, _, sheet in sheets
    )


def _sheets(pieces: Sequence[markup.Piece]) -> Iterator[tuple[int, str, str]]:
    """The place of each style sheet, the media it is for, and its source."""
    for place, piece in enumerate(pieces):
        if piece.kind == "raw" and piece.name == "style":
            of = markup.attributes(pieces[place - 1].source).get("media", "")
            yield place, markup.unescape_value(of), piece.source


def _number_for(page: str) -> str:
    """The name of an attribute that no element of the page has."""
    number, lowered = _NUMBER, page.lower()
    while number in lowered:
        number += "n"
    return number


def _holds_everywhere(attributes: Mapping[str, str]) -> bool:
    """Does a style element with these attributes hold on every screen?"""
    media = (attributes.get("media") or "all").lower().split(",")
    return any(query.strip() in ("all", "screen", "only screen") for query in media)


def _drop_conditions(sheet: str) -> str:
    """The sheet with the rules that hold on some screens holding on all; those for print stay as they are."""
    parts, start = [], 0
    opened: list[bool] = []  # the blocks, and whether each is one of a condition
    for step in _step.finditer(sheet):
        is_condition = step["query"] is not None and step["query"].strip().lower() != "print"
        if is_condition or (step[0] == "}" and opened and opened[-1]):
            parts.append(sheet[start : step.start()])
            start = step.end()
        if step[0] == "}":
            del opened[-1:]
        elif step[0].endswith("{"):
            opened.append(is_condition)
    return "".join([*parts, sheet[start:]])


@lru_cache(maxsize=500)
def _keep_constant(style: str, on_some_screens: str) -> str:
    """What of a style is the same on every screen, or is changed there by important rules only."""
    if style == on_some_screens:
        return style
    own = {each.name: each for each in read_declarations(style)}
    changed = {
        _family_of(each.name)
        for each in read_declarations(on_some_screens)
        if each != own.get(each.name) and not each.important
    }
    # What is hidden on wide screens stays hidden in programs that drop style sheets
    return "; ".join(
        each.source
        for each in read_declarations(style)
        if _family_of(each.name) not in changed or each.name == "display"
    )


def _family_of(name: str) -> str:
    """The family of a property: those of one family change each other."""
    family = name.partition("-")[0]
    return "font" if name == "line-height" else family if family in _SHORT else name


def _styles_by_number(page: str, number: str) -> dict[int, str]:
    """What the style sheets of a page say of each of its elements, by the value of its attribute `number`."""
    try:
        inlined = _inliner.inline(page.encode("utf-8", "replace").decode())
    except css_inline.InlineError as error:
        raise ContentError(f"The style sheet cannot be read: {error}", "body") from error
    return {
        int(match[1]): markup.unescape_value(style[1])
        for match in re.finditer(rf' {number}="(\d+)"((?:[^">]++|"[^"]*+")*+)>', inlined)
        if (style := _style(match[2]))
    }


def _add_style(tag: str, sheet: str) -> str:
    """The tag with the declarations of `sheet` before those of its author, which win where both are alike."""
    written = markup.attributes(tag).get("style", "")
    added = _declarations_to_add(sheet, written)
    return markup.with_attribute(tag, "style", f"{added} {written}".strip()) if added else tag


@lru_cache(maxsize=500)
def _declarations_to_add(sheet: str, written: str) -> str:
    """What a sheet adds to a style attribute, escaped for it; nothing that is left open and would swallow the rest."""
    own = {each.name: each.important for each in read_declarations(markup.unescape_value(written))}
    added = [
        each.source
        for each in read_declarations(sheet)
        if (each.name not in own or (each.important and not own[each.name])) and _is_closed(each.source)
    ]
    return html.escape("; ".join(added), quote=False) + ";" if added else ""


def _is_closed(declaration: str) -> bool:
    bare = _string.sub("", declaration)
    return not {'"', "'", "\\"} & set(bare) and bare.count("(") == bare.count(")")


def join_sheets(page: str) -> str:
    """All style sheets of a page, together."""
    return "\n".join(sheet for _, _, sheet in _sheets(markup.cut_pieces(page)))


def chooses_by_attribute(sheet: str) -> bool:
    """Does a rule of the style sheet look at a class, an id or another attribute?"""
    selectors = _comment.sub("", sheet)
    while (shorter := _blocks.sub(";", selectors)) != selectors:
        selectors = shorter
    return re.search(r"[.#\[]", selectors) is not None
