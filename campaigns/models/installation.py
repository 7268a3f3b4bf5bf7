from django.db import models
from django.utils.translation import gettext_lazy

from campaigns import dates
from campaigns.fields import DatabaseTimeField


class Seed(models.Model):
    """Something that this installation was given once. It is never given again, even if it was deleted.

    `key` names it, as in "role Marketers"; `object_id` is the row that was made, if there is one.
    """

    key = models.CharField(max_length=200, primary_key=True)
    object_id = models.BigIntegerField(null=True, blank=True)
    at = DatabaseTimeField(auto_now_add=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.key


class LoginLimit(models.Model):
    """How often somebody failed to log in lately. Each failure moves `free_at` on, and time catches up with it.

    `key` is a digest, so that nobody can read what was typed as a user name.
    """

    key = models.CharField(max_length=64, primary_key=True)
    free_at = models.DateTimeField(
        db_index=True, help_text=gettext_lazy("When nothing of it counts any more.")
    )

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.key[:8]}: until {dates.write_exact_moment(self.free_at)}"


class LoginPlace(models.Model):
    """An address from which an account has logged in, so that a stranger's failures do not lock it out there."""

    key = models.CharField(max_length=64, primary_key=True)
    at = models.DateTimeField(db_index=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.key[:8]}: {dates.write_day_of(self.at)}"
