"""The search over everything: pages of the menu, and the sources that `settings.SEARCH_SOURCES` names, in their order.

What is looked for may be the beginning of a word or any part of a name, as each source finds it. Nobody is shown what
they may not open.
"""

from collections.abc import Callable
from typing import NamedTuple

from django.conf import settings
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils.module_loading import import_string
from django.utils.translation import gettext

from campaigns.lifecycle import lifecycle_of
from campaigns.models import Campaign
from campaigns.workspace import menu

MOST_OF_A_SOURCE = 6  # hits: the list of a source itself has all of them
LONGEST = 200  # letters of the words that are looked for


class Hit(NamedTuple):
    """Something that was found: where a click leads, and a few words that tell it from its like."""

    label: str
    path: str
    icon: str
    detail: str = ""


class SourceHits(NamedTuple):
    """What one source has found."""

    heading: str
    hits: list[Hit]


def search(user: User, words: str) -> list[SourceHits]:
    """Return what somebody may see of what these words find, by source; the pages of the menu come first.

    Without words there are the pages alone. Each source is asked once, and returns at most MOST_OF_A_SOURCE hits.
    """
    words = words[:LONGEST].strip()
    found = [SourceHits(gettext("Pages"), find_pages(user, words))]
    if words:
        for heading, permission, name in settings.SEARCH_SOURCES:
            if user.has_perm(permission):
                find: Callable[[str], list[Hit]] = import_string(name)
                found.append(SourceHits(gettext(heading), find(words)))
    return [each for each in found if each.hits]


def find_pages(user: User, words: str) -> list[Hit]:
    """Return the entries of the menu in which each word begins a word; without words all of them."""
    wanted = words.lower().split()
    return [
        Hit(str(entry.label), entry.path, entry.icon)
        for entry in menu.list_entries(user)
        if all(
            any(each.startswith(word) for each in f"{entry.label} {entry.also}".lower().split())
            for word in wanted
        )
    ]


def find_campaigns(words: str) -> list[Hit]:
    """Return campaigns by words of their names and descriptions, the newest first, archived ones too."""
    campaigns = Campaign.objects.matching(words).order_by("-created_at")[:MOST_OF_A_SOURCE]
    return [
        Hit(
            each.name,
            reverse("campaigns:detail", args=[each.pk]),
            lifecycle_of(each).ICON,
            each.get_status_display(),
        )
        for each in campaigns
    ]
