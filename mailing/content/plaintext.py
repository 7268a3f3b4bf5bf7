"""Makes the text part from the HTML: what readers see, in its order, with its links written out.

A price must stay the price it is: `9<sup>99</sup>` becomes 9.99 (with the language's own mark), other raised digits
follow a ^, and what is struck out stands between ~~ and ~~.
"""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from babel.numbers import get_decimal_symbol
from selectolax.lexbor import LexborNode

from . import page_tree
from .breaks import TextLines
from .list_numbers import ListNumbers, read_integer
from .looks import Look, compute_look
from .names import URL_OPENING
from .page_tree import EntangledLiquid, Mark
from .protected_liquid import OUTPUT, TAG, ProtectedLiquid
from .styles import compute_style
from .urls import is_runnable

_BLOCKS = frozenset(
    """address article aside blockquote body caption center dd details dialog dir div dl dt fieldset figcaption figure
    footer form h1 h2 h3 h4 h5 h6 header hgroup hr legend li listing main menu nav ol optgroup option p plaintext pre
    search section summary table tr ul xmp""".split()
)
_PARAGRAPHS = frozenset("blockquote dir h1 h2 h3 h4 h5 h6 hr listing menu ol p pre table ul xmp".split())
_LISTS = frozenset("ul ol menu dir".split())
_CELLS = frozenset(("td", "th"))
_STRUCK = frozenset(("s", "strike", "del"))
_RAISED = {
    "sup": "^",
    "sub": "_",
    "super": "^",
    "text-top": "^",
    "top": "^",
    "text-bottom": "_",
    "bottom": "_",
}
_INLINE = frozenset("span font small b strong i em u big a".split())
# inline, but no part of a word
_APART = frozenset("textarea select button svg math video audio object canvas".split())
_INVISIBLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u180e\u200b\u200c\u200d\u200e\u200f\u2060\u2061\u2062\u2063\u2064\ufeff"
)
_number = re.compile(r"(?<!\d)(?<!\d[.,'’])\d+(?:[.,'’]\d+)*\Z")
_whole_number = re.compile(r"\d+|\d{1,3}(?:[.,'’]\d{3})+").fullmatch
_cents = re.compile(r"\d\d(?!\d)|[-–—]+(?!\d)").match


class _Element(NamedTuple):
    """An open element: how it looks, and what is to be written at its end."""

    look: Look
    struck: bool
    raised: str


class _Link(NamedTuple):
    """An open link, and where in the text it began."""

    href: str
    start: int


class _Writer:
    """Writes the text of a tree, node by node."""

    def __init__(self, decimal: str, held: ProtectedLiquid | None) -> None:
        self.decimal = decimal
        self.held = held
        self.lines = TextLines(self._keep_blank)
        self.elements = [_Element(Look(), False, "")]
        self.links: list[_Link] = []
        self.lists: list[ListNumbers] = []
        self.bullet = False  # was a bullet written last?
        self.struck_depth = 0
        self.strike_due = False  # is the mark before what is struck out still to be written?
        self.after_raised = False  # were raised digits written last?
        self.last = ""  # what was written last
        self.last_mark = False  # was that a value of a recipient?
        self.pictures = 0  # seen so far

    def _keep_blank(self, gap: str) -> str:
        """Return Liquid that writes a gap."""
        return self.held.keep(f'{{{{ "{gap}" }}}}', OUTPUT) if self.held else gap

    def start(self, node: LexborNode) -> None:
        """Begin an element."""
        tag, attributes = node.tag or "", node.attributes
        seen = compute_look(tag, attributes, self.elements[-1].look)
        raised = "" if seen.is_hidden else self._write_raised(tag, attributes, seen)
        struck = not seen.is_hidden and (tag in _STRUCK or "line-through" in _decoration(attributes))
        self.elements.append(_Element(seen, struck, raised))
        if seen.is_hidden:
            return
        self._break(tag, seen, nested=bool(self.lists))
        if struck:
            self.struck_depth += 1
            self.strike_due |= self.struck_depth == 1
        if tag == "br":
            self.lines.owe(self.lines.owed.lines + 1)
        elif tag == "hr":
            self._write("---")
            self.lines.owe(2)
        elif tag == "img" and seen.shows_pictures:
            self.pictures += 1
            self._words(self._read_value(attributes, "alt"), Look())
        elif tag == "a":
            self.links.append(_Link(self._read_value(attributes, "href").strip(), len(self.lines.out)))
        elif tag in _CELLS:
            self.lines.owe(space=True)
        elif tag in _LISTS:
            self.lists.append(ListNumbers(node))
        elif tag == "li" and seen.shows_pictures:
            self._write_bullet(attributes)
        elif tag == "rt" and seen.shows_text and self._needs_brackets(node):
            self._write("(")
        if raised:
            self._raise(node, raised)

    def end(self, node: LexborNode) -> None:
        """End an element."""
        tag = node.tag or ""
        element = self.elements.pop()
        if element.look.is_hidden:
            return
        if element.struck:
            self.struck_depth -= 1
            if not self.struck_depth and not self.strike_due:
                self.lines.out.append("~~")
            self.strike_due &= bool(self.struck_depth)
        if element.raised:
            self.after_raised = self.last[-1:].isdigit()
        self._break(tag, element.look, nested=len(self.lists) > 1)
        if tag == "rt" and element.look.shows_text and self._needs_brackets(node):
            self._write(")")
        elif tag == "a" and self.links:
            self._end_link(self.links.pop(), element.look)
        elif tag in _LISTS and self.lists:
            self.lists.pop()
        elif tag in _CELLS:
            self.lines.owe(space=True)

    def text(self, text: str) -> None:
        """Write text of the open element, as far as readers see it."""
        seen = self.elements[-1].look
        if seen.shows_text:
            self._words(text, seen)

    def mark(self, mark: Mark, keeps_state: bool) -> None:
        """Write Liquid at its place. Liquid with output counts as text; the edges of a condition only count gaps.

        Args:
            keeps_state: the template sets names, so that Liquid in hidden text may matter elsewhere.
        """
        shown = self.elements[-1].look.shows_text
        if mark.kind in ("output", "print", "counting"):
            if shown:
                self._write(mark.text, is_value=True)
            elif mark.kind != "output":
                raise EntangledLiquid("a counter in hidden content")
        elif mark.kind == "text":
            if shown:
                self._write(mark.text)
        elif mark.word == "capture" and not shown:
            raise EntangledLiquid("hidden content is captured")
        if mark.kind in ("open", "turn", "end"):
            if self.struck_depth or any(element.raised for element in self.elements):
                raise EntangledLiquid("a condition inside a price")
            if keeps_state or not self.elements[-1].look.is_hidden:
                self._edge(mark)
        elif mark.kind == "silent":
            self.lines.out.append(mark.text)

    def _edge(self, mark: Mark) -> None:
        if mark.kind == "open":
            loop = mark.word == "for"
            self.lines.begin_block(mark.text, loop=loop, certain=mark.word in ("capture", "__spin"))
        elif mark.kind == "turn":
            self.lines.turn_block(mark.text, certain=mark.word == "else")
        else:
            self.lines.end_block(mark.text, self.held.keep("{% else %}", TAG) if self.held else "")
        self.last, self.last_mark = "", True  # who knows what was written before

    @staticmethod
    def _needs_brackets(node: LexborNode) -> bool:
        """Return whether a reading (<rt>) would run into the letters below it, since its author wrote no <rp>."""
        before = node.prev
        while before is not None and not before.is_element_node:
            before = before.prev
        return (before is None or before.tag != "rp") and bool((node.text() or "").strip() or node.child)

    def _end_link(self, link: _Link, seen: Look) -> None:
        said = "".join(self.lines.out[link.start :]).strip()
        is_value = self.held is not None and self.held.mark.match(link.href) is not None
        if not link.href or link.href[0] == "#" or (not is_value and is_runnable(link.href)):
            return
        if not said and not (seen.shows_text or self.pictures > 0):
            return
        if url := self._direct_url(link.href):
            if self.lines.owed.unsure:
                raise EntangledLiquid("an address behind one branch at once and another after a gap")
            manner = "alone" if not said else "behind" if self.lines.is_adjacent else "first"
            self._write_direct(url, manner)
        elif said not in (link.href, link.href.removeprefix("mailto:").removeprefix("tel:")):
            self.lines.owe(space=True)
            self._write(f"<{link.href}>" if said else link.href)

    def _read_value(self, attributes: Mapping[str, str | None], name: str) -> str:
        """Return the value of an attribute, "" without it: as text, which nothing is escaped for."""
        value = attributes.get(name) or ""
        return self.held.without_escapes(value) if self.held else value

    def _direct_url(self, href: str) -> str:
        """Return what is written between the marks of an address that is known only with its recipient's values."""
        first = self.held.mark.match(href) if self.held else None
        if self.held is None or first is None or self.held.piece(first) != URL_OPENING:
            return ""
        *_, last = self.held.mark.finditer(href)
        return href[first.end() : last.start()]

    def _write_direct(self, url: str, manner: str) -> None:
        assert self.held is not None
        opening = self.held.keep(f"{{% __link {manner} %}}", OUTPUT)
        self._write(f"{opening}{url}{self.held.keep('{% end__link %}', OUTPUT)}")

    def _write_raised(self, tag: str, attributes: Mapping[str, str | None], seen: Look) -> str:
        """Return the sign before raised or lowered digits, for an element that raises or lowers; "" for any other."""
        if not seen.shows_text:
            return ""
        if tag in _RAISED:
            return _RAISED[tag]
        if tag in _INLINE and "vertical-align" in (attributes.get("style") or "").lower():
            return _RAISED.get(_property(attributes, "vertical-align"), "")
        return ""

    def _raise(self, node: LexborNode, sign: str) -> None:
        """Write what keeps raised digits apart from those before them."""
        content = (node.text() or "").strip()
        holds_marks = any(child.is_comment_node for child, _ in page_tree.walk_tree(node))
        if holds_marks or (self.last_mark and content[:1].isdigit()):
            raise EntangledLiquid("a value beside raised digits")
        number = _number.search(self.last)
        if not number or not self.lines.is_adjacent:
            return
        if _whole_number(number[0]) and _cents(content):
            self._write(self.decimal)
        elif content[:1].isdigit():
            self._write(sign)

    def _words(self, text: str, seen: Look) -> None:
        if seen.white_space in ("pre", "pre-wrap", "break-spaces") and text.strip():
            self._write(text)
            return
        if seen.white_space != "normal" and not text.strip() and "\n" in text:
            self.lines.owe(1)
        if seen.white_space == "pre-line" and "\n" in text.strip():
            for place, line in enumerate(text.split("\n")):
                if place:
                    self.lines.owe(self.lines.owed.lines + 1)
                self._words(line, Look())
            return
        if text[:1].isspace():
            self.lines.owe(space=True)
        words = text.split()
        if not text.isascii():
            words = [word for each in words if (word := each.strip(_INVISIBLE))]
        if words:
            self._write(" ".join(words))
            self.lines.owe(space=text[-1].isspace())

    def _write(self, text: str, is_value: bool = False) -> None:
        if self.after_raised and (text[:1].isdigit() or is_value):
            self.lines.owe(space=True)
        self.after_raised = False
        if self.strike_due:
            self.strike_due = False
            text = f"~~{text}"
        self.last = self.last + text if self.lines.is_adjacent else text
        self.last_mark = is_value
        self.lines.write(text)
        self.bullet = False

    def _break(self, tag: str, seen: Look, nested: bool) -> None:
        is_block = tag in _BLOCKS
        if seen.display in ("inline", "contents"):
            is_block = False
        elif seen.display in ("inline-block", "inline-flex", "inline-table", "table-cell") or tag in _APART:
            self.lines.owe(space=True)
        elif seen.display:
            is_block = True
        if is_block and not self.bullet:
            is_paragraph = tag in _PARAGRAPHS and not (nested and tag in _LISTS)
            self.lines.owe(2 if is_paragraph else 1)

    def _write_bullet(self, attributes: Mapping[str, str | None]) -> None:
        bullet = self.lists[-1].bullet(read_integer(attributes.get("value"))) if self.lists else "-"
        due, self.strike_due = self.strike_due, False
        self._write("  " * (len(self.lists) - 1) + bullet)
        self.strike_due = due
        self.lines.owe(space=True)
        self.bullet = True


def _property(attributes: Mapping[str, str | None], name: str) -> str:
    return compute_style(attributes.get("style") or "").get(name, "")


def _decoration(attributes: Mapping[str, str | None]) -> str:
    if "line-through" not in (attributes.get("style") or "").lower():
        return ""
    return _property(attributes, "text-decoration") + _property(attributes, "text-decoration-line")


def decimal_mark(locale: str) -> str:
    """Return what stands between whole units and cents in a language."""
    return str(get_decimal_symbol(locale))


def write_text(page: str, decimal: str = ".") -> str:
    """Return the text of a rendered page."""
    return _write_tree(page_tree.parse_tree(page), None, decimal)


def write_text_template(
    page: str, held: ProtectedLiquid, decimal: str = ".", is_regular: bool = False
) -> str:
    """Return the text of a page with marks, the marks kept.

    Args:
        is_regular: its tree was read before, with other values of its attributes.

    Raises:
        EntangledLiquid: only a rendered page tells what its text is.
    """
    return _write_tree(page_tree.parse_tree(page, held, is_regular), held, decimal)


def _keeps_state(nodes: Sequence[tuple[LexborNode, bool]], held: ProtectedLiquid) -> bool:
    """Return whether a template sets names.

    Raises:
        EntangledLiquid: it writes markup, which only a rendered page shows.
    """
    keeps_state = False
    for node, begins in nodes:
        if begins and (mark := page_tree.mark_of(node, held)):
            keeps_state |= mark.word in ("assign", "liquid", "capture")
            if page_tree.writes_markup(mark, held):
                raise EntangledLiquid(f"{mark} writes markup")
    return keeps_state


def _write_tree(root: LexborNode, held: ProtectedLiquid | None, decimal: str) -> str:
    nodes = list(page_tree.walk_tree(root))
    keeps_state = _keeps_state(nodes, held) if held else False
    writer = _Writer(decimal, held)
    for node, begins in nodes:
        if node.is_element_node:
            if begins:
                writer.start(node)
            else:
                writer.end(node)
        elif node.is_text_node:
            writer.text(node.text_content or "")
        elif held and (mark := page_tree.mark_of(node, held)):
            writer.mark(page_tree.drop_hyphens(mark, held), keeps_state)
    return writer.lines.text()
