"""Fields of models, and the condition that words stand in fields."""

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q

from campaigns import database_time
from campaigns.annotations import Argument

if TYPE_CHECKING:  # generic in the stubs only; Any, as a column may be empty or not
    DateTimeField = models.DateTimeField[Argument, Argument]
else:
    DateTimeField = models.DateTimeField


class DatabaseTimeField(DateTimeField):
    """A DateTimeField whose auto_now and auto_now_add write the database's time, not the machine's."""

    def pre_save(self, model_instance: models.Model, add: bool) -> Argument:
        if self.auto_now or (self.auto_now_add and add):
            setattr(model_instance, self.attname, database_time.now())
            return getattr(model_instance, self.attname)
        return super().pre_save(model_instance, add)

    def deconstruct(self) -> Argument:
        name, _, arguments, named = super().deconstruct()
        return name, "django.db.models.DateTimeField", arguments, named  # the same column


def hold_words(words: str, *columns: str) -> Q:
    """Return the condition that each of the `words` stands in one of these columns; no column holds a NUL."""
    if "\0" in words:
        return Q(pk__in=())
    every = Q()
    for word in words.split():
        any_column = Q()
        for column in columns:
            any_column |= Q(**{f"{column}__icontains": word})
        every &= any_column
    return every
