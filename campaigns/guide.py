"""The guide for marketers: the pages of docs/guide/ as the workspace shows them, and which of them helps where.

A comment before a heading names the views that it explains, as in `<!-- helps: mailing:contacts mailing:contact -->`.
The folder of each other language has the same pages with the same sections. A section has the anchor of the English
one in every language, so that a link to it leads a colleague to the same place.
"""

import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

from django.conf import settings
from django.templatetags.static import static
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import slugify
from django.utils.translation import get_language
from django.utils.translation.trans_real import get_supported_language_variant
from markdown_it import MarkdownIt
from markdown_it.token import Token

FOLDER = settings.BASE_DIR / "docs/guide"
PICTURES = "guide"  # the folder of its pictures among the static files
# The order in which they are read; the file of each bears its name.
NAMES = (
    "index",
    "first-day",
    "mails",
    "audience",
    "promotions",
    "offers",
    "tills",
    "reports",
    "keeping-order",
    "words",
)

find_helps = re.compile(r"<!-- helps: ([^>]+?) -->").search


class Heading(NamedTuple):
    """A section of a page. views: the names of the pages that it explains."""

    words: str
    anchor: str
    views: tuple[str, ...]


class GuidePage(NamedTuple):
    """One page of the guide: its title and its sections."""

    name: str
    title: str
    headings: tuple[Heading, ...]

    @property
    def path(self) -> str:
        """The address of the page."""
        return reverse("campaigns:guide", args=[self.name])


_markdown = MarkdownIt("commonmark").enable("table")


def find_file(name: str, language: str) -> Path:
    """Return the file of a page in one of the languages of the workspace."""
    return (FOLDER if language == settings.LANGUAGE_CODE else FOLDER / language) / f"{name}.md"


def _parse_page(name: str, language: str) -> tuple[GuidePage, list[Token]]:
    """Return a page and what it shows. Headings have an id; comments are left out."""
    tokens = _markdown.parse(find_file(name, language).read_text(encoding="utf-8"))
    english = () if language == settings.LANGUAGE_CODE else _read_page(name, settings.LANGUAGE_CODE).headings
    headings: list[Heading] = []
    views: tuple[str, ...] = ()
    shown = []
    for place, token in enumerate(tokens):
        if token.type == "html_block":
            found = find_helps(token.content)
            views = tuple(found[1].split()) if found else ()
            continue  # a comment is for us, and there is no other HTML
        if token.type == "heading_open":
            words = tokens[place + 1].content
            anchor = english[len(headings)].anchor if english else slugify(words)
            headings.append(Heading(words, anchor, views))
            token.attrSet("id", headings[-1].anchor)
            views = ()
        shown.append(token)
    return GuidePage(name, headings[0].words, tuple(headings)), shown


def read_page(name: str) -> GuidePage:
    """Read a page of the guide in the language of who looks, once in each process.

    Raises:
        KeyError: there is no page of this name.
    """
    if name not in NAMES:
        raise KeyError(name)
    return _read_page(name, find_language())


def find_language() -> str:
    """Return which of the languages of the workspace the page is in."""
    return get_supported_language_variant(get_language() or settings.LANGUAGE_CODE)


@cache
def _read_page(name: str, language: str) -> GuidePage:
    return _parse_page(name, language)[0]


def render_page(name: str) -> SafeString:
    """Return a page of the guide as HTML, without its title. Links and pictures lead to where it is served."""
    return _render_page(name, find_language())


@cache
def _render_page(name: str, language: str) -> SafeString:
    tokens = _parse_page(name, language)[1]
    for token in tokens:
        for child in token.children or ():
            _lead_within_the_workspace(child)
    html: str = _markdown.renderer.render(
        tokens[3:], _markdown.options, {}
    )  # 3: the title's opening, words, end
    return mark_safe(html)


def _lead_within_the_workspace(token: Token) -> None:
    target = str(token.attrGet("href") or "")
    page, _, anchor = target.partition("#")
    if token.type == "link_open" and page.endswith(".md"):
        path = reverse("campaigns:guide", args=[page.removesuffix(".md")])
        token.attrSet("href", f"{path}#{anchor}" if anchor else path)
    if token.type == "image":
        picture = str(token.attrGet("src")).rpartition("/")[2]
        token.attrSet("src", static(f"{PICTURES}/{picture}"))
        token.attrSet("loading", "lazy")


def list_pages() -> list[GuidePage]:
    """Return all pages, in the order in which they are read."""
    return [read_page(name) for name in NAMES]


@cache
def map_views() -> dict[str, tuple[str, str]]:
    """Return for each view that the guide explains the page and the anchor of the section that does."""
    return {
        view: (page.name, heading.anchor)
        for page in list_pages()
        for heading in page.headings
        for view in heading.views
    }


def find_help(view: str) -> str:
    """Return the address of the section that explains a view; of the guide's first page where none does."""
    name, anchor = map_views().get(view, ("index", ""))
    path = reverse("campaigns:guide", args=[name])
    return f"{path}#{anchor}" if anchor else path
