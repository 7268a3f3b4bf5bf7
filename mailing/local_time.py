"""The time zone a contact lives in: their own, else their country's, else the site's."""

import json
import re
from functools import lru_cache
from importlib import resources
from typing import Any

from babel.core import get_global
from django.conf import settings

from campaigns import zones

# Where the first zone that the list of zones names for a country is not that of most of its people.
MOST_POPULOUS = {
    "AU": "Australia/Sydney",
    "BR": "America/Sao_Paulo",
    "CA": "America/Toronto",
    "FM": "Pacific/Pohnpei",
    "RU": "Europe/Moscow",
    "UA": "Europe/Kyiv",
    "UZ": "Asia/Tashkent",
}

_not_in_names = re.compile(r"[\s_]+")


def zone_of(time_zone: str, country: str) -> str:
    """Return the name of the zone (IANA) of a contact with this zone and this country, either of which may be empty."""
    return time_zone or zones_of_countries().get(country, "") or settings.TIME_ZONE


@lru_cache(maxsize=1)
def zones_of_countries() -> dict[str, str]:
    """Return the zone of each country (ISO 3166): its only zone, or the zone of most of its people.

    The list `zone.tab` of the package tzdata names the zones of a country with most people first where it can.
    """
    found: dict[str, str] = {}
    table = (resources.files("tzdata.zoneinfo") / "zone.tab").read_text("utf-8")
    for line in table.splitlines():
        if not line.startswith("#"):
            country, _, zone, *_ = line.split("\t")
            found.setdefault(country, zone)
    return found | MOST_POPULOUS


def write_zone_sql(contact: str = "contact") -> str:
    """Return an SQL expression that does what `zone_of` does for the row of mailing_contact called `contact`.

    Compare its value with names that Python chose, as in `= ANY(…)`. PostgreSQL has its own list of zones: AT TIME
    ZONE with a name that is not in it fails the whole statement.
    """
    # names are letters, digits and / _ + -: no quotation mark
    of_countries = json.dumps(zones_of_countries())
    return (
        f"coalesce(nullif({contact}.time_zone, ''), '{of_countries}'::jsonb ->> {contact}.country, "
        f"'{settings.TIME_ZONE}')"
    )


def read_zone(text: str) -> str:
    """Return the IANA name for a time zone as people and programs write it; "" when no page offers such a zone.

    It reads any case, blanks for underscores, older names of zones, and the names of Windows.
    """
    return _names().get(_fold(text[:100]), "")


@lru_cache(maxsize=1)
def _names() -> dict[str, str]:
    offered = set(zones.list_names())
    # Any: Babel has no stubs for what it reads from CLDR
    aliases: Any = get_global("zone_aliases")
    of_windows: Any = get_global("windows_zone_mapping")  # Any: as above
    older = {other: now for other, now in aliases.items() if now in offered}
    windows = {other: now for other, now in of_windows.items() if now in offered}
    others = {"GMT": "UTC", "Z": "UTC", "Etc/UTC": "UTC", "Etc/GMT": "UTC"} | windows | older
    names = {name: name for name in offered} | others
    return {_fold(name): zone for name, zone in names.items()}


def _fold(text: str) -> str:
    return _not_in_names.sub("", text).casefold()
