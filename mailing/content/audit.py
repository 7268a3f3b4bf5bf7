"""Finds what is wrong with the markup of a body, by the line its author wrote.

Links that lead nowhere, pictures without a host, what no mail client runs or shows, merge tags of other programs.
"""

import re
from collections.abc import Iterator

from campaigns.sentences import keep, mark

from . import markup, merge_tags
from .document import parse_markdown
from .markup import Piece
from .protected_liquid import ProtectedLiquid
from .source import Source
from .targets import find_link_fault, find_picture_fault, find_srcset_faults, find_style_faults, read_target

_SHOWN = 20  # faults of one kind that are named; more of them help nobody
_UNLIKE_LINKS = frozenset(("link", "base", "use", "image"))
_LINKS = frozenset(("a", "area", "mj-button", "mj-navbar-link"))
_PICTURES = frozenset(
    """img mj-image mj-carousel-image mj-social-element v:fill v:imagedata v:image source input""".split()
)
_OF_PICTURES = ("background", "background-url", "poster", "thumbnails-src")  # attributes that hold a picture
_DATA_SCRIPTS = ("application/ld+json", "application/json")
_UNLIKE_MAIL = {
    "form": mark("mail clients do not send a <form>; link to a page with the form in its place"),
    **{
        name: keep(
            "mail clients do not show what <%(name)s> loads; link to it, or to a page that shows it",
            name=name,
        )
        for name in ("iframe", "object", "embed", "applet", "frame")
    },
}


def find_faults(source: Source) -> Iterator[tuple[str, int, str]]:
    """Yield (field, line, sentence without its full stop) for each fault in the markup."""
    for field in ("subject", "preheader", "from_name", "body", "text"):
        for change in merge_tags.find_merge_tags(getattr(source, field))[:_SHOWN]:
            yield field, change.line, merge_tags.describe_merge_tag(change)
    held = ProtectedLiquid(source.body)
    text = held.liquid(source.body)
    counted: dict[str, int] = {}
    pieces = _read_markdown_pieces(text, held) if source.body_format == "markdown" else _read_pieces(text, 0)
    for position, kind, said in _Auditor(held).find_faults(pieces):
        counted[kind] = counted.get(kind, 0) + 1
        if counted[kind] <= _SHOWN:
            yield "body", held.restore(text[:position]).count("\n") + 1, said


def _read_pieces(text: str, offset: int) -> Iterator[tuple[int, Piece]]:
    """Yield the position of each piece of HTML, and the piece."""
    position = offset
    for piece in markup.cut_pieces(text):
        yield position, piece
        position += len(piece.source)


def _read_markdown_pieces(text: str, held: ProtectedLiquid) -> Iterator[tuple[int, Piece]]:
    """Yield the same of Markdown: its own links and pictures as the tags they become."""
    starts = [0, *(match.end() for match in re.finditer("\n", text)), len(text)]
    for block in parse_markdown(text, held):
        begin, end = (starts[line] for line in block.map or (0, len(starts) - 1))
        for token in (block, *(block.children or ())):
            if token.type in ("html_block", "html_inline"):
                at = max(text.find(token.content, begin, end), begin)
                yield from _read_pieces(token.content, at)
            elif token.type in ("link_open", "image"):
                name, attribute = ("a", "href") if token.type == "link_open" else ("img", "src")
                value = str(token.attrGet(attribute) or "")
                at = max(text.find(value, begin, end), begin)
                tag = markup.with_attribute(f"<{name}>", attribute, value.replace("&", "&amp;"))
                yield at, Piece("tag", tag, name)
            elif token.type == "link_close":
                yield begin, Piece("tag", "</a>", "a")
            elif token.type in ("text", "code_inline"):
                yield begin, Piece("text", token.content)


class _Auditor:
    """Reads the pieces of a body in their order."""

    def __init__(self, held: ProtectedLiquid) -> None:
        self.held = held
        self.anchor: int | None = None  # the position of an open <a> that links nowhere
        self.has_base = False  # are links of the open <mj-navbar> relative to its base-url?

    def find_faults(self, pieces: Iterator[tuple[int, Piece]]) -> Iterator[tuple[int, str, str]]:
        """Yield position, kind and sentence for each thing that is wrong."""
        for position, piece in pieces:
            if piece.kind == "raw" and piece.name in ("style", "mj-style"):
                for place, said in find_style_faults(piece.source, self.held):
                    yield position + place, "picture", said
            elif piece.kind == "text" and self.anchor is not None and piece.source.strip():
                said = mark('an <a> links nowhere; write href="https://…", or leave the tag out')
                yield self.anchor, "link", said
                self.anchor = None
            elif piece.kind == "tag":
                self._follow(position, piece)
                if piece.is_start:
                    for kind, said in self._find_tag_faults(piece.source, piece.name):
                        yield position, kind, said

    def _follow(self, position: int, piece: Piece) -> None:
        if piece.name == "a":
            self.anchor = position if piece.is_start and self._is_dead_anchor(piece.source) else None
        elif piece.name == "mj-navbar":
            self.has_base = piece.is_start and bool(markup.attributes(piece.source).get("base-url"))

    def _is_dead_anchor(self, tag: str) -> bool:
        """Return whether an <a> has neither an address nor a name that others link to."""
        names = markup.attributes(tag)
        has_liquid = self.held.mark.search(markup.without_values(tag)) is not None
        return not has_liquid and not names.keys() & {"href", "name", "id", "xlink:href"}

    def _find_tag_faults(self, tag: str, name: str) -> Iterator[tuple[str, str]]:
        """Yield kind and sentence for each thing that is wrong with one start tag."""
        attributes = markup.attributes(tag)
        if name == "script" and attributes.get("type", "").lower() not in _DATA_SCRIPTS:
            yield (
                "script",
                mark(
                    "no mail client runs a <script>; leave it out, and link to a page that does what it did"
                ),
            )
        if name in _UNLIKE_MAIL:
            yield name, _UNLIKE_MAIL[name]
        if name == "base" and "href" in attributes:
            yield (
                name,
                mark("few mail clients follow <base href=…>; leave it out, and write each address in full"),
            )
        if name == "meta" and attributes.get("http-equiv", "").strip().lower() == "refresh":
            yield name, mark("no mail client follows a <meta> that leads to another page; link to the page")
        for attribute, value in attributes.items():
            if attribute.startswith("on") and value and name.isalnum():
                yield (
                    "script",
                    keep(
                        "no mail client runs %(attribute)s= of <%(name)s>; leave it out",
                        attribute=attribute,
                        name=name,
                    ),
                )
        if said := self._find_link_fault(attributes, name):
            yield "link", said
        for said in self._find_picture_faults(attributes, name):
            yield "picture", said

    def _find_link_fault(self, attributes: dict[str, str], name: str) -> str:
        if "href" not in attributes or name in _UNLIKE_LINKS:
            return ""
        target = read_target(attributes["href"], self.held)
        if not target.url:
            return mark('a link has no address; write href="https://…"') if name in _LINKS else ""
        if self.has_base and name == "mj-navbar-link":
            return ""
        return find_link_fault(target, self.held)

    def _find_picture_faults(self, attributes: dict[str, str], name: str) -> Iterator[str]:
        values = [attributes[each] for each in _OF_PICTURES if attributes.get(each, "").strip()]
        if name == "img" or (name in _PICTURES and "src" in attributes):
            values.append(attributes.get("src", ""))
        for value in values:
            if said := find_picture_fault(read_target(value, self.held), self.held):
                yield said
        if "srcset" in attributes:
            yield from find_srcset_faults(attributes["srcset"], self.held)
        style = markup.unescape_value(attributes.get("style", ""))
        for _, said in find_style_faults(style, self.held):
            yield said
