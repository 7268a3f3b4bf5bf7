"""Protects Liquid while Markdown, MJML, CSS, links and spintax are processed.

Each `{{ … }}` and `{% … %}` becomes a mark: a word of letters and digits, which no tool changes, or in running HTML
the same word as a comment, which may stand anywhere (between the rows of a table, say, where a parser would move a
word away). `restore` puts the Liquid back; nothing else in the text is Liquid then, whatever the tools made of it.
"""

import re
from collections.abc import Callable

from liquid.lex import compile_liquid_rules

_liquid = compile_liquid_rules()
_comment = re.compile(r"\{%-?\s*(end)?comment\b")
_html_escapes = re.compile(r"\|\s*escape(?:_once)?\s*(?=\||-?\}\})")
_escaped = re.compile(r"\\([{|}])")
_never_liquid = re.compile(r"\{+(?=%|\Z)|\{{2,}")  # a brace at the end would run into the piece that follows
_raw = r"{% raw %}\g<0>{% endraw %}"

# of a held piece: writes something, writes nothing itself, is no Liquid
OUTPUT, TAG, TEXT = (
    "output",
    "tag",
    "text",
)


class ProtectedLiquid:
    """The pieces of Liquid taken out of one text, by their marks."""

    def __init__(self, text: str) -> None:
        self._word = "liquid"
        while self._word in text:
            self._word += "q"
        self._pieces: list[tuple[str, str]] = []
        self.mark = re.compile(rf"(?:<!--)?{self._word}(\d{{6}})z(?:-->)?")
        self.comment = re.compile(rf"<!--{self._word}(\d{{6}})z-->")
        inner = rf"<!--{self._word}\d{{6}}z-->"
        self._around = re.compile(rf"<!--(?!{self._word}\d{{6}}z-->)(?:{inner}|(?!-->).)*?-->", re.DOTALL)

    def keep(self, piece: str, kind: str) -> str:
        """Return the mark that stands for `piece` from now on."""
        self._pieces.append((piece, kind))
        return f"{self._word}{len(self._pieces) - 1:06}z"

    def kind(self, mark: re.Match[str]) -> str:
        return self._pieces[int(mark[1])][1]

    def piece(self, mark: re.Match[str]) -> str:
        return self._pieces[int(mark[1])][0]

    def liquid(self, text: str) -> str:
        """Return `text` with marks in place of its Liquid. A Liquid comment with its content is one piece."""
        out: list[str] = []
        depth, comment = 0, ""
        for match in _liquid.finditer(text):
            source = match.group()
            if (edge := _comment.match(source)) and match.lastgroup == "TAG":
                depth += -1 if edge[1] else 1
                if depth == 0:
                    out.append(self.keep(comment + source, TAG))
                    comment = ""
                    continue
            if depth:
                comment += source
            elif match.lastgroup == "content":
                out.append(source)
            else:
                out.append(self.keep(source, OUTPUT if match.lastgroup in ("output", "RAW") else TAG))
        return "".join(out)

    def escapes(self, text: str) -> str:
        r"""Return `text` with marks in place of \{ \| and \}, which mean a plain brace or bar."""
        return _escaped.sub(lambda match: self.keep(match[1], TEXT), text)

    def as_comments(self, text: str) -> str:
        """Return the marks in running HTML, as comments."""
        return self.mark.sub(lambda mark: f"<!--{self._word}{mark[1]}z-->", text)

    def bare_in_comments(self, page: str) -> str:
        """Return the page with the marks inside its comments bare: a comment inside a comment would end it."""
        return self._around.sub(
            lambda comment: "<!--" + self.mark.sub(lambda mark: f"{self._word}{mark[1]}z", comment[0][4:]),
            page,
        )

    def without_escapes(self, text: str) -> str:
        """Return the value of an attribute, taken out of its HTML, with no value in it escaped for HTML any more."""

        def change(mark: re.Match[str]) -> str:
            piece, kind = self.piece(mark), self.kind(mark)
            bare = _html_escapes.sub("", piece) if kind == OUTPUT else piece
            return mark[0] if bare == piece else self.keep(bare, kind)

        return self.mark.sub(change, text)

    def restore(self, text: str, change: Callable[[str], str] = str) -> str:
        """Return `text` as a Liquid template; `change` is applied to what lies between the pieces."""
        out: list[str] = []
        plain = ""
        position = 0
        for mark in self.mark.finditer(text):
            plain += change(text[position : mark.start()])
            position = mark.end()
            if self.kind(mark) == TEXT:
                plain += self.piece(mark)
            else:
                out += _never_liquid.sub(_raw, plain), self.piece(mark)
                plain = ""
        out.append(_never_liquid.sub(_raw, plain + change(text[position:])))
        return "".join(out)
