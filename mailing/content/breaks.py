"""Line breaks and spaces of a text part, which may hold conditions and loops.

A break is owed until text follows, so that it falls inside the condition its text stands in: each branch begins with
what was owed before the condition, and the most that any branch leaves is owed behind it.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from .reading import Irregular


class _Owed(NamedTuple):
    """What is due before the next text: line breaks, or else a space; nothing at the start of the whole."""

    lines: int = 0
    space: bool = False
    begun: bool = False  # has text been written before?
    given: int = 0  # of the line breaks, those that a loop's last round has written already
    spaced: bool = False  # has the space been written already, before a condition?
    unsure: bool = False  # is there a gap after one branch and none after another?


_BEGUN = _Owed(begun=True)


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
    spaces: list[int] = field(default_factory=list)  # where in the text a round begins with a space
    left: list[_Owed] = field(default_factory=list)  # by the branches so far


class Lines:
    """Text as it is written, with what is owed before the next."""

    def __init__(self) -> None:
        self.out: list[str] = []
        self.owed = _Owed()
        self.blocks: list[_Block] = []

    def owe(self, lines: int = 0, space: bool = False) -> None:
        """Let the next text begin on a line of its own (after an empty one for 2), or else after a space."""
        owed = self.owed
        unsure = owed.unsure and not lines and not space
        if lines > owed.lines or (space and not owed.space) or unsure != owed.unsure:
            self.owed = owed._replace(lines=max(lines, owed.lines), space=space or owed.space, unsure=unsure)

    def write(self, text: str) -> None:
        """Write text, after what is owed."""
        self._pay()
        self.owed = _BEGUN
        self.out.append(text)

    @property
    def is_adjacent(self) -> bool:
        """Would the next text follow the last one without a gap?"""
        return self.owed.begun and not self.owed.lines and not self.owed.space and not self.owed.spaced

    def begin_block(self, mark: str, loop: bool, certain: bool) -> None:
        """Write the mark that opens a condition or, when `loop`, a loop; `certain`: one branch is always taken.

        Raises: Irregular: what a round begins with depends on another loop.
        """
        self._open(loop, certain)
        self.out.append(mark)

    def turn_block(self, mark: str, certain: bool) -> None:
        """Write the mark between two branches."""
        self._turn()
        self.blocks[-1].certain |= certain
        self.out.append(mark)

    def end_block(self, mark: str) -> None:
        """Write the mark that ends a condition or a loop."""
        self._turn()
        block = self.blocks.pop()
        left = block.left if block.certain or block.loop else [*block.left, block.before]
        # where nothing was written yet nothing is owed to what stood before
        left = [owed for owed in left if owed.begun] or left
        gaps = {owed.lines > owed.given or (owed.space and not owed.spaced) for owed in left}
        self.owed = _Owed(*(max(values) for values in zip(*left, strict=True)))
        if len(gaps) > 1:
            self.owed = self.owed._replace(unsure=True)
        self.out.append(mark)

    def text(self) -> str:
        """All that was written."""
        return "".join(self.out).strip() + "\n"

    def _open(self, loop: bool, certain: bool) -> None:
        if self.owed.begun and not self.owed.lines and not loop:
            self._pay()
            self.owed = _Owed(begun=True, spaced=self.owed.space or self.owed.spaced)
        if loop and not self.owed.begun and any(block.loop for block in self.blocks):
            raise Irregular("a round of a loop begins with another loop")
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
            if self.owed.lines or self.owed.space:  # each round ends with what the next would begin with
                for place in block.spaces:
                    self.out[place] = ""
                if block.spaces and block.begun and not self.out[block.paid]:
                    self.out[block.paid] = " "
            self.owed = _Owed(self.owed.lines, begun=True, given=self.owed.lines, spaced=self.owed.space)
        block.left.append(self.owed)
        self.owed = block.before

    def _pay(self) -> None:
        """Write what is due; at the beginning of a loop's round it is due before the loop."""
        if self.owed.unsure:
            raise Irregular("text that follows one branch at once and another after a gap")
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
                if breaks == " ":
                    self.out[-1] = " "
                    block.spaces.append(len(self.out) - 1)
                elif block.begun:
                    self.out[block.paid] = max(self.out[block.paid], breaks, key=len)
                return
