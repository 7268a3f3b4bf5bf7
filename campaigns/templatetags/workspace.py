"""Template tags: formats of `campaigns.formats` and `campaigns.dates`, icons, controls, the menu."""

import json
from datetime import datetime, time
from decimal import Decimal
from functools import cache

from django import template
from django.contrib.messages.storage.base import Message
from django.forms import BoundField
from django.http import HttpRequest
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeData, SafeString

from campaigns import dates, formats, guide, roles, zones
from campaigns.annotations import JsonObject, PageContext
from campaigns.lifecycle import lifecycle_of
from campaigns.models import Campaign
from campaigns.stored_sentences import translate_stored
from campaigns.verbs import VERBS
from campaigns.workspace import crumbs, menu, overview

register = template.Library()

for write in (
    formats.person,
    formats.money,
    formats.share,
    formats.thousands,
    formats.rounddown,
    formats.duration,
    formats.in_sentence,
    roles.name_role,
):
    register.filter(write)


@register.filter("stored")
def write_stored(said: object) -> str:
    """Write a sentence that may be a stored one in the language of the page. HTML stays as it is."""
    text = str(said)
    return text if isinstance(text, SafeData) else translate_stored(text)


@register.filter
def percent(number: float, decimals: int | None = None) -> str:
    """Write a number as a percentage, as the language does, with all its decimals or with so many."""
    shown = Decimal(str(number))
    return formats.write_percent(shown if decimals is None else round(shown, decimals))


@register.filter
def step_label(verb: str) -> str:
    """Return the words for a step in the history."""
    return str(VERBS[verb].past)


@register.filter
def moment(at: datetime | None) -> SafeString | str:
    """Write an instant in the user's zone, to the minute; "" for None."""
    if at is None:
        return ""
    return format_html('<time datetime="{}">{}</time>', at.isoformat(), dates.write_moment(at))


@register.filter
def address(mail: str) -> SafeString:
    """Write an e-mail address that a narrow page breaks before its domain."""
    local, at, domain = mail.rpartition("@")
    return format_html("{}<wbr>{}{}", local, at, domain)


@register.filter
def end_after(end: datetime, begin: datetime) -> SafeString:
    """Write an instant after the one that stands before it: only its time on the same day."""
    return format_html('<time datetime="{}">{}</time>', end.isoformat(), dates.write_end(end, begin))


register.filter("first_day", dates.write_first_day)
register.filter("day", dates.write_day)
register.filter("short_day", dates.write_short_day)
register.filter("month", dates.write_month)
register.filter("month_name", dates.write_month_name)
register.filter("weekday", dates.write_weekday)
register.filter("weekday_name", dates.write_weekday_name)


@register.filter
def weekday_moment(at: datetime) -> str:
    """Write an instant in the user's zone, with its day of the week."""
    return dates.write_weekday_moment(at)


@register.filter
def clock(at: time) -> str:
    """Return a time of the day, as it stands."""
    return dates.write_time(at)


@register.filter
def hour(at: datetime) -> str:
    """Return the time of the day of an instant, to the minute."""
    return dates.write_time(timezone.localtime(at).time())


@register.filter
def exact_time(at: datetime) -> str:
    """Return the time of the day of an instant, to the second."""
    return dates.write_exact_time(at)


@register.filter
def undo_of(message: Message) -> JsonObject | None:
    """Return where a message's button Undo posts (`to`) and what (`fields`); None for a message without one."""
    kind, _, undo = (message.extra_tags or "").partition(" ")
    found: JsonObject | None = json.loads(undo) if kind == "undo" else None
    return found


@register.simple_tag
@cache  # a list draws some two hundred of a few kinds
def icon(name: str) -> SafeString:
    """Return one drawing of static/icons.svg. A control needs a name beside it."""
    return format_html(
        '<svg class="icon" aria-hidden="true"><use href="{}#{}"></use></svg>', static("icons.svg"), name
    )


@register.simple_tag
def kind_icon(campaign: Campaign) -> SafeString:
    """Draw the icon of the campaign's kind."""
    return icon(lifecycle_of(campaign).ICON)


@register.simple_tag
def zone_name(key: str = "") -> str:
    """Name a zone by its IANA name, by default the zone of the page, as people call it: Berlin time."""
    return dates.name_zone(zones.find_zone(key))


@register.simple_tag
def control(bound: BoundField) -> str:
    """Draw only the control of a field, which a table or another label names."""
    name = bound.field.widget.attrs.get("aria-label", bound.label)
    return bound.as_widget(attrs={"aria-label": name})


@register.inclusion_tag("_sortable.html", takes_context=True)
def sortable(context: template.Context, name: str, label: str) -> PageContext:
    """Return the heading of a column that sorts its list by `?sort=name`, or backwards by `?sort=-name`."""
    sort = context["request"].GET.get("sort", "")
    turned = "-" if sort == name else ""
    return {"label": label, "sort": turned + name, "is_up": sort == name, "is_down": sort == f"-{name}"}


@register.inclusion_tag("_menu.html", takes_context=True)
def main_menu(context: template.Context) -> PageContext:
    """Draw the menu: the entries that this person may open, marked where the page or one of those below it is shown.

    A page whose address is not below its entry's says by `menu_path` where it belongs.
    """
    request = context["request"]
    here = menu.find_place(context.get("menu_path") or request.path)
    groups = []
    for group in menu.GROUPS:
        entries = [(entry, entry.path == here) for entry in group.entries if entry.is_open_to(request.user)]
        if entries:
            is_open = not group.is_folded or any(is_here for _, is_here in entries)
            groups.append((group, entries, is_open))
    return {"groups": groups}


@register.inclusion_tag("_breadcrumb.html", takes_context=True)
def breadcrumb(context: template.Context) -> PageContext:
    """Draw the way to the page that is shown; nothing for a page of the menu."""
    request = context.get("request")
    return {"way": crumbs.find_way(request.resolver_match, context.get) if request else []}


@register.inclusion_tag("campaigns/_places.html", takes_context=True)
def campaign_places(context: template.Context, campaign: Campaign) -> PageContext:
    """Draw the pages about a campaign as tabs, the one that is shown marked; nothing when there is only its own."""
    request = context["request"]
    places = overview.list_places(campaign, request.user)
    return {"places": places, "here": _find_here(request, [path for _, path in places])}


def _find_here(request: HttpRequest, paths: list[str]) -> str:
    """Return which of `paths` is shown. A report of promotions is that of the campaign in its query."""
    if request.path in paths:
        return request.path
    return next((path for path in paths if path.partition("?")[0] == request.path), "")


@register.simple_tag(takes_context=True)
def help_path(context: template.Context) -> str:
    """Return the address of the section of the guide that explains this page."""
    match = context["request"].resolver_match
    return guide.find_help(match.view_name if match else "")


@register.inclusion_tag("_own_menu.html", takes_context=True)
def own_menu(context: template.Context) -> PageContext:
    """Draw the entries about oneself; the one of the account bears the name of who is signed in."""
    request = context["request"]
    labels = {menu.ACCOUNT: formats.person(request.user)}
    return {
        "entries": [
            (entry, labels.get(entry.view, entry.label), request.path.startswith(entry.path))
            for entry in menu.OWN
        ]
    }
