r"""Spintax: {Hello|Good day} is one of its wordings, the same one whenever the same delivery is made again.

A group has at least one bar and closes in the same run of text. Groups may be nested and hold `{{ … }}`, but no
`{% … %}` and no HTML tag. Any other brace or bar is text; \{ \| \} are text inside a group too. Two braces in a row are
Liquid: write `{ {a|b} c|d}` with a space.
"""

import re

from .held import OUTPUT, TAG, Held


class Spintax:
    """The groups of one part of the e-mail, numbered in their order: `b0`, `b1`, … for part "b"."""

    def __init__(self, held: Held, part: str) -> None:
        self.held = held
        self.part = part
        self.groups = 0
        self.unclosed: list[str] = []  # the beginnings of what would be a group if it closed
        self._cut = re.compile(rf"{held.mark.pattern}|[{{|}}]")

    def run(self, text: str) -> str:
        """One run of text, its Liquid held, with each group turned into marks."""
        text = self.held.escapes(text)
        out: list[str] = []
        opened: list[list[int]] = []  # of each open brace: where in `out` it is, then its bars
        position = 0
        for match in self._cut.finditer(text):
            out += text[position : match.start()], match[0]
            position = match.end()
            if match[1]:
                if self.held.kind(match) == TAG:
                    self._leave(out, opened)
                    opened = []
            elif match[0] == "{":
                opened.append([len(out) - 1])
            elif opened and match[0] == "|":
                opened[-1].append(len(out) - 1)
            elif opened:
                self._close(out, opened.pop())
        out.append(text[position:])
        self._leave(out, opened)
        return "".join(out)

    def _leave(self, out: list[str], opened: list[list[int]]) -> None:
        for first, *bars in opened:
            if bars:
                start = self.held.mark.sub("…", "".join(out[first : bars[-1] + 2]))
                self.unclosed.append(start[:40])

    def _close(self, out: list[str], places: list[int]) -> None:
        first, *bars = places
        if not bars:
            return
        keep = self.held.keep
        out[first] = keep(f"{{% __spin {self.part}{self.groups} %}}", OUTPUT)
        for bar in bars:
            out[bar] = keep("{% __or %}", OUTPUT)
        out[-1] = keep("{% end__spin %}", OUTPUT)
        self.groups += 1
