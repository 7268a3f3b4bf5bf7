"""The sections of the editor of e-mail campaigns, in their order, and which field stands in which."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from mailing.models.offers import OFFER_COLUMNS

SECTIONS: dict[str, Promise] = {
    "content": _("Content"),
    "audience": _("Audience"),
    "offer": _("Offer"),
    "delivery": _("Delivery"),
    "review": _("Review"),
}
FIRST, LAST = "content", "review"

_AUDIENCE = frozenset({"targets", "hold_out"})
_OFFER = frozenset({"has_offer", *OFFER_COLUMNS})
_DELIVERY = frozenset(
    {
        "sharing",
        "connection",
        "routes",
        "retry_hours",
        "per_second",
        "per_minute",
        "per_hour",
        "window_from",
        "window_until",
        "window_days",
        "window_zone",
        "local_time",
        "track_opens",
        "track_clicks",
        "tracking",
        "attribution_days",
        "after_acceptance",
        "utm_source",
        "utm_medium",
        "utm_campaign",
        "utm_content",
        "starts_at",
    }
)


def find_section(field: str) -> str:
    """Return the section that holds a field of the form, or a field that a check of the launch names."""
    if field in _AUDIENCE or field.startswith("target_"):
        return "audience"
    if field in _OFFER:
        return "offer"
    if field in _DELIVERY or field.startswith(("share_", "position_")):
        return "delivery"
    return FIRST


def read_section(asked: str) -> str:
    """Return the section that an address asks for; "" for none, or for one that is not there."""
    return asked if asked in SECTIONS else ""


def follow(section: str) -> str:
    """Return the section after this one; "" after the last."""
    names = list(SECTIONS)
    place = names.index(section) + 1
    return names[place] if place < len(names) else ""
