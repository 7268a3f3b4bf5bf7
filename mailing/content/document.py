"""The body in any of its formats as one HTML document, its Liquid held: converted, CSS inlined, spintax marked.

CSS is inlined into the template, before Liquid: once, not for every recipient. Where a parser of HTML would lose or
move Liquid (inside the syntax of a tag, around a cell of a table it would re-arrange), the template is left as it is
and CSS is inlined into each rendered message: `late`.
"""

import html

import css_inline
import mrml
from markdown_it import MarkdownIt

from . import markup
from .held import TAG, Held
from .source import ContentError, Source
from .spintax import Spintax

_markdown = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
_inliner = css_inline.CSSInliner(keep_style_tags=True, keep_link_tags=True, load_remote_stylesheets=False)
_mrml_options = mrml.RenderOptions(fonts={})  # mrml would link to a font host: a stranger would see who reads

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
        body = _from_mjml(body)
    page, late = _inlined(_as_page(body, source), held)
    if preheader:
        page = markup.after(page, "body", f'<div style="{_HIDDEN}">{preheader}{_FILLER}</div>')
    return page, late


def with_pixel(page: str, mark: str) -> str:
    """The page with the image whose loading tells that it was opened; `mark` stands for its address."""
    return markup.before_end(page, "body", f'<img src="{mark}" width="1" height="1" alt="" style="border:0">')


def inline(page: str) -> str:
    """The page with its style sheets copied into style attributes, for mail clients that drop style sheets."""
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
    return _markdown.render("\n".join(lines))


def _from_mjml(text: str) -> str:
    try:
        page = mrml.to_html(text, render_options=_mrml_options).content
    except OSError as error:  # what mrml raises for anything it cannot parse
        raise ContentError(f"The MJML does not compile: {error}", "body") from error
    for piece in markup.pieces(page):
        if piece.name.startswith("mj"):
            raise ContentError(
                f"The MJML holds <{piece.name}> where it cannot stand, or it is no component", "body"
            )
    return page


def _as_page(body: str, source: Source) -> str:
    if markup.has(body, "body"):
        return body
    if markup.has(body, "html") or markup.has(body, "head"):
        return inline(body)  # adds the body its author left out
    style = _MARKDOWN_STYLE if source.body_format == "markdown" else ""
    return _PAGE.format(locale=html.escape(source.locale.replace("_", "-")), style=style, body=body)


def _inlined(page: str, held: Held) -> tuple[str, bool]:
    if not markup.has(page, "style"):
        return page, False
    if any(held.mark.search(markup.without_values(p.source)) for p in markup.pieces(page) if p.kind == "tag"):
        return page, True
    inlined = inline(page)
    same = held.comment.findall(inlined) == held.comment.findall(page)
    return (inlined, False) if same else (page, True)
