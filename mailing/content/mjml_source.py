"""Prepares MJML for its parser, which reads strict XML, while authors write HTML inside the elements.

What the elements hold whose content is HTML (texts, buttons, tables) is put aside and never read as XML; what the
parser does not know is done here or told with its line.
"""

import re
from bisect import bisect_right
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from campaigns.sentences import keep, mark

_tags = re.compile(
    r"""<!--.*?(?:-->|\Z) | <[!?][^>]*(?:>|\Z)
      | <(?P<end>/?)(?P<name>[a-zA-Z][^\s/>]*)(?P<rest>(?>[^>"']+|"[^"]*"|'[^']*'|["'])*+)(?:>|\Z)""",
    re.VERBOSE | re.DOTALL,
)
_attribute = re.compile(r"""([^\s=>"'/]+)(?:\s*=\s*("[^"]*"|'[^']*'|[^\s"'>]+))?""")
_markup = re.compile(r"<!\[CDATA\[|\]\]>|<[^>]*>")

ATTRIBUTE_LIMIT = 100  # of mj-html-attributes: each path is tried on the whole page

# Elements whose content is HTML or text
_ENDING = frozenset(
    """mj-text mj-button mj-table mj-raw mj-accordion-title mj-accordion-text mj-navbar-link mj-social-element mj-title
    mj-preview mj-style""".split()
)
_PLAIN = frozenset(("mj-title", "mj-preview"))
_OF_HEAD = frozenset(
    "mj-attributes mj-breakpoint mj-font mj-html-attributes mj-preview mj-style mj-title".split()
)
# Inside these the parser takes no comment
# letters have no size in them
_WITHOUT_TEXT = frozenset(("mj-wrapper", "mj-section", "mj-group", "mj-column"))
_WITHOUT_COMMENTS = frozenset(("mj-accordion-element", "mj-attributes", "mj-carousel"))
_VOID = frozenset("area base br col embed hr img input link meta source track wbr".split())


class MjmlError(ValueError):
    """The MJML does not compile; the sentence names the element. `position` is where in the text."""

    def __init__(self, said: str, position: int) -> None:
        super().__init__(said)
        self.position = position


class PreparedMjml(msgspec.Struct):
    """MJML for the parser, and what is to be done with the HTML it makes.

    parts: what was put aside, by number; `part` matches the words that stand for it. before: goes in front of the whole
    document. attributes: (path, name, value) of mj-html-attributes. heroes: of each mj-hero in order the share of the
    width that its height is at least, in percent, None for one of a fixed height. origins: (position here, position in
    the text as written) for each piece taken over.
    """

    text: str
    part: re.Pattern[str]
    parts: list[str]
    before: str
    attributes: list[tuple[str, str, str]]
    heroes: list[int | None]
    origins: list[tuple[int, int]]

    def origin(self, position: int) -> int:
        """Return the place that the character at `position` had in the text as written."""
        place = bisect_right(self.origins, (position, 1 << 60)) - 1
        here, there = self.origins[max(place, 0)] if self.origins else (0, 0)
        return there + position - here


class _OpenElement(NamedTuple):
    name: str
    position: int
    gap: str


class _Reader:
    def __init__(
        self,
        text: str,
        is_liquid: Callable[[str], object],
        is_assignment: Callable[[str], object],
        is_value: Callable[[str], object],
    ) -> None:
        self.written = text
        self.is_value = is_value
        self.is_liquid = is_liquid
        self.is_assignment = is_assignment
        self.word = "mjmlpart"
        while self.word in text:
            self.word += "q"
        self.out: list[tuple[str, int]] = []  # pieces, and where each stood; -1 for what is ours
        # values set in the head, which go to the beginning of the body
        self.first: list[tuple[str, int]] = []
        self.hoisted: list[tuple[str, int]] = []  # that belongs into the head and stood outside it
        self.sink = self.out
        self.head = -1  # in `out`: the place behind the start tag of the head, or else of the whole
        self.has_head = False
        self.opened: list[_OpenElement] = []
        self.filled: set[int] = set()  # wrappers, by where they begin, that have a section already
        self.parts: list[str] = []
        self.before = ""
        self.attributes: list[tuple[str, str, str]] = []
        self.heroes: list[int | None] = []

    def prepare(self) -> PreparedMjml:
        position = 0
        while tag := _tags.search(self.written, position):
            self._add(self.written[position : tag.start()], position)
            position = tag.end()
            if not tag["name"]:
                self._take_comment(tag)
                continue
            if tag["end"]:
                self._end(tag["name"], tag)
            else:
                position = self._start(tag["name"], tag)
        self._add(self.written[position:], position)
        if self.opened:
            last = self.opened[-1]
            raise MjmlError(keep("<%(name)s> is not closed", name=last.name), last.position)
        if self.head < 0:
            raise MjmlError(mark("it must begin with <mjml>"), 0)
        return self._join_pieces()

    def _take_comment(self, tag: re.Match[str]) -> None:
        """Take over a comment or a piece of Liquid; leave out a declaration before the root."""
        inside = self.opened[-1].name if self.opened else ""
        is_liquid = self.is_liquid(tag[0])
        if is_liquid and inside in _WITHOUT_COMMENTS:
            raise MjmlError(keep("Liquid cannot stand in <%(inside)s>", inside=inside), tag.start())
        if is_liquid and inside in _WITHOUT_TEXT and self.is_value(tag[0]):
            raise MjmlError(
                keep(
                    "a value cannot stand straight inside <%(inside)s>, put it into <mj-text>", inside=inside
                ),
                tag.start(),
            )
        if is_liquid and inside == "mj-head" and self.is_assignment(tag[0]):
            self.first.append((tag[0], tag.start()))
        elif inside not in _WITHOUT_COMMENTS and (tag[0].startswith("<!--") or self.opened):
            self._add(tag[0], tag.start())

    def _add(self, text: str, position: int = -1) -> None:
        if text:
            self.sink.append((text, position))

    def _end(self, name: str, tag: re.Match[str]) -> None:
        if not self.opened or all(each.name != name for each in self.opened):
            raise MjmlError(keep("</%(name)s> closes nothing", name=name), tag.start())
        if self.opened[-1].name != name:
            last = self.opened[-1]
            raise MjmlError(
                keep("<%(name)s> is not closed before </%(name_2)s>", name=last.name, name_2=name),
                last.position,
            )
        self.opened.pop()
        self._add(tag[0], tag.start())
        if name in _OF_HEAD and not self._is_in_head():
            self.sink = self.out

    def _start(self, name: str, tag: re.Match[str]) -> int:
        """Take over a start tag, with its content where that is HTML; return where to go on."""
        if not self.opened and name != "mjml":
            raise MjmlError(mark("it must begin with <mjml>"), 0)
        if name == "mj-include":
            raise MjmlError(mark("<mj-include> is not possible here, paste what its file holds"), tag.start())
        values = _read_attributes(tag["rest"])
        if name in _OF_HEAD and not self._is_in_head():
            self.sink = self.hoisted
        if name == "mj-html-attributes":
            return self._take_attributes(tag)
        if name == "mj-raw" and values.get("position") == "file-start":
            content, end = self._content(name, tag)
            self.before += content
            return end
        self._keep_gap(name)
        if name == "mj-hero":
            self.heroes.append(_ratio(values))
        is_closed = tag[0].endswith("/>") or (name in _VOID and not name.startswith("mj"))
        self._add(_write_tag(name, values, is_closed) if name.startswith("mj") else tag[0], tag.start())
        if name == "mjml" or (name == "mj-head" and not self.has_head):
            self.head = len(self.out)
            self.has_head = name == "mj-head" and not is_closed
        if name == "mj-body":
            self.out += self.first
            self.first = []
        if is_closed:
            if name in _OF_HEAD and not self._is_in_head():
                self.sink = self.out
            return tag.end()
        if name not in _ENDING:
            self.opened.append(_OpenElement(name, tag.start(), values.get("gap", "")))
            return tag.end()
        content, end = self._content(name, tag)
        if name in _PLAIN:
            content = _markup.sub("", content)
        if name == "mj-style" and values.get("inline") == "inline":
            self._add(content, tag.end())
        elif content.strip():
            self.parts.append(content.replace("<![CDATA[", "").replace("]]>", ""))
            self._add(f"{self.word}{len(self.parts) - 1:05}z")
        self._add(f"</{name}>")
        if name in _OF_HEAD and not self._is_in_head():
            self.sink = self.out
        return end

    def _is_in_head(self) -> bool:
        return any(each.name == "mj-head" for each in self.opened)

    def _content(self, name: str, tag: re.Match[str]) -> tuple[str, int]:
        """Return what stands between a start tag and its end tag, and where that ends."""
        if tag[0].endswith("/>"):
            return "", tag.end()
        closing = re.compile(rf"</{name}\s*>").search(self.written, tag.end())
        if closing is None:
            raise MjmlError(keep("<%(name)s> is not closed", name=name), tag.start())
        return self.written[tag.end() : closing.start()], closing.end()

    def _take_attributes(self, tag: re.Match[str]) -> int:
        content, end = self._content("mj-html-attributes", tag)
        path = ""
        for inner in _tags.finditer(content):
            values = _read_attributes(inner["rest"] or "")
            if inner["end"] or not inner["name"]:
                continue
            if inner["name"] == "mj-selector":
                path = values.get("path", "")
            elif inner["name"] == "mj-html-attribute":
                if len(self.attributes) >= ATTRIBUTE_LIMIT:
                    raise MjmlError(
                        keep(
                            "more than %(attribute_limit)s times <mj-html-attribute>",
                            attribute_limit=ATTRIBUTE_LIMIT,
                        ),
                        tag.start(),
                    )
                closing = content.find("</mj-html-attribute", inner.end())
                self.attributes.append((path, values.get("name", ""), content[inner.end() : closing].strip()))
        if not self._is_in_head():
            self.sink = self.out
        return end

    def _keep_gap(self, name: str) -> None:
        """Write a section as high as the gap between the sections of a wrapper, since the parser knows no gap."""
        if name not in ("mj-section", "mj-hero") or not self.opened or not self.opened[-1].gap:
            return
        wrapper = self.opened[-1]
        if wrapper.position in self.filled and wrapper.gap.strip('"'):
            gap = wrapper.gap.replace('"', "")
            self._add(
                f'<mj-section padding="0"><mj-column padding="0"><mj-spacer height="{gap}" /></mj-column></mj-section>'
            )
        self.filled.add(wrapper.position)

    def _join_pieces(self) -> PreparedMjml:
        if self.hoisted:
            around = ("", "") if self.has_head else ("<mj-head>", "</mj-head>")
            self.out[self.head : self.head] = [(around[0], -1), *self.hoisted, (around[1], -1)]
        origins = []
        length = 0
        for text, position in self.out:
            if position >= 0:
                origins.append((length, position))
            length += len(text)
        return PreparedMjml(
            text="".join(text for text, _ in self.out),
            part=re.compile(rf"{self.word}(\d{{5}})z"),
            parts=self.parts,
            before=self.before,
            attributes=self.attributes,
            heroes=self.heroes,
            origins=origins,
        )


def prepare(
    text: str,
    is_liquid: Callable[[str], object],
    is_assignment: Callable[[str], object],
    is_value: Callable[[str], object],
) -> PreparedMjml:
    """Prepare MJML for its parser.

    Args:
        is_liquid: tells a comment that stands for Liquid.
        is_assignment: tells one of these that gives a value to a name.
        is_value: tells one of these that writes a value, which readers see only where letters have a size.

    Raises:
        MjmlError: it does not compile.
    """
    return _Reader(text, is_liquid, is_assignment, is_value).prepare()


def _read_attributes(rest: str) -> dict[str, str]:
    """Return the attributes of a start tag, of two alike the first, as HTML has it."""
    values: dict[str, str] = {}
    for match in _attribute.finditer(rest):
        value = match[2] or ""
        values.setdefault(match[1], value[1:-1] if value[:1] in ("'", '"') else value)
    return values


def _write_tag(name: str, values: dict[str, str], is_closed: bool) -> str:
    written = "".join(f' {key}="{value.replace(chr(34), "&quot;")}"' for key, value in values.items())
    return f"<{name}{written}{' /' if is_closed else ''}>"


def _ratio(values: dict[str, str]) -> int | None:
    """Return the least height of a hero as a share of its width, in percent; None when its height is fixed."""
    if values.get("mode") != "fluid-height":
        return None
    height, width = (_pixels(values.get(name, "")) for name in ("background-height", "background-width"))
    return round(100 * height / width) if height and width else 0


def _pixels(text: str) -> int:
    number = re.match(r"\s*(\d{1,5})", text)
    return int(number[1]) if number else 0
