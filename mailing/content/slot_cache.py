"""Slots that write the same for the same values: Liquid renders them once, and the result is remembered.

Most of what templates ask of Liquid is like that: a default for a missing name, a date in words, a line for those
who have enough points. Rendering it anew for everybody costs more than all the rest of a message.
"""

from collections.abc import Iterable
from datetime import date
from typing import Any

from liquid.ast import BlockNode, ConditionalBlockNode, Node
from liquid.builtin.content import ContentNode
from liquid.builtin.expressions import Path, StringLiteral
from liquid.builtin.output import OutputNode
from liquid.builtin.tags.case_tag import CaseNode, MultiExpressionBlockNode
from liquid.builtin.tags.if_tag import IfNode
from liquid.builtin.tags.unless_tag import UnlessNode
from liquid.expression import Expression

from mailing.content.source import Values

from .mime import encode_quoted_printable
from .names import OF_DELIVERY, OFFER, OFFER_PATHS
from .rendering import Rendering, read_value
from .sandbox import Output, walk_nodes

# Nodes whose text depends on nothing but the variables they read
_PURE = (
    *(OutputNode, ContentNode, IfNode, UnlessNode, CaseNode),
    *(BlockNode, ConditionalBlockNode, MultiExpressionBlockNode),
)
# Values of these types are written and compared alike when they are equal
_ALIKE = frozenset((str, int, bool, type(None), date))
_CLOCK = ("now", "today")  # for these the filter `date` reads the clock
_MOST_ENTRIES = 1000  # remembered for one node
_LONGEST_RESULT = 500  # characters of the longest


class SlotCache:
    """The results of a node for the values of `names`."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self._known: dict[tuple[object, ...] | None, Any] = {}  # Any: what the keeper keeps
        self.get = self._known.get

    def key(self, values: Values) -> tuple[object, ...] | None:
        """Return the key of values; None for values that are not remembered. 1 and True have different keys."""
        key: list[object] = []
        for name in self.names:
            value = values.get(name)
            if value is None and name in OFFER_PATHS:
                value = read_value(values, name)
            kind = value.__class__
            if kind not in _ALIKE or value in _CLOCK:
                return None
            key += kind, value
        return tuple(key)

    def keep(self, key: tuple[object, ...] | None, result: object) -> None:
        if key is not None:
            if len(self._known) >= _MOST_ENTRIES:
                self._known.clear()
            self._known[key] = result


class CachedSlot:
    """A slot whose node reads only `names`: for the same values it writes the same again."""

    def __init__(self, node: Node, names: tuple[str, ...]) -> None:
        self.node = node
        self.memory = SlotCache(names)

    def wire(self, rendering: Rendering) -> str:
        """Return what the node writes, in quoted-printable."""
        key = self.memory.key(rendering.values)
        wire = self.memory.get(key)
        if wire is None:
            buffer = Output()
            self.node.render(rendering.context, buffer)
            wire = encode_quoted_printable(buffer.getvalue())
            if len(wire) <= _LONGEST_RESULT:
                self.memory.keep(key, wire)
        return wire


def list_variables(node: Node, bound: set[str]) -> tuple[str, ...]:
    """Return the variables that alone decide what `node` writes; none when other things do or all values differ."""
    expressions: list[Expression] = []
    for each in walk_nodes([node]):
        if not isinstance(each, _PURE):
            return ()
        expressions += each.expressions()
    return list_variables_of(expressions, bound)


def list_variables_of(expressions: Iterable[Expression], bound: set[str]) -> tuple[str, ...]:
    """Return the variables that alone decide the value of the expressions; none as for `list_variables`."""
    names: set[str] = set()
    if not all(_collect(expression, names) for expression in expressions):
        return ()
    if names & OFFER_PATHS.keys() and (OFFER in bound or OFFER in names):
        return ()
    return () if names & (bound | OF_DELIVERY) else tuple(sorted(names))


def _collect(expression: Expression, names: set[str]) -> bool:
    """Add the variables an expression reads; False when it reads more than plain variables."""
    if isinstance(expression, Path):
        path = expression.path
        if len(path) == 2 and path[0] == OFFER and f"{OFFER}.{path[1]}" in OFFER_PATHS:
            names.add(f"{OFFER}.{path[1]}")
        elif len(path) != 1 or not isinstance(path[0], str):
            return False
        else:
            names.add(path[0])
    if isinstance(expression, StringLiteral) and expression.value in _CLOCK:
        return False
    return all(_collect(child, names) for child in expression.children())
