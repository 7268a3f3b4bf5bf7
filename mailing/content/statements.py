"""Checks the statements of Liquid in a text before it is parsed: limits them, and makes their quotes straight.

The parser of Liquid searches for the end of each statement anew, which takes very long when many are not closed. So
open statements are found here first, in one pass.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from msgspec.structs import replace

from campaigns.sentences import keep
from campaigns.texts import unescape_html

from .source import ContentError, Source

BODY_LIMIT = 500_000  # characters of a body or a text part; Gmail shows the first 102 KB
LINE_LIMIT = 10_000  # characters of a subject and the like
STATEMENT_LIMIT = 2_500  # in one field
LIQUID_LIMIT = 100_000  # characters of all statements of one field
BLANK_LIMIT = 100  # blanks in a row inside a statement: the parser goes back over them once for each
STATEMENT_LENGTH = 2_000  # characters of one: its filters and conditions are read one inside the other
BRACKET_LIMIT = 50  # round and square ones in one statement, likewise

FIELDS = ("subject", "preheader", "from_name", "body", "text")  # those that may hold Liquid

_opener = re.compile(r"\{\{|\{%-?\s*(?P<name>raw|doc)\s*-?%\}|\{%")
_ends = {name: re.compile(rf"\{{%-?\s*end{name}\s*-?%\}}") for name in ("raw", "doc")}
_blanks = re.compile(rf"\s{{{BLANK_LIMIT}}}")
_straight = re.compile(r'"[^"]*"|\'[^\']*\'')
# What word processors and editors of HTML make of a straight quote
_QUOTES = {
    **dict.fromkeys("“”„‟«»", '"'),
    **dict.fromkeys("‘’‚‛‹›", "'"),
    **dict.fromkeys(
        ("&quot;", "&#34;", "&#x22;", "&ldquo;", "&rdquo;", "&bdquo;", "&laquo;", "&raquo;"), '"'
    ),
    **dict.fromkeys(("&apos;", "&#39;", "&#x27;", "&lsquo;", "&rsquo;", "&sbquo;"), "'"),
}
_quote = re.compile("|".join(map(re.escape, _QUOTES)), re.IGNORECASE)
_entity = re.compile(r"&(?:#\d+|#x[0-9a-f]+|[a-z][a-z0-9]*);", re.IGNORECASE)
_foreign = re.compile(
    rf"{_straight.pattern}|{_quote.pattern}|{_entity.pattern}|[\u00a0\u2007\u202f]", re.IGNORECASE
)


class _Unquoted(ValueError):
    """A quote that is not straight stands alone."""


class Statement(NamedTuple):
    """Where a statement lies in its text; one of `raw` or `doc` with all that is in it."""

    start: int
    end: int
    is_raw: bool


def prepare_source(source: Source) -> Source:
    """Return the source with the quotes of its Liquid straight.

    Raises:
        ContentError: a field is larger than we read.
    """
    changed = {}
    for field in FIELDS:
        text = getattr(source, field)
        limit = BODY_LIMIT if field in ("body", "text") else LINE_LIMIT
        if len(text) > limit:
            raise ContentError(
                keep(
                    "%(capitalize)s: %(count)s characters are more than the %(limit)s that can be read",
                    capitalize=field.replace("_", " ").capitalize(),
                    count=len(text),
                    limit=limit,
                ),
                field,
            )
        if "{{" in text or "{%" in text:
            straight = straighten_quotes(text, field)
            if straight != text:
                changed[field] = straight
    return replace(source, **changed) if changed else source


def straighten_quotes(text: str, field: str = "body") -> str:
    """Return `text` with straight quotes in its statements, where an editor wrote others or encoded them for HTML.

    Raises:
        ContentError: a statement is not closed, or there are too many, or one is too long; names the line.
    """
    out: list[str] = []
    position = length = 0
    for count, statement in enumerate(_statements(text, field), 1):
        if count > STATEMENT_LIMIT:
            raise _make_fault(
                text,
                statement.start,
                field,
                keep("more than %(statement_limit)s statements of Liquid", statement_limit=STATEMENT_LIMIT),
            )
        source = text[statement.start : statement.end]
        if not statement.is_raw:
            if len(source) > STATEMENT_LENGTH:
                raise _make_fault(
                    text,
                    statement.start,
                    field,
                    keep(
                        "a statement of more than %(statement_length)s characters",
                        statement_length=STATEMENT_LENGTH,
                    ),
                )
            length += len(source)
            if length > LIQUID_LIMIT:
                raise _make_fault(
                    text,
                    statement.start,
                    field,
                    keep("more than %(liquid_limit)s characters of Liquid", liquid_limit=LIQUID_LIMIT),
                )
            if _blanks.search(source):
                raise _make_fault(
                    text,
                    statement.start,
                    field,
                    keep("more than %(blank_limit)s blanks in a row in Liquid", blank_limit=BLANK_LIMIT),
                )
            if source.count("(") + source.count("[") > BRACKET_LIMIT:
                raise _make_fault(
                    text,
                    statement.start,
                    field,
                    keep(
                        "a statement with more than %(bracket_limit)s brackets", bracket_limit=BRACKET_LIMIT
                    ),
                )
            try:
                source = source[:2] + _straight_statement(source[2:-2]) + source[-2:]
            except _Unquoted as unquoted:
                raise _make_fault(text, statement.start, field, str(unquoted)) from None
        out += text[position : statement.start], source
        position = statement.end
    return "".join(out) + text[position:]


def _statements(text: str, field: str) -> Iterator[Statement]:
    position = 0
    while opener := _opener.search(text, position):
        start = opener.start()
        if opener["name"]:
            closing = _ends[opener["name"]].search(text, opener.end())
            end = closing.end() if closing else -1
        else:
            end = text.find("}}" if opener[0] == "{{" else "%}", opener.end()) + 2
            end = end if end > 1 else -1
        if end < 0:
            expected = (
                f"{{% end{opener['name']} %}}" if opener["name"] else "}}" if opener[0] == "{{" else "%}"
            )
            raise _make_fault(
                text, start, field, keep("expected '%(expected)s', found end of file", expected=expected)
            )
        yield Statement(start, end, bool(opener["name"]))
        position = end


def _straight_statement(inner: str) -> str:
    """Return what stands between the braces of one statement, its quotes and spaces as Liquid reads them.

    Raises:
        _Unquoted: a quote has no partner.
    """
    if (inner.isascii() and "&" not in inner) or inner.lstrip("- ").startswith("#"):
        return inner
    out: list[str] = []
    position = 0
    while found := _foreign.search(inner, position):
        out.append(inner[position : found.start()])
        position = found.end()
        piece = found[0]
        kind = _QUOTES.get(piece) or _QUOTES.get(piece.lower())
        if kind is None:
            # what stands in straight quotes is meant as it is written
            out.append(piece if piece[0] in "\"'" else unescape_html(piece).replace("\xa0", " "))
            if piece in "\u00a0\u2007\u202f":
                out[-1] = " "
            continue
        closing = next((end for end in _quote.finditer(inner, position) if _same_kind(end[0], kind)), None)
        if closing is None:
            raise _Unquoted(
                keep(
                    "the editor wrote %(piece)s here, and no second one: write straight quotes, %(kind)s",
                    piece=piece,
                    kind=kind,
                )
                if piece[0] == "&"
                else keep(
                    "%(piece)s has no second one: write straight quotes, %(kind)s", piece=piece, kind=kind
                )
            )
        words = inner[position : closing.start()]
        position = closing.end()
        words = unescape_html(words) if piece[0] == "&" else words
        mark = kind if kind not in words else "'" if kind == '"' else '"'
        out.append(f"{mark}{words}{mark}")
    out.append(inner[position:])
    return "".join(out)


def _same_kind(quote: str, kind: str) -> bool:
    return (_QUOTES.get(quote) or _QUOTES.get(quote.lower())) == kind


def _make_fault(text: str, position: int, field: str, said: str) -> ContentError:
    line = text.count("\n", 0, position) + 1
    return ContentError(
        keep(
            "%(capitalize)s, line %(line)s: %(said)s",
            capitalize=field.replace("_", " ").capitalize(),
            line=line,
            said=said,
        ),
        field,
    )
