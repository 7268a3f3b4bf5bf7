"""The stack of open elements of a page and its list of active formatting elements, as the HTML standard has both.

The standard opens no more than three alike anew. Here are none alike: our parsers get a page with numbered tags.
"""

from collections import Counter
from collections.abc import Collection, Container

VOID = frozenset(
    "area base basefont bgsound br col embed frame hr img input keygen link meta param source track wbr".split()
)
FORMATTING = frozenset("a b big code em font i nobr s small strike strong tt u".split())
MARKING = frozenset(("applet", "marquee", "object"))
CELLS = frozenset(("td", "th"))
GROUPS = frozenset(("tbody", "tfoot", "thead"))
TABLE_PARTS = CELLS | GROUPS | {"caption", "col", "colgroup", "tr"}
BLOCKS = frozenset(
    """address article aside blockquote center dd details dialog dir div dl dt fieldset figcaption figure footer h1 h2
    h3 h4 h5 h6 header hgroup li listing main menu nav ol p plaintext pre search section summary ul""".split()
)
SCOPES = MARKING | CELLS | {"caption", "select", "table", "template"}
TEXT_OF_MATH = frozenset("mi mn mo ms mtext".split())
_FOREIGN_SCOPES = {
    "svg": frozenset("desc foreignobject title".split()),
    "math": TEXT_OF_MATH | {"annotation-xml"},
}
_SPECIAL = frozenset("button form iframe noembed noframes noscript xmp".split()).union(
    SCOPES, BLOCKS, TABLE_PARTS, VOID - {"bgsound"}
)
_IMPLIED = frozenset("dd dt li optgroup option p rb rp rt rtc".split())  # their end tags may be left out
_ROUNDS = 8  # of the adoption agency, as the standard has them


class Element:
    """An element of a page, known by its name and its start tag."""

    __slots__ = ("foreign", "is_open", "is_special", "name", "source")

    def __init__(self, name: str, source: str, foreign: str = "") -> None:
        self.name, self.source, self.foreign = name, source, foreign  # foreign: "svg", "math" or ""
        self.is_special = name in (_FOREIGN_SCOPES[foreign] if foreign else _SPECIAL)
        self.is_open = False

    def hides(self, scopes: Container[str]) -> bool:
        """Return whether end tags inside do not reach what is outside."""
        return self.is_special if self.foreign and scopes else self.name in scopes


_NOTHING = Element("", "")  # in the place of an element that was closed alone


class OpenElements:
    """What is open at one place of a page.

    `deepest` is the largest number of elements inside each other so far, and `made` how many there are in all.
    """

    def __init__(self) -> None:
        self.made = self.deepest = 0
        self._open: list[Element] = []
        self._counts: Counter[str] = Counter()  # of open elements by name: what is not open is not looked for
        self._active: list[Element | None] = []  # None where an element shuts the others out

    def push(self, name: str, source: str, foreign: str = "", is_closed: bool = False) -> Element:
        """Open an element, or note one that is closed at once."""
        while self._open and self._open[-1] is _NOTHING:
            self._open.pop()
        element = Element(name, source, foreign)
        self.made += 1
        self.deepest = max(self.deepest, len(self._open) + 1)
        if not is_closed:
            self._open.append(element)
            self._counts[name] += 1
            element.is_open = True
        return element

    def close_from(self, place: int) -> None:
        """Close the element at a place of the stack, and all in it."""
        for each in self._open[place:]:
            each.is_open = False
            self._counts[each.name] -= 1
        del self._open[place:]

    def _is_in_foreign(self, start: str = "") -> bool:
        """Return whether tags belong to SVG or MathML here; `start` is that of the start tag that comes, if any."""
        if not self._open or not self._open[-1].foreign:
            return False
        top = self._open[-1]
        if top.foreign == "svg":
            return not top.is_special
        if top.name == "annotation-xml":
            return start != "svg" and "html" not in top.source.lower()
        return top.name not in TEXT_OF_MATH or start in ("mglyph", "malignmark")

    def _leave_foreign(self) -> None:
        while self._is_in_foreign():
            self.close_from(len(self._open) - 1)

    def _is_top(self, name: str) -> bool:
        return bool(self._open) and self._open[-1].name == name

    def _find(self, names: Collection[str], scopes: Container[str]) -> int:
        """Return the place of the innermost open element of `names` that no element of `scopes` hides, or -1."""
        if not any(self._counts[name] for name in names):
            return -1
        for place in range(len(self._open) - 1, -1, -1):
            each = self._open[place]
            if not each.foreign and each.name in names:
                return place
            if each.hides(scopes):
                return -1
        return -1

    def _has(self, names: Collection[str], scopes: Container[str]) -> bool:
        return self._find(names, scopes) >= 0

    def _pop_to(self, names: Collection[str]) -> None:
        """Close the innermost element of `names`, and all in it."""
        place = self._find(names, ())
        self.close_from(max(place, 0))

    def _pop_in_scope(self, names: Collection[str], scopes: Container[str]) -> bool:
        place = self._find(names, scopes)
        if place >= 0:
            self.close_from(place)
        return place >= 0

    def _pop_above(self, name: str) -> None:
        """Close what stands inside the innermost element of a name."""
        self.close_from(self._find((name,), ()) + 1)

    def _pop_implied(self, but: str = "") -> None:
        """Close what needs no end tag, except for one name."""
        while self._open and self._open[-1].name in _IMPLIED and self._open[-1].name != but:
            self.close_from(len(self._open) - 1)

    def _clear(self) -> None:
        """Forget the active formatting elements up to the last mark."""
        while self._active and self._active.pop() is not None:
            pass

    def _reopen(self) -> None:
        """Open the active formatting elements anew that were closed with a block."""
        place = len(self._active)
        while place and (last := self._active[place - 1]) is not None and not last.is_open:
            place -= 1
        for number in range(place, len(self._active)):
            closed = self._active[number]
            assert closed is not None
            self._active[number] = self.push(closed.name, closed.source)

    def _close_alone(self, element: Element) -> None:
        """Close an element alone: what was opened in it still stands in it."""
        if element.is_open:
            self._open[self._open.index(element)] = _NOTHING
            self._counts[element.name] -= 1
            element.is_open = False

    def _start_formatting(self, name: str, source: str) -> None:
        if name == "a" and (before := self._find_active("a")) is not None:
            self._adopt("a")
            self._active = [each for each in self._active if each is not before]
            self._close_alone(before)
        self._reopen()
        if name == "nobr" and self._has(("nobr",), SCOPES):
            self._adopt("nobr")
            self._reopen()
        self._active.append(self.push(name, source))

    def _find_active(self, name: str) -> Element | None:
        for each in reversed(self._active):
            if each is None or each.name == name:
                return each
        return None

    def _close_sibling(self, names: Container[str]) -> None:
        for place in range(len(self._open) - 1, -1, -1):
            each = self._open[place]
            if each.name in names and not each.foreign:
                self.close_from(place)
                return
            if each.is_special and each.name not in ("address", "div", "p"):
                return

    def _end_any(self, name: str) -> None:
        for place in range(len(self._open) - 1, -1, -1):
            each = self._open[place]
            if each.name == name and not each.foreign:
                self.close_from(place)
                return
            if each.is_special:
                return

    def _adopt(self, name: str) -> None:
        """End a formatting element: what the standard calls the adoption agency."""
        if self._is_top(name) and not any(each is self._open[-1] for each in self._active):
            self.close_from(len(self._open) - 1)
            return
        for _ in range(_ROUNDS):
            element = self._find_active(name)
            if element is None:
                self._end_any(name)
                return
            if not element.is_open:
                self._active.remove(element)
                return
            place = self._open.index(element)
            if any(each.hides(SCOPES) for each in self._open[place + 1 :]):
                return
            furthest = next((each for each in self._open[place + 1 :] if each.is_special), None)
            if furthest is None:
                self.close_from(place)
                self._active.remove(element)
                return
            self._move_out(element, furthest)

    def _move_out(self, element: Element, furthest: Element) -> None:
        """Take a formatting element out of the block in it, and put a copy into that block."""
        first, last = self._open.index(element), self._open.index(furthest)
        bookmark = self._active.index(element)
        between: list[Element] = []
        for count, node in enumerate(reversed(self._open[first + 1 : last]), 1):
            if node not in self._active:
                continue
            place = self._active.index(node)
            if count > 3:
                del self._active[place]
                bookmark -= place < bookmark
                continue
            copy = Element(node.name, node.source)
            self.made += 1
            self._active[place] = copy
            if not between:
                bookmark = place + 1
            between.append(copy)
        copy = Element(element.name, element.source)
        self.made += 1
        self._active.insert(bookmark, copy)
        self._active.remove(element)
        inner = self._open[last + 1 :]
        self.close_from(first)
        for each in (*reversed(between), furthest, copy, *inner):
            self._open.append(each)
            self._counts[each.name] += 1
            each.is_open = each is not _NOTHING
        self.deepest = max(self.deepest, len(self._open))
