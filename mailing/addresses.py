"""E-mail addresses: one spelling for each mailbox, and only addresses that a mail can be sent to.

What people copy along with an address is removed when nobody can mean anything else by it: blanks, invisible
characters, `mailto:`, a name with the address in angle brackets, quotation marks or brackets around all of it, and
punctuation behind it. Full-width letters become the usual ones. Everything else that is not a sendable address is
refused with a sentence. Nothing is changed that could make the address another person's.
"""

import re
import unicodedata
from urllib.parse import unquote

import idna

from campaigns.sentences import keep

LONGEST = 254  # RFC 5321: a path has 256 octets, two of them < and >
LONGEST_LOCAL = 64
LONGEST_TEXT = 2000  # letters of what may hold an address
LONGEST_SHOWN = 100

# What nearly all addresses look like; the full check takes ten times as long, and imports bring millions.
_plain = re.compile(
    r"[a-z0-9_+-]{1,64}(?:\.[a-z0-9_+-]{1,64})*@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}"
).fullmatch

_ATOM = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]"
_ascii_local = re.compile(rf"{_ATOM}+(?:\.{_ATOM}+)*").fullmatch
_ascii_domain = re.compile(
    r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?!\d+$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
).fullmatch
_named = re.compile(r"([^<>]*)<([^<>]+)>").fullmatch
_words = re.compile(r"[\W\d_]+").split

_WIDE = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20, 0xFE6B: ord("@")}
# Blank or invisible, but no format characters in Unicode's own list.
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\ufffc")
_JOINERS = "\u200c\u200d"  # they mean something between the letters of some scripts
_BACKWARDS = "\u202d\u202e"
_PAIRS = ('""', "''", "“”", "„“", "„”", "‘’", "«»", "»«", "``", "<>", "()", "[]", "{}")
_TRAILING = ".,;:>。｡、"
# Alphabets whose letters look like each other's.
_ALIKE = ("LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC", "LISU")


def normalise_address(address: str) -> str:
    """Return the address as it is stored and compared: cleaned, lower-case, its domain in IDNA (RFC 5891).

    Raises:
        ValueError: it is not an e-mail address, or none that can be sent to.
    """
    address = address.strip()
    lower = address.lower()
    if (
        _plain(lower)
        and (lower == address or address.isascii())
        and len(lower) <= LONGEST
        and lower.index("@") <= LONGEST_LOCAL
    ):
        return lower
    return _check_address(_strip_decoration(address), address)


def _strip_decoration(text: str) -> str:
    """Return the address alone, without what was copied along with it."""
    if len(text) > LONGEST_TEXT:
        raise ValueError(keep("“%(text)s” is longer than an e-mail address may be.", text=_quotable(text)))
    if any(mark in text for mark in _BACKWARDS):
        raise ValueError(
            keep(
                "“%(text)s” is written backwards by an invisible character: type the address.",
                text=_quotable(text),
            )
        )
    address = _drop_invisible(text).translate(_WIDE).strip()
    while True:
        before = address
        if address[:7].lower() == "mailto:":
            address = unquote(address[7:].removeprefix("//").partition("?")[0]).strip()
        if match := _named(address):
            address = _take_from_brackets(match[1].strip(), match[2].strip(), text)
        if address[:1] + address[-1:] in _PAIRS and len(address) > 2:
            address = address[1:-1].strip()
        address = (
            address.rstrip(_TRAILING + " ")
            if "<" not in address
            else address.rstrip(_TRAILING.replace(">", "") + " ")
        )
        if address == before:
            return address


def _drop_invisible(text: str) -> str:
    if text.isascii():
        return text
    kept = "".join(
        char
        for char in text
        if char in _JOINERS
        or not (char in _BLANK or unicodedata.category(char) == "Cf" or _is_selector(char))
    )
    without = kept.replace(_JOINERS[0], "").replace(_JOINERS[1], "")
    return without if without.isascii() else kept.strip(_JOINERS)


def _is_selector(char: str) -> bool:
    """Return whether the character only chooses how the letter before it looks."""
    return (
        "\ufe00" <= char <= "\ufe0f" or "\u180b" <= char <= "\u180f" or "\U000e0100" <= char <= "\U000e01ef"
    )


def _take_from_brackets(name: str, address: str, text: str) -> str:
    """Return the address in angle brackets, unless another one is its name."""
    if "@" in name and name.strip("\"'“”„‘’()[] ").lower() != address.lower().removeprefix("mailto:"):
        raise ValueError(keep("“%(text)s” holds two addresses: give one.", text=_quotable(text)))
    return address


def _check_address(address: str, text: str) -> str:
    _refuse_lookalikes(address.rpartition("@")[0], text)
    local, at, domain = unicodedata.normalize("NFC", address.lower()).rpartition("@")
    if not (local and at and domain):
        raise ValueError(keep("“%(text)s” is not an e-mail address.", text=_quotable(text)))
    if local.startswith('"') and local.endswith('"'):
        raise ValueError(
            keep(
                "“%(text)s” is not an e-mail address that can be sent to: it has quotation marks.",
                text=_quotable(text),
            )
        )
    if "@" in local:
        raise ValueError(
            keep("“%(text)s” is not an e-mail address: it has more than one @.", text=_quotable(text))
        )
    if domain.startswith("["):
        raise ValueError(
            keep(
                "“%(text)s” is not an e-mail address that can be sent to: a number stands for its domain.",
                text=_quotable(text),
            )
        )
    if _ascii_local(local):
        if local.startswith("'"):
            raise ValueError(
                keep(
                    "“%(text)s” is not an e-mail address: it begins with an apostrophe.", text=_quotable(text)
                )
            )
    else:
        _check_international(local, text)
    ascii_domain = _encode_domain(domain, text)
    if len(local.encode()) > LONGEST_LOCAL or len(local.encode()) + 1 + len(ascii_domain) > LONGEST:
        raise ValueError(keep("“%(text)s” is longer than an e-mail address may be.", text=_quotable(text)))
    return f"{local}@{ascii_domain}"


def _check_international(local: str, text: str) -> None:
    """Allow letters and digits of any one script, and what ASCII allows (RFC 6531)."""
    if local.isascii() or not _ascii_local("".join("a" if _is_letter(char) else char for char in local)):
        raise ValueError(keep("“%(text)s” is not an e-mail address.", text=_quotable(text)))
    _refuse_mixed(local, text)


def _refuse_lookalikes(local: str, text: str) -> None:
    """Refuse ﬁ, the kelvin sign or İ, whose small letter depends on the language: they become other letters."""
    for char in "" if local.isascii() else local + unicodedata.normalize("NFC", local):
        if unicodedata.normalize("NFKC", char) != char or len(char.lower()) > 1:
            raise ValueError(
                keep(
                    "“%(text)s” has a letter that can be taken for another one before the @: type the "
                    "address.",
                    text=_quotable(text),
                )
            )


def _is_letter(char: str) -> bool:
    return not char.isascii() and unicodedata.category(char)[0] in "LMN"


def _refuse_mixed(part: str, text: str) -> None:
    """Refuse a word of two alphabets that look alike: that is how somebody else's name is imitated."""
    for word in _words(part):
        names = {unicodedata.name(char, "").partition(" ")[0] for char in word}
        if len(names.intersection(_ALIKE)) > 1:
            raise ValueError(
                keep(
                    "“%(text)s” mixes letters of two alphabets that look alike: type the address.",
                    text=_quotable(text),
                )
            )


def _encode_domain(domain: str, text: str) -> str:
    try:
        ascii_domain = domain if domain.isascii() else idna.encode(domain, uts46=True).decode()
    except idna.IDNAError as error:
        raise ValueError(
            keep("“%(text)s” is not an e-mail address: its domain is no valid name.", text=_quotable(text))
        ) from error
    if domain is not ascii_domain:
        for label in re.split(r"[.\u3002\uff0e\uff61]", domain):
            _refuse_mixed(label, text)
    if "." not in ascii_domain:
        raise ValueError(
            keep(
                "“%(text)s” is not an e-mail address that can be sent to: its domain has no dot, as in "
                "example.com.",
                text=_quotable(text),
            )
        )
    if len(ascii_domain) > LONGEST - 2:
        raise ValueError(keep("“%(text)s” is longer than an e-mail address may be.", text=_quotable(text)))
    if not _ascii_domain(ascii_domain):
        raise ValueError(
            keep("“%(text)s” is not an e-mail address: its domain is no valid name.", text=_quotable(text))
        )
    return ascii_domain


def _quotable(text: str) -> str:
    """Return what was typed, shortened and cleaned so that a sentence can quote it."""
    start = text[:LONGEST_SHOWN].encode("utf-8", "replace").decode()  # lone surrogates
    visible = "".join(char if char.isprintable() else " " if char.isspace() else "�" for char in start)
    return visible if len(text) <= LONGEST_SHOWN else f"{visible}…"
