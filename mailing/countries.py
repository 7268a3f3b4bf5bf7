"""Country codes (two letters, ISO 3166) for the names of countries that people write."""

import unicodedata
from functools import lru_cache
from typing import Any

from babel import Locale
from babel.core import get_global

from campaigns.annotations import Argument
from campaigns.formats import find_locale

NAME_LANGUAGES = "en de fr es it nl pt pl sv da nb fi cs tr".split()
# What people write besides the names of the Unicode Consortium.
OTHER_NAMES = {
    "uk": "GB",
    "gb": "GB",
    "england": "GB",
    "scotland": "GB",
    "wales": "GB",
    "northernireland": "GB",
    "greatbritain": "GB",
    "grossbritannien": "GB",
    "grandebretagne": "GB",
    "usa": "US",
    "us": "US",
    "unitedstatesofamerica": "US",
    "america": "US",
    "etatsunisdamerique": "US",
    "vereinigtestaatenvonamerika": "US",
    "holland": "NL",
    "thenetherlands": "NL",
    "czechrepublic": "CZ",
    "tschechischerepublik": "CZ",
    "republiquetcheque": "CZ",
    "el": "GR",  # in numbers of the European value-added tax
    "brd": "DE",
    "federalrepublicofgermany": "DE",
    "bundesrepublikdeutschland": "DE",
    "republicofireland": "IE",
    "russianfederation": "RU",
    "korea": "KR",
    "republicofkorea": "KR",
    "southkorea": "KR",
    "uae": "AE",
    "turkey": "TR",
    "macedonia": "MK",
    "swaziland": "SZ",
    "burma": "MM",
    "ivorycoast": "CI",
    "capeverde": "CV",
    "easttimor": "TL",
    "hongkong": "HK",
    "macau": "MO",
    "macao": "MO",
    "palestine": "PS",
    "drcongo": "CD",
    "democraticrepublicofthecongo": "CD",
}


def country_code(text: str) -> str:
    """Return the two letters for a country as people write it, in one of LANGUAGES or as a code, or ""."""
    return _codes().get(_fold(text), "")


def _fold(text: str) -> str:
    letters = unicodedata.normalize("NFKD", text[:200].casefold())
    return "".join(char for char in letters if char.isalnum())


@lru_cache(maxsize=1)
def _codes() -> dict[str, str]:
    english = _names("en")
    known = {code for code in english if len(code) == 2 and code.isalpha()} - {
        "EU",
        "EZ",
        "UN",
        "QO",
        "ZZ",
        "XA",
        "XB",
    }
    codes: dict[str, str] = {}
    for language in reversed(NAME_LANGUAGES):  # of one name in two languages the first language counts
        for code, name in _names(language).items():
            if code in known:
                codes[_fold(name)] = codes[_fold(name.replace("&", "and").replace("St.", "Saint"))] = code
    aliases: Any = get_global("territory_aliases")  # three letters, numbers, and codes of before
    for other, now in aliases.items():
        if len(now) == 1 and now[0] in known and (len(other) == 3 or other not in known):
            codes.setdefault(_fold(other), now[0])
    return codes | OTHER_NAMES | {code.casefold(): code for code in known}


def _names(language: str) -> dict[str, str]:
    territories: Argument = Locale(language).territories
    return dict(territories)


def name_country(code: str) -> str:
    """Return the name of a country by its two letters, in the language of the page; any other text as it is."""
    return _names(find_locale()).get(code, code)
