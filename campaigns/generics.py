"""Django's classes of forms that take a parameter for the type checker: `ModelForm[Till]`, `ModelChoiceField[Till]`.

The stubs make them generic, and Django itself does not: its own cannot be written so where the program runs.
"""

from typing import TYPE_CHECKING, Any

from django import forms

__all__ = ["BaseFormSet", "ModelChoiceField", "ModelForm", "ModelMultipleChoiceField"]

if TYPE_CHECKING:
    from django.forms import BaseFormSet, ModelChoiceField, ModelForm, ModelMultipleChoiceField
else:

    class TakesParameter:
        """Ignores the parameter."""

        def __class_getitem__(cls, parameter: Any) -> type:
            return cls

    class BaseFormSet(TakesParameter, forms.BaseFormSet):
        """A set of forms of one kind."""

    class ModelChoiceField(TakesParameter, forms.ModelChoiceField):
        """One row of a model."""

    class ModelMultipleChoiceField(TakesParameter, forms.ModelMultipleChoiceField):
        """Rows of a model."""

    class ModelForm(TakesParameter, forms.ModelForm):
        """A form for a row of a model."""
