"""Finds merge tags of other programs, says how to write them here, and turns them into Liquid.

Mailchimp's *|FNAME|* and *|IF:…|*, Handlebars' and Mustache's {{#if x}} and {{{x}}}, Salesforce's {!Contact.Name},
Braze's {{${x}}}, Marketo's {{lead.First Name:default=x}}, and the ways %%x%%, @@x@@, [[x]], [% x %], ${x}, #{x}, {$x},
%X%, <%= x %>, <?= $x ?> and {x}; listmonk's {{ .Subscriber.Name }}, {{ TrackLink "…" . }} and …@TrackLink, Mautic's
{contactfield=x|default}; [X], [x fallback=y], |*X*|, $X$, @X@, «X» and <<X>> where X is the name of a field of
people. What has no counterpart here is named and left as it is.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator
from typing import NamedTuple

from campaigns.sentences import keep

from .merge_tag_reader import TagReader
from .statements import BODY_LIMIT

_NAME = r"[A-Za-z_][\w.]{0,60}"
_TRACKED = r"""TrackLink\s+(?:"[^"{}\n]{1,500}"|`[^`{}\n]{1,500}`)"""
_MAUTIC = "contactfield|leadfield|ownerfield|pagelink|assetlink|form|focus|dynamiccontent|dwc|trackable"
_WORDS = r"[A-Za-z_][\w .:-]{0,60}?"
_tags = re.compile(
    rf"""
    (?=[*|{{%\[$\#<@~«])
    (?:
      \*\|(?P<mailchimp>[^|*\n<>]{{1,120}})\|\*
    | \|\*(?P<mirrored>\w{{1,60}})\*\|
    | (?P<comment>\{{\{{!--(?:(?!\{{\{{!--).)*?--\}}\}}|\{{\{{![^{{}}]*\}}\}})
    | \{{\{{\{{\s*(?P<raw>[^{{}}]+?)\s*\}}\}}\}}
    | \{{\{{\s*(?P<block>[\#/^>&][^{{}}]*?|else\b[^{{}}]*?)\s*\}}\}}
    | \{{\{{\s*(?P<braze>\$\{{\s*{_NAME}\s*\}}[^{{}}]*?)\s*\}}\}}
    | \{{\{{\s*(?P<marketo>\w{{1,40}}\.\w[\w ]{{0,60}}?(?:[ ]\w{{1,40}}|:default=[^{{}}|]{{0,60}}?))\s*\}}\}}
    | \{{\{{\s*(?P<value>(?:this|@|\.\./|insert\s)[^{{}}|]*?|{_NAME})\s*\}}\}}
    | \{{\{{-?\s*(?P<listmonk>\.[A-Za-z][\w.]{{0,60}}|{_TRACKED}(?:\s+\.)?)\s*-?\}}\}}
    | (?P<tracked>@TrackLink\b)
    | (?<![\\{{$\#%])\{{(?P<mautic>(?:{_MAUTIC})=[\w" .-]{{1,60}}(?:\|[^{{}}|\n<>]{{0,60}})?)\}}(?!\}})
    | %%\s*(?P<percents>[A-Za-z_][\w .:-]{{0,60}}?)\s*%%
    | \[\[\s*(?:(?:var|data):)?(?P<brackets>{_WORDS}(?:\s+OR\s+["'“][^"'”\[\]\n]{{0,60}}["'”])?)\s*\]\]
    | \[%-?\s*(?P<toolkit>[^\[\]%\n]{{1,120}}?)\s*-?%\]
    | (?<![\w\[\]\\!])\[\s*(?P<square>{_WORDS}(?:[\s,|]+(?:fallback|default)\s*[=:][^\[\]\n]{{0,60}})?)\s*\](?![\](\[:])
    | [$\#]\{{\s*(?P<dollar>[A-Za-z_@$][^{{}}|\n<>]{{0,80}}?)\s*\}}
    | (?<![\w$])\$(?P<dollars>[A-Z][A-Z_]{{2,40}})\$(?![\w$])
    | <%[=!@-]?\s*(?P<erb>(?:(?!%>|<%).){{0,200}}?)\s*-?%>
    | <\?(?:php\b|=)(?P<php>(?:(?!\?>|<\?).){{0,200}})\?>
    | (?<![\w%])%(?P<percent>[A-Za-z_][\w.]{{1,60}})%(?![\w%])
    | (?<![\w.@])@@\s*(?P<ats>{_WORDS})\s*@@(?![\w@])
    | (?<![\w.@])@(?P<ats_of_capitals>[A-Z][A-Z_]{{2,40}})@(?![\w@])
    | (?<![\w~])~(?P<tildes>(?:Contact|Lead|Person)\.\w{{1,40}})~(?![\w~])
    | (?:<<|«)\s*(?P<angles>{_WORDS})\s*(?:>>|»)
    | (?<!\\)\{{!\s*(?P<salesforce>[A-Za-z$][^{{}}|\n<>]{{0,120}}?)\s*\}}
    | (?<![\\{{$\#%])\{{\$?(?P<brace>{_NAME})\}}(?!\}})
    )""",
    re.VERBOSE | re.DOTALL,
)
# Every pattern ends at the next of its own kind, so that a thousand open ones cost no more than one
_skipped = re.compile(
    r"<(style|script|mj-style)\b(?:(?!<\1\b).)*?</\1\s*>"
    r"|\{%-?\s*raw\s*-?%\}(?:(?!\{%-?\s*raw\s*-?%\}).)*?\{%-?\s*endraw\s*-?%\}",
    re.DOTALL | re.IGNORECASE,
)
_statements = re.compile(r"\{\{(?:(?!\{\{|\{%).)*?\}\}|\{%(?:(?!\{\{|\{%).)*?%\}", re.DOTALL)


class MergeTag(NamedTuple):
    """One merge tag: its line, its text, and the text that replaces it ("" when it is left out).

    `new` is None for a tag that has no counterpart.
    """

    line: int
    old: str
    new: str | None


def find_merge_tags(text: str) -> list[MergeTag]:
    """Return the merge tags of other programs in a text."""
    return [change for _, change in _list_changes(text)]


def convert_merge_tags(text: str) -> str:
    """Return the text with its merge tags turned into Liquid; those without a counterpart stay."""
    out: list[str] = []
    position = 0
    for start, change in _list_changes(text):
        if change.new is not None:
            out += text[position:start], change.new
            position = start + len(change.old)
    return "".join(out) + text[position:]


def describe_merge_tag(change: MergeTag) -> str:
    """Return a sentence about one merge tag, without its end."""
    if change.new is None:
        return keep(
            "“%(old)s” is written for another program, and there is nothing like it here; leave it out",
            old=change.old,
        )
    if not change.new:
        return keep(
            "“%(old)s” is a sign of another program that does nothing here; leave it out", old=change.old
        )
    said = keep(
        "“%(old)s” is written for another program; here it is %(new)s", old=change.old, new=change.new
    )
    if change.old.startswith(("{{", "*|")):
        return said
    plain = f"{{% raw %}}{change.old}{{% endraw %}}"
    if change.old.startswith("{"):
        plain = f"\\{change.old[:-1]}\\}}"
    return keep("%(said)s, or %(plain)s if it is to be read as it stands", said=said, plain=plain)


def _list_changes(text: str) -> Iterator[tuple[int, MergeTag]]:
    """Yield each change with its place; none in a text that is longer than can be read."""
    if len(text) > BODY_LIMIT:
        return
    reader = TagReader()
    skipped, statements = _Spans(_skipped, text), _Spans(_statements, text)
    line, counted = 1, 0
    for match in _tags.finditer(text):
        start = match.start()
        if skipped.hold(start) or statements.hold(start):
            continue
        new = reader.read_tag(match)
        if new == match[0]:
            continue
        line, counted = line + text.count("\n", counted, start), start
        yield start, MergeTag(line, match[0], new)


class _Spans:
    """The places of a text that a pattern matches."""

    def __init__(self, pattern: re.Pattern[str], text: str) -> None:
        self.spans = [match.span() for match in pattern.finditer(text)]
        self.starts = [start for start, _ in self.spans]

    def hold(self, place: int) -> bool:
        """Return whether a place lies inside one of them, after its first character."""
        before = bisect_left(self.starts, place) - 1
        return before >= 0 and place < self.spans[before][1]
