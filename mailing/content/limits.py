"""Limits how deep content may be nested, before any parser in native code reads it.

Parsers of HTML and MJML call themselves once for each level of nesting. In native code that ends the whole process
when the stack is full, so depth is counted here first, with a list in place of the stack.
"""

import re
from collections.abc import Set

from .source import ContentError

TAG_LIMIT = 60_000  # of one page
STYLE_WORK_LIMIT = 1_500_000  # rules of style sheets times tags: each rule may be tried on each element
HTML_DEPTH = 250  # elements inside each other; native parsers have been seen to fail from about 1,000 on
MJML_DEPTH = 100
MARK_LIMIT = 5_000  # signs of one paragraph of Markdown: its reader looks back from each to those before

_tags = re.compile(
    r"""<!--(?:>|->|.*?(?:--!?>|\Z)) | <[!?][^>]*(?:>|\Z)
      | <(?P<end>/?)(?P<name>[a-zA-Z][^\s/>]*)(?>[^>"'=]+|=\s*"[^"]*"|=\s*'[^']*'|["'=])*+(?:>|\Z)""",
    re.VERBOSE | re.DOTALL,
)
_xml_tags = re.compile(
    r"""<!--.*?(?:-->|\Z) | <!\[CDATA\[.*?(?:\]\]>|\Z) | <[!?][^>]*(?:>|\Z)
      | <(?P<end>/?)(?P<name>[a-zA-Z][^\s/>]*)(?>[^>"']+|"[^"]*"|'[^']*'|["'])*+(?:>|\Z)""",
    re.VERBOSE | re.DOTALL,
)

_paragraphs = re.compile(r"\n[ \t]*\n").split
_marks = re.compile(r"[\[\]*_`~]").findall
_sheets = re.compile(r"<style\b.*?(?:</style|\Z)", re.DOTALL | re.IGNORECASE)

# Categories of elements as the HTML standard has them for its tree construction
_VOID = frozenset(
    "area base basefont bgsound br col embed frame hr img input keygen link meta param source track wbr".split()
)
_IGNORED = frozenset(("html", "head", "body"))  # a second one opens nothing
_RAW = frozenset("iframe noembed noframes script style textarea title xmp".split())
_FORMATTING = frozenset("a b big code em font i nobr s small strike strong tt u".split())
_ONLY_ITSELF = _FORMATTING | {"form"}  # their end tags close no element opened after them
_TABLE_PARTS = frozenset("caption col colgroup table tbody td tfoot th thead tr".split())
_SCOPES = frozenset(
    """annotation-xml applet caption desc foreignobject marquee mi mn mo ms mtext object select table td template th
    title""".split()
)
_SPECIAL = _SCOPES | frozenset(
    """address article aside blockquote button center dd details dir div dl dt fieldset figcaption figure footer form
    h1 h2 h3 h4 h5 h6 header hgroup li main menu nav ol p pre search section summary tbody tfoot thead tr ul""".split()
)
_CLOSES_PARAGRAPH = _SPECIAL - _SCOPES - _TABLE_PARTS - {"button"} | {"table", "hr", "xmp"}
_FOREIGN = frozenset(("svg", "math"))
_SIBLINGS = {  # a start tag of the first closes an open element of the second, up to an element of the third
    "li": ({"li"}, _SPECIAL - {"address", "div", "p"}),
    "dd": ({"dd", "dt"}, _SPECIAL - {"address", "div", "p"}),
    "dt": ({"dd", "dt"}, _SPECIAL - {"address", "div", "p"}),
    "td": ({"td", "th"}, {"table", "template"}),
    "th": ({"td", "th"}, {"table", "template"}),
    "tr": ({"tr"}, {"table", "template"}),
    "tbody": ({"tbody", "thead", "tfoot"}, {"table", "template"}),
    "thead": ({"tbody", "thead", "tfoot"}, {"table", "template"}),
    "tfoot": ({"tbody", "thead", "tfoot"}, {"table", "template"}),
    "option": ({"option"}, _SPECIAL),
}


def check_html_depth(page: str) -> None:
    """Refuse an HTML page whose elements may be nested too deep for a native parser.

    Wrong nesting may count as deeper than a parser would make it, and never as less deep.

    Raises:
        ContentError: they may.
    """
    check_html_size(page)
    if page.count("<") <= HTML_DEPTH:
        return
    opened: list[str] = []
    position = 0
    while tag := _tags.search(page, position):
        position = tag.end()
        name = (tag["name"] or "").lower()
        if not name or name in _VOID or name in _IGNORED:
            continue
        if tag["end"]:
            _end(opened, name)
            continue
        if name in _RAW and not _FOREIGN.intersection(opened) and "select" not in opened:
            closing = re.compile(rf"</{re.escape(name)}(?=[\s/>])", re.IGNORECASE).search(page, position)
            position = closing.start() if closing else len(page)
            continue
        _start(opened, name)
        if len(opened) > HTML_DEPTH:
            raise ContentError(
                f"The HTML has more than {HTML_DEPTH} elements inside each other: too deep to be shown",
                "body",
            )


def _start(opened: list[str], name: str) -> None:
    if name in _CLOSES_PARAGRAPH:
        _close(opened, {"p"}, _SCOPES | {"button"})
    if name in _SIBLINGS:
        _close(opened, *_SIBLINGS[name])
    opened.append(name)


def _end(opened: list[str], name: str) -> None:
    if name in _ONLY_ITSELF:
        for place in range(len(opened) - 1, -1, -1):
            if opened[place] == name:
                del opened[place]
                return
    elif name in _TABLE_PARTS:
        _close(opened, {name}, {"table", "template"} - {name})
    elif name == "p":
        _close(opened, {"p"}, _SCOPES | {"button"})
    elif name == "li":
        _close(opened, {"li"}, _SCOPES | {"ol", "ul"})
    elif name in _SPECIAL:
        _close(opened, {name}, _SCOPES - {name})
    else:
        _close(opened, {name}, _SPECIAL)


def _close(opened: list[str], names: Set[str], scopes: Set[str]) -> None:
    """Close the last open element of `names` and all opened after it, unless one of `scopes` is among those.

    Formatting such as <b> is opened anew behind the end of a block, so it goes on counting; a cell ends it.
    """
    for place in range(len(opened) - 1, -1, -1):
        if opened[place] in names:
            closes_cell = opened[place] in _TABLE_PARTS
            opened[place:] = [] if closes_cell else [each for each in opened[place:] if each in _FORMATTING]
            return
        if opened[place] in scopes:
            return


def check_html_size(page: str) -> None:
    """Refuse a page with too many tags, or with too many rules of style for its tags.

    Raises:
        ContentError: it has.
    """
    tags = page.count("<")
    if tags > TAG_LIMIT:
        raise ContentError(
            f"The HTML has {tags:,} tags: more than the {TAG_LIMIT:,} that can be read", "body"
        )
    if tags * page.count("{") <= STYLE_WORK_LIMIT:
        return
    rules = sum(sheet[0].count("{") for sheet in _sheets.finditer(page))
    if tags * rules > STYLE_WORK_LIMIT:
        raise ContentError(
            f"The style sheets have {rules:,} rules for {tags:,} tags: too many to be tried on each", "body"
        )


def check_markdown_size(text: str) -> None:
    """Refuse Markdown with too many cells, or with a paragraph of too many signs.

    Raises:
        ContentError: it has.
    """
    if (cells := text.count("|")) * 2 > TAG_LIMIT:
        raise ContentError(f"The Markdown has {cells:,} cells of tables: more than can be read", "body")
    for paragraph in _paragraphs(text):
        if len(paragraph) > MARK_LIMIT and (marks := len(_marks(paragraph))) > MARK_LIMIT:
            raise ContentError(
                f"A paragraph has {marks:,} signs such as * [ and `: more than the {MARK_LIMIT:,} that can be read",
                "body",
            )


def check_mjml_depth(text: str) -> None:
    """Refuse an MJML text whose elements are nested too deep for its parser.

    Raises:
        ContentError: they are; it names the line.
    """
    depth = 0
    for tag in _xml_tags.finditer(text):
        if not tag["name"] or tag[0].endswith("/>") or tag["name"].lower() in _VOID:
            continue
        depth = max(depth - 1, 0) if tag["end"] else depth + 1
        if depth > MJML_DEPTH:
            line = text.count("\n", 0, tag.start()) + 1
            raise ContentError(
                f"The MJML has more than {MJML_DEPTH} elements inside each other: line {line}", "body"
            )
