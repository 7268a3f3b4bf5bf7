"""The guide for marketers: the pages of docs/guide/ as the workspace shows them, and which of them helps where.

A comment before a heading names the views that it explains, as in `<!-- helps: mailing:contacts mailing:contact -->`.
"""

import re
from functools import cache
from typing import NamedTuple

from django.conf import settings
from django.templatetags.static import static
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import slugify
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


def _parse_page(name: str) -> tuple[GuidePage, list[Token]]:
    """Return a page and what it shows. Headings have an id; comments are left out."""
    tokens = _markdown.parse((FOLDER / f"{name}.md").read_text(encoding="utf-8"))
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
            headings.append(Heading(words, slugify(words), views))
            token.attrSet("id", headings[-1].anchor)
            views = ()
        shown.append(token)
    return GuidePage(name, headings[0].words, tuple(headings)), shown


@cache
def read_page(name: str) -> GuidePage:
    """Read a page of the guide, once in each process.

    Raises:
        KeyError: there is no page of this name.
    """
    if name not in NAMES:
        raise KeyError(name)
    return _parse_page(name)[0]


@cache
def render_page(name: str) -> SafeString:
    """Return a page of the guide as HTML, without its title. Links and pictures lead to where it is served."""
    tokens = _parse_page(name)[1]
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
        picture = str(token.attrGet("src")).removeprefix("pictures/")
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
