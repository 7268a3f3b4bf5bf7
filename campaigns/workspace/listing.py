"""The list of the campaigns of both kinds: its filters, its order, its pages and what a row offers."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from urllib.parse import urlencode

from django.contrib.auth.models import User
from django.db.models import Case, Count, F, Q, Value, When
from django.db.models.functions import Coalesce, Lower
from django.urls import reverse
from django.utils.translation import gettext

from campaigns import lifecycle, zones
from campaigns.annotations import CleanedData
from campaigns.models import Campaign, Tag, by_system, work_order
from campaigns.models.campaign import CampaignQuerySet
from campaigns.models.work_order import FAR_FUTURE
from campaigns.verbs import VERBS, Verb
from campaigns.workspace import overview
from campaigns.workspace.key_pages import FAR_PAST, KeyPage, SortKey, read_key_page

Status = Campaign.Status

PER_PAGE = 25
ROW_STEPS = ("pause", "resume")  # the steps that a row offers; the page of the campaign has all
SORTS = ("name", "starts", "ends", "by")


@dataclass(frozen=True)
class Filters:
    """What the list shows; an empty filter matches everything.

    since, until: the days between which a campaign starts, both included. sort: a name in SORTS, with a minus for the
    reverse order; "" is the order of work.
    """

    kind: str = ""
    status: str = ""
    archived: bool = False
    q: str = ""
    tag: Tag | None = None
    owner: User | None = None
    since: date | None = None
    until: date | None = None
    sort: str = ""

    @classmethod
    def of_form(cls, cleaned: CleanedData) -> "Filters":
        """Return the filters that a FilterForm has read; what it refused filters nothing."""
        return cls(**{name: cleaned[name] for name in cls.__dataclass_fields__ if cleaned.get(name)})

    @property
    def is_chosen(self) -> bool:
        """Whether anything is filtered."""
        return self != Filters(sort=self.sort)

    @property
    def is_detailed(self) -> bool:
        """Whether one of the filters is chosen that stand behind “More filters”."""
        return any((self.tag, self.owner, self.since, self.until))

    def write_query(self) -> str:
        """Write the filters as they stand in the address of the list, always in one order."""
        chosen = {name: value for name in self.__dataclass_fields__ if (value := getattr(self, name))}
        return urlencode({name: _write_filter(value) for name, value in chosen.items()})

    def find_campaigns(self) -> CampaignQuerySet[Campaign]:
        """Return the campaigns that all filters but status and archive leave, in no order."""
        found: CampaignQuerySet[Campaign] = Campaign.objects.matching(self.q).order_by()
        if self.kind:
            found = found.filter(kind=self.kind)
        if self.tag:
            found = found.filter(tags=self.tag)
        if self.owner:
            found = found.filter(created_by=self.owner)
        if self.since:
            found = found.filter(starts_at__gte=zones.begin_day(self.since))
        if self.until:
            found = found.filter(starts_at__lt=zones.begin_day(self.until + timedelta(days=1)))
        return found


def _write_filter(value: str | bool | date | Tag | User) -> str:
    if isinstance(value, Tag | User):
        return str(value.pk)
    return "1" if value is True else str(value)


def list_sort_keys(sort: str) -> list[SortKey]:
    """Return what the list is sorted by: campaigns without a value come last, whichever way.

    "" is the order of work: live, paused, coming (the soonest first), drafts, over; within each the newest first.
    """
    name, is_backwards = sort.removeprefix("-"), sort.startswith("-")
    far = FAR_PAST if is_backwards else FAR_FUTURE
    newest = SortKey(F("pk"), int, True)
    if name == "name":
        return [SortKey(Lower("name"), str, is_backwards), newest]
    if name in ("starts", "ends"):
        return [SortKey(Coalesce(f"{name}_at", far), datetime, is_backwards), newest]
    if name == "by":
        is_nobody = Case(When(created_by=None, then=1), default=0)
        return [
            SortKey(is_nobody, int),
            SortKey(Coalesce(Lower("created_by__username"), Value("")), str, is_backwards),
            newest,
        ]
    return [
        SortKey(work_order.PLACE, int),
        SortKey(work_order.SOONEST, datetime),
        SortKey(F("created_at"), datetime, True),
        newest,
    ]


def read_page(chosen: Filters, *, after: str = "", before: str = "") -> KeyPage[Campaign]:
    """Return the page of the list after or before a place that another page named; the first page without one."""
    found = chosen.find_campaigns().listed(chosen.archived)
    if chosen.status:
        found = found.filter(status=chosen.status)
    found = found.select_related("created_by").prefetch_related("tags")
    return read_key_page(found, list_sort_keys(chosen.sort), PER_PAGE, after=after, before=before)


@dataclass(frozen=True)
class StatusCount:
    """A status or the archive, and how many campaigns it has; with "" and False the whole list."""

    label: str
    count: int
    status: str = ""
    archived: bool = False


def count_by_status(chosen: Filters) -> list[StatusCount]:
    """Return each status that has campaigns, and the archive, with their numbers, in the order of work."""
    in_order = dict.fromkeys(
        [Status(status) for states in work_order.ORDER_OF_WORK for status in states] + list(Status)
    )
    within = Count("pk", filter=Q(archived_at=None))
    found = chosen.find_campaigns().values_list("status")
    counts = found.annotate(listed=within, archived=Count("archived_at"))
    listed = {status: count for status, count, _ in counts}
    archived = sum(count for *_, count in counts)
    return [
        StatusCount(gettext("All"), sum(listed.values())),
        *[
            StatusCount(str(status.label), listed[status], status)
            for status in in_order
            if listed.get(status)
        ],
        *([StatusCount(gettext("Archived"), archived, archived=True)] if archived else []),
    ]


def may_change_several(user: User) -> bool:
    """Return whether somebody may do anything to campaigns of any kind, and so may tick them."""
    return any(
        user.has_perm(model.OPERATE)
        or user.has_perm(f"{model._meta.app_label}.change_{model._meta.model_name}")
        for model in lifecycle.kinds().values()
    )


@dataclass(frozen=True)
class ListRow(overview.CampaignRow):
    """A campaign in the list, with what its row offers this person; an address is "" where there is nothing to do."""

    steps: tuple[Verb, ...]
    edit_path: str
    report_path: str
    may_duplicate: bool


def build_list_rows(page: KeyPage[Campaign], user: User, now: datetime) -> list[ListRow]:
    """Return the rows of a page. Nothing is asked of the database for a single row."""
    return [
        ListRow(
            row.campaign,
            row.figures,
            row.trouble,
            steps=tuple(_list_steps(row.campaign, user)),
            edit_path=_find_edit_path(row.campaign, user),
            report_path=_find_report_path(row.campaign, user),
            may_duplicate=user.has_perm(lifecycle.permission_name(row.campaign, "add")),
        )
        for row in overview.build_rows(list(page), now)
    ]


def _list_steps(campaign: Campaign, user: User) -> Iterator[Verb]:
    model = lifecycle.model_of_kind(campaign)
    declared = model._meta.get_field("status").transitions[model]
    for verb in ROW_STEPS:
        meta = declared[verb]._django_fsm
        is_open = meta.has_transition(campaign.status) and user.has_perm(model.OPERATE)
        if is_open and meta.get_transition(campaign.status).permission is not by_system:
            yield VERBS[verb]


def _find_edit_path(campaign: Campaign, user: User) -> str:
    model = lifecycle.model_of_kind(campaign)
    if campaign.status in model.LOCKED or not user.has_perm(lifecycle.permission_name(campaign, "change")):
        return ""
    return reverse(f"{model._meta.app_label}:campaign_edit", args=[campaign.pk])


def _find_report_path(campaign: Campaign, user: User) -> str:
    kind = lifecycle.lifecycle_of(campaign)
    return kind.find_report_path(campaign.pk) if overview.sees_results(campaign, user) else ""
