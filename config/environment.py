"""Reads the environment for settings.py. A wrong value ends the start with one sentence.

django-environ parses the address of the database. Its other readers are not used: see docs/decisions/0011-settings.md.
"""

import os
import secrets
from collections.abc import Callable, Sequence
from configparser import RawConfigParser
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel.numbers import is_currency
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured
from environ import Env

from config.private_files import make_once

Value = TypeVar("Value")

# of SECRET_KEY: how many characters it has at least, and how many different ones
SHORTEST_KEY, FEWEST_LETTERS = 32, 10
MAX_PORT = 65535


class Unusable(ImproperlyConfigured):
    """A variable, or the file in its place, cannot be used. The message is one sentence for whoever starts Fanfare."""


def read_value(
    name: str, default: Value, cast: Callable[[str], Value], expected: str, *, is_secret: bool = False
) -> Value:
    """Return the value of a variable.

    Args:
        name: of the variable.
        default: taken when the variable is unset or blank.
        cast: makes the value from the text, or raises a ValueError, KeyError or ImproperlyConfigured.
        expected: what the value must be, for the sentence.
        is_secret: leave the value out of the sentence.

    Raises:
        Unusable: `cast` refuses the value.
    """
    written = text(name, "")
    if not written:
        return default
    try:
        return cast(written)
    except (ValueError, KeyError, ImproperlyConfigured) as error:
        what = "set to something unusable" if is_secret else f"“{written}”"
        raise Unusable(f"{name} is {what}: it must be {expected}.") from error


def text(name: str, default: str) -> str:
    """Return a text without the space around it."""
    return os.environ.get(name, "").strip() or default


def var_dir(root: Path) -> Path:
    """Return the folder for what a run makes: database, secrets, caught mail, collected static files."""
    return Path(text("VAR_DIR", str(root / "var"))).resolve()


def flag(name: str, default: bool = False) -> bool:
    """Return whether something is switched on. Unless the variable says otherwise it is off, or as `default` says."""
    return read_value(name, default, lambda value: RawConfigParser.BOOLEAN_STATES[value.lower()], "1 or 0")


def port(name: str, default: int) -> int:
    """Return a port number. The default may be worked out from another port, and so be impossible."""
    number = whole_number(name, default, MAX_PORT, f"a port number from 1 to {MAX_PORT}")
    if number > MAX_PORT:
        raise Unusable(f"{name} would be {number}: set it to a port number from 1 to {MAX_PORT}.")
    return number


def choice(name: str, default: str, offered: Sequence[str]) -> str:
    """Return one of the `offered` words."""

    def cast(value: str) -> str:
        return offered[offered.index(value.lower())]

    return read_value(name, default, cast, " or ".join(offered))


def count(name: str, default: int) -> int:
    """Return how many there are of something, at least 1."""
    return whole_number(name, default, None, "a whole number above 0")


def whole_number(name: str, default: int, most: int | None, expected: str, least: int = 1) -> int:
    """Return a whole number from `least` to `most`."""

    def cast(value: str) -> int:
        number = int(value)
        if number < least or (most is not None and number > most):
            raise ValueError(value)
        return number

    return read_value(name, default, cast, expected)


def number_up_to(name: str, default: int, most: int) -> int:
    """Return a whole number from 0 to `most`."""
    return whole_number(name, default, most, f"a whole number from 0 to {most}", least=0)


def percentage(name: str, default: int, most: int) -> int:
    """Return a whole percentage, 0 to `most`."""
    return whole_number(name, default, most, f"a whole percentage from 0 to {most}", least=0)


def split_words(value: str) -> list[str]:
    """Split a list at its commas."""
    return [word.strip() for word in value.split(",") if word.strip()]


def words(name: str, default: list[str]) -> list[str]:
    """Return a list of words."""
    return read_value(name, default, split_words, "a list")


def networks(name: str, default: str) -> list[IPv4Network | IPv6Network]:
    """Return a list of networks. An address is a network of its own."""

    def cast(value: str) -> list[IPv4Network | IPv6Network]:
        return [ip_network(word) for word in split_words(value)]

    return read_value(
        name, cast(default), cast, "a list of addresses and networks, such as 127.0.0.1,10.0.0.0/8"
    )


def url(name: str, default: str) -> str:
    """Return an address of the web, without a slash at its end."""

    def cast(value: str) -> str:
        if not value.startswith(("http://", "https://")) or len(value.split("://", 1)[1]) == 0:
            raise ValueError(value)
        return value.rstrip("/")

    return read_value(name, default, cast, "an address that starts with http:// or https://")


def time_zone(name: str, default: str) -> str:
    """Return the name of a time zone."""

    def cast(value: str) -> str:
        try:
            return ZoneInfo(value).key
        except (ZoneInfoNotFoundError, OSError) as error:
            raise ValueError(value) from error

    return read_value(name, default, cast, "a time zone of the IANA list, such as Europe/Berlin")


def currency(name: str, default: str) -> str:
    """Return the code of a currency."""

    def cast(value: str) -> str:
        if not is_currency(value):
            raise ValueError(value)
        return value

    return read_value(name, default, cast, "an ISO 4217 code of three capital letters, such as EUR")


# Any: Django's settings of a database hold texts, numbers and a dictionary of options
def database(name: str) -> dict[str, Any] | None:
    """Return Django's settings of the database at a URL; None when the variable is unset."""

    def cast(value: str) -> dict[str, Any]:  # Any: as above
        described = Env.db_url_config(value)
        if described.get("ENGINE") != "django.db.backends.postgresql" or not described.get("NAME"):
            raise ValueError("not PostgreSQL")
        return dict(described)

    expected = "a URL such as postgres://user:password@host:5432/name"
    return read_value(name, None, cast, expected, is_secret=True)


def fernet_keys(name: str, file: Path) -> list[str]:
    """Return the keys that encrypt secrets at rest, the first one for new secrets.

    Args:
        name: of the variable.
        file: has the key when the variable is unset; it is made at the first start.
    """

    def cast(value: str) -> list[str]:
        keys = split_words(value)
        for key in keys:
            Fernet(key)
        return keys

    keys: list[str] = read_value(name, [], cast, "a comma-separated list of Fernet keys", is_secret=True)
    return keys or [read_or_make(file, lambda: Fernet.generate_key().decode())]


def secret_key(name: str, file: Path, *, is_strict: bool) -> str:
    """Return the key that signs sessions and links.

    Args:
        name: of the variable.
        file: has the key when the variable is unset; it is made at the first start.
        is_strict: refuse a key that is easy to guess.

    Raises:
        Unusable: the key is refused.
    """
    key = text(name, "") or read_or_make(file, lambda: secrets.token_urlsafe(50))
    is_weak = len(key) < SHORTEST_KEY or len(set(key)) < FEWEST_LETTERS or key.startswith("django-insecure")
    if is_strict and is_weak:
        raise Unusable(
            f"{name if text(name, '') else file} is too easy to guess: it must be at least {SHORTEST_KEY} random "
            "characters, as `python3 -c 'import secrets; print(secrets.token_urlsafe(50))'` prints them."
        )
    return key


def read_or_make(file: Path, make: Callable[[], str]) -> str:
    """Return the secret in a file. The first start makes it.

    Raises:
        Unusable: another user owns the file.
    """
    try:
        return make_once(file, make)
    except PermissionError as error:
        raise Unusable(f"{file} belongs to another user: it must be readable to this one.") from error
