"""Makes the names translatable that Django derives from those in the code: of models and their columns."""

from collections.abc import Iterator
from typing import Any, TypeAlias

from django.apps import apps
from django.db.models import Field, Model
from django.utils.translation import gettext_lazy

# Any: the values of a column, as Django's stubs have them
AnyField: TypeAlias = "Field[Any, Any]"
OURS = ("campaigns", "promotions", "pos", "mailing")


def make_translatable() -> None:
    """Let pages ask the catalogues for derived names. Migrations do not see them: they keep what a model states."""
    for model in apps.get_models():
        if model._meta.app_label in OURS:
            _translate_names(model)


def _translate_names(model: type[Model]) -> None:
    meta = model._meta
    if "verbose_name" not in meta.original_attrs:
        meta.verbose_name = gettext_lazy(str(meta.verbose_name))
        if "verbose_name_plural" not in meta.original_attrs:
            meta.verbose_name_plural = gettext_lazy(str(meta.verbose_name_plural))
    for field in _list_derived_fields(model):
        field.verbose_name = gettext_lazy(str(field.verbose_name))


def list_derived_names(model: type[Model]) -> Iterator[str]:
    """Yield the names of a model and its columns that Django makes of those in the code."""
    meta = model._meta
    given = meta.original_attrs
    if "verbose_name" not in given:
        yield str(meta.verbose_name)
        if "verbose_name_plural" not in given:
            yield str(meta.verbose_name_plural)
    for field in _list_derived_fields(model):
        yield str(field.verbose_name)


def _list_derived_fields(model: type[Model]) -> list[AnyField]:
    fields: list[AnyField] = [*model._meta.local_fields, *model._meta.local_many_to_many]
    return [field for field in fields if getattr(field, "_verbose_name", None) is None and field.verbose_name]
