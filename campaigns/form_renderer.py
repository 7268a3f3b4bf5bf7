"""Draws forms: each field with its label, control, help and errors, connected for assistive technology."""

from collections.abc import Iterator
from html import escape
from typing import Any

from django.forms import (
    BaseForm,
    BoundField,
    CheckboxInput,
    CheckboxSelectMultiple,
    DateInput,
    EmailInput,
    Field,
    HiddenInput,
    NumberInput,
    RadioSelect,
    Select,
    TextInput,
    TimeInput,
    Widget,
)
from django.forms.renderers import TemplatesSetting
from django.forms.utils import pretty_name
from django.http import HttpRequest
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext

from campaigns.annotations import PageContext

# of those that only draw an input
INPUT_TEMPLATES = {
    widget.template_name
    for widget in (CheckboxInput, DateInput, EmailInput, HiddenInput, NumberInput, TextInput, TimeInput)
}


class PageField(BoundField):
    """A field whose control has Tabler's class, beside the classes that its form gives it."""

    def __init__(self, form: BaseForm, field: Field, name: str) -> None:
        super().__init__(form, field, name)
        if field.label is None:  # Django's own is made of the name, and `update_texts` extracts it
            self.label = gettext(pretty_name(name))

    # Any: the values of attributes, as Django's stubs have them
    def build_widget_attrs(self, attrs: dict[str, Any], widget: Widget | None = None) -> dict[str, Any]:
        """Add the class to the attributes of the control."""
        widget = widget or self.field.widget
        attrs = super().build_widget_attrs(attrs, widget)
        if widget.is_hidden:
            return attrs
        name = find_css_class(widget)
        others = [word for word in widget.attrs.get("class", "").split() if word != name]
        return attrs | {"class": " ".join([name, *others])}


class PageRenderer(TemplatesSetting):
    """Draws the fields of every form by templates/_field.html: `{{ form.name.as_field_group }}`."""

    field_template_name = "_field.html"
    bound_field_class = PageField

    def render(
        self, template_name: str, context: PageContext, request: HttpRequest | None = None
    ) -> SafeString:
        """Draw a control: by its template, or one with options or of one line by hand.

        Django fills in two templates for each option: for all time zones that took longer than the rest of a page.
        For a control of one line it fills in three.
        """
        if template_name == Select.template_name:
            return mark_safe("".join(write_select(context["widget"])))
        if template_name in INPUT_TEMPLATES:
            return mark_safe(write_input(context["widget"]))
        return mark_safe(super().render(template_name, context, request))


def write_input(widget: PageContext) -> str:
    """Write a control of one line, the same as Django's templates make."""
    value = "" if widget["value"] is None else f' value="{escape(str(widget["value"]))}"'
    return f'<input type="{widget["type"]}" name="{escape(widget["name"])}"{value}{write_attributes(widget["attrs"])}>'


def write_select(widget: PageContext) -> Iterator[str]:
    """Yield the parts of a control with options, the same as Django's templates make."""
    yield f'<select name="{escape(widget["name"])}"{write_attributes(widget["attrs"])}>'
    for group, options, _ in widget["optgroups"]:
        yield f'\n  <optgroup label="{escape(str(group))}">' if group else ""
        for option in options:
            value, label = escape(str(option["value"])), escape(str(option["label"]))
            yield f'\n  <option value="{value}"{write_attributes(option["attrs"])}>{label}</option>'
        yield "\n  </optgroup>" if group else ""
    yield "\n</select>\n"


def write_attributes(attributes: PageContext) -> str:
    """Write attributes of HTML: bare where the value is True, and none where it is False."""
    return "".join(
        f" {escape(name)}" if value is True else f' {escape(name)}="{escape(str(value))}"'
        for name, value in attributes.items()
        if value is not False
    )


def find_css_class(widget: Widget) -> str:
    """Return Tabler's class for a control."""
    if isinstance(widget, CheckboxInput | CheckboxSelectMultiple | RadioSelect):
        return "form-check-input"
    return "form-select" if isinstance(widget, Select) else "form-control"
