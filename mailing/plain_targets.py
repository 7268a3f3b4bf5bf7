"""The targets of links that are the same for every recipient, in one file for each campaign.

So a click on such a link needs no database.

The files lie under var/targets/, in a folder for each database, readable to this user only. The launch writes them. A
process that misses one writes it from the frozen content, as on another machine than that of the launch.
"""

import json
from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.db.models import OuterRef, Subquery
from django.db.models.functions import Coalesce

from campaigns.atomic_files import replace_file
from mailing import content
from mailing.models import Content, VariantContent


class NoFile(LookupError):
    """This machine has no file for the campaign."""


def write_targets(campaign_id: int, compiled: content.Compiled) -> None:
    """Write the file of a campaign, whole or not at all."""
    replace_file(_path_of(campaign_id), json.dumps(compiled.list_plain_targets()).encode())


def read_targets(campaign_id: int) -> list[str | None]:
    """Return where each link leads, by its number; None for a link that differs by recipient.

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
    """Return the frozen content of a campaign, which never changes; of several variants the one that has all links.

    Raises:
        NoFile: there is none.
    """
    stored = find_content_with_all_links(campaign_id)
    if stored is None:
        raise NoFile(f"Campaign {campaign_id} has no content.")
    return content.load(stored)


def find_content_with_all_links(campaign_id: int) -> bytes | None:
    """Return the stored content whose links are those of all variants: the last variant's; None before the launch.

    Each variant is compiled with the links of those before it, so that the same address has one number in all.
    """
    last = VariantContent.objects.filter(campaign=OuterRef("campaign")).order_by("-variant")
    stored = (
        Content.objects.filter(campaign=campaign_id)
        .values_list(Coalesce(Subquery(last.values("compiled")[:1]), "compiled"), flat=True)
        .first()
    )
    return None if stored is None else bytes(stored)


def _path_of(campaign_id: int) -> Path:
    # tests have databases of their own, with other campaigns under the same keys
    folder: Path = settings.VAR_DIR / "targets" / str(connection.settings_dict["NAME"])
    return folder / f"{campaign_id}.json"
