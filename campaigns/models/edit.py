from typing import Self

from django.conf import settings
from django.db import models
from django.utils.translation import gettext, gettext_lazy, pgettext

from campaigns import dates
from campaigns.fields import DatabaseTimeField
from campaigns.stored_sentences import translate_stored

HIDDEN = "••••"  # stands in the place of a secret


class EditQuerySet(models.QuerySet["Edit"]):
    def about(self, row: models.Model) -> Self:
        """Return the edits of one row."""
        return self.filter(thing=row._meta.label_lower, key=row.pk)


class Edit(models.Model):
    """One change that somebody saved in a form: which fields, before and after. See campaigns.editions.

    It names the row by its model and key, so that one table serves every app. It is deleted with the row, since it
    holds values of the row.
    """

    thing = models.CharField(
        max_length=60, help_text=gettext_lazy("The label of its model, such as mailing.contact.")
    )
    key = models.BigIntegerField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    at = DatabaseTimeField(auto_now_add=True)
    is_new = models.BooleanField(default=False, help_text=gettext_lazy("It was made."))
    detail = models.JSONField(
        default=dict, help_text=gettext_lazy("Field: [before, after], as people read them.")
    )

    objects = EditQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["thing", "key", "-id"], name="edits_of_a_thing")]
        default_permissions = ()

    def __str__(self) -> str:
        return f"{'Created' if self.is_new else 'Edited'}: {self.thing} {self.key}"

    def lines(self) -> list[str]:
        """Return each change in words."""
        return [self.line(field) for field in self.detail]

    def line(self, field: str) -> str:
        """Return the change of one field in words."""
        before, after = map(write_value, self.detail[field])
        if before == after == HIDDEN:
            return gettext("%(field)s: changed") % {"field": translate_stored(field)}
        return f"{translate_stored(field)}: {before} → {after}"


def write_value(stored: str) -> str:
    """Write a value of a field for whoever reads it."""
    return translate_stored(dates.write_stored_value(stored)) or pgettext("value", "none")
