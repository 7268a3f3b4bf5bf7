"""Keys of coupon codes: a typed code and the stored one have the same key.

The database never folds letters: its `upper` and Python's differ (ß), and both depend on their versions. Two codes with
the same key are the same code.
"""

import re
import unicodedata

DOT_ABOVE = "\u0307"
DOTLESS_I = "\u0131"
MARKED_I = re.compile("i[\u0300-\u036f]+")
# joiners, direction marks, variation selectors and the like come along when a code is copied; they have no width
INVISIBLE = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\ufe00-\ufe0f\ufff0-\ufff8]")
CONTROLS = frozenset({"Cc", "Cf"})
MIN_SAFE_LENGTH = 6
ALPHABET = "BCDFGHJKMNPQRTVWXY34679"
"""No two letters that look alike when read or typed (0 O, 1 I L, 2 Z, 5 S, 8 B), and no vowel, so no word."""
BARCODE_PREFIX = "CUPN:"
"""What a bar code or a QR code has before the code, so that a till knows it for a coupon. It is no part of the code."""
_BARCODE_KEY = BARCODE_PREFIX.casefold()


def code_key(code: str) -> str:
    """Return the key of `code`, which comparisons use.

    Capital and small letters are the same: ß, ẞ and SS too, and i, I, İ and ı, since nobody says which language a
    keyboard has. A letter with a mark is the same whether the mark stands apart or not; full-width letters and
    ligatures are the letters they are made of. Invisible signs and white space around the code count for nothing, nor
    does BARCODE_PREFIX before it.
    """
    if code.isascii() and code.isprintable():
        return code.strip().casefold().removeprefix(_BARCODE_KEY)
    folded = unicodedata.normalize("NFD", code).casefold()
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", folded).casefold())
    folded = MARKED_I.sub(lambda found: found[0].replace(DOT_ABOVE, ""), folded.replace(DOTLESS_I, "i"))
    shown = [sign for sign in INVISIBLE.sub("", folded) if unicodedata.category(sign) not in CONTROLS]
    return unicodedata.normalize("NFKC", "".join(shown)).strip().removeprefix(_BARCODE_KEY)


def code_as_stored(code: str) -> str:
    """Return `code` in capital letters, as pages show it; its key stays the same."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", code.strip()).upper())


def find_check_letter(letters: str) -> str:
    """Return the letter that follows `letters` of ALPHABET, so that one wrong letter, or two swapped, are no code.

    Each place counts with a weight of its own, modulo the number of letters, which is prime; the check letter with the
    weight −1. `mailing.codes` does the same in SQL.
    """
    weighted = sum(weight * ALPHABET.index(letter) for weight, letter in enumerate(letters, start=1))
    return ALPHABET[weighted % len(ALPHABET)]


def is_short(code: str) -> bool:
    """Return whether `code` has fewer than SHORT letters and digits, so that guessing soon finds it."""
    return sum(sign.isalnum() for sign in code_key(code)) < MIN_SAFE_LENGTH
