"""Files that appear whole: written beside their place under another name, then put there at once.

Several processes may start at once, and any may be killed. Nobody ever reads half a file. Imports nothing of Django:
the settings use this too.
"""

import os
import secrets
from pathlib import Path


def replace_file(path: Path, content: bytes, *, modified_ns: int | None = None) -> None:
    """Write a file that only this user can read, in place of one that may be there.

    Args:
        modified_ns: the time that the file shall bear, in nanoseconds since 1970; None: now.
    """
    draft = _write_draft(path, content)
    if modified_ns is not None:
        os.utime(draft, ns=(modified_ns, modified_ns))
    draft.replace(path)


def create_file(path: Path, content: bytes) -> None:
    """Write a file that only this user can read, unless there is one: of several processes the first wins."""
    draft = _write_draft(path, content)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass  # another process was first; its content counts
    finally:
        draft.unlink()


def _write_draft(path: Path, content: bytes) -> Path:
    made = [folder for folder in path.parents if not folder.exists()]
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    _hand_over([*made, draft])
    return draft


def _hand_over(made: list[Path]) -> None:
    """Give what root made in somebody's folder to that user, who may have to read and replace it next."""
    if os.geteuid() != 0:
        return
    owners = (folder.stat() for folder in made[-1].parents)
    owner = next((found for found in owners if found.st_uid != 0), None)
    if owner is not None:
        for path in made:
            os.chown(path, owner.st_uid, owner.st_gid)
