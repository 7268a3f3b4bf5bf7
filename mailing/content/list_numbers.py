"""Writes the signs before the items of a list: numbers, letters, Roman numerals, or a hyphen."""

import re

from selectolax.lexbor import LexborNode

_ROMAN = ((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"),
          (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"))  # fmt: skip


class ListNumbers:
    """The numbers of one open list."""

    def __init__(self, node: LexborNode) -> None:
        attributes = node.attributes
        self.kind = (attributes.get("type") or "1") if node.tag == "ol" else ""
        self.step = -1 if "reversed" in attributes else 1
        start = read_integer(attributes.get("start"))
        if start is None:
            start = sum(1 for child in node.iter() if child.tag == "li") if self.step < 0 else 1
        self.next = start

    def bullet(self, value: int | None) -> str:
        """Return the sign before the next item; `value` is the item's own number, if it has one."""
        if not self.kind:
            return "-"
        number = self.next if value is None else value
        self.next = number + self.step
        return f"{_numeral(number, self.kind)}."


def read_integer(text: str | None) -> int | None:
    """Return the whole number at the start of an attribute's value; None when there is none."""
    match = re.match(r"\s*([+-]?\d{1,9})", text or "")
    return int(match[1]) if match else None


def _numeral(number: int, kind: str) -> str:
    """Return the number as list items are counted: by 1, a, A, i or I."""
    if number > 0 and kind in ("a", "A"):
        letters = ""
        while number:
            number, letter = divmod(number - 1, 26)
            letters = chr(ord("a") + letter) + letters
        return letters if kind == "a" else letters.upper()
    if 0 < number < 4000 and kind in ("i", "I"):
        roman = ""
        for value, letters in _ROMAN:
            roman += letters * (number // value)
            number %= value
        return roman if kind == "i" else roman.upper()
    return str(number)
