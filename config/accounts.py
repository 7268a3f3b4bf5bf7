"""User accounts of this machine."""

import contextlib
import pwd
from pathlib import Path


def find_server_account(project: Path, data: Path) -> pwd.struct_passwd:
    """Return the user as whom root runs the server: the project's owner, else the owner of the data, else nobody."""
    for folder in (project, data):
        # An owner without an account, as on a mounted volume, is passed over: initdb asks for a name.
        with contextlib.suppress(FileNotFoundError, KeyError):
            account = pwd.getpwuid(folder.stat().st_uid)
            if account.pw_uid != 0:
                return account
    return pwd.getpwnam("nobody")


def find_user_name(uid: int) -> str:
    """Return the name of a user of this machine, or the number when there is no such user."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
