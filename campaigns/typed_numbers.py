"""Numbers as people type them: those that can be read in two ways are refused, since nobody would see the mistake.

1.234 is 1234 to a German and little more than 1 to a Briton; 1,234 is the other way round.
"""

import re

from django import forms
from django.utils.translation import gettext, gettext_lazy

_is_ambiguous = re.compile(r"[+-]?[1-9]\d{0,2}[.,]\d{3}", re.ASCII).fullmatch


def is_ambiguous(text: str) -> bool:
    """Return whether a number may have been typed with thousands set apart, or with three decimals."""
    return _is_ambiguous(text.strip()) is not None


def describe_ambiguity(text: str) -> str:
    """Return the sentence that refuses an ambiguous number, and says how to write each of the two."""
    text = text.strip()
    plain = {"number": text[:20], "whole": re.sub(r"[.,]", "", text), "decimal": text.replace(",", ".") + "0"}
    return gettext("“%(number)s” can be read in two ways: write %(whole)s or %(decimal)s.") % plain


def refuse_decimals_of_whole_numbers() -> None:
    """Make forms refuse decimals where a whole number belongs. Django would cut off zeros: 1.000 would become 1."""
    forms.IntegerField.re_decimal = re.compile(r"(?!)")
    forms.IntegerField.default_error_messages = forms.IntegerField.default_error_messages | {
        "invalid": gettext_lazy("Enter a whole number in digits alone, such as 1000.")
    }
