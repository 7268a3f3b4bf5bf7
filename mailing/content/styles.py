"""CSS: reads declarations as browsers do, and copies style sheets into style attributes.

The page stays as it was written: the inliner works on a copy of the page's tags, and what it found for each is put
into the source. So no doctype, comment, quote or omitted tag of the author's changes.

A style attribute is stronger than any sheet. So what a rule for some screens would change is not copied, unless that
rule is marked as important: the mail must look as its author's HTML does on every screen.
"""

import html
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

import css_inline

from campaigns.sentences import keep

from . import markup, page_states
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
# begins where blanks do: tried once
_important = re.compile(r"(?<!\s)\s*+!\s*+important\s*\Z", re.IGNORECASE)
_name = re.compile(r"(?:--)?-?[a-zA-Z_][a-zA-Z0-9_-]*").fullmatch
_blocks = re.compile(r"\{[^{}]*\}")
_EVERYWHERE = ("all", "screen", "only screen")  # media of a style element that holds on every screen
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
    """Return the declarations of a style attribute; what is malformed is skipped, as browsers do."""
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
    """Return what a style attribute comes to: property and value, both in lower case; the last of equal weight wins."""
    every = read_declarations(style)
    values = {each.name: each.value.lower() for each in every if not each.important}
    return MappingProxyType(values | {each.name: each.value.lower() for each in every if each.important})


class StyledCopy:
    """The tags of a page, numbered and without their own styles: what the inliner works on instead of the page.

    `pieces` are those of the page itself. The page must have been checked for its depth.
    """

    def __init__(self, page: str) -> None:
        self.pieces = list(markup.cut_pieces(page))
        self._number = _number_for(page)
        self._sources: list[str] = []
        self._sheets: list[tuple[int, str]] = []  # where in `_sources` one stands, and the media it is for
        of = ""
        for place, piece in enumerate(self.pieces):
            if piece.hidden or (piece.kind in ("comment", "condition") and not markup.is_doctype(piece)):
                continue
            source = piece.source
            if piece.is_start:
                if "style" in source.lower() and "style" in markup.attributes(source):
                    source = markup.with_attribute(source, "style", "")
                if piece.name == "style":
                    of = markup.unescape_value(markup.attributes(source).get("media", ""))
                source = markup.with_number(source, self._number, place)
            elif piece.kind == "raw" and piece.name == "style":
                self._sheets.append((len(self._sources), of))
            self._sources.append(source)

    def inline(self, change: Callable[[str, str], str]) -> dict[int, str]:
        """Return what the style sheets say of each element, by the place of its piece.

        Args:
            change: what becomes of a style sheet, from its source and the media it is for.

        Raises:
            ContentError: the style sheets cannot be read.
        """
        sources = self._sources.copy()
        for place, of in self._sheets:
            sources[place] = change(sources[place], of)
        return _styles_by_number("".join(sources), self._number)

    def has_sheet(self, is_such: Callable[[str, str], bool]) -> bool:
        """Return whether `is_such` holds for any style sheet, by its source and the media it is for."""
        return any(is_such(self._sources[place], of) for place, of in self._sheets)

    def write_styles(self, sheets: Mapping[int, str]) -> str:
        """Return the page with these styles before those of each element's author."""
        for place, sheet in sheets.items():
            if sheet:
                piece = self.pieces[place]
                self.pieces[place] = piece._replace(source=add_style(piece.source, sheet))
        return markup.join_pieces(self.pieces)


def inline_styles(page: str) -> str:
    """Return the page with its style sheets copied into style attributes, for mail clients that drop style sheets.

    The page must have been checked for its depth.

    Raises:
        ContentError: the style sheets cannot be read.
    """
    copy = StyledCopy(page)
    own = copy.inline(_take_for_all_screens)
    others = []
    if copy.has_sheet(lambda sheet, of: _take_for_any_screen(sheet, of) != _take_for_all_screens(sheet, of)):
        others.append(copy.inline(_take_for_any_screen))
    in_states: list[dict[int, str]] = []
    if copy.has_sheet(lambda sheet, of: page_states.has_states(sheet)):
        in_states = [
            copy.inline(lambda sheet, of: page_states.show_opened(_take_for_any_screen(sheet, of))),
            copy.inline(lambda sheet, of: page_states.show_mixed(_take_for_any_screen(sheet, of))),
        ]
    return copy.write_styles(
        {
            place: _keep_constant(
                style,
                tuple(each.get(place, "") for each in others),
                tuple(each.get(place, "") for each in in_states),
            )
            for place, style in own.items()
        }
    )


def _take_for_all_screens(sheet: str, of: str) -> str:
    """Return the style sheet, "" when it holds on some screens only."""
    return sheet if any(query.strip() in _EVERYWHERE for query in (of or "all").lower().split(",")) else ""


def _take_for_any_screen(sheet: str, of: str) -> str:
    """Return the style sheet with what holds for some screens only holding for all; "" when it is for paper."""
    return "" if of.strip().lower() == "print" else _drop_conditions(sheet)


def list_sheets(pieces: Sequence[markup.Piece]) -> Iterator[tuple[int, str, str]]:
    """Yield the place of each style sheet, the media it is for, and its source."""
    for place, piece in enumerate(pieces):
        if piece.kind == "raw" and piece.name == "style":
            of = markup.attributes(pieces[place - 1].source).get("media", "")
            yield place, markup.unescape_value(of), piece.source


def _number_for(page: str) -> str:
    """Return the name of an attribute that no element of the page has."""
    number, lowered = _NUMBER, page.lower()
    while number in lowered:
        number += "n"
    return number


def _drop_conditions(sheet: str) -> str:
    """Return the sheet with the rules that hold on some screens holding on all; those for print stay as they are."""
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
def _keep_constant(style: str, on_some_screens: Sequence[str], in_some_states: Sequence[str]) -> str:
    """Return the part of a style that is the same on every screen and in every state, without important rules."""
    if all(style == other for other in (*on_some_screens, *in_some_states)):
        return style
    by_screen, by_state = _find_changed(style, on_some_screens), _find_changed(style, in_some_states)
    # What is hidden on wide screens stays hidden in programs that drop style sheets. What a click opens does not: with
    # the style sheet dropped no click opens it.
    return "; ".join(
        each.source
        for each in read_declarations(style)
        if _family_of(each.name) not in by_state
        and (_family_of(each.name) not in by_screen or each.name == "display")
    )


def _find_changed(style: str, others: Sequence[str]) -> set[str]:
    """Return the families of properties that one of the other styles changes, without its important rules."""
    own = {each.name: each for each in read_declarations(style)}
    changed = set()
    for other in others:
        found = {each.name: each for each in read_declarations(other)}
        changed |= {name for name, each in found.items() if each != own.get(name) and not each.important}
        changed |= own.keys() - found.keys()
    return {_family_of(name) for name in changed}


def _family_of(name: str) -> str:
    """Return the family of a property: those of one family change each other."""
    family = name.partition("-")[0]
    return "font" if name == "line-height" else family if family in _SHORT else name


def _styles_by_number(page: str, number: str) -> dict[int, str]:
    """Return what the style sheets of a page say of each of its elements, by the value of its attribute `number`."""
    try:
        inlined = _inliner.inline(page.encode("utf-8", "replace").decode())
    except css_inline.InlineError as error:
        raise ContentError(keep("The style sheet cannot be read: %(error)s", error=error), "body") from error
    return {
        int(match[1]): markup.unescape_value(style[1])
        for match in re.finditer(rf' {number}="(\d+)"((?:[^">]++|"[^"]*+")*+)>', inlined)
        if (style := _style(match[2]))
    }


def add_style(tag: str, sheet: str) -> str:
    """Return the tag with the declarations of `sheet` before those of its author, which win where both are alike."""
    written = markup.attributes(tag).get("style", "")
    added = _declarations_to_add(sheet, written)
    return markup.with_attribute(tag, "style", f"{added} {written}".strip()) if added else tag


@lru_cache(maxsize=500)
def _declarations_to_add(sheet: str, written: str) -> str:
    """Return the declarations of a sheet as a style attribute takes them, without any that would swallow the rest."""
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
    """Return all style sheets of a page, together."""
    return "\n".join(sheet for _, _, sheet in list_sheets(markup.cut_pieces(page)))


def chooses_by_attribute(sheet: str) -> bool:
    """Return whether a rule of the style sheet looks at a class, an id or another attribute."""
    selectors = _comment.sub("", sheet)
    while (shorter := _blocks.sub(";", selectors)) != selectors:
        selectors = shorter
    return re.search(r"[.#\[]", selectors) is not None
