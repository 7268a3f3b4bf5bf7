"""The top clickers, if the site's tracking mode and the present consent of each contact allow us to name them."""

from collections.abc import Sequence
from typing import NamedTuple

from django.conf import settings
from django.db.models import OuterRef, Subquery
from django.utils.translation import gettext as _

from mailing.models import Delivery, EmailCampaign, Mode, TrackingConsent
from mailing.reports.counting import Clicker

CLICKERS_SHOWN = 10


class TopClickers(NamedTuple):
    """Deliveries with their clicks, the most first; when there are none, `reason` says why."""

    rows: Sequence[tuple[Delivery, Clicker]]
    reason: str


def list_top_clickers(campaign: EmailCampaign, clickers: list[Clicker], mode: Mode) -> TopClickers:
    """Return those of `clickers` who may be named now."""
    if mode != Mode.INDIVIDUAL:
        return TopClickers([], _("Tracking does not record who clicked, so nobody is named here."))
    if not clickers:
        return TopClickers([], _("Nobody who may be named has clicked yet."))
    latest = TrackingConsent.objects.filter(contact=OuterRef("contact")).order_by("-pk")
    deliveries = Delivery.objects.filter(
        pk__in=[each.delivery for each in clickers], campaign=campaign
    ).annotate(consents=Subquery(latest.values("is_granted")[:1]))
    allowed = {row.pk: row for row in deliveries if may_be_named(row.contact_id, row.consents)}
    rows = [(allowed[each.delivery], each) for each in clickers if each.delivery in allowed]
    if not rows:
        return TopClickers(
            [],
            _("The contacts who clicked most have not consented to be named, or withdrew their consent."),
        )
    return TopClickers(rows[:CLICKERS_SHOWN], "")


def may_be_named(contact_id: int | None, consents: bool | None) -> bool:
    """Return whether the latest consent of a contact lets us name them; a deleted contact is never named."""
    if contact_id is None:
        return False
    return consents is True or (consents is None and settings.TRACKING_CONSENT == "opt-out")
