"""How deep a parser of HTML would nest a page, and how many elements it would make.

A parser closes elements that others need closed, and opens what formats text anew behind each end of a block: 200
open <b> and 2,000 paragraphs are 400,000 elements. So both numbers are known only by going through the rules of the
HTML standard's tree construction. No tree is made and no function calls itself.
"""

import re
from collections.abc import Callable

from .open_elements import (
    BLOCKS,
    CELLS,
    FORMATTING,
    GROUPS,
    MARKING,
    SCOPES,
    TABLE_PARTS,
    VOID,
    Element,
    OpenElements,
)

_IGNORED = frozenset("html head body frameset frame".split())  # a second one opens nothing
_RAW = frozenset("iframe noembed noframes noscript script style textarea title xmp".split())
_HEADINGS = frozenset(("h1", "h2", "h3", "h4", "h5", "h6"))
_MODES = TABLE_PARTS | {"table", "template"}
_TABLE_SCOPE = frozenset(("table", "template"))
_BUTTON_SCOPE = SCOPES | {"button"}
_LIST_SCOPE = SCOPES | {"ol", "ul"}
_CLOSES_PARAGRAPH = BLOCKS | {"form", "hr", "xmp"}
# Before these, what formats text is not opened anew
_OUTSIDE_FORMATTING = frozenset(
    """base basefont bgsound iframe link meta noembed noframes param rb rp rt rtc script source style template textarea
    title track""".split()
)
_BREAKS_OUT = frozenset(
    """b big blockquote body br center code dd div dl dt em embed h1 h2 h3 h4 h5 h6 head hr i img li listing menu meta
    nobr ol p pre ruby s small span strong strike sub sup table tt u ul var""".split()
)
_colours = re.compile(r"\s(?:color|face|size)\b", re.IGNORECASE).search
_tags = re.compile(
    r"""<!--(?:>|->|.*?(?:--!?>|\Z)) | <[!?][^>]*(?:>|\Z)
      | <(?P<end>/?)(?P<name>[a-zA-Z][^\s/>]*)(?>[^>"'=]+|=\s*"[^"]*"|=\s*'[^']*'|["'=])*+(?:>|\Z)""",
    re.VERBOSE | re.DOTALL,
)


class Nesting(OpenElements):
    """The open elements of a page that is read tag by tag.

    In a page for old browsers (`is_old`: it has no doctype that is known) a table may stand in a paragraph.
    """

    def __init__(self, is_old: bool = False) -> None:
        super().__init__()
        self._is_old = is_old
        self._form: Element | None = None

    def read_text(self, is_blank: bool) -> None:
        """Note text: it stands in all active formatting elements."""
        mode = self._find_mode()
        if not self._is_in_foreign() and not (is_blank and mode in GROUPS | {"table", "tr"}):
            self._reopen()

    def read_start(self, name: str, source: str, is_raw: bool = False) -> None:
        """Note a start tag; `is_raw`: all up to its end tag is text."""
        if self._is_in_foreign(name):
            if name not in _BREAKS_OUT and not (name == "font" and _colours(source)):
                self.push(name, source, self._open[-1].foreign, source.endswith("/>"))
                return
            self._leave_foreign()
        if name in _IGNORED:
            return
        if name in TABLE_PARTS:
            self._start_part(name, source)
        elif name == "table":
            self._start_table(source)
        elif name in FORMATTING:
            self._start_formatting(name, source)
        else:
            self._start_other(name, source, is_raw)

    def read_end(self, name: str) -> None:
        """Note an end tag."""
        if self._open and self._open[-1].foreign:
            for place in range(len(self._open) - 1, -1, -1):
                if not self._open[place].foreign:
                    break
                if self._open[place].name == name:
                    self.close_from(place)
                    return
            if name in ("br", "p"):
                self._leave_foreign()
        if name in FORMATTING:
            self._adopt(name)
        elif name in TABLE_PARTS or name == "table":
            self._end_part(name)
        elif name == "template":
            if self._has((name,), ()):
                self._pop_to((name,))
                self._clear()
        elif name == "form":
            self._end_form()
        elif name == "p":
            if not self._has(("p",), _BUTTON_SCOPE):
                self.push(name, "", is_closed=True)
            self._pop_in_scope((name,), _BUTTON_SCOPE)
        elif name == "li":
            self._pop_in_scope((name,), _LIST_SCOPE)
        elif name in _HEADINGS:
            self._pop_in_scope(_HEADINGS, SCOPES)
        elif name in MARKING:
            if self._pop_in_scope((name,), SCOPES - {name} if self._is_top(name) else SCOPES):
                self._clear()
        elif name == "br":
            self._reopen()
            self.made += 1
        elif name in BLOCKS or name in ("button", "select"):
            self._pop_in_scope((name,), SCOPES)
        elif name not in _IGNORED:
            self._end_any(name)

    def takes_raw(self, name: str) -> bool:
        """Return whether a start tag such as <style> would make text of what follows it."""
        return not self._is_in_foreign(name)

    def _find_mode(self) -> str:
        """Return the name of the innermost element that decides how tags of tables are read."""
        if not any(self._counts[name] for name in _TABLE_SCOPE):
            return ""
        return next(
            (each.name for each in reversed(self._open) if not each.foreign and each.name in _MODES), ""
        )

    def _start_table(self, source: str) -> None:
        while (mode := self._find_mode()) in GROUPS | {"colgroup", "table", "tr"}:
            self._pop_to((mode,))
        if not self._is_old:
            self._close_paragraph()
        self.push("table", source)

    def _start_part(self, name: str, source: str) -> None:
        """Note a start tag of a part of a table, with the parts that it closes and those that it needs."""
        while True:
            mode = self._find_mode()
            if not mode:
                return
            if mode in CELLS or mode == "caption":
                self._pop_to((mode,))
                self._clear()
            elif mode == "template":
                self.push(name, source, is_closed=name == "col")
                return
            elif name == mode == "col":
                return
            elif mode == "colgroup" and name != "col":
                self._pop_to((mode,))
            elif mode == "colgroup":
                self.made += 1
                return
            elif name in {"tr": CELLS, "table": GROUPS | {"caption", "colgroup"}}.get(mode, ("tr",)):
                self._pop_above(mode)
                self.push(name, source)
                if name in CELLS or name == "caption":
                    self._active.append(None)
                return
            elif mode == "table":
                self._pop_above(mode)
                self.push("colgroup" if name == "col" else "tbody", "")
            elif mode in GROUPS and name in CELLS:
                self._pop_above(mode)
                self.push("tr", "")
            else:
                self._pop_to((mode,))

    def _end_part(self, name: str) -> None:
        mode = self._find_mode()
        if mode == "caption" and name not in ("caption", "table"):
            return
        if mode in CELLS and name in ("caption", "col", "colgroup"):
            return
        if not self._has((name,), _TABLE_SCOPE - {name}):
            return
        if mode in CELLS or mode == "caption":
            self._pop_to((mode,))
            self._clear()
            if name == mode:
                return
        self._pop_to((name,))

    def _close_paragraph(self) -> None:
        self._pop_in_scope(("p",), _BUTTON_SCOPE)

    def _start_other(self, name: str, source: str, is_raw: bool) -> None:
        """Note the start tag of an element that neither formats text nor is part of a table."""
        if name == "form" and self._form is not None:
            return
        if name in _CLOSES_PARAGRAPH:
            self._close_paragraph()
        if name in _HEADINGS and self._open and self._open[-1].name in _HEADINGS:
            self.close_from(len(self._open) - 1)
        elif name == "li":
            self._close_sibling(("li",))
        elif name in ("dd", "dt"):
            self._close_sibling(("dd", "dt"))
        elif name == "button":
            self._pop_in_scope((name,), SCOPES)
        elif name in ("hr", "input", "option", "optgroup", "select") and self._has(("select",), SCOPES):
            if name in ("input", "select"):
                self._pop_in_scope(("select",), SCOPES)
                if name == "select":
                    return
            else:
                self._pop_implied("optgroup" if name == "option" else "")
        elif name in ("option", "optgroup") and self._is_top("option"):
            self.close_from(len(self._open) - 1)
        elif name in ("rb", "rp", "rt", "rtc") and self._has(("ruby",), SCOPES):
            self._pop_implied("" if name in ("rb", "rtc") else "rtc")
        if name not in _CLOSES_PARAGRAPH | _OUTSIDE_FORMATTING:
            self._reopen()
        element = self.push(
            name,
            source,
            name if name in ("math", "svg") else "",
            is_closed=is_raw or name in VOID or (name in ("math", "svg") and source.endswith("/>")),
        )
        if name == "form":
            self._form = element
        elif name in MARKING or name == "template":
            self._active.append(None)

    def _end_form(self) -> None:
        form, self._form = self._form, None
        if form is not None and form.is_open and self._has(("form",), SCOPES):
            self._pop_implied()
            self._close_alone(form)


def read_nesting(
    page: str, check: Callable[[Nesting], None], has_scripts: bool = False, is_old: bool = False
) -> Nesting:
    """Return how the elements of a page nest.

    Args:
        check: called after each tag; it may raise.
        has_scripts: the page is read as by a parser that runs scripts: what is in <noscript> is text.
        is_old: as of Nesting.
    """
    nesting, position, raw = Nesting(is_old), 0, ""
    while tag := _tags.search(page, position):
        if text := page[position : tag.start()]:
            nesting.read_text(text.isspace())
        position = tag.end()
        name = (tag["name"] or "").lower()
        name = "img" if name == "image" else name
        if tag["end"]:
            if name != raw:
                nesting.read_end(name)
        elif name:
            is_raw = (name in _RAW and (name != "noscript" or has_scripts)) and nesting.takes_raw(name)
            nesting.read_start(name, tag[0], is_raw)
            if is_raw:
                closing = re.compile(rf"</{re.escape(name)}(?=[\s/>])", re.IGNORECASE).search(page, position)
                position, raw = closing.start() if closing else len(page), name
                continue
        raw = ""
        check(nesting)
    return nesting
