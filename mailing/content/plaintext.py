"""The text part, made from the HTML: what it says, in the order it says it, with its links written out."""

import html
import re

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
_ends = re.compile(r"\{%-?\s*end(\w+)").match


class _Writer:
    """Writes text as it is told the pieces of a page.

    A break is owed until text follows, so that it falls inside the condition its text stands in: each branch begins
    with what was owed before the condition, and the most that any branch leaves is owed behind it.
    """

    def __init__(self, held: Held) -> None:
        self.held = held
        self.out: list[str] = []
        self.lines, self.space = 0, False  # owed: line breaks, or a space
        self.conditions: list[tuple[int, bool, int, bool]] = []  # owed before it, and left by its branches
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
            self.lines += 1
        elif tag == "hr":
            self._write("---")
            self.lines = 2
        elif tag == "img":
            self._words(html.unescape(attributes.get("alt", "")))
        elif tag == "a":
            self.links.append((html.unescape(attributes.get("href", "")), len(self.out)))
        elif tag in ("td", "th"):
            self.space = True
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
            if href and href[0] != "#" and href.removeprefix("mailto:").removeprefix("tel:") != said:
                self.space = True
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
        if _opens(piece):
            self.conditions.append((self.lines, self.space, 0, False))
        elif _turns(piece) and self.conditions:
            lines, space, left, left_space = self.conditions[-1]
            self.conditions[-1] = (lines, space, max(left, self.lines), left_space or self.space)
            self.lines, self.space = lines, space
        elif (end := _ends(piece)) and self.conditions:
            lines, space, left, left_space = self.conditions.pop()
            if end[1] in ("for", "tablerow") and (self.lines > lines or self.space > space):
                self.out.append("\n" * self.lines or " ")  # between this round and the next
                self.lines, self.space = 0, False
            self.lines, self.space = max(left, self.lines), left_space or self.space
        elif self.held.kind(mark) in (OUTPUT, TEXT):
            self._write(plain)
            return
        self.out.append(plain)

    def _words(self, text: str) -> None:
        if self.pre:
            self._write(text)
            return
        self.space = self.space or text[:1].isspace()
        if words := text.split():
            self._write(" ".join(words))
            self.space = text[-1].isspace()

    def _write(self, text: str) -> None:
        if self.out and (self.lines or self.space):
            self.out.append("\n" * self.lines or " ")
        self.lines, self.space, self.bullet = 0, False, False
        self.out.append(text)

    def _break(self, tag: str, nested: bool) -> None:
        if tag in _BLOCKS and not self.bullet:
            self.lines = max(
                self.lines, 2 if tag in _PARAGRAPHS and not (nested and tag in ("ul", "ol")) else 1
            )

    def _bullet(self) -> None:
        number = self.lists[-1] if self.lists else 0
        self._write("  " * (len(self.lists) - 1) + (f"{number}." if number else "-"))
        if number:
            self.lists[-1] += 1
        self.space = self.bullet = True


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
