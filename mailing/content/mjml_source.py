"""Prepares MJML for its parser, which reads strict XML, while authors write HTML inside the elements.

What the elements hold whose content is HTML (texts, buttons, tables) is put aside and never read as XML; what the
parser does not know is done here or told with its line.
"""

import re
import unicodedata
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
_unread = re.compile(
    r"<(style|script)\b.*?(?:</\1\s*>|\Z) | <!--.*?(?:-->|\Z) | <[^>]*(?:>|\Z) | &[#\w]+;",
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
_word = re.compile(r"[^\W_]")
_may_set_size = re.compile(r"\bfont|\bclass\s*=", re.IGNORECASE)
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
# Letters have no size in these
_WITHOUT_TEXT = frozenset(("mj-wrapper", "mj-section", "mj-group", "mj-column", "mj-hero"))
# Inside these the parser takes no comment
_WITHOUT_COMMENTS = frozenset(("mj-accordion-element", "mj-attributes", "mj-carousel"))
_escaped = frozenset('"\\')
_JOINED = frozenset(("Mn", "Mc", "Me", "Lm"))  # letters that stand at others
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
    """An element that is open. has_size: it may set the size of the letters in it, as each of MJML does."""

    name: str
    position: int
    gap: str
    has_size: bool


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
            self._add_text(self.written[position : tag.start()], position)
            position = tag.end()
            if not tag["name"]:
                self._take_comment(tag)
                continue
            if tag["end"]:
                self._end(tag["name"], tag)
            else:
                position = self._start(tag["name"], tag)
        self._add_text(self.written[position:], position)
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
            said = tag[0].removeprefix("<!--").removesuffix("-->")
            # XML has no two dashes in a comment
            odd = not is_liquid and tag[0].startswith("<!--") and "--" in f"{said}-"
            self._add(f"<!--{self._put_aside(said)}-->" if odd else tag[0], tag.start())

    def _put_aside(self, content: str) -> str:
        """Return the word that stands for content that the parser does not read."""
        self.parts.append(content)
        return f"{self.word}{len(self.parts) - 1:05}z"

    def _add(self, text: str, position: int = -1) -> None:
        if text:
            self.sink.append((text, position))

    def _add_text(self, text: str, position: int) -> None:
        """Take over text between tags; refuse it where nobody would read it."""
        words = text.strip()
        if words:
            at = position + text.index(words)
            if not self.opened:
                raise MjmlError(
                    keep("“%(words)s” stands outside <mjml>", words=words[:40])
                    if self.head >= 0
                    else mark("it must begin with <mjml>"),
                    at,
                )
            self._refuse_unreadable(words, at)
        self._add(text, position)

    def _refuse_unreadable_raw(self, content: str, at: int) -> None:
        """Refuse the words of mj-raw where letters have no size and it sets none; in a hero they have one.

        Raises:
            MjmlError: nobody could read them.
        """
        if _may_set_size.search(content) or self.opened[-1].name == "mj-hero":
            return
        read = _unread.sub(lambda piece: " " * len(piece[0]), content)  # each word keeps its place
        if first := _word.search(read):
            words = read[first.start() :].partition("  ")[0]
            self._refuse_unreadable(words, at + first.start())

    def _refuse_unreadable(self, words: str, at: int) -> None:
        """Refuse words where letters have no size.

        Raises:
            MjmlError: they stand straight inside an element that takes only other elements.
        """
        inside = next((each for each in reversed(self.opened) if each.has_size), None)
        if inside and inside.name in _WITHOUT_TEXT:
            raise MjmlError(
                keep(
                    "“%(words)s” stands straight inside <%(name)s>, where nobody can read it: put it into "
                    "<mj-text>",
                    words=words[:40],
                    name=inside.name,
                ),
                at,
            )

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
        if not self.opened and self.head >= 0:
            raise MjmlError(keep("<%(name)s> stands outside <mjml>", name=name), tag.start())
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
            has_size = name.lower().startswith("mj") or "class" in values or "font" in values.get("style", "")
            self.opened.append(_OpenElement(name, tag.start(), values.get("gap", ""), has_size))
            return tag.end()
        content, end = self._content(name, tag)
        if name == "mj-raw":
            self._refuse_unreadable_raw(content, tag.end())
        if name in _PLAIN:
            content = _markup.sub("", content)
        if name == "mj-style" and values.get("inline") == "inline":
            self._add(content, tag.end())
        elif content.strip():
            self._add(self._put_aside(content.replace("<![CDATA[", "").replace("]]>", "")))
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
    written = "".join(f' {key}="{_write_value(value)}"' for key, value in values.items())
    return f"<{name}{written}{' /' if is_closed else ''}>"


def _write_value(value: str) -> str:
    """Return the value of an attribute with references for what the parser would write out as an escape of Rust."""
    if value.isascii() and value.isprintable() and not _escaped.intersection(value):
        return value
    return "".join(
        f"&#{ord(letter)};" if letter in _escaped or _is_escaped(letter) else letter for letter in value
    )


def _is_escaped(letter: str) -> bool:
    """Return whether a letter is none by itself: a control, a blank of another width, an accent, a joiner."""
    return letter != " " and (not letter.isprintable() or unicodedata.category(letter) in _JOINED)


def _ratio(values: dict[str, str]) -> int | None:
    """Return the least height of a hero as a share of its width, in percent; None when its height is fixed."""
    if values.get("mode") != "fluid-height":
        return None
    height, width = (_pixels(values.get(name, "")) for name in ("background-height", "background-width"))
    return round(100 * height / width) if height and width else 0


def _pixels(text: str) -> int:
    number = re.match(r"\s*(\d{1,5})", text)
    return int(number[1]) if number else 0
