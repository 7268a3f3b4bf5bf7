from django.conf import settings
from django.db import models

from mailing.models.audience import ContactList


class ContactImport(models.Model):
    """A CSV file of contacts on its way in, or done: its columns are chosen, it is tried, then taken in.

    Its progress is written with each piece, so that it resumes.
    """

    class Status(models.TextChoices):
        CHOOSING = "choosing", "Columns to be chosen"
        RUNNING = "running", "Running"
        TRIED = "tried", "Tried"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"

    name = models.CharField("file", max_length=200)
    size = models.PositiveBigIntegerField(help_text="Bytes.")
    columns = models.JSONField(
        default=list, help_text="Pairs: each column of the file, and what it is taken for."
    )
    list = models.ForeignKey(ContactList, models.SET_NULL, null=True, blank=True, related_name="imports")
    new_list = models.CharField(
        max_length=200, blank=True, help_text="The name of a list to be made for them."
    )
    is_trial = models.BooleanField("dry run", default=False, help_text="Only judges the rows.")
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
        default=0, help_text="Of those taken: their address gets no mail."
    )
    joined = models.PositiveIntegerField(default=0, help_text="Places in lists given.")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    moved_at = models.DateTimeField(
        null=True, blank=True, help_text="When a piece was last taken, or is to be."
    )
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.name

    @property
    def percent(self) -> float:
        """How far it is; 100 for one that is through, however many rows it has."""
        if self.status in (self.Status.TRIED, self.Status.DONE):
            return 100.0
        return 100.0 * self.done / self.rows if self.rows else 0.0


class ImportRow(models.Model):
    """What became of one row of a file."""

    class Verdict(models.TextChoices):
        CREATED = "created", "New"
        UPDATED = "updated", "Updated"
        REPEATED = "repeated", "Repeated"
        INVALID = "invalid", "Not taken"

    upload = models.ForeignKey(
        ContactImport, models.CASCADE, related_name="verdicts", db_constraint=False, db_index=False
    )
    line = models.PositiveIntegerField(
        help_text="The row of the file, the first after the names of the columns is 1."
    )
    email = models.CharField(max_length=254)
    verdict = models.CharField(max_length=10, choices=Verdict)
    detail = models.CharField(max_length=300, blank=True)
    cells = models.JSONField(
        null=True, blank=True, help_text="As they stand in the file, of a row not taken."
    )

    class Meta:
        ordering = ["line"]
        indexes = [models.Index(fields=["upload", "line"], name="importrow_of_upload")]
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.line}: {self.email} {self.get_verdict_display()}"
