"""Translates sentences that are stored, such as the reason of a pause, when somebody reads them.

`campaigns.sentences` writes them: the column holds the English sentence as it is, so that the admin, tills, exports and
logs show it, and so that it never depends on who happened to look when it was written. A page finds the text of the
catalogues that the sentence was made of, takes the values out of it, and writes the translation with them. What is in
no catalogue, as a note that a person wrote, stays as it is.
"""

import re
from collections import defaultdict
from functools import lru_cache
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
    said = str(gettext(text)) if text else ""
    if said != text or not text:
        return said
    known = _patterns(language)
    fitting: list[_Pattern] = [*known.get(_read_first_word(text), []), *known.get("", [])]
    for pattern in fitting:
        if found := pattern.matches.fullmatch(text):
            return pattern.write(found.groupdict())
    return text


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
