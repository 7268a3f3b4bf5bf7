"""The body in any of its formats as one HTML document, its Liquid held: converted, CSS inlined, spintax marked.

CSS is inlined into the template, before Liquid: once, not for every recipient. Where a parser of HTML would lose or
move Liquid (inside the syntax of a tag, around a cell of a table it would re-arrange), the template is left as it is
and CSS is inlined into each rendered message: `late`.
"""

import html

import css_inline
from markdown_it import MarkdownIt

from . import limits, markup, mjml
from .held import TAG, Held
from .source import Source
from .spintax import Spintax

_markdown = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
_inliner = css_inline.CSSInliner(keep_style_tags=True, keep_link_tags=True, load_remote_stylesheets=False)

_PAGE = (
    '<!DOCTYPE html>\n<html lang="{locale}"><head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width, initial-scale=1">{style}</head>\n'
    "<body>\n{body}\n</body></html>\n"
)
_MARKDOWN_STYLE = (
    "<style>body{margin:0 auto;max-width:600px;padding:24px 16px;font:16px/1.5 Helvetica,Arial,sans-serif;"
    "color:#222}img{max-width:100%;height:auto}blockquote{margin:0 0 16px;padding-left:16px;"
    "border-left:3px solid #ddd}td,th{padding:4px 12px 4px 0;text-align:left}</style>"
)
# Behind the preheader, so that no mail client fills its line with the first words of the body
_FILLER = "&#847;&zwnj;&nbsp;" * 40
_HIDDEN = "display:none;max-height:0;max-width:0;opacity:0;overflow:hidden;mso-hide:all;font-size:1px;line-height:1px"


def document(source: Source, held: Held, preheader: str) -> tuple[str, bool]:
    """The body as one HTML document with marks, and whether its CSS is to be inlined `late`.

    `preheader` is HTML with marks, put where mail clients look for it. Raises ContentError: MJML that does not parse.
    """
    body = held.liquid(source.body)
    spintax = Spintax(held, "b")
    if source.body_format == "markdown":
        body = _from_markdown(body, held)
    body = markup.text_runs(body, held.comment.fullmatch, lambda run: held.as_comments(spintax.run(run)))
    if source.body_format == "mjml":
        body = mjml.to_html(body, source.body, _language(source))
    page, late = _inlined(_as_page(body, source), held)
    if preheader:
        page = markup.after(page, "body", f'<div style="{_HIDDEN}">{preheader}{_FILLER}</div>')
    return page, late


def with_pixel(page: str, mark: str) -> str:
    """The page with the image whose loading tells that it was opened; `mark` stands for its address."""
    return markup.before_end(page, "body", f'<img src="{mark}" width="1" height="1" alt="" style="border:0">')


def inline(page: str) -> str:
    """The page with its style sheets copied into style attributes, for mail clients that drop style sheets."""
    limits.check_html_depth(page)
    return _inliner.inline(page)


def _from_markdown(text: str, held: Held) -> str:
    """Tags on a line of their own become comments: they neither make a paragraph nor belong to one."""
    lines = []
    for line in held.escapes(text).split("\n"):
        marks = list(held.mark.finditer(line))
        alone = (
            marks and not held.mark.sub("", line).strip() and all(held.kind(mark) == TAG for mark in marks)
        )
        lines.append(held.as_comments(line.strip()) if alone else line)
    return str(_markdown.render("\n".join(lines)))


def _as_page(body: str, source: Source) -> str:
    if markup.has(body, "body"):
        return body
    if markup.has(body, "html") or markup.has(body, "head"):
        return inline(body)  # adds the body its author left out
    style = _MARKDOWN_STYLE if source.body_format == "markdown" else ""
    return _PAGE.format(locale=_language(source), style=style, body=body)


def _language(source: Source) -> str:
    return html.escape(source.locale.replace("_", "-"))


def _inlined(page: str, held: Held) -> tuple[str, bool]:
    if not markup.has(page, "style"):
        return page, False
    if any(held.mark.search(markup.without_values(p.source)) for p in markup.pieces(page) if p.kind == "tag"):
        return page, True
    page = _with_tbody(page, held)
    inlined = inline(page)
    marks = [sorted(held.mark.findall(each)) for each in (page, inlined)]
    moved = held.comment.search(page) and _outline(inlined, held) != _outline(page, held)
    return (page, True) if moved or marks[0] != marks[1] else (inlined, False)


def _outline(page: str, held: Held) -> list[str]:
    """The tags and the marks between them. A parser of HTML changes it when it closes what the author left open or
    moves a mark; then one end of an element may be inside a condition and the other outside."""
    outline = []
    for piece in markup.pieces(page):
        if piece.kind == "tag" and not piece.hidden and piece.name not in ("html", "head", "body", "tbody"):
            outline.append("/" + piece.name if piece.source[1] == "/" else piece.name)
        elif piece.kind == "comment" and held.comment.fullmatch(piece.source):
            outline.append(piece.source)
    return outline


def _with_tbody(page: str, held: Held) -> str:
    """The page with <tbody> where marks stand before a table's first row: a parser would put it behind them."""
    found = list(markup.pieces(page))
    for place in range(len(found) - 1, -1, -1):
        if found[place].kind == "tag" and found[place].name == "tr":
            before = place
            while found[before - 1].kind in ("text", "comment") and (
                held.comment.fullmatch(found[before - 1].source) or not found[before - 1].source.strip()
            ):
                before -= 1
            opener = found[before - 1].source.lower()
            if before < place and opener.startswith(("<table", "</thead")):
                found.insert(before, markup.Piece("tag", "<tbody>", "tbody"))
    return "".join(piece.source for piece in found)
