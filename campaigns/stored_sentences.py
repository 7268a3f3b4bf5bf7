"""Translates sentences that are stored, such as the reason of a pause, when somebody reads them.

`campaigns.sentences` writes them: the column holds the English sentence as it is, so that the admin, tills, exports and
logs show it, and so that it never depends on who happened to look when it was written. A page finds the text of the
catalogues that the sentence was made of, takes the values out of it, and writes the translation with them. Of several
sentences together each is translated by itself. What is in no catalogue, as a note that a person wrote, stays as it is.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import NamedTuple
from zoneinfo import available_timezones

from django.conf import settings
from django.utils.translation import get_language, gettext, ngettext, pgettext, to_locale

from campaigns import dates, formats

LEAST_LETTERS = 4  # of a text beside its values: less would fit too many sentences
_place = re.compile(r"%\((\w+)\)[sd]")
_grouped_number = re.compile(r"\d{1,3}(?:,\d{3})+")
_first_word = re.compile(r"\S*")
_end_of_sentence = re.compile(r"(?<=[.!?…])\s+|(?<=”:)\s+")
_quotation = re.compile(r"“[^“”]*”")
LEAST_WORDS = 3  # of a sentence beside others: fewer may be a word of a person's note
MOST_SENTENCES = 12  # looked at in a text that no catalogue has


def translate_stored(text: str) -> str:
    """Return a stored sentence in the language of the page; as it is, when no catalogue has it."""
    language = get_language() or settings.LANGUAGE_CODE
    if not text or language.startswith("en"):
        return text
    return _translate(language, text)


class _Pattern(NamedTuple):
    """A text of the catalogues with values in it."""

    matches: re.Pattern[str]
    one: str
    many: str
    context: str

    def write(self, values: dict[str, str]) -> str:
        if self.many:
            count = values.get("count", "").replace(",", "")
            found = str(ngettext(self.one, self.many, int(count) if count.isdecimal() else 2))
        else:
            found = str(pgettext(self.context, self.one) if self.context else gettext(self.one))
        language = get_language() or settings.LANGUAGE_CODE
        written = {
            name: _cities(language).get(value, value) if name == "city" else _translate(language, value)
            for name, value in values.items()
        }
        return found % written


@lru_cache(maxsize=4096)
def _translate(language: str, text: str) -> str:
    """Translate a sentence. The language is active; it is given since the answer is cached."""
    if _grouped_number.fullmatch(text):
        return formats.thousands(int(text.replace(",", "")))
    if _quotation.fullmatch(text):
        return text
    known = _translate_known(language, text)
    if known is None:
        known = _translate_several(language, text)
    if known is None:  # last, since it may fit to the words of a server or of a person
        known = _write_by_pattern(_patterns(language).get("", []), text)
    return text if known is None else known


def _translate_known(language: str, text: str) -> str | None:
    """Translate a sentence that the catalogues have, or that begins as one of them; None for any other."""
    said = str(gettext(text)) if text else ""
    if said != text or not text:
        return said
    return _write_by_pattern(_patterns(language).get(_read_first_word(text), []), text)


def _write_by_pattern(patterns: Sequence[_Pattern], text: str) -> str | None:
    matches = ((pattern, pattern.matches.fullmatch(text)) for pattern in patterns)
    return next((pattern.write(found.groupdict()) for pattern, found in matches if found), None)


def _translate_several(language: str, text: str) -> str | None:
    """Translate a text of several sentences, such as a server's answer and what to do about it.

    The last of them must be ours; what stands before it may be anybody's, as that answer, and stays as it is then.
    None where it is not so.
    """
    for gap in islice(_end_of_sentence.finditer(text), MOST_SENTENCES):
        after = text[gap.end() :]
        if len(after.split()) >= LEAST_WORDS and (said := _translate_known(language, after)) is not None:
            return _translate(language, text[: gap.start()]) + gap[0] + said
    return None


@lru_cache(maxsize=8)
def _cities(language: str) -> dict[str, str]:
    """Return the cities of time zones by their English names, as in “Vienna time”."""
    locale = to_locale(language)
    return {dates.name_city_in("en", key): dates.name_city_in(locale, key) for key in available_timezones()}


@lru_cache(maxsize=8)
def _patterns(language: str) -> dict[str, list[_Pattern]]:
    """List the texts with values by their first word, "" where that is a value; the one with most letters first."""
    from babel.messages.mofile import read_mo  # a web process that speaks English needs none of it

    found = defaultdict(list)
    path = Path(settings.LOCALE_PATHS[0]) / language / "LC_MESSAGES" / "django.mo"
    with path.open("rb") as file:
        messages = [message for message in read_mo(file) if message.id]
    for message in messages:
        ids = message.id if isinstance(message.id, list | tuple) else (message.id,)
        one, many = ids[0], ids[1] if len(ids) > 1 else ""
        for text in dict.fromkeys(ids):
            letters = len(re.sub(r"\W", "", _place.sub("", text)))
            if _place.search(text) and letters >= LEAST_LETTERS:
                pattern = _Pattern(_compile(text), one, many, message.context or "")
                # of two with as many letters, the one with more signs, such as a full stop at the end
                found[_read_first_word(text)].append(((letters, len(_place.sub("", text))), pattern))
    return {
        word: [pattern for _, pattern in sorted(listed, key=lambda each: each[0], reverse=True)]
        for word, listed in found.items()
    }


def _read_first_word(text: str) -> str:
    found = _first_word.match(text)
    word = found[0] if found else ""
    return "" if "%(" in word else word


def _compile(text: str) -> re.Pattern[str]:
    seen: set[str] = set()
    parts = []
    end = 0
    for place in _place.finditer(text):
        parts.append(re.escape(text[end : place.start()].replace("%%", "%")))
        name = place[1]
        parts.append(f"(?P={name})" if name in seen else f"(?P<{name}>.+?)")
        seen.add(name)
        end = place.end()
    parts.append(re.escape(text[end:].replace("%%", "%")))
    return re.compile("".join(parts), re.DOTALL)
