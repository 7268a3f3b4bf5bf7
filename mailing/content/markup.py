"""Cuts HTML into pieces by the rules of the HTML standard's tokenizer, without changing a character."""

import re
from collections.abc import Callable, Iterable, Iterator
from html.entities import html5
from typing import NamedTuple

from campaigns.texts import unescape_html

_SPACE = r"[ \t\n\f\r]"
# A name, and after "=" a value; where "=" follows there has to be one, or the tag never ends
_ATTRIBUTE = rf"""
    [^ \t\n\f\r/>][^ \t\n\f\r/>=]*+
    (?: {_SPACE}*+={_SPACE}*+ (?: "[^"]*+" | '[^']*+' | [^ \t\n\f\r>"'][^ \t\n\f\r>]*+ | (?=>) ) | (?!{_SPACE}*+=) )
"""
_tag = re.compile(
    rf"<(?P<close>/?)(?P<name>[a-zA-Z][^ \t\n\f\r/>]*+)(?: [ \t\n\f\r/]++ | {_ATTRIBUTE} )*+>", re.VERBOSE
)
_attribute = re.compile(
    rf"""
      (?P<name> [^ \t\n\f\r/>][^ \t\n\f\r/>=]*+ )
      (?: {_SPACE}*+={_SPACE}*+ (?P<value> "[^"]*+" | '[^']*+' | [^ \t\n\f\r>"'][^ \t\n\f\r>]*+ | (?=>) ) )?+
    """,
    re.VERBOSE,
)
_comment_end = re.compile(r"--!?>")
_tag_name = re.compile(r"</?[a-zA-Z][^ \t\n\f\r/>]*")
_drawings = re.compile(r"<(?:svg|math)", re.IGNORECASE)
_body_end = re.compile(r"</body\s*>\s*(?:</html\s*>\s*)?\Z", re.IGNORECASE)
_condition = re.compile(r"(<!--\[if[^\]]*\]>)(.*)(<!\[endif\]\s*-->)", re.DOTALL | re.IGNORECASE)
_reference = re.compile(r"&(?:#(?:[xX][0-9a-fA-F]+|[0-9]+);?|([a-zA-Z][a-zA-Z0-9]*)(;?)(=?))")

# Elements whose content is not markup
RAW = frozenset(
    """style script title textarea xmp iframe noembed noframes plaintext mj-style mj-title mj-preview""".split()
)
_raw_ends = {name: re.compile(rf"</{name}(?=[ \t\n\f\r/>])", re.IGNORECASE) for name in RAW}

_SHORT = 40  # characters of a tag that is likely to come again

_INTEGRATION = frozenset("foreignobject desc title annotation-xml mi mo mn ms mtext".split())
# Elements of HTML that end a drawing or a formula they stand in
_BREAKOUT = frozenset(
    """b big blockquote body br center code dd div dl dt em embed h1 h2 h3 h4 h5 h6 head hr i img li listing menu meta
    nobr ol p pre ruby s small span strong strike sub sup table tt u ul var""".split()
)


class Piece(NamedTuple):
    """A piece of a page.

    Attributes:
        kind: text, raw (inside style and the like), comment, condition (Outlook's) or tag.
        name: of a tag, in lower case.
        hidden: it is in a conditional comment, which is HTML to Outlook and a comment to all others.
    """

    kind: str
    source: str
    name: str = ""
    hidden: bool = False

    @property
    def is_start(self) -> bool:
        """Whether it is a start tag."""
        return self.kind == "tag" and self.source[1] != "/"


class _Foreign:
    """The open drawings and formulas: inside them no element has raw content, and there is CDATA."""

    def __init__(self) -> None:
        self.opened: list[str] = []

    @property
    def inside(self) -> bool:
        return bool(self.opened) and self.opened[-1] in ("svg", "math")

    def follow(self, name: str, source: str) -> None:
        """Count one tag."""
        if source[1] == "/":
            if name in self.opened:
                while self.opened.pop() != name:
                    pass
            return
        if self.inside and name in _BREAKOUT:
            self.opened.clear()
        elif not source.endswith("/>") and (
            name in ("svg", "math") or (self.inside and name in _INTEGRATION)
        ):
            self.opened.append(name)


_read: dict[str, tuple[Piece, ...]] = {}  # the pages that were cut last
_PAGES_KEPT = 2


def cut_pieces(html: str) -> tuple[Piece, ...]:
    """Return the pieces of `html`, whose sources joined are `html`."""
    return _read.get(html) or _keep_pieces(html, tuple(_cut_pieces(html)))


def _keep_pieces(html: str, found: tuple[Piece, ...]) -> tuple[Piece, ...]:
    _read[html] = found
    for page in list(_read)[:-_PAGES_KEPT]:
        _read.pop(page, None)  # another thread may have been faster
    return found


def join_pieces(found: Iterable[Piece]) -> str:
    """Join pieces to a page. They differ from the pieces of a cut page only in the values of attributes.

    Such values change nothing about where tags begin and end, so that the page need not be cut again.
    """
    found = tuple(found)
    page = "".join([piece.source for piece in found])
    _keep_pieces(page, found)
    return page


def is_doctype(piece: Piece) -> bool:
    """Return whether a piece is the DOCTYPE. Without it a paragraph goes on through a table (quirks mode)."""
    return piece.kind == "comment" and not piece.hidden and piece.source[:9].lower() == "<!doctype"


def _cut_pieces(html: str, hidden: bool = False) -> Iterator[Piece]:
    foreign = _Foreign()
    may_be_foreign = _drawings.search(html) is not None
    known: dict[str, Piece] = {}  # short tags by their source: what was a tag once is one again
    start = position = 0  # of the text that has not been given yet; of what is looked at
    while (position := html.find("<", position)) >= 0:
        if piece := known.get(html[position : html.find(">", position, position + _SHORT) + 1]):
            if position > start:
                yield Piece("text", html[start:position], "", hidden)
            yield piece
            start = position = position + len(piece.source)
            continue
        match = _tag.match(html, position)
        end, is_text = (match.end(), False) if match else _end_of_other(html, position, foreign.inside)
        if is_text:
            position = end
            continue
        if position > start:
            yield Piece("text", html[start:position], "", hidden)
        source = html[position:end]
        start = position = end
        if match is None:
            if not hidden and (parts := _condition.fullmatch(source)):
                yield Piece("condition", parts[1])
                yield from _cut_pieces(parts[2], hidden=True)
                yield Piece("condition", parts[3])
            else:
                yield Piece("comment", source, "", hidden)
            continue
        name = match["name"].lower()
        is_foreign = foreign.inside
        if may_be_foreign:
            foreign.follow(name, source)
        piece = Piece("tag", source, name, hidden)
        yield piece
        if not may_be_foreign and name not in RAW and len(source) <= _SHORT:
            known[source] = piece
        if name in RAW and not match["close"] and not (is_foreign and foreign.opened):
            if name.startswith("mj-") and source.endswith("/>"):
                continue
            closing = _raw_ends[name].search(html, end)
            position = closing.start() if closing and name != "plaintext" else len(html)
            if position > start:
                yield Piece("raw", html[start:position], name, hidden)
            start = position
    if start < len(html):
        yield Piece("text", html[start:], "", hidden)


def _end_of_other(html: str, position: int, foreign: bool) -> tuple[int, bool]:
    """Find the end of a piece that begins with "<" and is no whole tag; return also whether it is text."""
    if html.startswith("<!--", position):
        if html.startswith((">", "->"), position + 4):
            return html.index(">", position) + 1, False
        end = _comment_end.search(html, position + 4)
        return (end.end() if end else len(html)), False
    if foreign and html.startswith("<![CDATA[", position):
        end_of_data = html.find("]]>", position)
        return (end_of_data + 3 if end_of_data >= 0 else len(html)), True
    following = html[position + 1 : position + 3]
    if following[:1] in ("!", "?") or (following[:1] == "/" and len(following) == 2):
        is_tag = following[1:].isalpha() and following[:1] == "/"
        end_at = -1 if is_tag else html.find(">", position)
        return (end_at + 1 if end_at >= 0 else len(html)), False
    if following[:1].isascii() and following[:1].isalpha():
        return len(html), False  # a tag that never ends takes all the rest with it
    return position + 1, True


def text_runs(html: str, is_mark: Callable[[str], object], change: Callable[[str], str]) -> str:
    """Apply `change` to each run of text of `html` that readers see; comments that are marks belong to the run."""
    out: list[str] = []
    run: list[str] = []
    for piece in cut_pieces(html):
        if not piece.hidden and (piece.kind == "text" or (piece.kind == "comment" and is_mark(piece.source))):
            run.append(piece.source)
            continue
        if run:
            out.append(change("".join(run)))
            run = []
        out.append(piece.source)
    if run:
        out.append(change("".join(run)))
    return "".join(out)


def _written_attributes(tag: str) -> Iterator[re.Match[str]]:
    start = _tag_name.match(tag)
    position = start.end() if start else 0
    end = len(tag) - tag.endswith(">")
    return _attribute.finditer(tag, position, end + 1)


def attributes(tag: str) -> dict[str, str]:
    """Return the attributes of a tag, as written but for the quotes; of two alike the first; "" without a value."""
    found: dict[str, str] = {}
    for match in _written_attributes(tag):
        found.setdefault(match["name"].lower(), _unquote(match["value"]))
    return found


def _unquote(value: str | None) -> str:
    return (value or "")[1:-1] if (value or "")[:1] in ("'", '"') else value or ""


def without_values(tag: str) -> str:
    """Return a tag without the values of its attributes: what is left is its syntax."""
    out, position = [], 0
    for match in _written_attributes(tag):
        if match["value"]:
            out.append(tag[position : match.start("value")])
            position = match.end("value")
    return "".join(out) + tag[position:]


def with_number(tag: str, name: str, number: int) -> str:
    """Return the start tag with an attribute of ours before all others: of two alike, parsers take the first."""
    end = _tag_name.match(tag)
    place = end.end() if end else len(tag) - 1
    return f'{tag[:place]} {name}="{number}"{tag[place:]}'


def with_attribute(tag: str, name: str, value: str) -> str:
    """Return the start tag with the value of its attribute `name` set; `value` is escaped already, but for quotes."""
    value = value.replace('"', "&quot;")
    for match in _written_attributes(tag):
        if match["name"].lower() == name:
            if match["value"] is None:
                return f'{tag[: match.end()]}="{value}"{tag[match.end() :]}'
            return f'{tag[: match.start("value")]}"{value}"{tag[match.end("value") :]}'
    end = len(tag) - (2 if tag.endswith("/>") else 1)
    last = max((match.end() for match in _written_attributes(tag)), default=0)
    end = max(end, last)  # the "/" may belong to an unquoted value
    gap = "" if tag[end - 1] in " \t\n\f\r" else " "
    return f'{tag[:end]}{gap}{name}="{value}"{tag[end:]}'


def unescape_value(value: str) -> str:
    """Return the value of an attribute as it is meant.

    A name without ";" is no reference there when a letter, a digit or "=" follows: `&copy=2` stays what it is.
    """

    def decode(match: re.Match[str]) -> str:
        name, semicolon, equals = match.groups()
        if name is None:
            return unescape_html(match[0])
        if semicolon:
            return html5.get(f"{name};", f"&{name};") + equals
        return match[0] if equals else html5.get(name, match[0])

    return _reference.sub(decode, value)


def insert_after_start(html: str, name: str, addition: str) -> str:
    """Return `html` with `addition` behind the start tag of the first `name`; unchanged when there is none."""
    out, done = [], False
    for piece in cut_pieces(html):
        out.append(piece.source)
        if not done and piece.name == name and piece.is_start and not piece.hidden:
            out.append(addition)
            done = True
    return "".join(out)


def insert_before_end(html: str, name: str, addition: str) -> str:
    """Return `html` with `addition` before the last end tag of `name`, or at its end when there is none."""
    if name == "body" and (end := _body_end.search(html, max(len(html) - 100, 0))):
        # Where this is no tag, something before it never ends, and takes in what is added at the end too
        return f"{html[: end.start()]}{addition}{html[end.start() :]}"
    found = list(cut_pieces(html))
    for place in range(len(found) - 1, -1, -1):
        piece = found[place]
        if piece.kind == "tag" and piece.name == name and not piece.is_start and not piece.hidden:
            found.insert(place, Piece("text", addition))
            return "".join(piece.source for piece in found)
    return html + addition


def has_start_tag(html: str, name: str) -> bool:
    """Return whether it has a start tag `name`."""
    if re.search(f"<{name}", html, re.IGNORECASE) is None:
        return False
    return any(piece.name == name and piece.is_start for piece in cut_pieces(html))
