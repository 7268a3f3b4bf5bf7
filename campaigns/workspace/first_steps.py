"""The first steps of a new installation: what is to be done until its first campaigns run, and what is there already.

Each app names a function in settings.FIRST_STEPS. It takes the user and yields steps in their order.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from django.conf import settings
from django.contrib.auth.models import User
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from campaigns.models import Campaign


class FirstStep(NamedTuple):
    """One step. path: of the page where this user does it; "" where somebody else has to."""

    label: str
    meaning: str
    is_done: bool
    path: str = ""


class Track(NamedTuple):
    """The steps towards the first campaign of one kind. icon: of the kind."""

    heading: str
    icon: str
    steps: list[FirstStep]

    @property
    def number_done(self) -> int:
        """How many steps are done."""
        return sum(step.is_done for step in self.steps)


def is_new() -> bool:
    """Return whether no campaign has ever begun."""
    return not Campaign.objects.exclude(
        status__in=(Campaign.Status.DRAFT, Campaign.Status.SCHEDULED)
    ).exists()


def list_tracks(user: User) -> list[Track]:
    """Return the steps towards the first mail, and towards the first discount."""
    headings = {"mail": _("Write to your customers"), "promotion": _("Discount at your tills")}
    return [
        Track(headings[icon], icon, [step for name in names for step in _list_steps(name, user)])
        for icon, names in settings.FIRST_STEPS.items()
    ]


def _list_steps(name: str, user: User) -> Iterator[FirstStep]:
    list_steps: Callable[[User], Iterator[FirstStep]] = import_string(name)
    return list_steps(user)
