"""Closes the files of a run to other users of the machine, and makes the secrets that nobody has set."""

import contextlib
import os
import stat
from collections.abc import Callable
from pathlib import Path

from campaigns.atomic_files import create_file


def keep_private(var: Path) -> None:
    """Make all files of this process readable to its user only, and close what lies directly in `var`.

    Other users can pass through `var` itself, because PostgreSQL may run as another user, but they cannot list it.
    """
    if not var.exists():
        var.mkdir(parents=True, exist_ok=True)
        var.chmod(0o711)
    os.umask(0o077)
    # a folder that is shared by intention, as /tmp
    if var.stat().st_mode & stat.S_ISVTX:
        return
    restrict(var, 0o711)
    # another user's folder: they close it when they start
    with contextlib.suppress(PermissionError):
        for path in var.iterdir():
            if not has_own_postgres(path):
                restrict(path, 0o700 if path.is_dir() else 0o600)


def close_to_others(var: Path) -> None:
    """Close every folder and file under `var` to other users, also those that an earlier version left open."""
    for child in var.iterdir():
        # PostgreSQL may be another user, and closes its own folder
        if child.name != "postgres" and not has_own_postgres(child):
            for path in (child, *child.rglob("*")):
                restrict(path, 0o700 if path.is_dir() else 0o600)


def has_own_postgres(folder: Path) -> bool:
    """Return whether this is the VAR_DIR of another run, which its PostgreSQL must reach. Tests make such folders."""
    return (folder / "postgres.lock").exists()


def restrict(path: Path, mode: int) -> None:
    """Remove the permissions that are not in `mode` from a file or folder of this user."""
    # another process moves its files about
    with contextlib.suppress(FileNotFoundError):
        found = path.lstat()
        is_ours = os.geteuid() in (0, found.st_uid)
        if is_ours and not stat.S_ISLNK(found.st_mode) and found.st_mode & 0o777 & ~mode:
            path.chmod(mode)


def make_once(path: Path, make: Callable[[], str]) -> str:
    """Return the secret in a file. When there is no file, make it, readable to its owner only."""
    if not path.exists():
        create_file(path, make().encode())
    return path.read_text().strip()
