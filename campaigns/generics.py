"""Types for the type checker that need Django: forms that take a parameter, such as `ModelForm[Till]`, and aliases.

The stubs make Django's classes generic, but at run time Django's own take no parameter.
"""

from typing import TYPE_CHECKING, TypeAlias

from django import forms

__all__ = ["BaseFormSet", "FormData", "ModelChoiceField", "ModelForm", "ModelMultipleChoiceField", "SomeUser"]

if TYPE_CHECKING:  # Django's models cannot be imported before its apps are ready
    from django.contrib.auth.models import AnonymousUser, PermissionsMixin
    from django.http import QueryDict

SomeUser: TypeAlias = "PermissionsMixin | AnonymousUser | None"
"""Who asks of django-fsm: a user, somebody who is not signed in, or None, the system."""
FormData: TypeAlias = "QueryDict | None"
"""What was typed into a form, before it is read; None: not posted yet."""


if TYPE_CHECKING:
    from django.forms import BaseFormSet, ModelChoiceField, ModelForm, ModelMultipleChoiceField
else:

    class TakesParameter:
        """Ignores the parameter."""

        def __class_getitem__(cls, parameter: object) -> type:
            return cls

    class BaseFormSet(TakesParameter, forms.BaseFormSet):
        """A set of forms of one kind."""

    class ModelChoiceField(TakesParameter, forms.ModelChoiceField):
        """One row of a model."""

    class ModelMultipleChoiceField(TakesParameter, forms.ModelMultipleChoiceField):
        """Rows of a model."""

    class ModelForm(TakesParameter, forms.ModelForm):
        """A form for a row of a model."""
