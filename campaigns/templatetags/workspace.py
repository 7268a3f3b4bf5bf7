"""How the pages write what they show: instants, money, icons, form fields, the menu."""

from datetime import datetime
from decimal import Decimal

from babel.numbers import format_currency, get_currency_precision
from django import template
from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.forms import BoundField, CheckboxInput, CheckboxSelectMultiple, RadioSelect, Select
from django.templatetags.static import static
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from campaigns import dates, zones
from campaigns.verbs import VERBS

register = template.Library()


@register.filter
def step_label(verb: str) -> str:
    """How the history tells a step."""
    return VERBS[verb].past


@register.filter
def moment(at: datetime | None) -> SafeString | str:
    """An instant in the zone of who looks, to the minute; nothing for None."""
    if at is None:
        return ""
    return format_html('<time datetime="{}">{}</time>', at.isoformat(), dates.write_moment(at))


@register.filter
def exact_time(at: datetime) -> str:
    """The time of the day of an instant, to the second."""
    return dates.write_exact_time(at)


@register.filter
def person(user: AbstractUser | None) -> str:
    """Somebody by the name colleagues know, else by that of the login; nothing for None."""
    return "" if user is None else user.get_full_name() or user.get_username()


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


@register.filter
def thousands(number: int | None) -> str:
    """1000000 as 1,000,000."""
    return "" if number is None else f"{number:,}"


@register.filter
def rounddown(percent: float) -> int:
    """To the ten percent below: what is worth saying aloud."""
    return int(percent // 10) * 10


@register.filter
def duration(seconds: int | None) -> str:
    """A stretch of time in its two largest units: 7384 is 2 h 3 min."""
    if seconds is None:
        return ""
    days, rest = divmod(int(seconds), 86_400)
    hours, rest = divmod(rest, 3600)
    minutes, left = divmod(rest, 60)
    words = [f"{n} {unit}" for n, unit in ((days, "d"), (hours, "h"), (minutes, "min"), (left, "s")) if n]
    return " ".join(words[:2]) or "0 s"


@register.simple_tag
def icon(name: str) -> SafeString:
    """One drawing of static/icons.svg; it is never the only thing that names a control."""
    return format_html(
        '<svg class="icon" aria-hidden="true"><use href="{}#{}"></use></svg>', static("icons.svg"), name
    )


@register.simple_tag
def zone_name(key: str = "") -> str:
    """A zone by its IANA name as people call it, or that in which the page shows times: Berlin time."""
    return dates.name_zone(zones.find_zone(key))


@register.inclusion_tag("_field.html")
def field(bound: BoundField, label: str = "") -> dict:
    """One field of a form: label, control, help and errors, tied together for assistive technology."""
    widget = bound.field.widget
    add_css_class(bound)
    return {
        "field": bound,
        "label": label or bound.label,
        "is_check": isinstance(widget, CheckboxInput),
        "is_group": isinstance(widget, CheckboxSelectMultiple | RadioSelect),
    }


@register.simple_tag
def control(bound: BoundField) -> BoundField:
    """The control of a field alone, where a table or a label of its own names it."""
    bound.field.widget.attrs.setdefault("aria-label", bound.label)
    return add_css_class(bound)


def add_css_class(bound: BoundField) -> BoundField:
    """The field with the classes of its control, beside those it has."""
    widget = bound.field.widget
    style = "form-control"
    if isinstance(widget, CheckboxInput | CheckboxSelectMultiple | RadioSelect):
        style = "form-check-input"
    elif isinstance(widget, Select):
        style = "form-select"
    classes = widget.attrs.get("class", "").split()
    if style not in classes:
        widget.attrs["class"] = " ".join([style, *classes])
    return bound


@register.inclusion_tag("_sortable.html", takes_context=True)
def sortable(context: template.Context, name: str, label: str) -> dict:
    """The head of a column that sorts its list by `?sort=name`, and the other way round by `?sort=-name`."""
    sort = context["request"].GET.get("sort", "")
    turned = "-" if sort == name else ""
    return {"label": label, "sort": turned + name, "is_up": sort == name, "is_down": sort == f"-{name}"}


@register.inclusion_tag("_menu_entry.html", takes_context=True)
def entry(context: template.Context, name: str, label: str, drawing: str, permission: str = "") -> dict:
    """One line of the menu; left out for those who may not open its page.

    It is marked on its page and those below; one whose address is not below says by `menu_path` where it belongs.
    """
    request = context["request"]
    if permission and not request.user.has_perm(permission):
        return {}
    path = reverse(name)
    at = context.get("menu_path") or request.path
    here = at == path if path == "/" else at.startswith(path)
    return {"path": path, "label": label, "drawing": drawing, "here": here}
