"""The menu of every page, as data: what the page draws, and what the search finds by its words."""

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from django.contrib.auth.models import User
from django.urls import reverse
from django.utils.translation import gettext_lazy

from campaigns.annotations import Words


class Entry(NamedTuple):
    """One line of the menu.

    view: the name of its page, as in "campaigns:list". permission: who may open it; "" for everybody. also: other words
    under which people look for it. for_staff: it is a page of the administration, which only staff may enter.
    """

    view: str
    label: Words
    icon: str
    permission: str = ""
    also: str = ""
    for_staff: bool = False

    @property
    def path(self) -> str:
        """The address of its page."""
        return _find_path(self.view)

    def is_open_to(self, user: User) -> bool:
        """Return whether somebody may open its page."""
        if self.for_staff and not user.is_staff:
            return False
        return not self.permission or user.has_perm(self.permission)


@cache
def _find_path(view: str) -> str:
    """Return the address of a page, which stays: every page asks for those of the whole menu."""
    return reverse(view)


class Group(NamedTuple):
    """Entries under one heading; some have none. is_folded: it is opened by its heading, or by a page of it."""

    heading: Words
    entries: tuple[Entry, ...]
    is_folded: bool = False


VIEW_CAMPAIGN = "campaigns.view_campaign"
GROUPS = (
    Group(
        "",
        (
            Entry("campaigns:dashboard", gettext_lazy("Dashboard"), "dashboard", also="home start"),
            Entry(
                "campaigns:list",
                gettext_lazy("Campaigns"),
                "campaigns",
                VIEW_CAMPAIGN,
                also="newsletters tags views",
            ),
            Entry(
                "campaigns:calendar",
                gettext_lazy("Calendar"),
                "calendar",
                VIEW_CAMPAIGN,
                also="month week days time line",
            ),
            Entry(
                "promotions:promotions",
                gettext_lazy("Promotions"),
                "promotion",
                "promotions.view_promotion",
                also="discounts",
            ),
            Entry(
                "promotions:coupons",
                gettext_lazy("Coupons"),
                "coupon",
                "promotions.view_coupon",
                also="codes vouchers",
            ),
        ),
    ),
    Group(
        gettext_lazy("E-mail content"),
        (
            Entry(
                "mailing:templates",
                gettext_lazy("Templates"),
                "template",
                "mailing.view_mailtemplate",
                also="gallery designs",
            ),
            Entry(
                "mailing:blocks",
                gettext_lazy("Blocks"),
                "block",
                "mailing.view_block",
                also="headers footers snippets",
            ),
            Entry(
                "mailing:pictures",
                gettext_lazy("Pictures"),
                "picture",
                "mailing.view_picture",
                also="images photos",
            ),
        ),
    ),
    Group(
        gettext_lazy("Audience"),
        (
            Entry(
                "mailing:contacts",
                gettext_lazy("Contacts"),
                "contacts",
                "mailing.view_contact",
                also="people customers",
            ),
            Entry("mailing:lists", gettext_lazy("Lists"), "list", "mailing.view_contactlist"),
            Entry(
                "mailing:segments",
                gettext_lazy("Segments"),
                "segment",
                "mailing.view_segment",
                also="filters",
            ),
            Entry(
                "promotions:groups",
                gettext_lazy("Customer groups"),
                "contacts",
                "promotions.view_customergroup",
            ),
            Entry(
                "mailing:suppressions",
                gettext_lazy("Suppressions"),
                "suppression",
                "mailing.view_suppression",
                also="unsubscribed bounced blocked",
            ),
            Entry(
                "mailing:contact_import",
                gettext_lazy("Imports"),
                "upload",
                "mailing.add_contact",
                also="csv files",
            ),
            Entry(
                "mailing:held_reports",
                gettext_lazy("Held reports"),
                "mail",
                "mailing.view_heldreport",
                also="bounces",
            ),
        ),
    ),
    Group(
        gettext_lazy("Reports"),
        (
            Entry(
                "mailing:site_report",
                gettext_lazy("E-mail reports"),
                "report",
                "mailing.view_delivery",
                also="opens clicks",
            ),
            Entry(
                "promotions:promotion_report",
                gettext_lazy("Promotion reports"),
                "report",
                "promotions.view_redemption",
            ),
        ),
    ),
    Group(
        gettext_lazy("At the till"),
        (
            Entry(
                "tills:sandbox",
                gettext_lazy("Till sandbox"),
                "sandbox",
                "promotions.view_promotion",
                also="try a basket",
            ),
            Entry(
                "tills:article_costs",
                gettext_lazy("Article costs"),
                "report",
                "pos.view_articlecost",
                also="margin csv",
            ),
            Entry(
                "promotions:stacking",
                gettext_lazy("Stacking rules"),
                "stacking",
                "promotions.view_stackingsettings",
            ),
        ),
    ),
    Group(
        gettext_lazy("Settings"),
        (
            Entry(
                "mailing:connections",
                gettext_lazy("Connections"),
                "connection",
                "mailing.view_smtpconnection",
                also="smtp servers mailboxes dkim sender domains",
            ),
            Entry(
                "mailing:tracking_policy",
                gettext_lazy("Tracking"),
                "eye",
                "mailing.view_trackingpolicy",
                also="privacy site",
            ),
            Entry(
                "admin:pos_location_changelist",
                gettext_lazy("Locations"),
                "location",
                "pos.view_location",
                also="shops",
                for_staff=True,
            ),
            Entry(
                "admin:pos_till_changelist",
                gettext_lazy("Tills"),
                "key",
                "pos.view_till",
                also="keys",
                for_staff=True,
            ),
            Entry(
                "campaigns:people",
                gettext_lazy("People"),
                "user",
                "auth.view_user",
                also="users roles invite",
            ),
        ),
        is_folded=True,
    ),
    Group(
        "",
        (
            Entry(
                "mailing:outbox",
                gettext_lazy("Outbox"),
                "outbox",
                "mailing.view_emailcampaign",
                also="caught mails",
            ),
        ),
    ),
)
ACCOUNT = "campaigns:account"
OWN = (
    Entry(ACCOUNT, gettext_lazy("Your account"), "user", also="password"),
    Entry("campaigns:settings", gettext_lazy("Your settings"), "clock", also="time zone"),
)
"""The pages about oneself, which stand at the foot of the menu, the account under the name of who is signed in."""


def list_all_entries() -> Iterator[Entry]:
    """Yield every entry, whoever may open it."""
    for entries in (*(group.entries for group in GROUPS), OWN):
        yield from entries


def list_entries(user: User) -> Iterator[Entry]:
    """Yield the entries that somebody may open, in the order of the menu."""
    for entries in (*(group.entries for group in GROUPS), OWN):
        yield from (entry for entry in entries if entry.is_open_to(user))


def find_place(path: str) -> str:
    """Return the address of the entry to which a page belongs: the longest one that its own address begins with."""
    entries = [entry.path for group in GROUPS for entry in group.entries]
    return max(
        (each for each in entries if path == each or (each != "/" and path.startswith(each))),
        key=len,
        default="",
    )
