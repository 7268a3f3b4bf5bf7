from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any, ClassVar, Self, TypeVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext, gettext_lazy
from django_fsm import ConcurrentTransitionMixin, FSMField, transition

from campaigns.annotations import Argument, Columns
from campaigns.fields import DatabaseTimeField, hold_words
from campaigns.formats import in_sentence
from campaigns.generics import SomeUser
from campaigns.models import work_order
from campaigns.refusals import Locked


def by_system(campaign: models.Model, user: SomeUser) -> bool:
    """Return whether the caller may take a step that only the clock or a task takes: `user` must be None."""
    return user is None


def may_operate(campaign: Argument, user: SomeUser) -> bool:
    """Return whether the caller may take a step of people: a user who may operate this kind, or the system.

    `campaign` is a Campaign. django-fsm declares a permission as a function of any model.
    """
    return user is None or user.has_perm(campaign.OPERATE)


Row = TypeVar("Row", bound=models.Model)


class CampaignQuerySet(models.QuerySet[Row]):
    def listed(self, archived: bool = False) -> Self:
        """Return the campaigns of the default list, or the archived ones."""
        return self.filter(archived_at__isnull=not archived)

    def owing(self, now: datetime) -> Self:
        """Return the campaigns whose stored status is behind the clock at `now` and that a page may correct."""
        return self.none()

    def matching(self, words: str) -> Self:
        """Return the campaigns whose name or description holds each of the `words`; none holds a NUL."""
        return self.filter(hold_words(words, "name", "description"))


class Campaign(ConcurrentTransitionMixin, models.Model):
    """A campaign of either kind. Each kind declares its own transitions on `status`.

    What happens around a step stands in the kind's subclass of `campaigns.lifecycle.KindLifecycle`.
    """

    class Kind(models.TextChoices):
        EMAIL = "email", gettext_lazy("E-mail")
        PROMOTION = "promotion", gettext_lazy("Promotion")

    class Status(models.TextChoices):
        DRAFT = "draft", gettext_lazy("Draft")
        SCHEDULED = "scheduled", gettext_lazy("Scheduled")
        RUNNING = "running", gettext_lazy("Running")
        ACTIVE = "active", gettext_lazy("Active")
        PAUSED = "paused", gettext_lazy("Paused")
        COMPLETED = "completed", gettext_lazy("Completed")
        EXPIRED = "expired", gettext_lazy("Expired")
        FAILED = "failed", gettext_lazy("Failed")
        CANCELLED = "cancelled", gettext_lazy("Cancelled")

    FINAL = frozenset({Status.COMPLETED, Status.EXPIRED, Status.FAILED, Status.CANCELLED})

    # each kind's own
    KIND: ClassVar[str]
    STATES: ClassVar[tuple[str, ...]]
    LOCKED: ClassVar[frozenset[str]]  # the states in which nothing may be edited
    DELETABLE: ClassVar[frozenset[str]] = frozenset({Status.DRAFT})
    REOPENS: ClassVar[bool] = False  # an edit of a scheduled one puts it back to draft first
    VERBS: ClassVar[tuple[str, ...]]  # its steps, in the order of their buttons
    WAY: ClassVar[tuple[str, ...]]  # the states it passes through when nothing stops it
    OPERATE: ClassVar[str]  # the permission to take its steps
    RECORDS: ClassVar[frozenset[str]] = frozenset(  # kept by the system: never edited, never copied
        {"kind", "status", "archived_at", "created_at", "updated_at"}
    )

    kind = models.CharField(max_length=20, choices=Kind, editable=False)
    name = models.CharField(max_length=200)
    description = models.TextField(
        blank=True, help_text=gettext_lazy("For your team only; customers never see it.")
    )
    status = FSMField(choices=Status, default=Status.DRAFT, max_length=20, protected=True, editable=False)
    starts_at = models.DateTimeField("starts", null=True, blank=True)
    # here and not with the kind, since a step that ends a campaign writes both in one UPDATE, before it is locked
    ends_at = models.DateTimeField("ends", null=True, blank=True)
    archived_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, editable=False, related_name="+"
    )
    created_at = DatabaseTimeField(auto_now_add=True)
    updated_at = DatabaseTimeField(auto_now=True)

    objects = CampaignQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                name="campaign_status_of_its_kind",
                condition=Q(
                    kind="email",
                    status__in=[
                        "draft",
                        "scheduled",
                        "running",
                        "paused",
                        "completed",
                        "failed",
                        "cancelled",
                    ],
                )
                | Q(
                    kind="promotion",
                    status__in=["draft", "scheduled", "active", "paused", "expired", "cancelled"],
                ),
            ),
        ]
        indexes = [
            models.Index(fields=["status", "starts_at"]),
            # the list in its order of work (campaigns.workspace.listing), so that a page reads only its own rows
            models.Index(
                work_order.PLACE,
                work_order.SOONEST,
                models.F("created_at").desc(),
                models.F("id").desc(),
                condition=Q(archived_at=None),
                name="campaign_in_order_of_work",
            ),
        ]
        permissions = [("delete_others_drafts", "Can delete drafts that others made")]

    def __init__(self, *args: Argument, **kwargs: Argument) -> None:
        super().__init__(*args, **kwargs)
        self._stored: dict[str, Any] = {}  # the columns as they were read

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Argument, **kwargs: Argument) -> None:
        """Write the row. A change of a locked field is refused before any SQL.

        Raises:
            Locked: its state allows no change.
            django_fsm.ConcurrentTransition: the status has moved on since this instance was read.
        """
        if self._state.adding:
            self.kind = self.KIND
        elif self.stored_status in self.LOCKED:
            self._refuse_edits()
        super().save(*args, **kwargs)
        self._stored = self._columns()

    def get_absolute_url(self) -> str:
        return reverse("campaigns:detail", args=[self.pk])

    @classmethod
    def from_db(cls, db: str | None, field_names: Collection[str], values: Collection[Argument]) -> Self:
        campaign = super().from_db(db, field_names, values)
        campaign._stored = campaign._columns()
        return campaign

    def refresh_from_db(
        self,
        using: str | None = None,
        fields: Iterable[str] | None = None,
        from_queryset: models.QuerySet[Self] | None = None,
    ) -> None:
        super().refresh_from_db(using=using, fields=fields, from_queryset=from_queryset)
        columns = self._columns()
        if fields is None:
            self._stored = columns
        else:
            self._stored |= {name: columns[name] for name in fields if name in columns}

    def _columns(self) -> Columns:
        """Return the loaded columns by name."""
        return {
            field.attname: self.__dict__[field.attname]
            for field in self._meta.concrete_fields
            if field.attname in self.__dict__
        }

    @property
    def stored_status(self) -> str:
        """The status as it was read. Inside a transition it differs from `status`."""
        status: str = self._stored.get("status", self.status)
        return status

    @property
    def is_final(self) -> bool:
        return self.status in self.FINAL

    @property
    def is_locked(self) -> bool:
        """Whether it cannot be edited now, or never again."""
        return self.status in self.LOCKED

    @property
    def is_deletable(self) -> bool:
        return self.status in self.DELETABLE

    def _refuse_edits(self) -> None:
        edited = [
            name
            for name, value in self._columns().items()
            if name not in self.RECORDS and name in self._stored and value != self._stored[name]
        ]
        if edited:
            raise Locked(
                [
                    (
                        name,
                        gettext("“%(self)s” is %(stored_status)s: it cannot be edited.")
                        % {"self": self, "stored_status": in_sentence(self.Status(self.stored_status).label)},
                    )
                    for name in edited
                ]
            )

    def delete(self, *args: Argument, **kwargs: Argument) -> tuple[int, dict[str, int]]:
        """Delete a campaign whose state allows it: it has had no effect yet.

        Raises:
            Locked: its state allows no deletion.
        """
        if not self.is_deletable:
            raise Locked(
                gettext("“%(self)s” is %(status)s: it cannot be deleted any more.")
                % {"self": self, "status": in_sentence(self.get_status_display())}
            )
        return super().delete(*args, **kwargs)

    @transition(
        "status",
        source=[Status.COMPLETED, Status.EXPIRED, Status.CANCELLED],
        target=None,
        permission=may_operate,
    )
    def archive(self, now: datetime) -> None:
        """Leave the default list. Everything is kept."""
        self.archived_at = now

    @transition(
        "status",
        source=[Status.COMPLETED, Status.EXPIRED, Status.CANCELLED],
        target=None,
        permission=may_operate,
    )
    def unarchive(self, now: datetime) -> None:
        """Return to the default list."""
        self.archived_at = None
