"""One part of a message, text or HTML, in quoted-printable: rendered anew, or spliced from encoded pieces.

A part is a row of segments: text that is the same for everybody, and slots. Each is encoded by itself, and soft line
breaks join them; so a slot's value changes no other byte, and both ways give the same bytes. A slot holds what one
node of the template writes; for a condition (and for spintax) that is the row of the branch taken, joined alike.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from liquid.ast import BlockNode, Node
from liquid.builtin.content import ContentNode
from liquid.builtin.expressions import FilteredExpression, Path
from liquid.builtin.output import OutputNode
from liquid.builtin.tags.assign_tag import AssignNode
from liquid.builtin.tags.capture_tag import CaptureNode
from liquid.builtin.tags.comment_tag import CommentNode
from liquid.builtin.tags.doc_tag import DocNode
from liquid.builtin.tags.if_tag import IfNode
from liquid.builtin.tags.inline_comment_tag import InlineCommentNode
from liquid.builtin.tags.unless_tag import UnlessNode
from liquid.exceptions import OutputStreamLimitError

from mailing.content.source import Values

from .expressions import read_number_test
from .mime import SOFT, encode_quoted_printable
from .names import OFFER, OFFER_PATHS
from .rendering import Rendering, Wires, read_value, write_value
from .sandbox import OUTPUT_LIMIT, Context, Output, Template, failures
from .slot_cache import CachedSlot, SlotCache, list_variables, list_variables_of
from .tags import SpinNode

WIRE_LIMIT = 3 * OUTPUT_LIMIT  # bytes of a part as it is sent
_SILENT = (AssignNode, CaptureNode, CommentNode, DocNode, InlineCommentNode)  # write nothing: no slot
_BRANCHING = (IfNode, UnlessNode, SpinNode)


def join_texts(nodes: Sequence[Node]) -> list[str | Node]:
    """Return text and nodes in order; text that only silent nodes stand in is one piece, before them."""
    row: list[Any] = []  # texts, and what writes a gap: told apart by isinstance
    text = -1  # where in `row` text may still be added to
    for node in nodes:
        if not isinstance(node, ContentNode):
            row.append(node)
            text = text if isinstance(node, _SILENT) else -1
        elif text < 0:
            text = len(row)
            row.append(node.text)
        else:
            row[text] += node.text
    return row


def list_branches(node: IfNode | UnlessNode | SpinNode) -> list[BlockNode]:
    """Return every branch of a condition, in the order of the template."""
    if isinstance(node, SpinNode):
        return node.options
    blocks = [node.consequence, *(alternative.block for alternative in node.alternatives)]
    return [*blocks, node.default] if node.default else blocks


def find_branch(node: IfNode | UnlessNode | SpinNode, context: Context) -> int:
    """Return which of its branches a condition takes; -1 for none."""
    if isinstance(node, SpinNode):
        return node.choose_option(context.seed)
    if bool(node.condition.evaluate(context)) is isinstance(node, IfNode):
        return 0
    for place, alternative in enumerate(node.alternatives, 1):
        if alternative.expression.evaluate(context):
            return place
    return len(node.alternatives) + 1 if node.default else -1


def write_node(node: Node, context: Context) -> str:
    """Return what one node writes, in quoted-printable."""
    buffer = Output()
    node.render(context, buffer)
    return encode_quoted_printable(buffer.getvalue())


def write_row(nodes: Sequence[Node], context: Context) -> str:
    """Render and encode a row from its first node to its last, without any remembered piece."""
    segments = []
    for step in join_texts(nodes):
        if isinstance(step, str):
            segments.append(encode_quoted_printable(step))
        elif isinstance(step, _SILENT):
            step.render(context, Output())
        elif isinstance(step, _BRANCHING):
            branch = find_branch(step, context)
            segments.append(_write_block(list_branches(step)[branch], context) if branch >= 0 else "")
        else:
            segments.append(write_node(step, context))
    _check_length(sum(map(len, segments)))
    return SOFT.join(segments)


def _check_length(length: int) -> None:
    """Refuse a part that is far longer than any mail: each slot has a limit of its own, and there may be many."""
    if length > WIRE_LIMIT:
        raise OutputStreamLimitError(f"more than {WIRE_LIMIT:,} bytes of quoted-printable", token=None)


def _write_block(block: BlockNode, context: Context) -> str:
    return write_node(block, context) if block.blank else write_row(block.nodes, context)


class SplicedRow:
    """A row made ready for splicing: its text encoded, its slots empty, soft line breaks in between.

    `variables` are the slots that hold nothing but one value of the recipient, by name; one that follows upon itself,
    as the token of a mail's links does, has one slot with the texts in between. `others` are filled in their order,
    since one may set what the next reads.
    """

    def __init__(self, nodes: Sequence[Node], bound: set[str]) -> None:
        self.segments: list[str] = []
        self.variables: list[tuple[int, str]] = []
        self.repeated: list[tuple[int, str, list[str]]] = []
        self.others: list[tuple[int, CachedSlot | ChoiceSlot | RenderedSlot | SilentSlot]] = []
        texts = [""]  # before each slot, and after the last
        slots: list[str | CachedSlot | ChoiceSlot | RenderedSlot | SilentSlot] = []
        is_first = True
        for step in join_texts(nodes):
            if isinstance(step, _SILENT):
                slots.append(SilentSlot(step))
                texts.append("")
                continue
            if not is_first:
                texts[-1] += SOFT
            is_first = False
            if isinstance(step, str):
                texts[-1] += encode_quoted_printable(step)
            else:
                slots.append(_make_slot(step, bound))
                texts.append("")
        self._lay_out(texts, slots)

    def _lay_out(
        self, texts: list[str], slots: "list[str | CachedSlot | ChoiceSlot | RenderedSlot | SilentSlot]"
    ) -> None:
        position = 0
        for filling, run in groupby(slots):
            length = len(list(run))
            self.segments += texts[position], ""
            slot = len(self.segments) - 1
            if not isinstance(filling, str):
                self.others.append((slot, filling))
            elif length == 1:
                self.variables.append((slot, filling))
            else:
                self.repeated.append((slot, filling, ["", *texts[position + 1 : position + length], ""]))
            position += length
        self.segments.append(texts[-1])

    def wire(self, rendering: Rendering) -> str:
        """Return the row for one recipient, in quoted-printable."""
        segments, wires = self.segments.copy(), rendering.wires
        for slot, name in self.variables:
            segments[slot] = wires[name]
        for slot, name, texts in self.repeated:
            wire = wires[name]
            _check_length(len(wire) * len(texts))
            segments[slot] = wire.join(texts)
        for slot, other in self.others:
            segments[slot] = other.wire(rendering)
        _check_length(sum(map(len, segments)))
        return "".join(segments)


def _make_slot(node: Node, bound: set[str]) -> "str | CachedSlot | ChoiceSlot | RenderedSlot":
    """Return what fills a node's slot: the variable of this name, or what knows how to write the node."""
    if (name := find_variable(node)) is not None and not is_bound(name, bound):
        return name
    if isinstance(node, _BRANCHING):
        return ChoiceSlot(node, bound)
    if names := list_variables(node, bound):
        return CachedSlot(node, names)
    return RenderedSlot(node)


class ChoiceSlot:
    """A condition or spintax, its branches made ready."""

    def __init__(self, node: IfNode | UnlessNode | SpinNode, bound: set[str]) -> None:
        self.node = node
        self.rows = [
            RenderedSlot(block) if block.blank else SplicedRow(block.nodes, bound)
            for block in list_branches(node)
        ]
        self.memory: SlotCache | None = None
        self.tests: list[Any] = []  # of numbers, one a branch, where nothing else decides
        if not isinstance(node, SpinNode):
            conditions = [node.condition, *(alternative.expression for alternative in node.alternatives)]
            if names := list_variables_of(conditions, bound):
                self.memory = SlotCache(names)
                tests = [read_number_test(condition) for condition in conditions]
                self.tests = tests if all(tests) and isinstance(node, IfNode) else []

    def wire(self, rendering: Rendering) -> str:
        branch = self._choose_branch(rendering)
        return self.rows[branch].wire(rendering) if branch >= 0 else ""

    def _choose_branch(self, rendering: Rendering) -> int:
        if isinstance(self.node, SpinNode):
            return self.node.choose_option(rendering.seed)
        if self.memory is None:
            return find_branch(self.node, rendering.context)
        values = rendering.values
        for place, (name, compare, number) in enumerate(self.tests):
            value = values.get(name)
            if value.__class__ is not int and value.__class__ is not float:
                break
            if compare(value, number):
                return place
        else:
            if self.tests:
                return len(self.tests) if self.node.default else -1
        key = self.memory.key(values)
        branch = self.memory.get(key)
        if branch is None:
            branch = find_branch(self.node, rendering.context)
            self.memory.keep(key, branch)
        return int(branch)


class RenderedSlot:
    """A node that Liquid renders for each recipient."""

    def __init__(self, node: Node) -> None:
        self.node = node

    def wire(self, rendering: Rendering) -> str:
        return write_node(self.node, rendering.context)


class SilentSlot(RenderedSlot):
    """A node that writes nothing, rendered for what it sets."""

    def wire(self, rendering: Rendering) -> str:
        self.node.render(rendering.context, Output())
        return ""


class PartTemplate:
    """A part of the message."""

    def __init__(self, template: Template) -> None:
        self.template = template
        self._row = SplicedRow(template.nodes, template.bound)

    def splice(self, wires: Wires, seed: object, at: float) -> str:
        """Return the part for one recipient, in quoted-printable.

        Raises:
            ContentError: it does not compile or render.
        """
        with failures:
            return self._row.wire(Rendering(self.template, wires, seed, at))

    def in_full(self, values: Values, seed: object, at: float) -> str:
        """Return the same, rendered anew without any remembered piece.

        Raises:
            ContentError: it does not compile or render.
        """
        with failures:
            return write_row(self.template.nodes, self.template.context(values, seed, at))


class LineTemplate:
    """A template of one line, such as a subject. `fixed` is its text when it is the same for everybody."""

    def __init__(self, template: Template) -> None:
        self.template = template
        row = join_texts(template.nodes)
        self.fixed = "".join(map(str, row)) if all(isinstance(step, str) for step in row) else None
        self._row = [(find_variable(step), step) for step in row]
        self._simple = all(
            isinstance(step, str) or (name and not is_bound(name, template.bound)) for name, step in self._row
        )

    def render_values(self, values: Values, seed: object, at: float) -> str:
        """Return the line for one recipient.

        Raises:
            ContentError: it does not compile or render.
        """
        if self.fixed is not None:
            return self.fixed
        if not self._simple:
            return self.template.whole(values, seed, at)
        return "".join(
            [
                str(step) if name is None else write_value(name, read_value(values, name))
                for name, step in self._row
            ]
        )


def find_variable(step: str | Node) -> str | None:
    """Return the name, when a node writes one variable as it is; of a part of the offer its path."""
    if not isinstance(step, OutputNode) or not isinstance(step.expression, FilteredExpression):
        return None
    if step.expression.filters or not isinstance(step.expression.left, Path):
        return None
    path = step.expression.left.path
    if len(path) == 2 and path[0] == OFFER and f"{OFFER}.{path[1]}" in OFFER_PATHS:
        return f"{OFFER}.{path[1]}"
    return path[0] if len(path) == 1 and isinstance(path[0], str) else None


def is_bound(name: str, bound: set[str]) -> bool:
    """Return whether the template itself gives this variable a value."""
    return (OFFER if name in OFFER_PATHS else name) in bound
