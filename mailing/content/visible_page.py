"""Works out which elements of a page readers can see: on a wide screen, or after a click.

The text part is made from this page, which is never sent. It differs from the sent page when rules for some screens, or
for some states of the page, decide what readers see.
"""

import re
from collections.abc import Sequence

from . import looks, markup, media, page_states, styles

_speaks = re.compile(r"\w").search


def make_visible_page(page: str) -> str:
    """Return the page with styles that show everything that readers can get to see; "" if it does not differ.

    The page must have been checked for its depth.

    Raises:
        ContentError: the style sheets cannot be read.
    """
    sheets = list(styles.list_sheets(markup.cut_pieces(page)))
    if not any(media.may_hide(sheet) for _, _, sheet in sheets):
        return ""
    has_states = any(page_states.has_states(sheet) for _, _, sheet in sheets)
    if not has_states and not any(of or media.changes_in_block(sheet) for _, of, sheet in sheets):
        return ""
    copy = styles.StyledCopy(page)
    if not has_states:
        return copy.write_styles(copy.inline(media.unfold_media))
    at_first = copy.inline(lambda sheet, of: page_states.show_at_first(media.unfold_media(sheet, of)))
    later = [
        copy.inline(lambda sheet, of, show=show: show(media.unfold_media(sheet, of)))  # type: ignore[misc]
        for show in (page_states.show_opened, page_states.show_mixed)
    ]
    for place in {place for each in later for place in each} | {*at_first}:
        choices = [at_first.get(place, ""), *(each.get(place, "") for each in later)]
        at_first[place] = _choose_style(copy.pieces[place], choices)
    return copy.write_styles(at_first)


def _choose_style(piece: markup.Piece, choices: Sequence[str]) -> str:
    """Return the first of the styles in which an element is visible; the very first when none shows it."""
    first, *others = choices
    if not any(other != first for other in others) or _is_visible(piece, first):
        return first
    if piece.name == "img" and not _speaks(markup.attributes(piece.source).get("alt", "")):
        return first  # the sign of an arrow or a cross, which stands for its being open
    return next((other for other in others if _is_visible(piece, other)), first)


def _is_visible(piece: markup.Piece, style: str) -> bool:
    """Return whether an element of this style is visible, when everything around it is."""
    written = markup.attributes(styles.add_style(piece.source, style))
    attributes = {name: markup.unescape_value(value) for name, value in written.items()}
    return looks.compute_look(piece.name, attributes, looks.Look()).shows_text
