"""The menu of every page, as data: what the page draws, and what the search finds by its words."""

from collections.abc import Iterator
from typing import NamedTuple

from django.contrib.auth.models import User
from django.urls import reverse


class Entry(NamedTuple):
    """One line of the menu.

    view: the name of its page, as in "campaigns:list". permission: who may open it; "" for everybody. also: other words
    under which people look for it. for_staff: it is a page of the administration, which only staff may enter.
    """

    view: str
    label: str
    icon: str
    permission: str = ""
    also: str = ""
    for_staff: bool = False

    @property
    def path(self) -> str:
        """The address of its page."""
        return reverse(self.view)

    def is_open_to(self, user: User) -> bool:
        """Return whether somebody may open its page."""
        if self.for_staff and not user.is_staff:
            return False
        return not self.permission or user.has_perm(self.permission)


class Group(NamedTuple):
    """Entries under one heading; some have none. is_folded: it is opened by its heading, or by a page of it."""

    heading: str
    entries: tuple[Entry, ...]
    is_folded: bool = False


VIEW_CAMPAIGN = "campaigns.view_campaign"
GROUPS = (
    Group(
        "",
        (
            Entry("campaigns:dashboard", "Dashboard", "dashboard", also="home start"),
            Entry("campaigns:list", "Campaigns", "campaigns", VIEW_CAMPAIGN, also="newsletters tags views"),
            Entry(
                "campaigns:calendar", "Calendar", "calendar", VIEW_CAMPAIGN, also="month week days time line"
            ),
            Entry(
                "promotions:promotions",
                "Promotions",
                "promotion",
                "promotions.view_promotion",
                also="discounts",
            ),
            Entry("promotions:coupons", "Coupons", "coupon", "promotions.view_coupon", also="codes vouchers"),
        ),
    ),
    Group(
        "E-mail content",
        (Entry("mailing:pictures", "Pictures", "picture", "mailing.view_picture", also="images photos"),),
    ),
    Group(
        "Audience",
        (
            Entry(
                "mailing:contacts", "Contacts", "contacts", "mailing.view_contact", also="people customers"
            ),
            Entry("mailing:lists", "Lists", "list", "mailing.view_contactlist"),
            Entry("mailing:segments", "Segments", "segment", "mailing.view_segment", also="filters"),
            Entry("promotions:groups", "Customer groups", "contacts", "promotions.view_customergroup"),
            Entry(
                "mailing:suppressions",
                "Suppressions",
                "suppression",
                "mailing.view_suppression",
                also="unsubscribed bounced blocked",
            ),
            Entry("mailing:contact_import", "Imports", "upload", "mailing.add_contact", also="csv files"),
            Entry("mailing:held_reports", "Held reports", "mail", "mailing.view_heldreport", also="bounces"),
        ),
    ),
    Group(
        "Reports",
        (
            Entry(
                "mailing:site_report",
                "E-mail reports",
                "report",
                "mailing.view_delivery",
                also="opens clicks",
            ),
            Entry("promotions:promotion_report", "Promotion reports", "report", "promotions.view_redemption"),
        ),
    ),
    Group(
        "At the till",
        (
            Entry(
                "tills:sandbox", "Till sandbox", "sandbox", "promotions.view_promotion", also="try a basket"
            ),
            Entry(
                "tills:article_costs", "Article costs", "report", "pos.view_articlecost", also="margin csv"
            ),
            Entry("promotions:stacking", "Stacking rules", "stacking", "promotions.view_stackingsettings"),
        ),
    ),
    Group(
        "Settings",
        (
            Entry(
                "mailing:connections",
                "Connections",
                "connection",
                "mailing.view_smtpconnection",
                also="smtp servers mailboxes dkim sender domains",
            ),
            Entry(
                "mailing:tracking_policy",
                "Tracking",
                "eye",
                "mailing.view_trackingpolicy",
                also="privacy site",
            ),
            Entry(
                "admin:pos_location_changelist",
                "Locations",
                "location",
                "pos.view_location",
                also="shops",
                for_staff=True,
            ),
            Entry("admin:pos_till_changelist", "Tills", "key", "pos.view_till", also="keys", for_staff=True),
            Entry(
                "admin:auth_user_changelist",
                "People",
                "user",
                "auth.view_user",
                also="users roles",
                for_staff=True,
            ),
        ),
        is_folded=True,
    ),
    Group(
        "", (Entry("mailing:outbox", "Outbox", "outbox", "mailing.view_emailcampaign", also="caught mails"),)
    ),
)
ACCOUNT = "campaigns:account"
OWN = (
    Entry(ACCOUNT, "Your account", "user", also="password"),
    Entry("campaigns:settings", "Your settings", "clock", also="time zone"),
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
