"""Turns MJML into HTML with mrml, as the reference implementation does, and names the line of a fault.

What mrml leaves open beside the reference (docs/decisions/0004-mjml.md) is done before it, in `mjml_source`, and here
behind it, on the HTML it makes.
"""

import html
import re
from functools import partial

import mrml
from selectolax.lexbor import LexborHTMLParser, SelectolaxError

from campaigns.sentences import keep
from campaigns.texts import unescape_html

from . import limits, markup, mjml_source
from .protected_liquid import ProtectedLiquid
from .source import ContentError

HTML_LIMIT = 1_000_000  # characters; mail clients cut an e-mail off at a tenth of that

_options = mrml.RenderOptions(fonts={})  # mrml would link to a font host: a stranger would see who reads
_position = re.compile(r"at position (\d+)(?::\d+)?")
_outlook = re.compile(r"<!--\[if mso \| IE\]>(.*?)(?:<!\[endif\]-->|(?P<unclosed>\Z))", re.DOTALL)
_hero = re.compile(
    r'<tr style="vertical-align:top;">(<td background="[^"]*" )height="-?\d+" (style="[^"]*?)height:-?\d+px;'
)
_cell = re.compile(r"<td\b|</td>")
_PIECE_NUMBER = "data-mjml-n"


def to_html(text: str, held: ProtectedLiquid, language: str) -> str:
    """Turn MJML into an HTML document.

    Args:
        text: the MJML, its Liquid held as comments.
        language: of the document, where its author names none.

    Raises:
        ContentError: it does not parse, or an element or Liquid stands where it cannot; names the line.
    """
    text = text.removeprefix("\ufeff")
    limits.check_mjml_depth(text)
    try:
        prepared = mjml_source.prepare(
            text, held.comment.fullmatch, partial(_is_assignment, held), partial(_is_value, held)
        )
        page = str(mrml.to_html(prepared.text, render_options=_options).content)
    except mjml_source.MjmlError as wrong:
        raise _read_fault(
            keep("line %(text)s: %(wrong)s", text=_line_of(text, held, wrong.position), wrong=wrong)
        ) from wrong
    except OSError as error:  # what mrml raises for anything it cannot parse
        raise _read_fault(_explain(str(error), prepared, text, held)) from error
    if len(page) > HTML_LIMIT:
        raise ContentError(
            keep(
                "The MJML makes %(count)s characters of HTML: %(html_limit)s are the limit",
                count=len(page),
                html_limit=HTML_LIMIT,
            ),
            "body",
        )
    page = page.replace(' lang="und"', f' lang="{language}"').replace(
        "@media screen, yahoo", "@media screen yahoo"
    )
    page = _make_heroes_fluid(page, prepared.heroes)
    page = _show_between_conditions(page, prepared.part, held)
    page = prepared.part.sub(lambda part: prepared.parts[int(part[1])], page)
    _check_nothing_lost(text, prepared.before + page, prepared, held)
    for piece in markup.cut_pieces(page):
        if piece.kind == "tag" and piece.name.startswith("mj"):
            at = text.find(f"<{piece.name}")
            raise ContentError(
                keep(
                    "The MJML holds <%(name)s> where it cannot stand, or it is no component: line %(text)s",
                    name=piece.name,
                    text=_line_of(text, held, max(at, 0)),
                ),
                "body",
            )
    return prepared.before + _apply_attributes(page, prepared.attributes, held)


def _is_assignment(held: ProtectedLiquid, comment: str) -> bool:
    mark = held.comment.fullmatch(comment)
    return bool(mark and re.match(r"\{%-?\s*assign\b", held.piece(mark)))


def _is_value(held: ProtectedLiquid, comment: str) -> bool:
    mark = held.comment.fullmatch(comment)
    return bool(mark and held.piece(mark).startswith("{{"))


def _read_fault(said: str) -> ContentError:
    return ContentError(keep("The MJML does not compile: %(said)s", said=said), "body")


def _line_of(text: str, held: ProtectedLiquid, position: int) -> int:
    return held.restore(text[:position]).count("\n") + 1


def _explain(said: str, prepared: mjml_source.PreparedMjml, text: str, held: ProtectedLiquid) -> str:
    """Return the message of mrml, with the element and the line in place of its byte position."""
    match = _position.search(said)
    if match is None:
        return said
    before = prepared.text.encode()[: int(match[1])].decode(errors="ignore")
    start = prepared.text.rfind("<", 0, len(before) + 1)
    element = re.compile(r"</?[\w-]+").match(prepared.text, max(start, 0))
    position = prepared.origin(max(start, 0))
    name = f"{element[0]}>" if element else keep("what stands there")
    return keep("line %(text)s: %(name)s cannot stand here", text=_line_of(text, held, position), name=name)


def _make_heroes_fluid(page: str, heroes: list[int | None]) -> str:
    """Return the page with cells beside each hero as high as its picture. The cells keep its height."""
    position = 0
    for ratio in heroes:
        if ratio is None:
            continue
        hero = _hero.search(page, position)
        if hero is None:
            break
        beside = f'<td style="width:0.01%;padding-bottom:{ratio}%;mso-padding-bottom-alt:0;"></td>'
        depth, end = 0, len(page)
        for cell in _cell.finditer(page, hero.start(1)):
            depth += -1 if cell[0] == "</td>" else 1
            if not depth:
                end = cell.end()
                break
        opening = f'<tr style="vertical-align:top;">{beside}{hero[1]}{hero[2]}'
        page = f"{page[: hero.start()]}{opening}{page[hero.end() : end]}{beside}{page[end:]}"
        position = hero.start() + len(opening)
    return page


def _show_between_conditions(page: str, part: re.Pattern[str], held: ProtectedLiquid) -> str:
    """Move Liquid and raw content out of comments for Outlook, where mrml has put it, to between two of them.

    There it holds for every mail client, and a text part sees it.
    """
    shown = re.compile(rf"({held.mark.pattern}|{part.pattern})")

    def split_condition(condition: re.Match[str]) -> str:
        inner = condition[1]
        if condition["unclosed"] is not None or not shown.search(inner):
            return condition[0]
        out = []
        position = 0
        for match in shown.finditer(inner):
            before = inner[position : match.start()]
            out.append(f"<!--[if mso | IE]>{before}<![endif]-->" if before.strip() else before)
            out.append(match[0])
            position = match.end()
        rest = inner[position:]
        out.append(f"<!--[if mso | IE]>{rest}<![endif]-->" if rest.strip() else rest)
        return "".join(out)

    return _outlook.sub(split_condition, page)


def _check_nothing_lost(
    text: str, page: str, prepared: mjml_source.PreparedMjml, held: ProtectedLiquid
) -> None:
    """Refuse MJML with Liquid in places where mrml drops it.

    Raises:
        ContentError: mrml has dropped some.
    """
    kept = {mark[1] for mark in held.mark.finditer(page)}
    kept |= {mark[1] for *_, value in prepared.attributes for mark in held.mark.finditer(value)}
    for mark in held.mark.finditer(text):
        if mark[1] not in kept and not re.match(r"\{%-?\s*(comment|#|doc)", held.piece(mark)):
            piece = " ".join(held.piece(mark).split())[:40]
            raise _read_fault(
                keep(
                    "line %(text)s: Liquid cannot stand here: %(piece)s",
                    text=_line_of(text, held, mark.start()),
                    piece=piece,
                )
            )


def _apply_attributes(page: str, attributes: list[tuple[str, str, str]], held: ProtectedLiquid) -> str:
    """Return the page with what mj-html-attributes sets on the elements it chooses."""
    if not attributes:
        return page
    limits.check_html_depth(page)
    pieces = [piece.source for piece in markup.cut_pieces(page)]
    starts = {n for n, piece in enumerate(markup.cut_pieces(page)) if piece.is_start and not piece.hidden}
    numbered = [
        _set_attribute(source, _PIECE_NUMBER, str(n)) if n in starts else source
        for n, source in enumerate(pieces)
    ]
    tree = LexborHTMLParser("".join(numbered))
    for path, name, value in attributes:
        if not re.fullmatch(r"[a-zA-Z_:][\w:.-]*", name):
            raise _read_fault(keep("<mj-html-attribute>: “%(name)s” is no name of an attribute", name=name))
        try:
            chosen = tree.css(path)
        except SelectolaxError as error:
            raise _read_fault(keep("<mj-selector>: the path “%(path)s” cannot be read", path=path)) from error
        plain = html.escape(
            unescape_html(held.mark.sub(lambda mark: mark[0].removeprefix("<!--").removesuffix("-->"), value))
        )
        for node in chosen:
            n = int(node.attributes.get(_PIECE_NUMBER) or -1)
            if n >= 0:
                pieces[n] = _set_attribute(pieces[n], name, plain)
    return "".join(pieces)


def _set_attribute(tag: str, name: str, value: str) -> str:
    if name in markup.attributes(tag):
        return markup.with_attribute(tag, name, value)
    end = len(tag) - (2 if tag.endswith("/>") else 1)
    return f'{tag[:end].rstrip()} {name}="{value}"{tag[end:]}'
