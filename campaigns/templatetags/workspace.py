"""How the pages write what they show: instants, money, icons, form fields, the menu."""

from datetime import datetime
from decimal import Decimal

from babel.numbers import format_currency, get_currency_precision
from django import template
from django.conf import settings
from django.forms import BoundField, CheckboxInput, CheckboxSelectMultiple, FileInput, RadioSelect, Select
from django.templatetags.static import static
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()

HAPPENED = {
    "schedule": "Scheduled",
    "unschedule": "Put back to draft",
    "launch": "Launched",
    "activate": "Activated",
    "pause": "Paused",
    "resume": "Resumed",
    "complete": "Completed",
    "expire": "Expired",
    "end_early": "Ended early",
    "fail": "Failed",
    "cancel": "Cancelled",
    "archive": "Archived",
    "unarchive": "Unarchived",
}


@register.filter
def happened(verb: str) -> str:
    """How the history tells a step."""
    return HAPPENED[verb]


@register.filter
def moment(at: datetime | None) -> SafeString | str:
    """An instant in the site's zone, to the minute; nothing for None."""
    if at is None:
        return ""
    written = f"{timezone.localtime(at):%-d %b %Y, %H:%M}"
    return format_html('<time datetime="{}">{}</time>', at.isoformat(), written)


@register.filter
def money(amount: int | None, currency: str = "") -> str:
    """An amount in minor units as people write it: 1250 is €12.50."""
    if amount is None:
        return ""
    currency = currency or settings.CURRENCY
    return format_currency(Decimal(amount).scaleb(-get_currency_precision(currency)), currency, locale="en")


@register.filter
def share(part: int | None, whole: int | None) -> str:
    """`part` of `whole` in percent with one decimal; nothing where there is no whole."""
    if not whole or part is None:
        return ""
    percent = (Decimal(part) * 100 / whole).quantize(Decimal("0.1"))
    return f"{percent} %"


@register.simple_tag
def icon(name: str) -> SafeString:
    """One drawing of static/icons.svg; it is never the only thing that names a control."""
    return format_html(
        '<svg class="icon" aria-hidden="true"><use href="{}#{}"></use></svg>', static("icons.svg"), name
    )


@register.simple_tag
def site_zone() -> str:
    return settings.TIME_ZONE


@register.inclusion_tag("_field.html")
def field(bound: BoundField, label: str = "") -> dict:
    """One field of a form: label, control, help and errors, tied together for assistive technology."""
    widget = bound.field.widget
    group = isinstance(widget, CheckboxSelectMultiple | RadioSelect)
    check = isinstance(widget, CheckboxInput)
    if not group:
        style = (
            "form-check-input" if check else "form-select" if isinstance(widget, Select) else "form-control"
        )
        if widget.attrs.get("class") and style not in widget.attrs["class"]:
            style = f"{style} {widget.attrs['class']}"
        widget.attrs["class"] = style
    return {
        "field": bound,
        "label": label or bound.label,
        "is_check": check,
        "is_group": group,
        "is_file": isinstance(widget, FileInput),
    }


@register.inclusion_tag("_menu_entry.html", takes_context=True)
def entry(context: template.Context, name: str, label: str, drawing: str, permission: str = "") -> dict:
    """One line of the menu; left out for those who may not open its page."""
    request = context["request"]
    try:
        path = reverse(name)
    except NoReverseMatch:
        return {}
    if permission and not request.user.has_perm(permission):
        return {}
    here = request.path == path if path == "/" else request.path.startswith(path)
    return {"path": path, "label": label, "drawing": drawing, "here": here}
