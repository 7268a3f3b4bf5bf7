"""Merge tags of other programs: recognised, named with the way to write them here, and turned into Liquid.

Mailchimp's *|FNAME|* and *|IF:…|*, Handlebars' and Mustache's {{#if x}} and {{{x}}}, and the ways %%x%%, [[x]], ${x},
#{x}, {$x}, %X%, <%= x %> and {x}. What has no counterpart here is named and left as it is.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator
from typing import NamedTuple

from .names import UNSUBSCRIBE

_NAME = r"[A-Za-z_][\w.]{0,60}"
_tags = re.compile(
    rf"""
      \*\|(?P<mailchimp>[^|*\n<>]{{1,120}})\|\*
    | (?P<comment>\{{\{{!--(?:(?!\{{\{{!--).)*?--\}}\}}|\{{\{{![^{{}}]*\}}\}})
    | \{{\{{\{{\s*(?P<raw>[^{{}}]+?)\s*\}}\}}\}}
    | \{{\{{\s*(?P<block>[\#/^>&][^{{}}]*?|else\b[^{{}}]*?)\s*\}}\}}
    | \{{\{{\s*(?P<value>(?:this|@|\.\./|insert\s)[^{{}}|]*?|{_NAME})\s*\}}\}}
    | %%\s*(?P<percents>[A-Za-z_][\w .:-]{{0,60}}?)\s*%%
    | \[\[\s*(?:(?:var|data):)?(?P<brackets>[A-Za-z_][\w .:-]{{0,60}}?)\s*\]\]
    | [$\#]\{{\s*(?P<dollar>{_NAME})\s*\}}
    | <%=?-?\s*(?P<erb>@?{_NAME})\s*-?%>
    | (?<![\w%])%(?P<percent>[A-Za-z_][\w.]{{1,60}})%(?![\w%])
    | (?<![\\{{$\#%])\{{\$?(?P<brace>{_NAME})\}}(?!\}})
    """,
    re.VERBOSE | re.DOTALL,
)
# Every pattern ends at the next of its own kind, so that a thousand open ones cost no more than one
_skipped = re.compile(
    r"<(style|script|mj-style)\b(?:(?!<\1\b).)*?</\1\s*>"
    r"|\{%-?\s*raw\s*-?%\}(?:(?!\{%-?\s*raw\s*-?%\}).)*?\{%-?\s*endraw\s*-?%\}",
    re.DOTALL | re.IGNORECASE,
)
_statements = re.compile(r"\{\{(?:(?!\{\{|\{%).)*?\}\}|\{%(?:(?!\{\{|\{%).)*?%\}", re.DOTALL)
_KNOWN = {
    "fname": "first_name",
    "firstname": "first_name",
    "first": "first_name",
    "lname": "last_name",
    "lastname": "last_name",
    "last": "last_name",
    "name": "first_name",
    "vorname": "first_name",
    "nachname": "last_name",
    "emailaddr": "email",
    "emailaddress": "email",
    "email_address": "email",
    "merge0": "email",
    "merge1": "first_name",
    "merge2": "last_name",
    **dict.fromkeys(
        (
            "unsub",
            "unsubscribe",
            "unsubscribe_link",
            "unsubscribelink",
            "unsubscribe_url",
            "unsub_center_url",
        ),
        UNSUBSCRIBE,
    ),
}
_PHRASES = {
    "current_year": '{{ "now" | date: "%Y" }}',
    "else:": "{% else %}",
    "else": "{% else %}",
}
_CASES = {"upper": "upcase", "lower": "downcase", "title": "capitalize"}
_COUNTERS = {"@index": "forloop.index0", "@first": "forloop.first", "@last": "forloop.last"}


class Change(NamedTuple):
    """One merge tag: its line, as it stands there, and as it is written here ("" when it is left out).

    `new` is None for a tag that has no counterpart.
    """

    line: int
    old: str
    new: str | None


def find(text: str) -> list[Change]:
    """The merge tags of other programs in a text."""
    return [change for _, change in _changes(text)]


def convert(text: str) -> str:
    """The text with its merge tags turned into Liquid; those without a counterpart stay."""
    out: list[str] = []
    position = 0
    for start, change in _changes(text):
        if change.new is not None:
            out += text[position:start], change.new
            position = start + len(change.old)
    return "".join(out) + text[position:]


def describe(change: Change) -> str:
    """A sentence about one merge tag, without its end."""
    if change.new is None:
        return (
            f"“{change.old}” is written for another program, and there is nothing like it here; leave it out"
        )
    if not change.new:
        return f"“{change.old}” is a comment of another program; leave it out"
    said = f"“{change.old}” is written for another program; here it is {change.new}"
    if change.old.startswith(("{{", "*|")):
        return said
    plain = f"{{% raw %}}{change.old}{{% endraw %}}"
    if change.old.startswith("{"):
        plain = f"\\{change.old[:-1]}\\}}"
    return f"{said}, or {plain} if it is to be read as it stands"


def _changes(text: str) -> Iterator[tuple[int, Change]]:
    reader = _Reader()
    skipped, statements = _Spans(_skipped, text), _Spans(_statements, text)
    line, counted = 1, 0
    for match in _tags.finditer(text):
        start = match.start()
        if skipped.hold(start) or statements.hold(start):
            continue
        new = reader.read(match)
        if new == match[0]:
            continue
        line, counted = line + text.count("\n", counted, start), start
        yield start, Change(line, match[0], new)


class _Spans:
    """The places of a text that a pattern matches."""

    def __init__(self, pattern: re.Pattern[str], text: str) -> None:
        self.spans = [match.span() for match in pattern.finditer(text)]
        self.starts = [start for start, _ in self.spans]

    def hold(self, place: int) -> bool:
        """Does a place lie in one of them, behind its beginning?"""
        before = bisect_left(self.starts, place) - 1
        return before >= 0 and place < self.spans[before][1]


class _Reader:
    """Reads merge tags in their order: what ends a block depends on what began it."""

    def __init__(self) -> None:
        self.blocks: list[tuple[str, str]] = []  # the Liquid tag of each, and for a loop its item's name

    def read(self, match: re.Match[str]) -> str | None:
        """What a tag is here; itself when it is right already; None when nothing is like it."""
        kind = match.lastgroup or ""
        said = (match[kind] or "").strip()
        if kind == "mailchimp":
            return self._mailchimp(said)
        if kind == "comment":
            return ""
        if kind == "raw":
            return f"{{{{ {self._name(said)} }}}}"
        if kind == "block":
            return self._block(said)
        if kind == "value":
            return self._value(match[0], said)
        return f"{{{{ {_plain(said)} }}}}"

    def _mailchimp(self, said: str) -> str | None:
        lower = said.lower()
        word, _, rest = said.partition(":")
        if lower in _PHRASES:
            return _PHRASES[lower]
        if word.lower() in ("if", "ifnot", "elseif") and rest:
            condition = _condition(rest)
            if word.lower() == "elseif":
                return f"{{% elsif {condition} %}}"
            tag = "if" if word.lower() == "if" else "unless"
            self.blocks.append((tag, ""))
            return f"{{% {tag} {condition} %}}"
        if lower == "end:if":
            return f"{{% end{self._end('if')} %}}"
        if word.lower() == "date":
            return '{{ "now" | date: "long" }}'
        if word.lower() in _CASES and rest:
            return f"{{{{ {_plain(rest)} | {_CASES[word.lower()]} }}}}"
        if ":" in said or "_" in said or not re.fullmatch(r"\w+", said):
            return None
        known = _KNOWN.get(lower)
        unlike = ("archive", "forward", "subject", "rewards", "translate", "promo_code", "abuse_email")
        return None if known is None and lower in unlike else f"{{{{ {_plain(said)} }}}}"

    def _block(self, said: str) -> str | None:
        sign = said[0]
        if said.startswith("else"):
            rest = said[4:].strip()
            rest = rest[2:].strip() if rest.startswith("if") else rest
            return f"{{% elsif {self._test(rest)} %}}" if rest else "{% else %}"
        body = said[1:].strip()
        if sign == "&":
            return f"{{{{ {self._name(body)} }}}}"
        if sign == "/":
            return f"{{% end{self._end(body)} %}}" if self.blocks else None
        if sign == "^" and not body:
            return "{% else %}"
        if sign == ">" or not body:
            return None
        word, _, rest = body.partition(" ")
        if sign == "#" and word in ("if", "unless") and rest:
            test = self._test(rest)
            self.blocks.append((word, ""))
            return f"{{% {word} {test} %}}"
        if sign == "#" and word in ("equals", "eq", "is") and rest:
            test = self._test(f"({word} {rest})")
            self.blocks.append(("if", ""))
            return f"{{% if {test} %}}"
        if sign == "#" and word == "each" and rest:
            named = re.match(r"(\S+)\s+as\s+\|\s*(\w+)", rest)
            many, one = (named[1], named[2]) if named else (rest.split()[0], "item")
            many = self._name(many)
            self.blocks.append(("for", "" if named else one))
            return f"{{% for {one} in {many} %}}"
        if rest:
            return None
        tag = "unless" if sign == "^" else "if"
        test = self._name(word)
        self.blocks.append((tag, ""))
        return f"{{% {tag} {test} %}}"

    def _end(self, name: str) -> str:
        if self.blocks:
            return self.blocks.pop()[0]
        return "for" if name == "each" else name if name in ("if", "unless") else "if"

    def _value(self, written: str, said: str) -> str | None:
        if inserted := re.fullmatch(r"insert\s+(\S+)(?:\s+\"?default=([^\"]*)\"?)?", said):
            default = f' | default: "{inserted[2]}"' if inserted[2] else ""
            return f"{{{{ {self._name(inserted[1])}{default} }}}}"
        name = self._name(said)
        return written if name == said else f"{{{{ {name} }}}}"

    def _name(self, said: str) -> str:
        """A variable as Liquid has it, inside a loop that of its item."""
        item = next((one for tag, one in reversed(self.blocks) if tag == "for"), "")
        if said in _COUNTERS:
            return _COUNTERS[said]
        if said.startswith("../"):
            return said.lstrip("./")
        if said in ("this", "."):
            return item or said
        if said.startswith("this."):
            return f"{item}.{said[5:]}" if item else said
        return f"{item}.{said}" if item and re.fullmatch(_NAME, said) and said != item else said

    def _test(self, said: str) -> str:
        found = re.fullmatch(r"\(?\s*(eq|equals|is|ne|gt|gte|lt|lte|and|or)\s+(\S+)\s+(.+?)\s*\)?", said)
        if found:
            signs = {"ne": "!=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "and": "and", "or": "or"}
            return f"{self._name(found[2])} {signs.get(found[1], '==')} {self._name(found[3])}"
        return self._name(said)


def _plain(said: str) -> str:
    """The name of an attribute here for a name elsewhere."""
    name = re.sub(r"[^\w.]+", "_", said.strip().lstrip("@")).strip("_.")
    return _KNOWN.get(name.lower(), name.lower() if name.isupper() else name)


def _condition(said: str) -> str:
    found = re.fullmatch(r"(\w+)\s*(!=|>=|<=|=|>|<)\s*(.+)", said.strip())
    if not found:
        return _plain(said)
    value = found[3].strip().strip("\"'")
    number = re.fullmatch(r"-?\d+(\.\d+)?", value)
    sign = "==" if found[2] == "=" else found[2]
    return f"{_plain(found[1])} {sign} {value if number else chr(34) + value + chr(34)}"
