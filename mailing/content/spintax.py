r"""Spintax: {Hello|Good day} is one of its wordings, the same one whenever the same delivery is made again.

A group has at least one bar and closes in the same run of text. Groups may be nested and hold `{{ … }}`, but no
`{% … %}` and no HTML tag. Any other brace or bar is text; \{ \| \} are text inside a group too. Two braces in a row are
Liquid: write `{ {a|b} c|d}` with a space.
"""

import re

from campaigns.sentences import keep

from .protected_liquid import OUTPUT, TAG, ProtectedLiquid
from .source import ContentError

WORDING_LIMIT = 2_500  # wordings of all groups of one part
BROKEN_SHOWN = 20


class Spintax:
    """The groups of one part of the e-mail, numbered in their order: `b0`, `b1`, … for part "b"."""

    def __init__(self, held: ProtectedLiquid, part: str) -> None:
        self.held = held
        self.part = part
        self.groups = self.wordings = 0
        self.broken: list[str] = []  # what looks like a part of a group that a tag cuts in two
        self._cut = re.compile(rf"{held.mark.pattern}|[{{|}}]")

    def run(self, text: str) -> str:
        """Return one run of text, its Liquid held, with each group turned into marks."""
        if "{" not in text and "|" not in text and "}" not in text:
            return text
        text = self.held.escapes(text)
        out: list[str] = []
        opened: list[list[int]] = []  # of each open brace: where in `out` it is, then its bars
        stray = -1  # where the first bar outside a group is
        position = 0
        for match in self._cut.finditer(text):
            out += text[position : match.start()], match[0]
            position = match.end()
            place = len(out) - 1
            if match[1]:
                if self.held.kind(match) == TAG:
                    self._give_up(out, opened)
                    opened, stray = [], -1
            elif match[0] == "{":
                opened.append([place])
            elif match[0] == "|":
                if opened:
                    opened[-1].append(place)
                elif stray < 0:
                    stray = place
            elif opened:
                self._close(out, opened.pop())
            elif stray >= 0:
                self._note(out[stray:])
                stray = -1
        out.append(text[position:])
        self._give_up(out, opened)
        return "".join(out)

    def _give_up(self, out: list[str], opened: list[list[int]]) -> None:
        for first, *bars in opened[:BROKEN_SHOWN]:
            if bars:
                self._note(out[first : first + 40])

    def _note(self, items: list[str]) -> None:
        if len(self.broken) < BROKEN_SHOWN:
            self.broken.append(self.held.mark.sub("…", "".join(items[:40]))[:40])

    def _close(self, out: list[str], places: list[int]) -> None:
        first, *bars = places
        if not bars:
            return
        self.wordings += len(bars) + 1
        if self.wordings > WORDING_LIMIT:
            raise ContentError(
                keep("More than %(wording_limit)s wordings in braces", wording_limit=WORDING_LIMIT),
                "body",
            )
        hold = self.held.keep
        out[first] = hold(f"{{% __spin {self.part}{self.groups} %}}", OUTPUT)
        for bar in bars:
            out[bar] = hold("{% __or %}", OUTPUT)
        out[-1] = hold("{% end__spin %}", OUTPUT)
        self.groups += 1
