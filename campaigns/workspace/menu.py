"""The menu of every page, as data: what the page draws, and what the search finds by its words."""

from collections.abc import Iterator
from typing import NamedTuple

from django.contrib.auth.models import User
from django.urls import reverse


class Entry(NamedTuple):
    """One line of the menu.

    view: the name of its page, as in "campaigns:list". permission: who may open it; "" for everybody. also: other words
    under which people look for it.
    """

    view: str
    label: str
    icon: str
    permission: str = ""
    also: str = ""

    @property
    def path(self) -> str:
        """The address of its page."""
        return reverse(self.view)

    def is_open_to(self, user: User) -> bool:
        """Return whether somebody may open its page."""
        return not self.permission or user.has_perm(self.permission)


class Group(NamedTuple):
    """Entries under one heading; the first group has none."""

    heading: str
    entries: tuple[Entry, ...]


GROUPS = (
    Group(
        "",
        (
            Entry("campaigns:dashboard", "Dashboard", "dashboard", also="home start"),
            Entry("campaigns:list", "Campaigns", "campaigns", "campaigns.view_campaign", also="newsletters"),
            Entry("campaigns:calendar", "Calendar", "calendar", "campaigns.view_campaign", also="month days"),
        ),
    ),
    Group(
        "At the till",
        (
            Entry(
                "promotions:promotions",
                "Promotions",
                "promotion",
                "promotions.view_promotion",
                also="discounts",
            ),
            Entry("promotions:coupons", "Coupons", "coupon", "promotions.view_coupon", also="codes vouchers"),
            Entry("promotions:groups", "Customer groups", "contacts", "promotions.view_customergroup"),
            Entry("promotions:stacking", "Stacking rules", "stacking", "promotions.view_stackingsettings"),
            Entry("tills:sandbox", "Sandbox", "sandbox", "promotions.view_promotion", also="try a basket"),
            Entry(
                "tills:article_costs", "Article costs", "report", "pos.view_articlecost", also="margin csv"
            ),
            Entry("promotions:promotion_report", "Promotion reports", "report", "promotions.view_redemption"),
        ),
    ),
    Group(
        "Audience",
        (
            Entry(
                "mailing:contacts", "Contacts", "contacts", "mailing.view_contact", also="people customers"
            ),
            Entry("mailing:lists", "Lists", "list", "mailing.view_contactlist"),
            Entry("mailing:segments", "Segments", "segment", "mailing.view_segment", also="filters"),
            Entry(
                "mailing:suppressions",
                "Suppressions",
                "suppression",
                "mailing.view_suppression",
                also="unsubscribed bounced blocked",
            ),
            Entry("mailing:held_reports", "Held reports", "mail", "mailing.view_heldreport", also="bounces"),
        ),
    ),
    Group(
        "Sending",
        (
            Entry(
                "mailing:connections",
                "Connections",
                "connection",
                "mailing.view_smtpconnection",
                also="smtp servers mailboxes dkim domains",
            ),
            Entry(
                "mailing:tracking_policy", "Tracking", "eye", "mailing.view_trackingpolicy", also="privacy"
            ),
            Entry(
                "mailing:site_report",
                "E-mail reports",
                "report",
                "mailing.view_delivery",
                also="opens clicks",
            ),
            Entry("mailing:outbox", "Outbox", "outbox", "mailing.view_emailcampaign", also="caught mails"),
        ),
    ),
)
ACCOUNT = "campaigns:account"
OWN = (
    Entry(ACCOUNT, "Your account", "user", also="password"),
    Entry("campaigns:settings", "Your settings", "clock", also="time zone"),
)
"""The pages about oneself, which stand at the foot of the menu, the account under the name of who is signed in."""


def list_entries(user: User) -> Iterator[Entry]:
    """Yield the entries that somebody may open, in the order of the menu."""
    for entries in (*(group.entries for group in GROUPS), OWN):
        yield from (entry for entry in entries if entry.is_open_to(user))
