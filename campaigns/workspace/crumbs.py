"""The way to each page below the menu, as data: what the breadcrumbs show.

A page of the menu needs no way. Every other page has a line in PLACES, which a test holds to.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from django.contrib.auth.models import User
from django.urls import NoReverseMatch, ResolverMatch, reverse
from django.utils.translation import gettext_lazy as _

from campaigns import formats
from campaigns.annotations import ColumnValue, Words
from campaigns.workspace import menu


class Place(NamedTuple):
    """A page: the view of the page above it, and what it is called.

    of: the names under which the page may have what it is about; its text is the name of the place then.
    """

    above: str
    label: Words
    of: tuple[str, ...] = ()


class Crumb(NamedTuple):
    """One step of the way. path: "" for the page itself, and for a page whose address is not known here."""

    label: Words
    path: str


CAMPAIGN, PROMOTION_CAMPAIGN, PROMOTION = "mailing:campaign", "promotions:campaign", "promotions:promotion"
LIST, COUPONS, CONTACTS, SEGMENTS = (
    "campaigns:list",
    "promotions:coupons",
    "mailing:contacts",
    "mailing:segments",
)
CONNECTIONS, CONNECTION, MAILBOXES = "mailing:connections", "mailing:connection", "mailing:mailboxes"
UPLOAD, SENDER = "mailing:upload", "mailing:sender_domain"
EDIT, DELETE = _("Edit"), _("Delete")

PLACES: Mapping[str, Place] = {
    "campaigns:delete_view": Place(LIST, _("Delete a view")),
    "campaigns:fire": Place(LIST, _("Campaign"), ("campaign",)),
    "campaigns:delete": Place(LIST, _("Campaign"), ("campaign",)),
    "campaigns:trends": Place("campaigns:dashboard", _("The last 30 days")),
    "campaigns:live_campaigns": Place("campaigns:dashboard", _("Under way")),
    "campaigns:guide": Place("campaigns:dashboard", _("Guide")),
    "campaigns:search": Place("campaigns:dashboard", _("Search")),
    "campaigns:change_feed": Place("campaigns:calendar", _("Calendar feed")),
    "campaigns:person_invite": Place("campaigns:people", _("Invite")),
    "campaigns:person": Place("campaigns:people", _("Person"), ("person",)),
    "campaigns:password": Place("campaigns:account", _("Password")),
    "promotions:campaign_new": Place(LIST, _("New promotion campaign")),
    PROMOTION_CAMPAIGN: Place(LIST, _("Promotion campaign"), ("campaign", "row")),
    "promotions:campaign_edit": Place(PROMOTION_CAMPAIGN, EDIT),
    "promotions:campaign_days": Place(PROMOTION_CAMPAIGN, _("Day by day")),
    "tills:forecast": Place("promotions:promotions", _("Forecast from past sales")),
    "tills:estimate": Place(PROMOTION_CAMPAIGN, _("Estimate")),
    "promotions:promotion_new": Place("promotions:promotions", _("New promotion")),
    PROMOTION: Place("promotions:promotions", _("Promotion"), ("promotion", "row")),
    "promotions:promotion_edit": Place(PROMOTION, EDIT),
    "promotions:promotion_delete": Place(PROMOTION, DELETE),
    "promotions:coupon_new": Place(COUPONS, _("New coupon")),
    "promotions:coupons_generate": Place(COUPONS, _("Generate coupons")),
    "promotions:batches": Place(COUPONS, _("Batches")),
    "promotions:batch_switch": Place("promotions:batches", _("Switch a batch")),
    "promotions:coupon": Place(COUPONS, _("Coupon"), ("coupon",)),
    "promotions:group_new": Place("promotions:groups", _("New customer group")),
    "promotions:group": Place("promotions:groups", _("Customer group"), ("group",)),
    "mailing:campaign_new": Place(LIST, _("New e-mail campaign")),
    CAMPAIGN: Place(LIST, _("E-mail campaign"), ("campaign", "subject")),
    "mailing:campaign_edit": Place(CAMPAIGN, EDIT),
    "mailing:builder": Place("mailing:campaign_edit", _("Builder")),
    "mailing:versions": Place(CAMPAIGN, _("Versions")),
    "mailing:version": Place("mailing:versions", _("Version")),
    "mailing:revenue": Place(CAMPAIGN, _("Revenue")),
    "mailing:incremental_revenue": Place(CAMPAIGN, _("Incremental revenue")),
    "mailing:report": Place(CAMPAIGN, _("Report")),
    "mailing:readiness": Place(CAMPAIGN, _("Ready to launch?")),
    "mailing:check_connections": Place(CAMPAIGN, _("Mail servers")),
    "mailing:campaign_preflight": Place(CAMPAIGN, _("Check")),
    "mailing:stage_contacts": Place(CAMPAIGN, _("People")),
    "mailing:test_mail": Place(CAMPAIGN, _("Test mail")),
    "mailing:duplicate_for_unreached": Place(CAMPAIGN, _("Who was not reached")),
    "mailing:resend_to_silent": Place(CAMPAIGN, _("Who was silent")),
    "mailing:retry_failed": Place(CAMPAIGN, _("Try again")),
    "mailing:resend_uncertain": Place(CAMPAIGN, _("Send uncertain mails again")),
    "mailing:choose_winner": Place(CAMPAIGN, _("Winner")),
    "mailing:compare": Place("mailing:site_report", _("Compare")),
    "mailing:contact_new": Place(CONTACTS, _("New contact")),
    "mailing:contact": Place(CONTACTS, _("Contact"), ("contact",)),
    "mailing:contact_edit": Place("mailing:contact", EDIT),
    "mailing:contact_delete": Place("mailing:contact", DELETE),
    "mailing:contact_erase": Place("mailing:contact", _("Erase")),
    "mailing:contact_why": Place("mailing:contact", _("Why")),
    "mailing:contact_segments": Place("mailing:contact", _("Segments")),
    "mailing:picture_new": Place("mailing:pictures", _("Add a picture")),
    "mailing:picture_edit": Place("mailing:pictures", _("Picture"), ("picture",)),
    "mailing:picture_delete": Place("mailing:pictures", DELETE),
    "mailing:template_new": Place("mailing:templates", _("New template")),
    "mailing:template_edit": Place("mailing:templates", _("Template"), ("row",)),
    "mailing:block_new": Place("mailing:blocks", _("New block")),
    "mailing:block_edit": Place("mailing:blocks", _("Block"), ("row",)),
    "mailing:list_new": Place("mailing:lists", _("New list")),
    "mailing:list_edit": Place("mailing:lists", _("List"), ("list",)),
    "mailing:list_delete": Place("mailing:lists", DELETE),
    "mailing:segment_new": Place(SEGMENTS, _("New segment")),
    "mailing:segment": Place(SEGMENTS, _("Segment"), ("segment",)),
    "mailing:segment_delete": Place(SEGMENTS, DELETE),
    "mailing:suppression_new": Place("mailing:suppressions", _("Suppress an address")),
    "mailing:suppression_import": Place("mailing:suppressions", _("Import suppressions")),
    "mailing:suppression_delete": Place("mailing:suppressions", DELETE),
    "mailing:held_report": Place("mailing:held_reports", _("Report"), ("held",)),
    UPLOAD: Place("mailing:contact_import", _("Import"), ("upload",)),
    "mailing:upload_columns": Place(UPLOAD, _("Columns")),
    "mailing:connection_new": Place(CONNECTIONS, _("New connection")),
    CONNECTION: Place(CONNECTIONS, _("Connection"), ("smtp", "subject", "owner")),
    "mailing:connection_edit": Place(CONNECTION, EDIT),
    "mailing:connection_delete": Place(CONNECTION, DELETE),
    "mailing:connection_test": Place(CONNECTION, _("Test")),
    "mailing:connection_preflight": Place(CONNECTION, _("Check")),
    "mailing:connection_webhook": Place(CONNECTION, _("Webhook")),
    "mailing:webhook_rotate": Place(CONNECTION, _("Webhook")),
    "mailing:connection_oauth": Place(CONNECTION, _("Login by OAuth 2")),
    MAILBOXES: Place(CONNECTIONS, _("Bounce mailboxes")),
    "mailing:mailbox_new": Place(MAILBOXES, _("New mailbox")),
    "mailing:mailbox": Place(MAILBOXES, _("Mailbox"), ("mailbox", "owner")),
    "mailing:mailbox_edit": Place("mailing:mailbox", EDIT),
    "mailing:mailbox_delete": Place("mailing:mailbox", DELETE),
    "mailing:mailbox_test": Place("mailing:mailbox", _("Test")),
    "mailing:mailbox_oauth": Place("mailing:mailbox", _("Login by OAuth 2")),
    "mailing:sender_domain_new": Place(CONNECTIONS, _("New sender domain")),
    SENDER: Place(CONNECTIONS, _("Sender domain"), ("name",)),
    "mailing:sender_domain_delete": Place(SENDER, DELETE),
    "mailing:caught_mail": Place("mailing:outbox", _("Mail")),
    "tills:reference": Place("tills:sandbox", _("Till API")),
}


def find_way(match: ResolverMatch | None, find: Callable[[str], ColumnValue]) -> list[Crumb]:
    """Return the way to a page, its own place last; [] for a page of the menu and for one that has no place.

    Args:
        match: which view shows the page, with the arguments of its address.
        find: returns what the page shows under a name, None for nothing.
    """
    if match is None or match.view_name not in PLACES:
        return []
    crumbs = [Crumb(_name_place(match.view_name, find), "")]
    view = PLACES[match.view_name].above
    while view:
        crumbs.append(Crumb(_name_place(view, find), _find_path(view, match)))
        view = PLACES[view].above if view in PLACES else ""
    return crumbs[::-1]


def _name_place(view: str, find: Callable[[str], ColumnValue]) -> Words:
    place = PLACES.get(view)
    if place is None:
        return next(entry.label for entry in menu.list_all_entries() if entry.view == view)
    found = (find(name) for name in place.of)
    return next((_name_thing(one) for one in found if one), place.label)


def _name_thing(thing: ColumnValue) -> str:
    return formats.person(thing) if isinstance(thing, User) else str(thing)


def _find_path(view: str, match: ResolverMatch) -> str:
    """Return the address of a page above; it takes as many of the arguments as it needs."""
    for kwargs in ({}, match.kwargs):
        try:
            return reverse(view, kwargs=kwargs)
        except NoReverseMatch:
            continue
    first = dict(list(match.kwargs.items())[:1])
    try:
        return reverse(view, kwargs=first)
    except NoReverseMatch:
        return ""
