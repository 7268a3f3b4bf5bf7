"""Adds to the finished page what screen readers and dark screens need.

Only what its author left out is added: `lang` and `dir`, a <title>, the two <meta> that say which color schemes the
mail knows, and `role="presentation"` on tables that only lay out. Every other character of the page stays, the DOCTYPE
among them. Additions stand at the end of a tag, so that what Liquid writes into it wins.
"""

import re
from typing import NamedTuple

from babel import Locale, UnknownLocaleError

from . import markup, styles
from .markup import Piece
from .protected_liquid import ProtectedLiquid

LIGHT, BOTH = "light", "light dark"
_SCHEMES = ("color-scheme", "supported-color-schemes")

_own_scheme = re.compile(r"(?<![-\w])color-scheme\s*:\s*([a-z]+(?:\s+[a-z]+)*)", re.IGNORECASE).search
_dark_rules = re.compile(r"prefers-color-scheme\s*:\s*dark", re.IGNORECASE).search
_colours = re.compile(
    r"(?<![-\w])(?:color|background|background-color|bgcolor|text)\s*[:=]", re.IGNORECASE
).search
_OF_DATA = frozenset(("th", "caption"))


class PageAdditions(NamedTuple):
    """What is added to a page that does not say it itself.

    language: the value of `lang`. title: HTML with marks, "" for none.
    """

    language: str
    title: str


def complete_page(page: str, held: ProtectedLiquid, additions: PageAdditions) -> str:
    """Return the page with everything that it lacks."""
    pieces = list(markup.cut_pieces(page))
    _add_roles(pieces)
    _add_language(pieces, held, additions.language)
    head, has_title = _list_missing(pieces, page, additions)
    if not has_title:
        _fill_title(pieces, additions.title)
    _insert_in_head(pieces, head)
    _add_html_tag(pieces, additions.language)
    return "".join([piece.source for piece in pieces])


def direction_of(language: str) -> str:
    """Return in which direction a language is written: ltr or rtl."""
    try:
        return Locale.parse(language.replace("-", "_")).text_direction
    except (ValueError, UnknownLocaleError):
        return "ltr"


# ── tables ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _add_roles(pieces: list[Piece]) -> None:
    """Give `role="presentation"` to each table without a role, unless it holds data: headings, a caption, a scope.

    Tables in comments for Outlook count apart, since other programs do not see them.
    """
    # places of open tables, by whether they stand in a comment
    opened: dict[bool, list[int]] = {
        False: [],
        True: [],
    }
    candidates: set[int] = set()
    for place, piece in enumerate(pieces):
        if piece.kind != "tag":
            continue
        tables = opened[piece.hidden]
        if piece.name == "table":
            if piece.is_start:
                tables.append(place)
                if "role" not in markup.attributes(piece.source):
                    candidates.add(place)
            elif tables:
                tables.pop()
        elif piece.is_start and (piece.name in _OF_DATA or piece.name == "td") and _tells_data(piece):
            own = tables or opened[True]
            candidates.discard(own[-1] if own else -1)
    for place in candidates:
        _fill_attributes(pieces, place, role="presentation")


def _tells_data(piece: Piece) -> bool:
    """Return whether a tag inside a table shows that it holds data."""
    if piece.name in _OF_DATA:
        return True
    return bool(markup.attributes(piece.source).keys() & {"scope", "headers"})


# ── language and direction ───────────────────────────────────────────────────────────────────────────────────────────


def _add_language(pieces: list[Piece], held: ProtectedLiquid, language: str) -> None:
    for place, piece in enumerate(pieces):
        if piece.name == "html" and piece.is_start:
            given = markup.attributes(piece.source)
            own = given.get("lang", "").strip() or given.get("xml:lang", "").strip()
            is_known = bool(own) and not held.mark.search(own)
            _fill_attributes(
                pieces, place, lang=own or language, dir=direction_of(own if is_known else language)
            )


def _add_html_tag(pieces: list[Piece], language: str) -> None:
    """Put <html> before the first tag of a page without one."""
    if any(piece.name == "html" and piece.is_start and not piece.hidden for piece in pieces):
        return
    first = next((place for place, piece in enumerate(pieces) if piece.kind == "tag" and not piece.hidden), 0)
    opening = f'<html lang="{language}" dir="{direction_of(language)}">'
    pieces.insert(first, Piece("tag", opening, "html"))


# ── the head ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _list_missing(pieces: list[Piece], page: str, additions: PageAdditions) -> tuple[list[str], bool]:
    """Return the tags that the head lacks, and whether a <title> is there and filled."""
    known: dict[str, str] = {}  # the content of each <meta>, by its name
    has_title = is_filled = False
    for place, piece in enumerate(_head_of(pieces)):
        if piece.name == "meta" and piece.is_start:
            attributes = markup.attributes(piece.source)
            known.setdefault(attributes.get("name", "").strip().lower(), attributes.get("content", ""))
        elif piece.name == "title" and piece.is_start:
            following = pieces[place + 1] if place + 1 < len(pieces) else None
            is_filled |= following is not None and following.kind == "raw" and bool(following.source.strip())
            has_title = True
    scheme = known.get(_SCHEMES[0]) or known.get(_SCHEMES[1]) or _choose_scheme(page)
    missing = [f'<meta name="{name}" content="{scheme}">' for name in _SCHEMES if name not in known]
    if not has_title and additions.title:
        missing.append(f"<title>{additions.title}</title>")
    return missing, not has_title or is_filled


def _head_of(pieces: list[Piece]) -> list[Piece]:
    """Return the pieces before the body; those in comments are no part of the page."""
    end = next(
        (place for place, piece in enumerate(pieces) if piece.name == "body" and piece.is_start), len(pieces)
    )
    return [piece if not piece.hidden else Piece("comment", piece.source) for piece in pieces[:end]]


def _choose_scheme(page: str) -> str:
    """Return both schemes if the mail has rules for dark screens or no colours of its own, else light alone.

    A mail that sets only some of its colours would be unreadable in a dark program that trusts it.
    """
    sheets = styles.join_sheets(page)
    if said := _own_scheme(sheets):
        return said[1].lower()
    return BOTH if _dark_rules(sheets) or not _colours(page) else LIGHT


def _fill_title(pieces: list[Piece], title: str) -> None:
    for place, piece in enumerate(pieces):
        if piece.name == "title" and piece.is_start and not piece.hidden:
            pieces.insert(place + 1, Piece("raw", title, "title"))
            return


def _insert_in_head(pieces: list[Piece], missing: list[str]) -> None:
    """Insert the missing tags at the end of the head, or where the head would begin."""
    if not missing:
        return
    head = _head_of(pieces)
    places = {
        name: place + 1
        for place, piece in reversed(list(enumerate(head)))
        for name in (f"{'' if piece.is_start else '/'}{piece.name}",)
        if piece.kind == "tag"
    }
    if "/head" in places:
        place = places["/head"] - 1
    else:
        place = (
            places.get("head")
            or places.get("html")
            or next((at for at, piece in enumerate(head) if piece.kind == "tag"), len(head))
        )
    pieces.insert(place, Piece("tag", "".join(missing), "meta"))


def _fill_attributes(pieces: list[Piece], place: int, **attributes: str) -> None:
    """Set each attribute that the tag lacks or has empty."""
    tag = pieces[place].source
    given = markup.attributes(tag)
    for name, value in attributes.items():
        if not given.get(name, "").strip():
            tag = markup.with_attribute(tag, name, value)
    pieces[place] = pieces[place]._replace(source=tag)
