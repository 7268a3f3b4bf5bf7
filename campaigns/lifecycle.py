"""The only way in which a campaign's status changes (`fire`), and the check before each edit (`open_for_edit`).

A step runs under a row lock and in one transaction with its history row and the follow-up tasks it queues. The
states, the steps between them and who may take them are declared by the model of each kind. What else a kind does
around a step stands in its `KindLifecycle`, which its app registers. No code here depends on the kind.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from functools import cache
from typing import Any, ClassVar, Generic, TypeVar, cast

from django.contrib.auth.models import AnonymousUser, User
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.module_loading import import_string
from django.utils.translation import gettext

from campaigns import database_time, refusals
from campaigns.annotations import Argument, Columns, RowFigures, RowOrKey, Words
from campaigns.formats import in_sentence
from campaigns.models import Campaign, by_system
from campaigns.periods import Period
from campaigns.refusals import Locked, Refused
from campaigns.sentences import keep
from campaigns.verbs import VERBS

__all__ = [
    "KindLifecycle",
    "Locked",
    "Refused",
    "advice",
    "delete",
    "duplicate",
    "fire",
    "kind_name",
    "kinds",
    "lifecycle_of",
    "list_refusals",
    "load_own_kind",
    "lock_row",
    "may_delete",
    "model_of_kind",
    "open_for_edit",
    "open_steps",
    "permission_name",
    "register",
    "steps",
    "write_owed_steps",
]

C = TypeVar("C", bound=Campaign)  # by its key, a campaign of the kind that the caller knows it to be


class KindLifecycle(Generic[C]):
    """What a kind of campaign does around its steps. Each app derives its own and registers it when it is ready."""

    ICON: ClassVar[str] = "campaigns"  # its drawing in static/icons.svg
    TIME_LABELS: ClassVar[Mapping[str, Words]] = {}  # each step that takes a time, and the label of its field
    NEEDS_TIME: ClassVar[frozenset[str]] = frozenset()  # those of them that cannot do without
    SEES_REPORT: ClassVar[tuple[str, ...]] = ()  # the permissions that its report asks for

    def take_locks(self, campaign: C, verb: str) -> None:
        """Take the locks that must come before the row's own. `verb` is a step, `edit`, `delete` or `owed`.

        None by default; promotion campaigns take the rules lock.
        """

    def list_owed_steps(self, campaign: C, now: datetime) -> list[str]:
        """Return the steps that are due by time at `now`, in order, without taking them."""
        return []

    def list_objections(
        self, campaign: C, verb: str, now: datetime, **arguments: Argument
    ) -> list[tuple[str, str]]:
        """Return why `verb` cannot be taken although the state allows it: (field, sentence) each."""
        if verb == "archive" and campaign.archived_at:
            return [("", gettext("“%(campaign)s” is archived already.") % {"campaign": campaign})]
        if verb == "unarchive" and not campaign.archived_at:
            return [("", gettext("“%(campaign)s” is not archived.") % {"campaign": campaign})]
        return []

    def list_warnings(self, campaign: C, verb: str, now: datetime) -> list[str]:
        """List sentences that a person should read before `verb`. With any of them the button asks first."""
        return []

    def asks_for_time(self, campaign: C, verb: str, now: datetime) -> bool:
        """Return whether a question for the time must come before `verb`."""
        return verb in self.NEEDS_TIME

    def gentler_step(self, campaign: C, verb: str) -> str:
        """Return the milder step that the question before `verb` offers too, or "" when there is none."""
        return ""

    def follow_up(self, campaign: C, verb: str, was: str) -> None:
        """Write the rows of its kind that follow from the step, and queue its tasks by on_commit."""

    def find_report_path(self, pk: int) -> str:
        """Return the address of the report of a campaign that has begun; "" for a kind without one."""
        return ""

    def list_results(self, pk: int) -> list[tuple[str, str]]:
        """Return the pages about the results of a campaign that has begun: (label, address) each."""
        path = self.find_report_path(pk)
        return [(gettext("Report"), path)] if path else []

    def find_linked(self, campaign: C) -> Campaign | None:
        """Find a campaign that is linked to this one, so that it is not deleted."""
        return None

    def copy_parts(self, campaign: C, copy: C) -> None:
        """Copy the rows that belong to this campaign to the `copy`, a new draft."""

    def read_row_figures(self, pks: Collection[int]) -> Mapping[int, RowFigures]:
        """Return the figures of the campaigns with these keys, as campaigns/<kind>/row.html shows it in the list.

        It takes a few queries, however many campaigns there are. A campaign without figures is left out.
        """
        return {}

    def at_location(self, campaigns: QuerySet[C], location: RowOrKey) -> QuerySet[C]:
        """Return those of the campaigns that apply at a location; none of a kind that is not about locations."""
        return campaigns.none()

    def list_periods(
        self, campaigns: QuerySet[C], since: datetime, until: datetime, now: datetime
    ) -> list[Period]:
        """Return those of the campaigns that are live, or are to be, at some moment from `since` to `until`."""
        found = campaigns.filter(starts_at__lt=until).filter(Q(ends_at=None) | Q(ends_at__gt=since))
        return [
            Period(campaign, campaign.starts_at, campaign.ends_at) for campaign in found if campaign.starts_at
        ]


AnyKind = KindLifecycle[Any]  # Any: each kind's is of its own model
_registered: dict[str, str] = {}


def register(model: type[Campaign], lifecycle: str) -> None:
    """Register what the campaigns of a kind do around their steps: the dotted name of a `KindLifecycle`.

    It is imported when it is first asked for. All that a launch needs would else be part of every process, tills too.
    """
    _registered[model.KIND] = lifecycle


def lifecycle_of(campaign: Campaign | type[Campaign]) -> AnyKind:
    """Return what the campaigns of a kind do around their steps: of this one's kind, or of this model's."""
    return _load_lifecycle(campaign.kind if isinstance(campaign, Campaign) else campaign.KIND)


@cache
def _load_lifecycle(kind: str) -> AnyKind:
    lifecycle: AnyKind = import_string(_registered[kind])()
    return lifecycle


def fire(
    campaign: C | int,
    verb: str,
    *,
    by: User | None = None,
    why: str = "",
    now: datetime | None = None,
    **arguments: Argument,
) -> C:
    """Run one transition and write its history row, or change nothing.

    Steps that are due at `now` are written first, each with a row of its own, and stay when the verb is refused.

    Args:
        campaign: an instance of any class of the family, or a primary key.
        verb: a step of lifecycles.md, `archive` or `unarchive`.
        by: the user who asks; None for the clock or the system, which may take every step.
        why: kept in the history and shown; for `fail` and a pause by the system, the error or the reason.
        arguments: `at`, an aware datetime, for an e-mail campaign's `schedule`; none otherwise.

    Returns:
        the saved campaign, of its own kind.

    Raises:
        Refused: with a sentence for the user, when the step is not open now or not to them.
    """
    now = now or database_time.now()
    with transaction.atomic():
        campaign = load_own_kind(campaign)
        lifecycle_of(campaign).take_locks(campaign, verb)
        campaign = lock_row(campaign)
        owed_steps = _take_owed_steps(campaign, now)
        reasons = [] if verb in owed_steps else list_refusals(campaign, verb, by, now, **arguments)
        if not reasons and verb not in owed_steps:
            _take_step(campaign, verb, now, by, why, **arguments)
            _take_owed_steps(campaign, now)  # a resume past its end: active, and at once expired
    if reasons:
        raise Refused(reasons)
    return campaign


def write_owed_steps(campaign: Campaign | int, now: datetime | None = None) -> list[str]:
    """Write the steps of a campaign that are due by time; return their verbs, [] when another process has its lock."""
    now = now or database_time.now()
    with transaction.atomic():
        campaign = load_own_kind(campaign)
        lifecycle_of(campaign).take_locks(campaign, "owed")
        row = (
            type(campaign)
            .objects.select_for_update(skip_locked=True, no_key=True)
            .filter(pk=campaign.pk)
            .first()
        )
        return _take_owed_steps(row, now) if row else []


def _take_owed_steps(campaign: Campaign, now: datetime) -> list[str]:
    return [_take_step(campaign, owed, now) for owed in lifecycle_of(campaign).list_owed_steps(campaign, now)]


def _take_step(
    campaign: Campaign, verb: str, now: datetime, by: User | None = None, why: str = "", **arguments: Argument
) -> str:
    was = campaign.status
    getattr(campaign, verb)(now, **arguments)
    campaign.save()
    campaign.history.create(verb=verb, was=was, now=campaign.status, by=by, why=why, at=now)
    lifecycle_of(campaign).follow_up(campaign, verb, was)
    return verb


def load_own_kind(campaign: C | int) -> C:
    """Return the instance of its own kind.

    Raises:
        Campaign.DoesNotExist: there is no such campaign.
    """
    if isinstance(campaign, Campaign) and type(campaign) in kinds().values():
        return campaign
    found = campaign if isinstance(campaign, Campaign) else Campaign.objects.get(pk=campaign)
    return cast("C", kinds()[found.kind].objects.get(pk=found.pk))


def kinds() -> dict[str, type[Campaign]]:
    """Return the model of each kind, by its name."""
    return {model.KIND: model for model in Campaign.__subclasses__()}


def lock_row(campaign: C, *, to_delete: bool = False) -> C:
    """Lock the campaign's row and return it as it is then. `to_delete`: nobody may refer to it meanwhile."""
    rows = type(campaign).objects.select_for_update(no_key=not to_delete)
    return cast("C", rows.get(pk=campaign.pk))


# ── what is open ─────────────────────────────────────────────────────────────────────────────────────────────────────


def steps(campaign: Campaign) -> Columns:
    """Return every verb of this campaign's kind, with its transition as django-fsm describes it."""
    field = campaign._meta.get_field("status")
    return {verb: method._django_fsm for verb, method in field.transitions[type(campaign)].items()}


def open_steps(campaign: Campaign, user: User | AnonymousUser | None) -> list[str]:
    """Return the verbs that the state and the user's permission allow, in the order they are declared."""
    return [
        verb
        for verb in campaign.VERBS
        if (meta := steps(campaign)[verb]).has_transition(campaign.status)
        and meta.has_transition_perm(campaign, campaign.status, user)
        and not (
            verb in ("archive", "unarchive")
            and lifecycle_of(campaign).list_objections(campaign, verb, database_time.now())
        )
    ]


def list_refusals(
    campaign: Campaign, verb: str, by: User | None, now: datetime, **arguments: Argument
) -> list[tuple[str, str]]:
    """Return why `verb` cannot be taken now: (field, sentence) each; [] when it can."""
    kind = kind_name(campaign)
    meta = steps(campaign).get(verb)
    if meta is None:
        told = (
            gettext("“%(verb)s” is not a step of an e-mail campaign.")
            if campaign.kind == Campaign.Kind.EMAIL
            else gettext("“%(verb)s” is not a step of a promotion campaign.")
        )
        return [("", told % {"verb": verb})]
    said = VERBS[verb].words
    if not meta.has_transition(campaign.status):
        return [
            (
                "",
                gettext("“%(campaign)s” is %(status)s: it cannot %(said)s. %(advice)s")
                % {
                    "campaign": campaign,
                    "status": in_sentence(campaign.get_status_display()),
                    "said": said,
                    "advice": advice(campaign, by),
                },
            )
        ]
    if not meta.has_transition_perm(campaign, campaign.status, by):
        if meta.get_transition(campaign.status).permission is by_system:
            return [
                (
                    "",
                    gettext("Only the system can %(said)s a campaign; it does so by itself.")
                    % {"said": said},
                )
            ]
        return [
            (
                "",
                refusals.say_not_allowed(
                    gettext("%(said)s %(kind)s campaigns") % {"said": said, "kind": kind}
                ),
            )
        ]
    return lifecycle_of(campaign).list_objections(campaign, verb, now, **arguments)


def advice(campaign: Campaign, by: User | None) -> str:
    """Return a sentence that helps somebody whose step is not open, or ""."""
    if campaign.is_final:
        return gettext("That is final; duplicate it to start anew.")
    verbs = [
        VERBS[verb].words
        for verb in open_steps(campaign, by)
        if steps(campaign)[verb].get_transition(campaign.status).permission is not by_system
    ]
    return gettext("What it can do now: %(steps)s.") % {"steps": ", ".join(verbs)} if verbs else ""


# ── drafts and edits ─────────────────────────────────────────────────────────────────────────────────────────────────


def open_for_edit(campaign: C | int, *, by: User | None = None, now: datetime | None = None) -> C:
    """Read and lock the campaign until the transaction ends; return it ready to be changed and saved.

    Called inside the transaction of the edit. An edit of a scheduled e-mail campaign puts it back to draft first.

    Raises:
        Locked: its state allows no edit.
        Refused: `by` may not edit campaigns of its kind.
    """
    now = now or database_time.now()
    campaign = load_own_kind(campaign)
    lifecycle_of(campaign).take_locks(campaign, "edit")
    campaign = lock_row(campaign)
    _take_owed_steps(campaign, now)
    refusals.require(
        by,
        permission_name(campaign, "change"),
        gettext("edit %(kind)s campaigns") % {"kind": kind_name(campaign)},
    )
    if campaign.is_locked:
        raise Locked(
            gettext("“%(campaign)s” is %(status)s: it cannot be edited. %(advice)s")
            % {
                "campaign": campaign,
                "status": in_sentence(campaign.get_status_display()),
                "advice": advice(campaign, by),
            }
        )
    if campaign.REOPENS and campaign.status == Campaign.Status.SCHEDULED:
        _take_step(campaign, "unschedule", now, by, keep("It was edited."))
    return campaign


def duplicate(campaign: C | int, *, by: User | None = None) -> C:
    """Make a draft with everything of `campaign` but its past. A start or end that has passed is left out.

    Raises:
        Refused: `by` may not add campaigns of its kind.
    """
    with transaction.atomic():
        campaign = load_own_kind(campaign)
        refusals.require(
            by,
            permission_name(campaign, "add"),
            gettext("add %(kind)s campaigns") % {"kind": kind_name(campaign)},
        )
        kept = {
            field.attname: getattr(campaign, field.attname)
            for field in campaign._meta.concrete_fields
            if field.name not in campaign.RECORDS and not field.primary_key and field.name != "campaign_ptr"
        }
        kept |= {"name": gettext("%(name)s (copy)") % {"name": campaign.name[:190]}, "created_by": by}
        kept.pop("created_by_id")
        now = database_time.now()
        kept |= {name: None for name in ("starts_at", "ends_at") if kept[name] and kept[name] <= now}
        copy = type(campaign)(**kept)
        copy.save(force_insert=True)
        copy.tags.set(campaign.tags.all())
        lifecycle_of(campaign).copy_parts(campaign, copy)
    return copy


def delete(campaign: Campaign | int, *, by: User | None = None, now: datetime | None = None) -> None:
    """Delete a campaign that has had no effect yet, with its history.

    Steps that are due at `now` are written first, so that a campaign that has begun is not deleted.

    Raises:
        Locked: its state allows no deletion.
        Refused: `by` may not delete it, or another campaign is linked to it.
    """
    now = now or database_time.now()
    with transaction.atomic():
        campaign = load_own_kind(campaign)
        lifecycle_of(campaign).take_locks(campaign, "delete")
        campaign = lock_row(campaign, to_delete=True)
        _take_owed_steps(campaign, now)
        if by is not None and not may_delete(campaign, by):
            raise Refused(
                gettext("Only its creator or an administrator can delete “%(campaign)s”.")
                % {"campaign": campaign}
            )
        if linked := lifecycle_of(campaign).find_linked(campaign):
            raise Refused(
                gettext("“%(linked)s” is linked to “%(campaign)s”: remove the link first.")
                % {"linked": linked, "campaign": campaign}
            )
        campaign.delete()


def may_delete(campaign: Campaign, user: User | AnonymousUser) -> bool:
    """Return whether the user may delete this campaign once its state allows it."""
    if not user.has_perm(permission_name(campaign, "delete")):
        return False
    return campaign.created_by_id == user.pk or bool(user.has_perm("campaigns.delete_others_drafts"))


def permission_name(campaign: Campaign, action: str) -> str:
    """Return the name of Django's permission for `action` (view, add, change, delete) on campaigns of this kind."""
    meta = model_of_kind(campaign)._meta
    return f"{meta.app_label}.{action}_{meta.model_name}"


def model_of_kind(campaign: Campaign) -> type[Campaign]:
    """Return the model of this campaign's own kind."""
    return kinds()[campaign.kind]


def kind_name(campaign: Campaign) -> str:
    """Return what the campaign is in a sentence: "e-mail" or "promotion"."""
    return in_sentence(Campaign.Kind(campaign.kind).label)
