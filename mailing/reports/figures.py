"""The figures and rates of a campaign, each with its meaning, or why nobody can know it."""

import msgspec

from campaigns import formats
from mailing.models import Delivery, EmailCampaign, Mode, Tally
from mailing.progress import Figures
from mailing.tallies import Sums

S, M = Delivery.Status, Tally.Measure

NO_TRACKING = "Nothing is recorded: tracking is switched off."
TOTALS_ONLY = "Not known: tracking records totals only."
NAMELESS = "Not known: none of these contacts may be recorded by name."
NOT_TRACKED = {
    "opened": "Not known: this campaign does not track opens.",
    "clicked": "Not known: this campaign does not track clicks.",
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
        return NO_TRACKING
    is_tracked = campaign.track_opens if key == "opened" else campaign.track_clicks
    if not is_tracked and not unnamed:
        return NOT_TRACKED[key]
    if mode != Mode.INDIVIDUAL:
        return TOTALS_ONLY
    return NAMELESS if unnamed else ""


def list_figures(
    campaign: EmailCampaign, counted: Figures | Totals, mode: Mode, unnamed: UnnamedEvents
) -> list[Figure]:
    """Return the figures of a campaign in the order of a report, each with its rate."""
    why_opened = explain_absence(campaign, mode, "opened", counted.opened, unnamed.opens)
    why_clicked = explain_absence(campaign, mode, "clicked", counted.clicked, unnamed.clicks)
    opened = None if why_opened else counted.opened
    clicked = None if why_clicked else counted.clicked
    return [
        Figure("recipients", "Recipients", counted.total, "Everybody it was addressed to at the launch."),
        Figure(
            "sent",
            "Sent",
            counted.sent,
            "Mails that a mail server accepted, including those that bounced later and those that are uncertain.",
            rate=Rate("Sent", counted.sent, counted.total, "recipients", "Sent, of all recipients."),
        ),
        Figure(
            "delivered",
            "Delivered",
            counted.delivered,
            "Mails that a mail server accepted and that have not bounced since.",
            note=_note_confirmed(counted.confirmed),
            rate=Rate("Delivery rate", counted.delivered, counted.sent, "sent", "Delivered, of those sent."),
        ),
        Figure(
            "opened",
            "Opened",
            opened,
            "Recipients who opened it, each once. A click counts as an open. Machines are left out.",
            why_opened,
            _note_unnamed(unnamed.opens, "open"),
            Rate("Open rate", opened, counted.sent, "sent", "Recipients who opened it, of those sent."),
        ),
        Figure(
            "clicked",
            "Clicked",
            clicked,
            "Recipients who followed a link of it, each once. Machines are left out.",
            why_clicked,
            _note_unnamed(unnamed.clicks, "click"),
            Rate("Click rate", clicked, counted.sent, "sent", "Recipients who clicked, of those sent."),
        ),
        Figure(
            "bounced",
            "Bounced",
            counted.bounced,
            "Mails that were refused for good, at once or later.",
            rate=Rate(
                "Bounce rate",
                counted.bounced,
                counted.answered,
                "attempted",
                "Bounced, of those attempted: sent, or refused for good at once.",
            ),
        ),
        Figure(
            "complained",
            "Complained",
            counted.complained,
            "Recipients who marked it as spam, as far as their providers tell.",
            rate=Rate(
                "Complaint rate", counted.complained, counted.sent, "sent", "Complained, of those sent."
            ),
        ),
        Figure(
            "unsubscribed",
            "Unsubscribed",
            counted.unsubscribed,
            "Recipients who unsubscribed through a link of it.",
            rate=Rate(
                "Unsubscribe rate", counted.unsubscribed, counted.sent, "sent", "Unsubscribed, of those sent."
            ),
        ),
    ]


def _note_confirmed(amount: int) -> str:
    """Say how many mails a provider reports as delivered; "" where none reports any."""
    return f"The provider confirms {formats.thousands(amount)} of them." if amount else ""


def _note_unnamed(amount: int, word: str) -> str:
    """Say how many opens or clicks of people are anonymous."""
    return (
        f"{formats.thousands(amount)} anonymous {word}{'s' if amount > 1 else ''} beside." if amount else ""
    )


def rate_clicks_to_opens(figures: list[Figure]) -> Rate:
    """Return how many of those who opened it also clicked."""
    amounts = {figure.key: figure.amount for figure in figures}
    return Rate(
        "Click-to-open rate",
        amounts["clicked"],
        amounts["opened"],
        "opened",
        "Recipients who clicked, of those who opened it.",
    )
