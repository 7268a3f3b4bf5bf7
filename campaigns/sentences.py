"""Sentences that are written in English once, and translated when somebody reads them.

Imports nothing of Django, for the modules that know no Django. `campaigns.stored_sentences` translates them.
"""


def keep(sentence: str, **values: object) -> str:
    """Write a sentence in English, whoever looks.

    Args:
        sentence: the text, with its values as %(name)s. `update_texts` extracts it, as it does the texts of gettext.
        values: a whole number gets commas between its thousands, anything else is written as it is.
    """
    return sentence % {name: _write_value(value) for name, value in values.items()}


def keep_plural(one: str, many: str, count: int, **values: object) -> str:
    """Write a sentence in English that depends on a number, which is %(count)s in it."""
    return keep(one if count == 1 else many, count=count, **values)


def mark(text: str) -> str:
    """Return a text as it is, so that `update_texts` finds it: whoever shows it translates it."""
    return text


def _write_value(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
