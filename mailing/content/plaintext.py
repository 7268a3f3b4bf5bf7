"""The text part, made from the HTML: what it says, in the order it says it, with its links written out."""

import html
import re
from dataclasses import dataclass, field
from typing import NamedTuple

from . import markup
from .held import OUTPUT, TEXT, Held

_BLOCKS = frozenset(
    """address article aside blockquote body center dd div dl dt figure footer form h1 h2 h3 h4 h5 h6 header hr li main
    nav ol p pre section table tr ul""".split()
)
_PARAGRAPHS = frozenset("blockquote h1 h2 h3 h4 h5 h6 hr ol p pre table ul".split())
_SKIPPED = frozenset("head noscript template".split())  # besides those whose content is raw
_VOID = frozenset("area base br col embed hr img input link meta source track wbr".split())
_unseen = re.compile(r"display\s*:\s*none|mso-hide\s*:\s*all", re.IGNORECASE)
_opens = re.compile(r"\{%-?\s*(if|unless|case|for|tablerow|capture|__spin)\b").match
_turns = re.compile(r"\{%-?\s*(elsif|else|when|__or)\b").match
_ends = re.compile(r"\{%-?\s*end\w").match


class _Owed(NamedTuple):
    """What is due before the next text: line breaks, or else a space; nothing at the start of the whole."""

    lines: int = 0
    space: bool = False
    begun: bool = False  # has text been written before?
    given: int = 0  # of the line breaks, those that a loop's last round has written already
    spaced: bool = False  # has the space been written already, before a condition?


@dataclass
class _Block:
    """An open condition or loop. A loop's rounds owe nothing to what stands before it: that is paid before the first
    round, and by each round at its end for the next, as much as the beginning of a round asks for."""

    before: _Owed
    loop: bool
    begun: bool  # has text been written before it?
    certain: bool  # is one of its branches always taken?
    paid: int = 0  # where in the text what is due before a loop stands
    lead: int = 0  # the line breaks a round begins with
    left: list[_Owed] = field(default_factory=list)  # by the branches so far


class _Writer:
    """Writes text as it is told the pieces of a page.

    A break is owed until text follows, so that it falls inside the condition its text stands in: each branch begins
    with what was owed before the condition, and the most that any branch leaves is owed behind it.
    """

    def __init__(self, held: Held) -> None:
        self.held = held
        self.out: list[str] = []
        self.owed = _Owed()
        self.blocks: list[_Block] = []
        self.skipped: list[str] = []  # open elements from the first unseen one on
        self.pre = 0
        self.links: list[tuple[str, int]] = []
        self.lists: list[int] = []  # of each open list the next number, 0 for bullets
        self.bullet = False  # was a bullet written last?

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if self.skipped or tag in _SKIPPED or _unseen.search(attributes.get("style", "")):
            if tag not in _VOID:
                self.skipped.append(tag)
            return
        self._break(tag, nested=bool(self.lists))
        if tag == "br":
            self._owe(self.owed.lines + 1)
        elif tag == "hr":
            self._write("---")
            self._owe(2)
        elif tag == "img":
            self._words(html.unescape(attributes.get("alt", "")))
        elif tag == "a":
            self.links.append((html.unescape(attributes.get("href", "")), len(self.out)))
        elif tag in ("td", "th"):
            self._owe(space=True)
        elif tag in ("ul", "ol"):
            self.lists.append(int(tag == "ol"))
        elif tag == "li":
            self._bullet()
        elif tag == "pre":
            self.pre += 1

    def end(self, tag: str) -> None:
        if self.skipped:
            if tag in self.skipped:
                while self.skipped.pop() != tag:
                    pass
            return
        self._break(tag, nested=len(self.lists) > 1)
        if tag == "a" and self.links:
            href, start = self.links.pop()
            said = "".join(self.out[start:]).strip()
            if (
                href
                and href[0] != "#"
                and said not in (href, href.removeprefix("mailto:").removeprefix("tel:"))
            ):
                self._owe(space=True)
                self._write(f"<{href}>" if said else href)
        elif tag in ("ul", "ol") and self.lists:
            self.lists.pop()
        elif tag == "pre" and self.pre:
            self.pre -= 1

    def text(self, source: str) -> None:
        if self.skipped:
            return
        position = 0
        for mark in self.held.mark.finditer(source):
            self._words(html.unescape(source[position : mark.start()]))
            self._piece(mark)
            position = mark.end()
        self._words(html.unescape(source[position:]))

    def _piece(self, mark: re.Match[str]) -> None:
        """Put Liquid where it stands. What writes something is text; a condition's edges only keep account."""
        piece = self.held.piece(mark)
        plain = mark[0].removeprefix("<!--").removesuffix("-->")
        if opened := _opens(piece):
            self._open(loop=opened[1] in ("for", "tablerow"), certain=opened[1] in ("capture", "__spin"))
        elif (turned := _turns(piece)) and self.blocks:
            self._turn()
            self.blocks[-1].certain |= turned[1] == "else"
        elif _ends(piece) and self.blocks:
            self._turn()
            block = self.blocks.pop()
            left = block.left if block.certain or block.loop else [*block.left, block.before]
            self.owed = _Owed(*(max(values) for values in zip(*left, strict=True)))
        elif self.held.kind(mark) in (OUTPUT, TEXT):
            self._write(plain)
            return
        self.out.append(plain)

    def _open(self, loop: bool, certain: bool) -> None:
        if self.owed.begun and not self.owed.lines and not loop:
            self._pay()
            self.owed = _Owed(begun=True, spaced=self.owed.space or self.owed.spaced)
        block = _Block(self.owed, loop, self.owed.begun, certain)
        if loop:
            self._pay()
            block.paid = len(self.out) - 1
            block.before = self.owed = _Owed()
        self.blocks.append(block)

    def _turn(self) -> None:
        block = self.blocks[-1]
        if block.loop and not block.left:
            self.owed = self.owed._replace(lines=max(self.owed.lines, block.lead), begun=True)
            self._pay()
            self.owed = _Owed(self.owed.lines, begun=True, given=self.owed.lines, spaced=True)
        block.left.append(self.owed)
        self.owed = block.before

    def _words(self, text: str) -> None:
        if self.pre:
            self._write(text)
            return
        if text[:1].isspace():
            self._owe(space=True)
        if words := text.split():
            self._write(" ".join(words))
            self._owe(space=text[-1].isspace())

    def _write(self, text: str) -> None:
        self._pay()
        self.owed = _Owed(begun=True)
        self.bullet = False
        self.out.append(text)

    def _pay(self) -> None:
        """Write what is due; at the beginning of a loop's round it is due before the loop."""
        breaks = "\n" * (self.owed.lines - self.owed.given) if self.owed.lines else ""
        if not self.owed.lines and self.owed.space and not self.owed.spaced:
            breaks = " "
        if self.owed.begun:
            self.out.append(breaks)
            return
        self.out.append("")
        for block in reversed(self.blocks):
            if block.loop:
                block.lead = max(block.lead, self.owed.lines)
                if block.begun:
                    self.out[block.paid] = max(self.out[block.paid], breaks, key=len)
                return

    def _owe(self, lines: int = 0, space: bool = False) -> None:
        self.owed = self.owed._replace(lines=max(lines, self.owed.lines), space=space or self.owed.space)

    def _break(self, tag: str, nested: bool) -> None:
        if tag in _BLOCKS and not self.bullet:
            self._owe(2 if tag in _PARAGRAPHS and not (nested and tag in ("ul", "ol")) else 1)

    def _bullet(self) -> None:
        number = self.lists[-1] if self.lists else 0
        self._write("  " * (len(self.lists) - 1) + (f"{number}." if number else "-"))
        if number:
            self.lists[-1] += 1
        self._owe(space=True)
        self.bullet = True


def plain_text(page: str, held: Held) -> str:
    """The text of an HTML page with marks, the marks kept."""
    writer = _Writer(held)
    for piece in markup.pieces(page):
        if piece.hidden or piece.kind in ("raw", "condition"):
            continue
        if piece.kind == "text" or (piece.kind == "comment" and held.comment.fullmatch(piece.source)):
            writer.text(piece.source)
        elif piece.kind == "tag" and piece.source[1] == "/":
            writer.end(piece.name)
        elif piece.kind == "tag":
            writer.start(piece.name, markup.attributes(piece.source))
    return "".join(writer.out).strip() + "\n"
