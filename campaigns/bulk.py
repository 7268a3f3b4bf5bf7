"""What is done to several campaigns at once: archiving them and back, and tagging them.

Each campaign is judged alone: what cannot be done to one is said, and does not keep it from the others.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Value
from django.db.models.functions import Lower
from django.utils.translation import gettext

from campaigns import lifecycle, refusals
from campaigns.models import Campaign, Tag
from campaigns.refusals import Refused

MOST = 100  # campaigns at once: a page of the list has fewer


@dataclass
class Outcome:
    """The campaigns to which it was done, and the sentences on the others."""

    done: list[Campaign] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)


def move_to_archive(keys: Iterable[int], *, by: User) -> Outcome:
    """Archive campaigns that are over."""
    return _do_to_each(keys, lambda campaign: lifecycle.fire(campaign, "archive", by=by))


def take_from_archive(keys: Iterable[int], *, by: User) -> Outcome:
    """Bring archived campaigns back into the list."""
    return _do_to_each(keys, lambda campaign: lifecycle.fire(campaign, "unarchive", by=by))


def add_tag(keys: Iterable[int], name: str, *, by: User) -> Outcome:
    """Put a tag on campaigns; a new tag is made.

    Raises:
        Refused: the name is empty or cannot be stored.
    """
    name = _check_name(name)

    def put_on(campaign: Campaign) -> None:
        _require_change(campaign, by)
        _find_or_make_tag(name).campaigns.add(campaign)

    return _do_to_each(keys, put_on)


def remove_tag(keys: Iterable[int], name: str, *, by: User) -> Outcome:
    """Take a tag from campaigns. A tag that is on none any more stays to be chosen again.

    Raises:
        Refused: there is no such tag.
    """
    tag = _find_tag(_check_name(name))
    if tag is None:
        raise Refused([("tag", gettext("There is no tag “%(name)s”.") % {"name": name})])

    def take_from(campaign: Campaign) -> None:
        _require_change(campaign, by)
        tag.campaigns.remove(campaign)

    return _do_to_each(keys, take_from)


def _do_to_each(keys: Iterable[int], act: Callable[[Campaign], object]) -> Outcome:
    keys = sorted(set(keys))
    if len(keys) > MOST:
        raise Refused(gettext("Choose at most %(most)s campaigns at once.") % {"most": MOST})
    outcome = Outcome()
    for campaign in Campaign.objects.filter(pk__in=keys).order_by("pk"):
        try:
            act(campaign)
        except Refused as refused:
            outcome.refusals.append(str(refused))
        else:
            outcome.done.append(campaign)
    return outcome


def _check_name(name: str) -> str:
    name = " ".join(name.split())
    if not name:
        raise Refused([("tag", gettext("Write the tag."))])
    longest = Tag._meta.get_field("name").max_length or 0
    if len(name) > longest:
        raise Refused([("tag", gettext("A tag has at most %(longest)s characters.") % {"longest": longest})])
    return name


def _require_change(campaign: Campaign, by: User) -> None:
    kind = lifecycle.kind_name(campaign)
    refusals.require(
        by, lifecycle.permission_name(campaign, "change"), gettext("edit %(kind)s campaigns") % {"kind": kind}
    )


def _find_tag(name: str) -> Tag | None:
    return Tag.objects.annotate(low=Lower("name")).filter(low=Lower(Value(name))).first()


def _find_or_make_tag(name: str) -> Tag:
    """Return the tag of this name in any case; two who make it at the same time get the same one."""
    if found := _find_tag(name):
        return found
    try:
        with transaction.atomic():
            return Tag.objects.create(name=name)
    except IntegrityError:
        if found := _find_tag(name):
            return found
        raise
