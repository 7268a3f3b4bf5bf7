"""Parses a page as mail clients do (into the HTML standard's tree), with its Liquid as part of the tree.

Most templates are regular: each condition or loop begins, turns and ends in one place of the tree, and whichever
branches are taken, the rest of the page is parsed alike. Of such a template everything can be worked out once. Where
HTML and Liquid are entangled (a branch that opens an element another one closes, a condition inside a tag), only a
rendered page tells what readers see; `parse_tree` then raises EntangledLiquid.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from selectolax.lexbor import LexborHTMLParser, LexborNode

from campaigns.texts import unescape_html

from . import limits, markup, styles
from .protected_liquid import OUTPUT, TEXT, ProtectedLiquid

_NUMBER = "data-liquid-n"  # of a start tag, to know it again in the tree
_word = re.compile(r"\{%-?\s*(\w+)").match
_OPENING = frozenset("if unless case for tablerow capture ifchanged __spin __url".split())
_TURNING = frozenset("elsif else when __or".split())
_COUNTING = frozenset("increment decrement cycle".split())  # what they print depends on how often they ran
_ENTANGLED = frozenset("tablerow ifchanged break continue".split())
_prints = re.compile(r"\b(echo|increment|decrement|cycle)\b").search
# What writes markup, or text already escaped: nothing of it is known before it is rendered
_writes_markup = re.compile(
    r"""\|\s*(?:escape|escape_once|newline_to_br|strip_html)\b | "[^"<&]*+[<&][^"]*+" | '[^'<&]*+[<&][^']*+'
    | \A\{%-?\s*raw\b[^<&]*+[<&]""",
    re.VERBOSE,
).search
_SENSITIVE = frozenset("hidden start value reversed type open".split())
_VISIBLE_RAW = frozenset("textarea xmp plaintext".split())
# Where a parser lets no text stand: it would be moved, or open the body
_NO_TEXT = frozenset("-document html head table tbody thead tfoot tr colgroup select frameset".split())
_SHOWING = frozenset(
    """display visibility opacity font font-size white-space overflow overflow-x overflow-y height max-height width
    max-width color position left top text-indent clip clip-path transform content-visibility text-decoration
    text-decoration-line vertical-align list-style list-style-type all""".split()
)


class EntangledLiquid(Exception):
    """HTML and Liquid of a template are entangled; the sentence says where."""


class Mark(NamedTuple):
    """A piece of Liquid in the tree. `kind`: output, print, counting, open, turn, end, silent or text."""

    kind: str
    word: str  # of its tag
    text: str  # the mark itself


class _Item(NamedTuple):
    """A piece of the page that is parsed: a tag, text, a mark, raw content, or a gap where a comment stood."""

    kind: str
    source: str
    name: str = ""
    mark: Mark | None = None


def describe_mark(held: ProtectedLiquid, found: re.Match[str]) -> Mark:
    """Return a mark with the kind of its Liquid."""
    piece, kind = held.piece(found), held.kind(found)
    text = found[0].removeprefix("<!--").removesuffix("-->")
    match = _word(piece)
    word = match[1] if match else ""
    if kind == TEXT:
        return Mark("text", "", text)
    if word in _OPENING:
        return Mark("open", word, text)
    if word in _TURNING:
        return Mark("turn", word, text)
    if word.startswith("end") and word != "endcomment":
        return Mark("end", word, text)
    if kind == OUTPUT:
        return Mark("output", word, text)
    if word in _COUNTING:
        return Mark("counting", word, text)
    if word == "echo":
        return Mark("output", word, text)
    if word == "liquid" and _prints(piece):
        return Mark("print", word, text)
    return Mark("silent", word, text)


def parse_tree(page: str, held: ProtectedLiquid | None = None, is_regular: bool = False) -> LexborNode:
    """Return the parsed page; with `held` a template, whose marks are comments of the tree and whose depth was checked.

    Args:
        is_regular: it was read before, and only values of its attributes have changed since.

    Raises:
        EntangledLiquid: the tree is known only once the template is rendered.
    """
    if held is None:
        limits.check_html_depth(page)
        return _parse(page)
    items = _list_items(page, held)
    _check_blocks(items, held)
    items = _add_tbody(items)
    if is_regular:
        return _parse("".join([item.source for item in items]))
    out = []
    for number, item in enumerate(items):
        is_start = item.kind == "tag" and item.source[1] != "/"
        out.append(markup.with_number(item.source, _NUMBER, number) if is_start else item.source)
    root = _parse("".join(out))
    _check_places(root, held)
    _check_order(items, root, held)
    return root


def _parse(page: str) -> LexborNode:
    root = LexborHTMLParser(page.encode("utf-8", "replace").decode()).root
    document = root.parent if root is not None else None
    if document is None:
        raise EntangledLiquid("the page is empty")
    return document


def walk_tree(root: LexborNode) -> Iterator[tuple[LexborNode, bool]]:
    """Yield every node in the order of the page: when it begins (True) and, for an element, when it ends (False)."""
    node, depth = root, 0
    while True:
        yield node, True
        child = node.child
        if child is not None:
            node, depth = child, depth + 1
            continue
        while True:
            if node.is_element_node:
                yield node, False
            following = node.next if depth else None
            if following is not None:
                node = following
                break
            parent = node.parent
            if not depth or parent is None:
                return
            node, depth = parent, depth - 1


def writes_markup(mark: Mark, held: ProtectedLiquid) -> bool:
    """Return whether a piece of Liquid may write tags, or text that is escaped already."""
    return _writes_markup(_piece_of(mark, held)) is not None


def drop_hyphens(mark: Mark, held: ProtectedLiquid) -> Mark:
    """Return the mark for Liquid that strips no white space: of the text, the page's was stripped already."""
    found = held.mark.fullmatch(mark.text)
    if not found:
        return mark
    piece = held.piece(found)
    loose = re.sub(r"\A(\{[{%])-|-([%}]\})\Z", r"\1\2", piece)
    return mark if loose == piece else mark._replace(text=held.keep(loose, held.kind(found)))


def mark_of(node: LexborNode, held: ProtectedLiquid) -> Mark | None:
    """Return the mark that a comment of the tree is."""
    if not node.is_comment_node:
        return None
    found = held.mark.fullmatch(f"<!--{node.comment_content}-->")
    return describe_mark(held, found) if found else None


def _list_items(page: str, held: ProtectedLiquid) -> list[_Item]:
    """Parse a page with marks: comments as the marks in them, white space stripped as Liquid does."""
    found: list[_Item] = []
    known: dict[markup.Piece, _Item] = {}
    marks = [mark.start() for mark in held.mark.finditer(page)]
    marks.append(len(page))
    passed = end = 0
    for piece in markup.cut_pieces(page):
        end += len(piece.source)
        has_mark = marks[passed] < end
        while marks[passed] < end:
            passed += 1
        if not has_mark and not piece.hidden and piece.kind in ("tag", "text"):
            item = known.get(piece)
            if item is None:
                item = known[piece] = _Item(piece.kind, piece.source, piece.name)
            found.append(item)
        else:
            found += _list_items_of_piece(piece, held)
    return _strip_items(found, held)


def _list_items_of_piece(piece: markup.Piece, held: ProtectedLiquid) -> Iterator[_Item]:
    """Yield the items of a piece that is no plain tag or text, or that holds Liquid."""
    if piece.hidden or piece.kind in ("comment", "condition"):
        if not piece.hidden and held.comment.fullmatch(piece.source):
            yield _mark_item(held, held.mark.fullmatch(piece.source), "data")
            return
        yield _Item("gap", piece.source if markup.is_doctype(piece) else "")
        for mark in held.mark.finditer(piece.source):
            item = _mark_item(held, mark, "comment")
            if item.mark and item.mark.kind not in ("output", "text"):
                yield item
        yield _Item("gap", "")
    elif piece.kind == "text":
        position = 0
        for mark in held.mark.finditer(piece.source):
            if mark.start() > position:
                yield _Item("text", piece.source[position : mark.start()])
            yield _mark_item(held, mark, "data")
            position = mark.end()
        if position < len(piece.source):
            yield _Item("text", piece.source[position:])
    else:
        if piece.kind == "raw":
            _check_raw(piece, held)
        else:
            _check_tag(piece, held)
        yield _Item(piece.kind, piece.source, piece.name)


def _mark_item(held: ProtectedLiquid, mark: re.Match[str] | None, context: str) -> _Item:
    if mark is None:
        raise EntangledLiquid("no mark")
    described = describe_mark(held, mark)
    if described.word in _ENTANGLED:
        raise EntangledLiquid(f"{held.piece(mark)} writes what only a rendered page shows")
    return _Item("mark", f"<!--{described.text}-->", context, described)


def _strip_items(items: list[_Item], held: ProtectedLiquid) -> list[_Item]:
    """Take from the items the white space that {%- and -%} take away."""
    for place in [place for place, item in enumerate(items) if item.mark]:
        piece = _piece_of(items[place].mark, held)
        if piece.startswith(("{%-", "{{-")) and place and items[place - 1].kind == "text":
            items[place - 1] = items[place - 1]._replace(source=items[place - 1].source.rstrip())
        if piece.endswith(("-%}", "-}}")) and place + 1 < len(items) and items[place + 1].kind == "text":
            items[place + 1] = items[place + 1]._replace(source=items[place + 1].source.lstrip())
    return items


def _piece_of(mark: Mark | None, held: ProtectedLiquid) -> str:
    found = held.mark.fullmatch(mark.text) if mark else None
    return held.piece(found) if found else ""


def _check_raw(piece: markup.Piece, held: ProtectedLiquid) -> None:
    if held.mark.search(piece.source):
        if piece.name in _VISIBLE_RAW or piece.name == "style":
            raise EntangledLiquid(f"Liquid in <{piece.name}>")
        _check_alone(piece.source, held)


def _check_tag(piece: markup.Piece, held: ProtectedLiquid) -> None:
    """Check that Liquid in a tag's attributes leaves the tag what it is, and tells readers nothing by itself."""
    if not held.mark.search(piece.source):
        return
    if held.mark.search(markup.without_values(piece.source)):
        raise EntangledLiquid(f"Liquid in the syntax of <{piece.name}>")
    for name, value in markup.attributes(piece.source).items():
        if not held.mark.search(value):
            continue
        if name == "style":
            _check_style(markup.unescape_value(value), held)
        elif name in _SENSITIVE:
            raise EntangledLiquid(f"Liquid in {name}= of <{piece.name}>")
        _check_alone(value, held)


def _check_style(style: str, held: ProtectedLiquid) -> None:
    known = 0
    for each in styles.read_declarations(style):
        if each.name not in _SHOWING and held.mark.search(each.value) and not held.mark.search(each.name):
            _check_alone(each.value, held)
            known += len(held.mark.findall(each.value))
    if known != len(held.mark.findall(style)):
        raise EntangledLiquid("Liquid decides over the style")


def _check_alone(text: str, held: ProtectedLiquid) -> None:
    """Check that what Liquid does inside this text stays inside it."""
    depth = 0
    for found in held.mark.finditer(text):
        mark = describe_mark(held, found)
        acts = mark.kind in ("silent", "counting", "print") or mark.word in ("capture", *_ENTANGLED)
        if acts and mark.word not in ("", "comment", "endcomment"):
            raise EntangledLiquid(f"{held.piece(found)} in an attribute")
        depth += {"open": 1, "end": -1}.get(mark.kind, 0)
        if depth < 0 or (mark.kind == "turn" and not depth):
            break
    if depth:
        raise EntangledLiquid("a condition that begins or ends inside an attribute")


def _check_blocks(items: list[_Item], held: ProtectedLiquid) -> None:
    """Check that each block is all in comments or all outside, and that what is captured is text alone."""
    opened: list[_Item] = []
    for item in items:
        if not opened and item.mark is None:
            continue
        if any(block.mark and block.mark.word == "capture" for block in opened):
            inside = item.kind in ("text", "gap") or (
                item.mark is not None and item.mark.kind in ("output", "text", "end")
            )
            if not inside:
                raise EntangledLiquid("markup is captured")
        mark = item.mark
        if mark is None:
            continue
        if item.name == "comment" and (mark.kind in ("counting", "print") or mark.word == "capture"):
            raise EntangledLiquid(f"{_piece_of(mark, held)} in a comment")
        if mark.kind == "open":
            opened.append(item)
        elif mark.kind in ("turn", "end"):
            if not opened or opened[-1].name != item.name:
                raise EntangledLiquid("a condition that begins or ends inside a comment")
            if mark.kind == "end":
                opened.pop()
    if opened:
        raise EntangledLiquid("a condition that never ends")


def _add_tbody(items: list[_Item]) -> list[_Item]:
    """Add <tbody> where marks come before a table's first row: the parser would put it behind them."""
    for place in range(len(items) - 1, -1, -1):
        if items[place].kind == "tag" and items[place].name == "tr" and items[place].source[1] != "/":
            before = place
            while before and (
                items[before - 1].kind in ("mark", "gap")
                or (items[before - 1].kind == "text" and not items[before - 1].source.strip())
            ):
                before -= 1
            opener = items[before - 1].source.lower() if before else ""
            if before < place and re.match(r"<(table|/thead|/tbody|/tfoot|/colgroup|/caption)\b", opener):
                items.insert(before, _Item("tag", "<tbody>", "tbody"))
    return items


def _check_places(root: LexborNode, held: ProtectedLiquid) -> None:
    """Check that Liquid writes only where text may be, and that each block stays within one element."""
    opened: list[int] = []
    for node, begins in walk_tree(root):
        if not begins or (mark := mark_of(node, held)) is None:
            continue
        parent = node.parent
        name = (parent.tag if parent is not None else None) or "html"
        place = parent.mem_id if parent is not None else 0
        if mark.kind in ("output", "text", "print", "counting") and name in _NO_TEXT:
            raise EntangledLiquid(f"text straight inside <{name}>")
        if mark.kind == "open":
            opened.append(place)
            if name == "ol":
                raise EntangledLiquid(f"a condition inside <{name}>")
        elif mark.kind in ("turn", "end") and (not opened or opened[-1] != place):
            raise EntangledLiquid("an element that a condition opens or closes, and its other side does not")
        if mark.kind == "end":
            opened.pop()


def _check_order(items: list[_Item], root: LexborNode, held: ProtectedLiquid) -> None:
    """Check that the tree has the tags, the text and the marks of the page in the page's order, each once."""
    expected, found = _Sequence(), _Sequence()
    for number, item in enumerate(items):
        if item.kind == "tag" and item.source[1] != "/" and item.name not in ("html", "head", "body"):
            expected.add(str(number))
        elif item.mark:
            expected.add(item.mark.text)
        elif item.kind == "text":
            expected.add_text(unescape_html(item.source) if "&" in item.source else item.source)
    for node, begins in walk_tree(root):
        if not begins:
            continue
        if node.is_element_node:
            if node.tag not in ("html", "head", "body") and (number_ := node.attributes.get(_NUMBER)):
                found.add(number_)
        elif mark := mark_of(node, held):
            found.add(mark.text)
        elif node.is_text_node and (node.parent is None or node.parent.tag not in markup.RAW):
            found.add_text(node.text_content or "")
    if expected.entries != found.entries or "".join(expected.texts) != "".join(found.texts):
        raise EntangledLiquid("the parser moves what a condition holds")


class _Sequence:
    """Tags and marks by their names, and between them the text without its white space."""

    def __init__(self) -> None:
        self.entries: list[str] = []
        self.texts: list[str] = []  # since the last tag or mark

    def add(self, name: str) -> None:
        self.entries += "".join(self.texts), f"<{name}>"
        self.texts.clear()

    def add_text(self, text: str) -> None:
        self.texts += text.split()
