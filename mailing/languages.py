"""Language tags (BCP 47: de, pt-BR, zh-Hant) for the names and tags that people write."""

import re
import unicodedata
from contextlib import suppress
from functools import lru_cache
from typing import Any

from babel import Locale, UnknownLocaleError
from babel.core import get_global
from babel.localedata import locale_identifiers
from django.conf import settings
from django.utils import translation

from campaigns.formats import find_locale
from mailing.countries import NAME_LANGUAGES

LONGEST_TAG = 35  # letters: what RFC 5646 asks every program to take

_tag = re.compile(
    r"([a-z]{2,3})(?:[-_]([a-z]{4}))?(?:[-_]([a-z]{2}|\d{3}))?(?:[.@].*)?", re.IGNORECASE
).fullmatch


def read_language(text: str) -> str:
    """Return the tag for a language as people and programs write it; "" when the text is no language.

    It reads tags in any case, with a hyphen or an underscore (de-AT, en_US.UTF-8), three letters of ISO 639, and the
    name of a language in one of NAME_LANGUAGES.
    """
    text = text.strip()[:200]
    found = _tag(text)
    return (found and _write_tag(*found.groups())) or _names().get(_fold(text), "")


def choose_page_language(*tags: str) -> str:
    """Return the first of these languages that the pages for customers have, else the site's language."""
    for tag in filter(None, tags):
        with suppress(LookupError):
            return translation.get_supported_language_variant(tag.lower())
    return settings.DEFAULT_LANGUAGE


def name_language(tag: str) -> str:
    """Return the name of a language in the language of the page, or its tag when it has none."""
    try:
        name = Locale.parse(tag, sep="-").get_display_name(find_locale())
    except (ValueError, UnknownLocaleError):  # of a region that the language is not usual in
        return tag
    return name or tag


def list_languages() -> list[tuple[str, str]]:
    """List the languages without a region: tag, and name in the language of the page, in the order of the names."""
    return _list_languages(find_locale())


@lru_cache(maxsize=8)
def _list_languages(locale: str) -> list[tuple[str, str]]:
    bare = {tag for tag in _tags() if "-" not in tag}
    return sorted(((tag, name_language(tag)) for tag in bare), key=lambda each: _fold(each[1]))


def name_in_itself(tag: str) -> str:
    """Return the name of a language in that language: Deutsch."""
    try:
        locale = Locale.parse(tag, sep="-")
    except (ValueError, UnknownLocaleError):
        return tag
    name = locale.get_display_name(locale) or tag
    return name[:1].upper() + name[1:]


def _write_tag(language: str, script: str | None, region: str | None) -> str:
    aliases: Any = get_global("language_aliases")  # three letters, and codes of before
    language = aliases.get(language.lower(), language.lower())
    tag = "-".join(filter(None, (language, script and script.title())))
    if tag not in _tags():
        return ""
    return f"{tag}-{region.upper()}" if region and region.upper() in _regions() else "" if region else tag


@lru_cache(maxsize=1)
def _tags() -> frozenset[str]:
    return frozenset(each.replace("_", "-") for each in locale_identifiers())


@lru_cache(maxsize=1)
def _regions() -> frozenset[str]:
    return frozenset(Locale("en").territories)


@lru_cache(maxsize=1)
def _names() -> dict[str, str]:
    names: dict[str, str] = {}
    for language in reversed(NAME_LANGUAGES):  # of one name in two languages the first language counts
        for code, name in dict(Locale(language).languages).items():
            if code.replace("_", "-") in _tags():
                names[_fold(name)] = code.replace("_", "-")
    return names


def _fold(text: str) -> str:
    return "".join(char for char in unicodedata.normalize("NFKD", text.casefold()) if char.isalnum())
