"""Limits how deep content may be nested, before any parser in native code reads it.

Parsers of HTML and MJML call themselves once for each level of nesting. In native code that ends the whole process
when the stack is full, so depth is counted here first, with a list in place of the stack.
"""

import re
from collections.abc import Sequence

from markdown_it.token import Token

from campaigns.sentences import keep

from .nesting import Nesting, read_nesting
from .open_elements import VOID
from .source import ContentError

TAG_LIMIT = 60_000  # of one page
STYLE_WORK_LIMIT = 1_500_000  # rules of style sheets times tags: each rule may be tried on each element
HTML_DEPTH = 250  # elements inside each other; native parsers have been seen to fail from about 1,000 on
MJML_DEPTH = 100
MARKDOWN_DEPTH = (
    100  # lists and quotations inside each other, each with its items; the reader leaves out what is deeper
)
BRACKET_WORK_LIMIT = 8_000_000  # brackets of one paragraph times its length: each may be read to its end
MARK_LIMIT = 5_000  # signs of one paragraph of Markdown: its reader looks back from each to those before

_xml_tags = re.compile(
    r"""<!--.*?(?:-->|\Z) | <!\[CDATA\[.*?(?:\]\]>|\Z) | <[!?][^>]*(?:>|\Z)
      | <(?P<end>/?)(?P<name>[a-zA-Z][^\s/>]*)(?>[^>"']+|"[^"]*"|'[^']*'|["'])*+(?:>|\Z)""",
    re.VERBOSE | re.DOTALL,
)

_paragraphs = re.compile(r"\n[ \t]*\n").split
_marks = re.compile(r"[\[\]*_`~]").findall
_no_script = re.compile(r"<noscript", re.IGNORECASE).search
_modern = re.compile(r"\s*<!doctype\s+html\s*>", re.IGNORECASE).match
_sheets = re.compile(r"<style\b.*?(?:</style|\Z)", re.DOTALL | re.IGNORECASE)


def check_html_depth(page: str) -> None:
    """Refuse an HTML page whose elements are nested too deep for a native parser, or that makes too many of them.

    Raises:
        ContentError: they are, or it does.
    """
    check_html_size(page)
    if page.count("<") <= HTML_DEPTH:
        return
    # parsers differ in <noscript>, and in a table in a paragraph of a page without a doctype
    scripts = (False, True) if _no_script(page) else (False,)
    ages = (False,) if _modern(page) else (False, True)
    for has_scripts in scripts:
        for is_old in ages:
            read_nesting(page, _check_nesting, has_scripts, is_old)


def _check_nesting(nesting: Nesting) -> None:
    if nesting.deepest > HTML_DEPTH:
        raise ContentError(
            keep(
                "The HTML has more than %(html_depth)s elements inside each other: too deep to be shown",
                html_depth=HTML_DEPTH,
            ),
            "body",
        )
    if nesting.made > TAG_LIMIT:
        raise ContentError(
            keep(
                "The HTML leaves elements such as <b> and <font> open, and each block has them all again: more than "
                "%(tag_limit)s elements in all. Close them",
                tag_limit=TAG_LIMIT,
            ),
            "body",
        )


def check_html_size(page: str) -> None:
    """Refuse a page with too many tags, or with too many rules of style for its tags.

    Raises:
        ContentError: it has.
    """
    tags = page.count("<")
    if tags > TAG_LIMIT:
        raise ContentError(
            keep(
                "The HTML has %(tags)s tags: more than the %(tag_limit)s that can be read",
                tags=tags,
                tag_limit=TAG_LIMIT,
            ),
            "body",
        )
    if tags * page.count("{") <= STYLE_WORK_LIMIT:
        return
    rules = sum(sheet[0].count("{") for sheet in _sheets.finditer(page))
    if tags * rules > STYLE_WORK_LIMIT:
        raise ContentError(
            keep(
                "The style sheets have %(rules)s rules for %(tags)s tags: too many to be tried on each",
                rules=rules,
                tags=tags,
            ),
            "body",
        )


def check_markdown_size(text: str) -> None:
    """Refuse Markdown with too many cells, or with a paragraph of too many signs.

    Raises:
        ContentError: it has.
    """
    if (cells := text.count("|")) * 2 > TAG_LIMIT:
        raise ContentError(
            keep("The Markdown has %(cells)s cells of tables: more than can be read", cells=cells),
            "body",
        )
    for paragraph in _paragraphs(text):
        if len(paragraph) > MARK_LIMIT and (marks := len(_marks(paragraph))) > MARK_LIMIT:
            raise ContentError(
                keep(
                    "A paragraph has %(marks)s signs such as * [ and `: more than the %(mark_limit)s that "
                    "can be read",
                    marks=marks,
                    mark_limit=MARK_LIMIT,
                ),
                "body",
            )
        if (brackets := paragraph.count("[")) * len(paragraph) > BRACKET_WORK_LIMIT:
            raise ContentError(
                keep(
                    "A paragraph of %(letters)s characters has %(brackets)s brackets: more than can be read. "
                    "Put blank lines into it",
                    letters=len(paragraph),
                    brackets=brackets,
                ),
                "body",
            )


def check_markdown_depth(pieces: Sequence[Token]) -> None:
    """Refuse Markdown whose lists and quotations are nested as deep as its reader goes, or deeper.

    Raises:
        ContentError: they are; it names the line.
    """
    for piece in pieces:
        if piece.level + piece.nesting >= MARKDOWN_DEPTH:
            raise ContentError(
                keep(
                    "The Markdown has too many lists or quotations inside each other: line %(line)s",
                    line=(piece.map or [0])[0] + 1,
                ),
                "body",
            )


def check_mjml_depth(text: str) -> None:
    """Refuse an MJML text whose elements are nested too deep for its parser.

    Raises:
        ContentError: they are; it names the line.
    """
    depth = 0
    for tag in _xml_tags.finditer(text):
        if not tag["name"] or tag[0].endswith("/>") or tag["name"].lower() in VOID:
            continue
        depth = max(depth - 1, 0) if tag["end"] else depth + 1
        if depth > MJML_DEPTH:
            line = text.count("\n", 0, tag.start()) + 1
            raise ContentError(
                keep(
                    "The MJML has more than %(mjml_depth)s elements inside each other: line %(line)s",
                    mjml_depth=MJML_DEPTH,
                    line=line,
                ),
                "body",
            )
