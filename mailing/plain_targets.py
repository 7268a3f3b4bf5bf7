"""Where links lead that are the same for every recipient, in a file a campaign: a click needs no database for them.

The files lie under var/targets/, in a folder for each database, readable to this user only. The launch writes them. A
process that misses one writes it from the frozen content, as on another machine than that of the launch.
"""

import json
import os
import secrets
from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.db import connection

from mailing import content
from mailing.models import Content, VariantContent


class NoFile(LookupError):
    """This machine has no file for the campaign."""


def write_targets(campaign_id: int, compiled: content.Compiled) -> None:
    """Write the file of a campaign, whole or not at all."""
    path = _path_of(campaign_id)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(compiled.list_plain_targets(), file)
    draft.replace(path)


def read_targets(campaign_id: int) -> list[str | None]:
    """Return where each link leads, by its number; None for one that differs by recipient.

    Raises:
        NoFile: this machine has none, and the database no such campaign.
        django.db.OperationalError, InterfaceError: it has none, and the database is away.
    """
    try:
        return read_file(campaign_id)
    except NoFile:
        write_targets(campaign_id, load_content(campaign_id))
        return read_file(campaign_id)


@lru_cache(maxsize=256)
def read_file(campaign_id: int) -> list[str | None]:
    """Read the file of a campaign, once in a process.

    Raises:
        NoFile: this machine has none.
    """
    try:
        targets: list[str | None] = json.loads(_path_of(campaign_id).read_bytes())
    except (FileNotFoundError, ValueError) as error:  # a file that the disk has damaged is written anew
        raise NoFile(f"There is no file of the targets of campaign {campaign_id}.") from error
    return targets


@lru_cache(maxsize=32)
def load_content(campaign_id: int) -> content.Compiled:
    """Return the frozen content of a campaign: it never changes.

    Of several variants the last: its links are those of all, by the same numbers.

    Raises:
        NoFile: there is none.
    """
    frozen = (
        VariantContent.objects.filter(campaign=campaign_id).order_by("variant").last()
        or Content.objects.filter(campaign=campaign_id).first()
    )
    if frozen is None:
        raise NoFile(f"Campaign {campaign_id} has no content.")
    return content.load(bytes(frozen.compiled))


def _path_of(campaign_id: int) -> Path:
    # tests have databases of their own, with other campaigns under the same keys
    folder: Path = settings.VAR_DIR / "targets" / str(connection.settings_dict["NAME"])
    return folder / f"{campaign_id}.json"
