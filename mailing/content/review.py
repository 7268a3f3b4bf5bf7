"""Reviews a finished mail for people who hear it or see badly. The findings are told, and stop no launch."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec
from selectolax.lexbor import LexborNode

from . import looks, page_tree, styles
from .checks import NOWHERE, has_words
from .colours import Colour, contrast, read_colour
from .compiled import Compiled
from .looks import Look
from .source import Recipient

MOST_NAMED = 5  # examples of one fault
MOST_LINKS = 100

_VAGUE = frozenset(
    (
        "click|click here|here|link|more|read more|learn more|this|this link|go|hier|hier klicken|mehr|weiterlesen|"
        "ici|cliquez ici|en savoir plus|aquí|más|qui|clicca qui"
    ).split("|")
)
_headings = {f"h{level}": level for level in range(1, 7)}
_word = re.compile(r"\w")
_is_bold = re.compile(r"bolder|bold|[7-9][0-9]{2}|1000").fullmatch
_length = re.compile(r"(\d+(?:\.\d+)?)(px|pt)").fullmatch
_colour_in = re.compile(r"#[0-9a-f]{3,6}\b|rgba?\([^()]*\)|\b[a-z]+\b").findall
LARGE, LARGE_BOLD = 24.0, 18.66  # pixels, from which on a contrast of 3 is enough


class Review(msgspec.Struct, frozen=True):
    """The findings in the mail as one recipient reads it; each list has a few examples.

    size: bytes of the HTML. links: the targets of the links that are the same for everybody.
    """

    size: int
    has_text: bool
    has_unsubscribe: bool
    language: str
    direction: str
    title: str
    pictures_without_alt: list[str]
    heading_jumps: list[str]
    poor_contrasts: list[str]
    vague_links: list[str]
    links: list[str]
    personal_links: int


def review_mail(compiled: Compiled, recipient: Recipient) -> Review:
    """Review a mail as one recipient reads it.

    Args:
        compiled: from a source with its clicks tracked, so that its links are known.

    Raises:
        ContentError: it cannot be rendered for the recipient.
    """
    preview = compiled.preview(recipient, NOWHERE)
    targets = compiled.list_plain_targets()
    fixed = [target for target in targets if target is not None]
    walk = _Walk()
    walk.read_page(preview.html)
    unsubscribe = f"{NOWHERE.base}/u/{NOWHERE.token}"
    return Review(
        size=len(preview.html.encode("utf-8", "replace")),
        has_text=has_words(preview.text),
        has_unsubscribe=unsubscribe in preview.html and unsubscribe in preview.text,
        language=walk.language,
        direction=walk.direction,
        title=walk.title,
        pictures_without_alt=walk.pictures_without_alt[:MOST_NAMED],
        heading_jumps=walk.heading_jumps[:MOST_NAMED],
        poor_contrasts=list(dict.fromkeys(walk.poor_contrasts))[:MOST_NAMED],
        vague_links=list(dict.fromkeys(walk.vague_links))[:MOST_NAMED],
        links=fixed[:MOST_LINKS],
        personal_links=len(targets) - len(fixed),
    )


@dataclass
class _Place:
    """The state inside an element."""

    look: Look
    colour: Colour | None
    background: Colour | None
    size: float
    is_bold: bool


@dataclass
class _Walk:
    """The page in its order."""

    language: str = ""
    direction: str = ""
    title: str = ""
    pictures_without_alt: list[str] = field(default_factory=list)
    heading_jumps: list[str] = field(default_factory=list)
    poor_contrasts: list[str] = field(default_factory=list)
    vague_links: list[str] = field(default_factory=list)
    _last_level: int = 0
    _link: list[str] | None = None  # the words of the open link

    def read_page(self, page: str) -> None:
        opened = [_Place(Look(), (0, 0, 0), (255, 255, 255), 16, False)]
        for node, begins in page_tree.walk_tree(page_tree.parse_tree(page)):
            if node.is_text_node:
                if begins:
                    self._read_text(node.text_content or "", node, opened[-1])
            elif node.is_element_node and begins:
                opened.append(self._enter(node, opened[-1]))
            elif node.is_element_node:
                self._leave(node, opened.pop())

    def _enter(self, node: LexborNode, parent: _Place) -> _Place:
        tag, attributes = node.tag or "", node.attributes
        if tag == "html":
            self.language = attributes.get("lang") or ""
            self.direction = attributes.get("dir") or ""
        place = _compute_place(tag, attributes, parent)
        if not place.look.shows_pictures:
            return place
        if tag == "img":
            if "alt" not in attributes:
                self.pictures_without_alt.append((attributes.get("src") or "")[:80])
            elif self._link is not None:
                self._link.append(attributes.get("alt") or "")
        elif tag == "a" and "href" in attributes:
            self._link = [attributes.get("aria-label") or ""]
        elif level := _headings.get(tag, 0):
            if self._last_level and level > self._last_level + 1:
                self.heading_jumps.append(f"h{level} follows h{self._last_level}")
            self._last_level = level
        return place

    def _leave(self, node: LexborNode, place: _Place) -> None:
        if node.tag == "title" and not self.title:
            self.title = (node.text(deep=True) or "").strip()
        if node.tag == "a" and self._link is not None:
            words = " ".join(" ".join(self._link).split())
            if place.look.shows_pictures and (
                not _word.search(words) or words.lower().strip(" .!›»→>") in _VAGUE
            ):
                self.vague_links.append(words or "(no words)")
            self._link = None

    def _read_text(self, text: str, node: LexborNode, place: _Place) -> None:
        if not text.strip() or not place.look.shows_text:
            return
        if self._link is not None:
            self._link.append(text)
        if place.colour is None or place.background is None:
            return
        is_large = place.size >= LARGE or (place.is_bold and place.size >= LARGE_BOLD)
        found = contrast(place.colour, place.background)
        if found < (3 if is_large else 4.5):
            self.poor_contrasts.append(f"“{' '.join(text.split())[:40]}” ({found:.1f} to 1)")


def _compute_place(tag: str, attributes: Mapping[str, str | None], parent: _Place) -> _Place:
    style = styles.compute_style(attributes.get("style") or "")
    colour, background = parent.colour, parent.background
    given = style.get("color") or (attributes.get("color") if tag == "font" else None)
    if tag == "body" and not given:
        given = attributes.get("text")
    if given and given != "inherit":
        colour = read_colour(given)
    elif tag == "a" and "href" in attributes:
        colour = (0, 0, 238)
    background = _read_background(style, attributes, background)
    size = parent.size
    if match := _length(style.get("font-size", "")):
        size = float(match[1]) * (4 / 3 if match[2] == "pt" else 1)
    elif tag in ("h1", "h2"):
        size = 32 if tag == "h1" else LARGE
    weight = style.get("font-weight", "")
    is_bold = parent.is_bold or tag in ("b", "strong", "th") or tag in _headings
    if weight:
        is_bold = _is_bold(weight) is not None
    look = looks.compute_look(tag, attributes, parent.look)
    return _Place(look, colour, background, size, is_bold)


def _read_background(
    style: Mapping[str, str], attributes: Mapping[str, str | None], inherited: Colour | None
) -> Colour | None:
    """Return the colour behind the letters; None for a picture or an unknown colour."""
    if attributes.get("background") or "url(" in style.get("background", "") + style.get(
        "background-image", ""
    ):
        return None
    said = style.get("background-color") or ""
    if not said and "background" in style:
        if "gradient" in style["background"]:
            return None
        named = [each for each in _colour_in(style["background"]) if read_colour(each)]
        said = named[0] if named else ""
    said = said or attributes.get("bgcolor") or ""
    if not said or said in ("transparent", "none", "inherit", "initial"):
        return inherited
    return read_colour(said)
