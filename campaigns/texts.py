"""Checks whether text can be stored and seen, and decodes the signs of HTML.

PostgreSQL takes no NUL and no half of a surrogate pair.
"""

import html
import re
import unicodedata

from campaigns.annotations import Json

# PostgreSQL stores no NUL; half a surrogate pair is no character and cannot be written as UTF-8
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
# a number of a sign in HTML with more digits than any sign has
_long_number = re.compile("&#([0-9]{10,}+)")
# formats such as the space without width, controls, spaces, ends of lines and paragraphs
UNSEEN = {"Cf", "Cc", "Zs", "Zl", "Zp"}
# letters and marks of Unicode that are written as nothing: fillers of Hangul, a blank of Braille, selectors of variants
BLANK_SIGNS = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
SENTENCE = "This holds a sign that cannot be stored: type it anew."


def make_storable(text: str) -> str:
    """Return what others wrote as it can be stored: a space for each NUL, "?" for each half of a surrogate pair."""
    return text.replace("\0", " ").encode(errors="replace").decode()


def is_blank(text: str) -> bool:
    """Return whether nobody sees anything of a text: it is empty, or holds blanks and invisible signs only."""
    return all(unicodedata.category(sign) in UNSEEN or BLANK_SIGNS.match(sign) for sign in text)


def holds_unseen(text: str) -> bool:
    """Return whether there are signs in a text that are not seen; much sooner than `is_blank` of each of its parts."""
    return not text.isprintable() or (not text.isascii() and BLANK_SIGNS.search(text) is not None)


def is_storable(value: Json) -> bool:
    """Return whether the texts in `value`, a text or plain JSON, can be stored."""
    if isinstance(value, str):
        if value.isascii():  # as nearly all is: told much sooner
            return "\0" not in value
        return UNSTORABLE.search(value) is None
    if isinstance(value, dict):
        return all(is_storable(name) and is_storable(part) for name, part in value.items())
    if isinstance(value, list | tuple):
        return all(map(is_storable, value))
    return True


def unescape_html(text: str) -> str:
    """Return text with the signs that HTML writes as `&amp;` or `&#38;`.

    A number too large for any sign becomes "�", as in browsers; Python's own function fails at 4,300 digits.
    """
    short = _long_number.sub(lambda found: f"&#{found[1].lstrip('0')[:9] or 0}", text)
    return html.unescape(short)  # noqa: TID251 of numbers it can read
