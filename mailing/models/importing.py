from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy

from campaigns.fields import DatabaseTimeField
from mailing.models.audience import ContactList, Suppression


class Upload(models.Model):
    """A CSV file of contacts, or of addresses to suppress. It is checked, then imported.

    Its progress is written with each piece, so that it can be stopped and go on where it was.
    """

    class Kind(models.TextChoices):
        CONTACTS = "contacts", gettext_lazy("Contacts")
        SUPPRESSIONS = "suppressions", gettext_lazy("Suppressions")

    class Status(models.TextChoices):
        CHOOSING = "choosing", gettext_lazy("Columns to match")
        RUNNING = "running", gettext_lazy("Running")
        STOPPED = "stopped", gettext_lazy("Stopped")
        TRIED = "tried", gettext_lazy("Checked")
        DONE = "done", gettext_lazy("Done")
        ENDED = "ended", gettext_lazy("Ended early")
        FAILED = "failed", gettext_lazy("Failed")

    # Nothing was taken in yet, and somebody is to go on with it.
    OPEN = Q(status__in=(Status.CHOOSING, Status.TRIED)) | Q(status=Status.STOPPED, is_trial=True)

    kind = models.CharField(max_length=12, choices=Kind, default=Kind.CONTACTS)
    name = models.CharField(gettext_lazy("file"), max_length=200)
    size = models.PositiveBigIntegerField(help_text="Bytes.")
    encoding = models.CharField(
        max_length=20, blank=True, help_text="As somebody has chosen; empty: it is found out."
    )
    columns = models.JSONField(
        default=list, help_text="Pairs: each column of the file, and what it is taken for."
    )
    list = models.ForeignKey(ContactList, models.SET_NULL, null=True, blank=True, related_name="imports")
    new_list = models.CharField(
        max_length=200, blank=True, help_text="The name of a list to be made for them."
    )
    reason = models.CharField(
        max_length=20,
        choices=Suppression.Reason,
        blank=True,
        help_text="Why the addresses are suppressed.",
    )
    detail = models.CharField(gettext_lazy("note"), max_length=300, blank=True)
    is_trial = models.BooleanField(gettext_lazy("dry run"), default=False, help_text="Only judges the rows.")
    status = models.CharField(max_length=10, choices=Status, default=Status.CHOOSING)
    error = models.TextField(blank=True)
    rows = models.PositiveIntegerField(
        null=True, blank=True, help_text="Rows in the file, once it has been counted."
    )
    done = models.PositiveIntegerField(default=0, help_text="Rows judged so far.")
    created = models.PositiveIntegerField(default=0)
    updated = models.PositiveIntegerField(default=0)
    repeated = models.PositiveIntegerField(default=0)
    invalid = models.PositiveIntegerField(default=0)
    suppressed = models.PositiveIntegerField(
        default=0, help_text="Of the contacts taken: their address gets no mail."
    )
    declined = models.PositiveIntegerField(
        default=0, help_text="Of the contacts taken: the file says that they want no mail."
    )
    joined = models.PositiveIntegerField(default=0, help_text="Places in lists given.")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    created_at = DatabaseTimeField(auto_now_add=True)
    moved_at = models.DateTimeField(
        null=True, blank=True, help_text="When a piece was last taken, or is to be."
    )
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("mailing:upload", args=[self.pk])

    @property
    def percent(self) -> float:
        """How far it is, from 0 to 100."""
        if self.status in (self.Status.TRIED, self.Status.DONE):
            return 100.0
        return 100.0 * self.done / self.rows if self.rows else 0.0


class VerdictBlock(models.Model):
    """The results of some thousand rows of a file, packed; see mailing.importing.stored_verdicts.

    A database row for each result took a quarter of the time of an import, and much space for ever.
    """

    upload = models.ForeignKey(Upload, models.CASCADE, related_name="blocks", db_index=False)
    last = models.PositiveIntegerField(help_text="The number of its last row.")
    created = models.PositiveIntegerField(default=0)
    updated = models.PositiveIntegerField(default=0)
    repeated = models.PositiveIntegerField(default=0)
    invalid = models.PositiveIntegerField(default=0)
    packed = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["upload", "last"], name="rows_once_per_upload")]
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.upload} up to row {self.last}"
