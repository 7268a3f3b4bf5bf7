"""What settings.py reads from the environment; a wrong value ends the start with one sentence."""

import contextlib
import os
import secrets
import stat
from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import environ
from babel.numbers import is_currency
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

Value = TypeVar("Value")
SHORTEST_KEY, FEWEST_LETTERS = 32, 10  # of SECRET_KEY: characters, and different ones among them


class Unusable(ImproperlyConfigured):
    """A variable, or a file kept for one, that cannot be used; the message is one sentence for who starts it."""


def read_value(
    name: str, default: Value, cast: Callable[[str], Value], expected: str, secret: bool = False
) -> Value:
    """The value of the variable `name`, or `default` when it is unset or empty.

    Raises: Unusable: `cast` refuses the value; the sentence says what was `expected`, and quotes the
    value unless it is `secret`.
    """
    text = os.environ.get(name, "").strip()
    if not text:
        return default
    try:
        return cast(text)
    except (ValueError, KeyError, ImproperlyConfigured) as error:
        shown = "set to something unusable" if secret else f"“{text}”"
        raise Unusable(f"{name} is {shown}: it must be {expected}.") from error


def text(name: str, default: str) -> str:
    return os.environ.get(name, "").strip() or default


def var_dir(root: Path) -> Path:
    """Where a run keeps what it makes: database, secrets, caught mail, collected static files."""
    return Path(text("VAR_DIR", str(root / "var"))).resolve()


def flag(name: str) -> bool:
    def cast(value: str) -> bool:
        return {
            "1": True,
            "true": True,
            "yes": True,
            "on": True,
            "0": False,
            "false": False,
            "no": False,
            "off": False,
        }[value.lower()]

    return read_value(name, False, cast, "1 or 0")


def port(name: str, default: int) -> int:
    def cast(value: str) -> int:
        number = int(value)
        if not 0 < number < 65536:
            raise ValueError(value)
        return number

    found = read_value(name, default, cast, "a port number from 1 to 65535")
    if found > 65535:  # a default that was counted from another port
        raise Unusable(f"{name} would be {found}: set it to a port number from 1 to 65535.")
    return found


def count(name: str, default: int) -> int:
    def cast(value: str) -> int:
        number = int(value)
        if number < 1:
            raise ValueError(value)
        return number

    return read_value(name, default, cast, "a whole number above 0")


def words(name: str, default: list[str]) -> list[str]:
    return read_value(
        name, default, lambda value: [word.strip() for word in value.split(",") if word.strip()], "a list"
    )


def networks(name: str, default: str) -> list[IPv4Network | IPv6Network]:
    def cast(value: str) -> list[IPv4Network | IPv6Network]:
        return [ip_network(word.strip()) for word in value.split(",") if word.strip()]

    return read_value(
        name, cast(default), cast, "a list of addresses and networks, such as 127.0.0.1,10.0.0.0/8"
    )


def url(name: str, default: str) -> str:
    def cast(value: str) -> str:
        if not value.startswith(("http://", "https://")) or len(value.split("://", 1)[1]) == 0:
            raise ValueError(value)
        return value.rstrip("/")

    return read_value(name, default, cast, "an address that starts with http:// or https://")


def time_zone(name: str, default: str) -> str:
    def cast(value: str) -> str:
        try:
            return ZoneInfo(value).key
        except (ZoneInfoNotFoundError, OSError) as error:
            raise ValueError(value) from error

    return read_value(name, default, cast, "a time zone of the IANA list, such as Europe/Berlin")


def currency(name: str, default: str) -> str:
    def cast(value: str) -> str:
        if not is_currency(value):
            raise ValueError(value)
        return value

    return read_value(name, default, cast, "an ISO 4217 code of three capital letters, such as EUR")


def database(name: str) -> dict[str, Any] | None:
    """Django's description of the database at the URL in `name`, None when it is unset."""

    def cast(value: str) -> dict[str, Any]:
        described = environ.Env.db_url_config(value)
        if described.get("ENGINE") != "django.db.backends.postgresql" or not described.get("NAME"):
            raise ValueError("not PostgreSQL")
        return dict(described)

    return read_value(name, None, cast, "a URL such as postgres://user:password@host:5432/name", secret=True)


def fernet_keys(name: str, kept: Path) -> list[str]:
    """The keys that encrypt secrets at rest, the first for new ones; made once and `kept` when `name` is unset."""

    def cast(value: str) -> list[str]:
        keys = [key.strip() for key in value.split(",") if key.strip()]
        for key in keys:
            Fernet(key)
        return keys

    keys: list[str] = read_value(name, [], cast, "a comma-separated list of Fernet keys", secret=True)
    return keys or [make_once(kept, lambda: Fernet.generate_key().decode())]


def secret_key(name: str, kept: Path, *, is_strict: bool) -> str:
    """The key that signs sessions and links; made once and `kept` when `name` is unset.

    Raises: Unusable: `is_strict`, and somebody could guess it.
    """
    key = text(name, "") or make_once(kept, lambda: secrets.token_urlsafe(50))
    is_weak = len(key) < SHORTEST_KEY or len(set(key)) < FEWEST_LETTERS or key.startswith("django-insecure")
    if is_strict and is_weak:
        raise Unusable(
            f"{name if text(name, '') else kept} is too easy to guess: it must be at least {SHORTEST_KEY} random "
            "characters, as `python3 -c 'import secrets; print(secrets.token_urlsafe(50))'` prints them."
        )
    return key


def keep_private(var: Path) -> None:
    """Have all that this process writes readable to its user only, and close the folders under `var`.

    `var` itself lets others through to what is theirs, since PostgreSQL may run as another user, but not look around.
    """
    if not var.exists():
        var.mkdir(parents=True, exist_ok=True)
        var.chmod(0o711)
    os.umask(0o077)
    if (
        var.stat().st_mode & stat.S_ISVTX
    ):  # a folder that is shared by intention, as /tmp: its owner knows why
        return
    _restrict(var, 0o711)
    with contextlib.suppress(PermissionError):  # another user's: they close it when they start
        for path in var.iterdir():
            if not _has_own_postgres(path):
                _restrict(path, 0o700 if path.is_dir() else 0o600)


def close_to_others(var: Path) -> None:
    """Close every folder and file under `var` to other users, whatever an earlier version left open."""
    for child in var.iterdir():
        if child.name != "postgres" and not _has_own_postgres(child):  # it sees to its own
            for path in (child, *child.rglob("*")):
                _restrict(path, 0o700 if path.is_dir() else 0o600)


def _has_own_postgres(folder: Path) -> bool:
    """Whether this is the VAR_DIR of another run, as tests make under var/: its PostgreSQL must get there too."""
    return (folder / "postgres.lock").exists()


def _restrict(path: Path, mode: int) -> None:
    with contextlib.suppress(FileNotFoundError):  # another process moves its files about
        found = path.lstat()
        is_ours = os.geteuid() in (0, found.st_uid)
        if is_ours and not stat.S_ISLNK(found.st_mode) and found.st_mode & 0o777 & ~mode:
            path.chmod(mode)


def make_once(path: Path, make: Callable[[], str]) -> str:
    """The secret in the file `path`; made and written there first, readable to its owner only, when there is none.

    Two processes may start at once: a file is written whole under another name and linked, so one of them wins.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(make())
        if os.geteuid() == 0:  # root works for the folder's owner, who must still be able to read it
            owner = path.parent.parent.stat()
            os.chown(draft, owner.st_uid, owner.st_gid)
        try:
            os.link(draft, path)
        except FileExistsError:
            pass  # another process was first; its secret counts
        finally:
            draft.unlink()
    try:
        return path.read_text().strip()
    except PermissionError as error:
        raise Unusable(f"{path} belongs to another user: it must be readable to this one.") from error
