"""The figures and rates of a campaign, each with its meaning, or why nobody can know it."""

import msgspec
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from campaigns import formats
from mailing.models import Delivery, EmailCampaign, Mode, Tally
from mailing.progress import Figures
from mailing.tallies import Sums

S, M = Delivery.Status, Tally.Measure

NO_TRACKING = gettext_lazy("Nothing is recorded: tracking is switched off.")
TOTALS_ONLY = gettext_lazy("Not known: tracking records totals only.")
NAMELESS = gettext_lazy("Not known: none of these contacts may be recorded by name.")
NOT_TRACKED = {
    "opened": gettext_lazy("Not known: this campaign does not track opens."),
    "clicked": gettext_lazy("Not known: this campaign does not track clicks."),
}


class Totals(msgspec.Struct, frozen=True):
    """The numbers of recipients of one campaign in a list of campaigns."""

    total: int
    sent: int
    delivered: int
    confirmed: int
    opened: int
    clicked: int
    bounced: int
    answered: int
    complained: int
    unsubscribed: int


def total_up(total: int, sums: Sums) -> Totals:
    """Return the numbers that the tallies of a campaign with `total` recipients make."""
    return Totals(
        total=total,
        sent=sums.number_sent,
        delivered=sums.count(S.ACCEPTED),
        confirmed=sums.count(M.DELIVERED),
        opened=sums.count(M.OPENED),
        clicked=sums.count(M.CLICKED),
        bounced=sums.count(S.BOUNCED),
        answered=sums.count(S.ACCEPTED, S.BOUNCED, S.UNCERTAIN),
        complained=sums.count(M.COMPLAINED),
        unsubscribed=sums.count(M.UNSUBSCRIBED),
    )


class Rate(msgspec.Struct, frozen=True):
    """`part` of `whole`. `part` is None when nobody can know it."""

    label: str
    part: int | None
    whole: int | None
    base: str
    meaning: str

    @property
    def percent(self) -> str:
        return formats.share(self.part, self.whole)


class Figure(msgspec.Struct, frozen=True):
    """A number of recipients; None when nobody can know it, and then `absence` says why. `note` adds what is known."""

    key: str
    label: str
    amount: int | None
    meaning: str
    absence: str = ""
    note: str = ""
    rate: Rate | None = None


class UnnamedEvents(msgspec.Struct, frozen=True):
    """Opens and clicks of people that name nobody."""

    opens: int = 0
    clicks: int = 0


def explain_absence(campaign: EmailCampaign, mode: Mode, key: str, amount: int, unnamed: int = 0) -> str:
    """Return why nobody can know how many recipients opened or clicked; "" when it is known."""
    if amount:
        return ""
    if mode == Mode.NONE:
        return str(NO_TRACKING)
    is_tracked = campaign.track_opens if key == "opened" else campaign.track_clicks
    if not is_tracked and not unnamed:
        return str(NOT_TRACKED[key])
    if mode != Mode.INDIVIDUAL:
        return str(TOTALS_ONLY)
    return str(NAMELESS) if unnamed else ""


def list_figures(
    campaign: EmailCampaign, counted: Figures | Totals, mode: Mode, unnamed: UnnamedEvents
) -> list[Figure]:
    """Return the figures of a campaign in the order of a report, each with its rate."""
    why_opened = explain_absence(campaign, mode, "opened", counted.opened, unnamed.opens)
    why_clicked = explain_absence(campaign, mode, "clicked", counted.clicked, unnamed.clicks)
    opened = None if why_opened else counted.opened
    clicked = None if why_clicked else counted.clicked
    return [
        Figure(
            "recipients", _("Recipients"), counted.total, _("Everybody it was addressed to at the launch.")
        ),
        Figure(
            "sent",
            _("Sent"),
            counted.sent,
            _(
                "Mails that a mail server accepted, including those that bounced later and those that are uncertain."
            ),
            rate=Rate(_("Sent"), counted.sent, counted.total, "recipients", _("Sent, of all recipients.")),
        ),
        Figure(
            "delivered",
            _("Delivered"),
            counted.delivered,
            _("Mails that a mail server accepted and that have not bounced since."),
            note=_note_confirmed(counted.confirmed),
            rate=Rate(
                _("Delivery rate"), counted.delivered, counted.sent, "sent", _("Delivered, of those sent.")
            ),
        ),
        Figure(
            "opened",
            _("Opened"),
            opened,
            _("Recipients who opened it, each once. A click counts as an open. Machines are left out."),
            why_opened,
            _note_unnamed_opens(unnamed.opens),
            Rate(_("Open rate"), opened, counted.sent, "sent", _("Recipients who opened it, of those sent.")),
        ),
        Figure(
            "clicked",
            _("Clicked"),
            clicked,
            _("Recipients who followed a link of it, each once. Machines are left out."),
            why_clicked,
            _note_unnamed_clicks(unnamed.clicks),
            Rate(_("Click rate"), clicked, counted.sent, "sent", _("Recipients who clicked, of those sent.")),
        ),
        Figure(
            "bounced",
            _("Bounced"),
            counted.bounced,
            _("Mails that were refused for good, at once or later."),
            rate=Rate(
                _("Bounce rate"),
                counted.bounced,
                counted.answered,
                "attempted",
                _("Bounced, of those attempted: sent, or refused for good at once."),
            ),
        ),
        Figure(
            "complained",
            _("Complained"),
            counted.complained,
            _("Recipients who marked it as spam, as far as their providers tell."),
            rate=Rate(
                _("Complaint rate"), counted.complained, counted.sent, "sent", _("Complained, of those sent.")
            ),
        ),
        Figure(
            "unsubscribed",
            _("Unsubscribed"),
            counted.unsubscribed,
            _("Recipients who unsubscribed through a link of it."),
            rate=Rate(
                _("Unsubscribe rate"),
                counted.unsubscribed,
                counted.sent,
                "sent",
                _("Unsubscribed, of those sent."),
            ),
        ),
    ]


def _note_confirmed(amount: int) -> str:
    """Say how many mails a provider reports as delivered; "" where none reports any."""
    return (
        _("The provider confirms %(amount)s of them.") % {"amount": formats.thousands(amount)}
        if amount
        else ""
    )


def _note_unnamed_opens(amount: int) -> str:
    """Say how many opens of people are anonymous."""
    said = ngettext("%(count)s anonymous open beside.", "%(count)s anonymous opens beside.", amount)
    return said % {"count": formats.thousands(amount)} if amount else ""


def _note_unnamed_clicks(amount: int) -> str:
    """Say how many clicks of people are anonymous."""
    said = ngettext("%(count)s anonymous click beside.", "%(count)s anonymous clicks beside.", amount)
    return said % {"count": formats.thousands(amount)} if amount else ""


def rate_clicks_to_opens(figures: list[Figure]) -> Rate:
    """Return how many of those who opened it also clicked."""
    amounts = {figure.key: figure.amount for figure in figures}
    return Rate(
        _("Click-to-open rate"),
        amounts["clicked"],
        amounts["opened"],
        "opened",
        _("Recipients who clicked, of those who opened it."),
    )
