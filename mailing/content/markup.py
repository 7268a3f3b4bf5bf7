"""HTML cut into its pieces as written: enough to tell running text from tags, without changing a character."""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

# What follows a tag's name, up to its ">". A quote opens a value only after "="; the groups do not backtrack.
_REST = r"""(?>[^>"'=]+|=\s*"[^"]*"|=\s*'[^']*'|["'=])*+>"""
_pieces = re.compile(
    rf"""
      (?P<condition> <!--\[if[^\]]*\]>(?!\s*<!--) | <!\[endif\]--> )
    | (?P<comment>   <!--.*?(?:-->|\Z) | <![^>]*> | <\?[^>]*> )
    | (?P<tag>       </?(?P<name>[a-zA-Z][^\s/>]*){_REST} )
    """,
    re.VERBOSE | re.DOTALL,
)
_attribute = re.compile(r"""(?<=[\s"'/])([^\s=>"'/]+)(\s*=\s*)("[^"]*"|'[^']*'|[^\s"'>]+)""")

# Elements whose content is not running text
RAW = frozenset(("style", "script", "title", "textarea", "mj-style", "mj-title", "mj-preview"))


class Piece(NamedTuple):
    """`kind` is text, raw (inside style and the like), comment, condition (Outlook's) or tag, with its lower-case
    `name`; `hidden` when it stands in a conditional comment, which is HTML to Outlook and a comment to all others."""

    kind: str
    source: str
    name: str = ""
    hidden: bool = False


def pieces(html: str) -> Iterator[Piece]:
    """The pieces of `html`, whose sources joined are `html`."""
    position = 0
    hidden = False
    raw = ""
    while match := _pieces.search(html, position):
        if match.start() > position:
            yield Piece("raw" if raw else "text", html[position : match.start()], raw, hidden)
        position = match.end()
        source, kind = match.group(), match.lastgroup
        if kind == "condition":
            hidden = source.startswith("<!--")
            yield Piece("condition", source)
            continue
        name = (match["name"] or "").lower()
        if raw and not (source.startswith("</") and name == raw):
            yield Piece("raw", source, raw, hidden)
            continue
        raw = ""
        if kind == "tag" and name in RAW and source[1] != "/" and not source.endswith("/>"):
            raw = name
        yield Piece("comment" if kind == "comment" else "tag", source, name, hidden)
    if position < len(html):
        yield Piece("raw" if raw else "text", html[position:], raw, hidden)


def text_runs(html: str, is_mark: Callable[[str], object], change: Callable[[str], str]) -> str:
    """`html` with `change` applied to each run of text that readers see; comments that are marks belong to the run."""
    out: list[str] = []
    run = ""
    for piece in pieces(html):
        if not piece.hidden and (piece.kind == "text" or (piece.kind == "comment" and is_mark(piece.source))):
            run += piece.source
            continue
        if run:
            out.append(change(run))
            run = ""
        out.append(piece.source)
    if run:
        out.append(change(run))
    return "".join(out)


def attributes(tag: str) -> dict[str, str]:
    """The attributes of a start tag that have a value, as written but for the quotes; of two alike the first."""
    found: dict[str, str] = {}
    for match in _attribute.finditer(tag):
        value = match[3]
        found.setdefault(match[1].lower(), value[1:-1] if value[0] in "\"'" else value)
    return found


def without_values(tag: str) -> str:
    """A tag without the values of its attributes: what is left is its syntax."""
    return _attribute.sub(r"\1", tag)


def with_attribute(tag: str, name: str, value: str) -> str:
    """The start tag with the value of its attribute `name` replaced; `value` is escaped already."""
    done = False

    def change(match: re.Match[str]) -> str:
        nonlocal done
        if done or match[1].lower() != name:
            return match.group()
        done = True
        return f'{match[1]}="{value}"'

    return _attribute.sub(change, tag)


def after(html: str, name: str, addition: str) -> str:
    """`html` with `addition` behind the start tag of the first `name`; unchanged when there is none."""
    out, done = [], False
    for piece in pieces(html):
        out.append(piece.source)
        if (
            not done
            and piece.kind == "tag"
            and piece.name == name
            and piece.source[1] != "/"
            and not piece.hidden
        ):
            out.append(addition)
            done = True
    return "".join(out)


def before_end(html: str, name: str, addition: str) -> str:
    """`html` with `addition` before the last end tag of `name`, or at its end when there is none."""
    found = list(pieces(html))
    for place in range(len(found) - 1, -1, -1):
        piece = found[place]
        if piece.kind == "tag" and piece.name == name and piece.source.startswith("</") and not piece.hidden:
            found.insert(place, Piece("text", addition))
            return "".join(piece.source for piece in found)
    return html + addition


def has(html: str, name: str) -> bool:
    """Has it a start tag `name`?"""
    return any(
        piece.kind == "tag" and piece.name == name and piece.source[1] != "/" for piece in pieces(html)
    )
