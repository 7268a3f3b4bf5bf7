"""Makes `get_…_display` cheap: a list of thousands of rows asks it for each row.

Django's own builds a table of all choices at each call and hashes their labels, for which it translates all of them.
Here each column has one table, made at the start, and a call translates the one label that it answers.
"""

from collections.abc import Mapping
from functools import partialmethod
from typing import Any

from django.apps import apps
from django.db.models import Model
from django.utils.encoding import force_str

from campaigns.derived_names import OURS


def make_cheap() -> None:
    """Give each column with choices of our models its table; what a model writes itself stays."""
    for model in apps.get_models():
        if model._meta.app_label in OURS:
            _give_tables(model)


def _give_tables(model: type[Model]) -> None:
    for field in model._meta.local_fields:
        name = f"get_{field.name}_display"
        if field.choices and isinstance(vars(model).get(name), partialmethod):
            labels = dict(field.flatchoices)
            setattr(model, name, partialmethod(_write_label, attribute=field.attname, labels=labels))


# Any: the values and the labels of a column, as Django's stubs have them
def _write_label(row: Model, attribute: str, labels: Mapping[Any, Any]) -> Any:
    """Return the label of the value in the language of now, and a value that is no choice as it is."""
    value = getattr(row, attribute)
    return force_str(labels.get(value, value), strings_only=True)
