"""Line breaks and spaces of a text part, which may hold conditions and loops.

A break is owed until text follows, so that it falls inside the condition its text stands in: each branch begins with
what was owed before the condition, and the most that any branch leaves is owed behind it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from .page_tree import EntangledLiquid


class _OwedBreaks(NamedTuple):
    """What is due before the next text: line breaks, or else a space; nothing at the start of the whole."""

    lines: int = 0
    space: bool = False
    begun: bool = False  # has text been written before?
    given: int = 0  # of the line breaks, those that a loop's last round has written already
    spaced: bool = False  # has the space been written already, before a condition?
    unsure: bool = False  # is there a gap after one branch and none after another?
    ends: "tuple[_End, ...]" = ()  # of the branches of the condition that stands right before
    may_lack: bool = False  # has one of these written nothing?
    # the line breaks due to what stands before the condition, where a branch has written nothing
    lead: int = 0
    loose: bool = False  # do the line breaks of a loop's last round belong to a round that did not come?


_BEGUN = _OwedBreaks(begun=True)


class _End(NamedTuple):
    """The end of a branch: its place in the text, the mark that makes room for it there, and the gap that is due.

    is_blank: no branch of its condition has text. Liquid then leaves its blanks out too.
    """

    place: int
    mark: str
    gap: str
    is_blank: bool = False


@dataclass
class _Block:
    """An open condition or loop.

    A loop's rounds owe nothing to what stands before it: that is paid before the first round, and by each round at
    its end for the next, as much as the beginning of a round asks for.
    """

    before: _OwedBreaks
    loop: bool
    begun: bool  # has text been written before it?
    certain: bool  # is one of its branches always taken?
    start: int = 0  # where in the text it begins
    given: int = 0  # the line breaks that stand before it already, behind another loop
    paid: int = 0  # where in the text what is due before a loop stands
    lead: int = 0  # the line breaks a round begins with
    # the gaps with which the texts begin that may be the first of a round
    leads: set[str] = field(default_factory=set)
    places: list[int] = field(default_factory=list)  # where in the text the branches so far end
    spaces: list[int] = field(default_factory=list)  # where in the text a round begins with a space
    left: list[_OwedBreaks] = field(default_factory=list)  # by the branches so far


class TextLines:
    """Text as it is written, with what is owed before the next.

    keep_blank: makes Liquid that writes a gap where blanks alone would be left out.
    """

    def __init__(self, keep_blank: Callable[[str], str] = str) -> None:
        self._keep_blank = keep_blank
        self._text_at = -1  # where the last text stands
        self.out: list[str] = []
        self.owed = _OwedBreaks()
        self.blocks: list[_Block] = []

    def owe(self, lines: int = 0, space: bool = False) -> None:
        """Let the next text begin on a new line (with 2 after an empty line), or else after a space."""
        owed = self.owed
        unsure = owed.unsure and not lines and not space
        if owed.loose and lines:
            owed = self.owed = owed._replace(loose=False)
        if lines > owed.lines or (space and not owed.space) or unsure is not owed.unsure:
            self.owed = owed._replace(lines=max(lines, owed.lines), space=space or owed.space, unsure=unsure)
        if owed.may_lack and lines > owed.lead:
            self.owed = self.owed._replace(lead=lines)

    def write(self, text: str) -> None:
        """Write text, after what is owed."""
        self._pay()
        self.owed = _BEGUN
        self._text_at = len(self.out)
        self.out.append(text)

    @property
    def is_adjacent(self) -> bool:
        """Return whether the next text would follow the last one without a gap."""
        return self.owed.begun and not self.owed.lines and not self.owed.space and not self.owed.spaced

    def begin_block(self, mark: str, loop: bool, certain: bool) -> None:
        """Write the mark that opens a condition or, when `loop`, a loop; `certain`: one branch is always taken.

        Raises:
            EntangledLiquid: what a round begins with depends on another loop.
        """
        self._open(loop, certain)
        self.out.append(mark)

    def turn_block(self, mark: str, certain: bool) -> None:
        """Write the mark between two branches."""
        self._turn()
        self.blocks[-1].certain |= certain
        self.out.append(mark)

    def end_block(self, mark: str, else_mark: str = "") -> None:
        """Write the mark that ends a condition or a loop; `else_mark` would begin a branch for all other cases."""
        self._turn()
        block = self.blocks.pop()
        if block.loop and self._text_at < block.start and any(owed.lines for owed in block.left):
            raise EntangledLiquid("a loop that writes line breaks and nothing else")
        left, places = block.left, block.places
        marks = [""] * len(left)
        if not block.certain and not block.loop:
            self.out.append("")
            left, places, marks = [*left, block.before], [*places, len(self.out) - 1], [*marks, else_mark]
        # where nothing was written yet nothing is owed to what stood before
        begun = [number for number, owed in enumerate(left) if owed.begun]
        may_lack = 0 < len(begun) < len(left) or any(owed.may_lack for owed in left)
        lead = max((owed.lead if owed.begun else owed.lines for owed in left), default=0)
        numbers = begun or range(len(left))
        is_blank = self._text_at < block.start
        if is_blank and not block.loop:
            self._keep_gaps(block.start)
        ends = [
            _End(places[number], marks[number], _remaining_gap(left[number]), is_blank) for number in numbers
        ]
        left = [left[number] for number in numbers]
        if len({owed.given for owed in left}) > 1:
            raise EntangledLiquid("one branch ends on a new line, and another does not")
        lines, space, was_begun, given, spaced, unsure, *_ = (
            max(values) for values in zip(*(owed._replace(ends=()) for owed in left), strict=True)
        )
        unsure |= len({bool(end.gap) for end in ends}) > 1
        if unsure and any(owed.unsure for owed in left):
            raise EntangledLiquid("a gap that two conditions decide over")
        loose = any(owed.loose for owed in left)
        own_ends = () if block.loop else tuple(ends)
        self.owed = _OwedBreaks(
            lines, space, was_begun, given, spaced, unsure, own_ends, may_lack, lead, loose
        )
        self.out.append(mark)

    def text(self) -> str:
        """Return all that was written."""
        return "".join(self.out).strip() + "\n"

    def _open(self, loop: bool, certain: bool) -> None:
        if self.owed.unsure:
            raise EntangledLiquid("a condition that follows one branch at once and another after a gap")
        if loop and not self.owed.begun and any(block.loop for block in self.blocks):
            raise EntangledLiquid("a round of a loop begins with another loop")
        self.owed = self.owed._replace(ends=())
        block = _Block(self.owed, loop, self.owed.begun, certain, len(self.out), self.owed.given)
        if loop:
            self._pay()
            block.paid = len(self.out) - 1
            block.before = self.owed = _OwedBreaks()
        self.blocks.append(block)

    def _turn(self) -> None:
        block = self.blocks[-1]
        if block.loop and len(block.leads) > 1:
            raise EntangledLiquid("a round of a loop may begin with one gap or another")
        if block.loop and not block.left and self.owed.unsure:
            raise EntangledLiquid("a round of a loop may end with a gap or without one")
        is_loose = block.loop and not block.left and self.owed.lines < block.lead
        if block.loop and not block.left and self.owed.may_lack:
            self._pay_in_branches(max(self.owed.lines, block.lead))
        elif block.loop and not block.left:
            self.owed = self.owed._replace(lines=max(self.owed.lines, block.lead), begun=True)
            self._pay()
            if self.owed.lines or self.owed.space:  # each round ends with what the next would begin with
                for place in block.spaces:
                    self.out[place] = ""
                if block.spaces and block.begun and not self.out[block.paid]:
                    self.out[block.paid] = " "
            self.owed = _OwedBreaks(
                self.owed.lines, begun=True, given=self.owed.lines, spaced=self.owed.space
            )
        elif block.before.given and self.owed.lines > self.owed.given:
            # what follows a loop begins on a new line already, and so must what follows this branch
            self.out.append("\n" * (self.owed.lines - self.owed.given))
            self.owed = _OwedBreaks(self.owed.lines, begun=True, given=self.owed.lines)
        if is_loose:
            self.owed = self.owed._replace(loose=True)
        self.out.append("")
        block.places.append(len(self.out) - 1)
        block.left.append(self.owed)
        self.owed = block.before

    def _pay_in_branches(self, lines: int) -> None:
        """Write what is due at the end of a round, of which nothing may have been written."""
        if not self.owed.ends or self.owed.space or self.owed.spaced or self.owed.unsure:
            raise EntangledLiquid("text of a round of a loop behind a branch that may write nothing")
        for end in self.owed.ends:
            self.out[end.place] = f"{end.mark}{self._write_gap(end, chr(10) * lines)}"
        self.owed = _OwedBreaks(lines, begun=True, given=lines)

    def _keep_gaps(self, start: int) -> None:
        """Keep what was paid before loops in a condition without text, whose blanks Liquid would leave out."""
        for place in range(start, len(self.out)):
            if "\n" in self.out[place] and self.out[place].isspace():
                self.out[place] = self._keep_blank(self.out[place])

    def _write_gap(self, end: _End, gap: str) -> str:
        """Return a gap as it is written at the end of a branch; one due to tags stays where all else is blank."""
        return self._keep_blank(gap) if end.is_blank and "\n" in gap else gap

    def _pay(self) -> None:
        """Write what is due; at the beginning of a loop's round it is due before the loop."""
        if self.owed.loose:
            raise EntangledLiquid("text right behind a loop whose rounds begin on new lines")
        if self.owed.unsure:
            if not self.owed.ends:
                raise EntangledLiquid("text that follows one branch at once and another after a gap")
            for end in self.owed.ends:
                if end.gap:
                    self.out[end.place] = f"{end.mark}{self._write_gap(end, end.gap)}"
            self.out.append("")
            return
        has_gap = self.owed.lines or self.owed.space or self.owed.spaced
        if self.owed.may_lack and has_gap and any(block.loop for block in self.blocks):
            # the gap belongs to the branches that wrote; else this text is the first of its round
            lead = self.owed.lead
            self._pay_in_branches(self.owed.lines)
            self.owed = _OwedBreaks(lead)
        breaks = "\n" * (self.owed.lines - self.owed.given) if self.owed.lines else ""
        if not self.owed.lines and self.owed.space and not self.owed.spaced:
            breaks = " "
        if self.owed.begun:
            self.out.append(breaks)
            return
        self.out.append("")
        for block in reversed(self.blocks):
            if block.loop:
                block.leads.add(breaks)
                block.lead = max(block.lead, self.owed.lines)
                if breaks == " ":
                    self.out[-1] = " "
                    block.spaces.append(len(self.out) - 1)
                elif block.begun:
                    breaks = "\n" * (self.owed.lines - block.given)
                    self.out[block.paid] = max(self.out[block.paid], breaks, key=len)
                return


def _remaining_gap(owed: _OwedBreaks) -> str:
    """Return what is still to be written of a gap."""
    if owed.lines:
        return "\n" * (owed.lines - owed.given)
    return " " if owed.space and not owed.spaced else ""
