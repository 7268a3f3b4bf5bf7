"""How forms are drawn: each field with its label, control, help and errors, tied together for assistive technology."""

from typing import Any

from django.forms import BoundField, CheckboxInput, CheckboxSelectMultiple, RadioSelect, Select, Widget
from django.forms.renderers import TemplatesSetting


class PageField(BoundField):
    """A field whose control has Tabler's class, beside the classes that its form gives it."""

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


def find_css_class(widget: Widget) -> str:
    """Return Tabler's class for a control."""
    if isinstance(widget, CheckboxInput | CheckboxSelectMultiple | RadioSelect):
        return "form-check-input"
    return "form-select" if isinstance(widget, Select) else "form-control"
