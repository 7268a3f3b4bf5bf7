"""MJML to HTML by mrml, and the line at which it is wrong, which mrml does not tell."""

import mrml

from . import limits, markup
from .held import Held
from .source import ContentError

_options = mrml.RenderOptions(fonts={})  # mrml would link to a font host: a stranger would see who reads

HTML_LIMIT = 1_000_000  # characters; mail clients cut an e-mail off at a tenth of that

# Elements of HTML that are never closed
VOID = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr")
)


def to_html(text: str, written: str, language: str) -> str:
    """MJML as an HTML document.

    Args:
        text: the MJML, its Liquid held.
        written: the same as its author wrote it, whose lines are named.
        language: of the document, where its author names none.
    Raises: ContentError: it does not parse, or a component stands where it cannot.
    """
    limits.check_mjml_depth(text)
    try:
        # what a browser sends ends its lines with CRLF, at which mrml stumbles after the last tag
        page = mrml.to_html(text.replace("\r\n", "\n"), render_options=_options).content
    except OSError as error:  # what mrml raises for anything it cannot parse
        said = _first_fault(written) or str(error)
        raise ContentError(f"The MJML does not compile: {said}", "body") from error
    if len(page) > HTML_LIMIT:
        raise ContentError(
            f"The MJML makes {len(page):,} characters of HTML: {HTML_LIMIT:,} are the limit", "body"
        )
    for piece in markup.pieces(page):
        if piece.name.startswith("mj"):
            line = _line_of(written, piece.name)
            raise ContentError(
                f"The MJML holds <{piece.name}> where it cannot stand, or it is no component: line {line}",
                "body",
            )
    return str(page.replace(' lang="und"', f' lang="{language}"'))


def _first_fault(written: str) -> str:
    """The first element that is not closed or not opened, with its line; "" when they all are."""
    held = Held(written)
    text = held.liquid(written)
    opened: list[tuple[str, int]] = []  # names, and where each starts
    position = 0
    for piece in markup.pieces(text):
        start, position = position, position + len(piece.source)
        if piece.kind != "tag" or piece.hidden or piece.name in VOID or piece.source.endswith("/>"):
            continue
        if piece.source[1] != "/":
            opened.append((piece.name, start))
        elif opened and opened[-1][0] == piece.name:
            opened.pop()
        elif any(name == piece.name for name, _ in opened):
            name, where = opened[-1]
            return f"line {_line(held, text, where)}: <{name}> is not closed before </{piece.name}>"
        else:
            return f"line {_line(held, text, start)}: </{piece.name}> closes nothing"
    if opened:
        name, where = opened[-1]
        return f"line {_line(held, text, where)}: <{name}> is not closed"
    return "" if markup.has(text, "mjml") else "line 1: it must begin with <mjml>"


def _line_of(written: str, name: str) -> int:
    """The line of the first element of this name; the first where a tag of Liquid writes it."""
    held = Held(written)
    text = held.liquid(written)
    position = 0
    for piece in markup.pieces(text):
        if piece.kind == "tag" and piece.name == name:
            return _line(held, text, position)
        position += len(piece.source)
    return 1


def _line(held: Held, text: str, position: int) -> int:
    return held.restore(text[:position]).count("\n") + 1
