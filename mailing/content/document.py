"""Turns a body of any format into one HTML document, its Liquid held: converts it, inlines CSS, marks spintax.

CSS is inlined into the template, before Liquid: once, not for every recipient. Where a parser of HTML would lose or
move Liquid (inside the syntax of a tag, around a cell of a table it would re-arrange), the template is left as it is
and CSS is inlined into each rendered message: `late`.
"""

import html
from collections.abc import Sequence
from typing import NamedTuple

from markdown_it import MarkdownIt
from markdown_it.token import Token

from . import limits, markup, mjml, page_tree, styles
from .bare_links import BareLinks
from .names import TRAP
from .protected_liquid import TAG, ProtectedLiquid
from .source import Source
from .spintax import Spintax
from .styles import inline_styles
from .visible_page import make_visible_page

# What stands before the body
_OF_HEAD = frozenset("html head base basefont bgsound link meta noframes script style template title".split())

_PAGE = (
    '<!DOCTYPE html>\n<html lang="{locale}"><head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width, initial-scale=1">{style}</head>\n'
    "<body>\n{body}\n</body></html>\n"
)
_MARKDOWN_STYLE = (
    "<style>body{margin:0 auto;max-width:600px;padding:24px 16px;font:16px/1.5 Helvetica,Arial,sans-serif;"
    "color:#222}img{max-width:100%;height:auto}blockquote{margin:0 0 16px;padding-left:16px;"
    "border-left:3px solid #ddd}td,th{padding:4px 12px 4px 0;text-align:left}"
    "@media (prefers-color-scheme:dark){body{background:#1c1c1c!important;color:#e8e8e8!important}"
    "a:not([style]){color:#8ab4f8!important}}</style>"
)
# Behind the preheader, so that no mail client fills its line with the first words of the body
_FILLER = "&#847;&zwnj;&nbsp;" * 40
_HIDDEN = "display:none;max-height:0;max-width:0;opacity:0;overflow:hidden;mso-hide:all;font-size:1px;line-height:1px"


class Document(NamedTuple):
    """The body as one HTML document with marks.

    Its CSS is to be inlined `late`, or not. `is_regular`: HTML and Liquid were found not to be entangled. `seen` is the
    page as its readers can come to see it, when that differs from what is sent.
    """

    page: str
    late: bool
    is_regular: bool
    seen: str = ""


def build_document(source: Source, held: ProtectedLiquid, preheader: str, is_late: bool = False) -> Document:
    """Return the body as one HTML document with marks.

    `preheader` is HTML with marks, put where mail clients look for it.

    Args:
        is_late: inline the CSS into each rendered message, whatever is known of the template.

    Raises:
        ContentError: MJML that does not parse.
    """
    body = held.liquid(source.body)
    spintax = Spintax(held, "b")
    if source.body_format == "markdown":
        body = _convert_markdown(body, held)
    body = markup.text_runs(body, held.comment.fullmatch, lambda run: held.as_comments(spintax.run(run)))
    if source.body_format == "mjml":
        body = held.bare_in_comments(mjml.to_html(body, held, write_language(source)))
    page = _complete_page(body, source, held)
    limits.check_html_depth(page)
    made = Document(page, late=True, is_regular=False) if is_late else _inline_styles(page, held)
    if not preheader:
        return made
    addition = f'<div style="{_HIDDEN}">{preheader}{_FILLER}</div>'
    page, seen = (
        markup.insert_after_start(each, "body", addition) if each else each for each in (made.page, made.seen)
    )
    return Document(page, made.late, made.is_regular and not held.mark.search(preheader), seen)


def add_pixel(page: str, mark: str) -> str:
    """Return the page with the image whose loading tells that it was opened; `mark` stands for its address."""
    return markup.insert_before_end(
        page, "body", f'<img src="{mark}" width="1" height="1" alt="" style="border:0">'
    )


def add_trap(page: str, mark: str) -> str:
    """Return the page with a link that people cannot see: only machines that follow all links follow it."""
    return markup.insert_before_end(
        page,
        "body",
        f'<a href="{mark}/{TRAP}" rel="nofollow" aria-hidden="true" tabindex="-1" style="display:none"></a>',
    )


def add_annotation(page: str, mark: str) -> str:
    """Return the page with a note for mail programs that show what a mail offers (schema.org, JSON-LD)."""
    return markup.insert_before_end(page, "body", f'<script type="application/ld+json">{mark}</script>')


def parse_markdown(text: str, held: ProtectedLiquid) -> Sequence[Token]:
    """Return the pieces of a Markdown text.

    Raises:
        ContentError: they are nested too deep.
    """
    pieces = _make_markdown_parser(held).parse(text)
    limits.check_markdown_depth(pieces)
    return pieces


def _make_markdown_parser(held: ProtectedLiquid) -> MarkdownIt:
    reader = MarkdownIt("commonmark", {"html": True, "linkify": True, "maxNesting": limits.MARKDOWN_DEPTH})
    reader.enable(["table", "strikethrough", "linkify"])
    reader.inline.ruler.disable("linkify")  # it looks back over the whole line at each "://"
    reader.linkify = BareLinks(held)
    return reader


def _convert_markdown(text: str, held: ProtectedLiquid) -> str:
    """Convert Markdown. Liquid on a line of its own becomes a comment: it is in no paragraph and makes none."""
    limits.check_markdown_size(text)
    lines = []
    for line in held.escapes(text).split("\n"):
        marks = list(held.mark.finditer(line))
        alone = (
            marks and not held.mark.sub("", line).strip() and all(held.kind(mark) == TAG for mark in marks)
        )
        lines.append(held.as_comments(line.strip()) if alone else line)
    reader = _make_markdown_parser(held)
    pieces = reader.parse("\n".join(lines))
    limits.check_markdown_depth(pieces)
    return str(reader.renderer.render(pieces, reader.options, {}))


def _complete_page(body: str, source: Source, held: ProtectedLiquid) -> str:
    if markup.has_start_tag(body, "body"):
        return body
    if markup.has_start_tag(body, "html") or markup.has_start_tag(body, "head"):
        return _add_body_tags(body, held)
    style = _MARKDOWN_STYLE if source.body_format == "markdown" else ""
    return _PAGE.format(locale=write_language(source), style=style, body=body)


def _add_body_tags(page: str, held: ProtectedLiquid) -> str:
    """Return the page with the tags of the body its author left out."""
    before: list[str] = []  # what stands in the head or before it
    waiting: list[str] = []  # blanks and marks, which may belong to the body already
    rest: list[str] = []
    has_head = is_closed = False
    for piece in markup.cut_pieces(page):
        blank = piece.kind in ("comment", "condition") or piece.hidden or not piece.source.strip()
        mark = held.comment.fullmatch(piece.source) if piece.kind == "comment" else None
        if rest or (mark and held.kind(mark) != TAG):
            rest.append(piece.source)
        elif blank:
            waiting.append(piece.source)
        elif piece.name in _OF_HEAD and piece.kind in ("tag", "raw"):
            has_head |= piece.name == "head"
            is_closed |= piece.name == "head" and not piece.is_start
            before += [*waiting, piece.source]
            waiting = []
        else:
            rest.append(piece.source)
    head = "" if is_closed else ("</head>" if has_head else "<head></head>")
    opened = f"{''.join(before)}{head}<body>{''.join(waiting)}{''.join(rest)}"
    return markup.insert_before_end(opened, "html", "</body>")


def write_language(source: Source) -> str:
    """Return the value of the attribute `lang` for a campaign's language."""
    return html.escape(source.locale.replace("_", "-"))


def _inline_styles(page: str, held: ProtectedLiquid) -> Document:
    if not markup.has_start_tag(page, "style"):
        return Document(page, late=False, is_regular=False)
    has_liquid = held.mark.search(page) is not None
    if has_liquid and _is_late(page, held):
        return Document(page, late=True, is_regular=False)
    return Document(inline_styles(page), late=False, is_regular=has_liquid, seen=make_visible_page(page))


def _is_late(page: str, held: ProtectedLiquid) -> bool:
    """Return whether only a rendered page tells which rules of its style sheets apply to what."""
    sheets = styles.join_sheets(page)
    if held.mark.search(sheets):
        return True
    by_attribute = styles.chooses_by_attribute(sheets)
    for piece in markup.cut_pieces(page):
        if piece.is_start and held.mark.search(piece.source):
            if held.mark.search(markup.without_values(piece.source)):
                return True
            chosen = markup.attributes(piece.source)
            if by_attribute and any(held.mark.search(chosen.get(name, "")) for name in ("class", "id")):
                return True
    try:
        page_tree.parse_tree(page, held)
    except page_tree.EntangledLiquid:
        return True
    return False
