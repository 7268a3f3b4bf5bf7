"""The demo's e-mail campaigns: one in every state, with the history and the ledger it would have."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction

from campaigns import lifecycle
from campaigns.annotations import JsonObject
from demo import past
from mailing import drafting, endings, launch
from mailing.models import ContactList, EmailCampaign, Segment, SmtpConnection, Target

HERE = Path(__file__).parent
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)


def load(marketer: User | None, now: datetime) -> None:
    """Make the connections, a segment and the campaigns, unless there are campaigns already."""
    if EmailCampaign.objects.exists():
        return
    catcher, slow = make_connections()
    morning = now.replace(hour=9, minute=30, second=0, microsecond=0)
    shop = {"from_name": "Nordlicht Coffee", "from_email": "news@nordlicht.example", "connection": catcher}
    everybody = [Target(list=ContactList.objects.get(name="Newsletter"))]
    club = [Target(list=ContactList.objects.get(name="Coffee club"))]
    guests = [Target(list=ContactList.objects.get(name="Event guests"))]
    tea = [Target(segment=make_tea_lovers())]

    make_draft(
        "Autumn roast is here", marketer, shop | read_mail_text("autumn.mjml", "mjml"), guests, now - 2 * HOUR
    )
    make_draft("Ideas for the new year", marketer, {"from_name": "Nordlicht Coffee"}, [], now - DAY)
    advent = make_draft(
        "Advent calendar preview", marketer, shop | read_mail_text("advent.md"), everybody, now - 3 * DAY
    )
    lifecycle.fire(advent, "schedule", by=marketer, at=morning + DAY, now=morning - 2 * DAY)

    make_sent(
        "Summer greetings",
        marketer,
        shop | read_mail_text("summer.md"),
        everybody,
        morning - 120 * DAY,
        opened=410,
        archived=True,
    )
    make_sent(
        "Welcome to the coffee club",
        marketer,
        shop | read_mail_text("club.md") | {"sharing": EmailCampaign.Sharing.PERCENTAGE},
        club,
        morning - 12 * DAY,
        routes=[(catcher.pk, 75), (slow.pk, 25)],
        opened=520,
        clicked=430,
    )
    make_sent(
        "Tea of the month",
        marketer,
        shop | read_mail_text("tea.md"),
        tea,
        morning - 4 * DAY,
        opened=450,
        clicked=300,
    )
    make_stopped(
        "Old price list",
        marketer,
        shop | read_mail_text("prices.md"),
        everybody,
        morning - 30 * DAY,
        sent_to=620,
        verb="cancel",
        why="The attached prices were those of last year.",
    )
    make_stopped(
        "Grinder recall",
        None,
        shop | read_mail_text("recall.md"),
        club,
        morning - 45 * DAY,
        sent_to=310,
        verb="fail",
        why="It has no SMTP connection any more.",
        launched_by=marketer,
    )
    make_stopped(
        "Chocolate tasting invitations",
        marketer,
        shop | read_mail_text("tasting.md"),
        club,
        now - 5 * HOUR,
        sent_to=540,
        verb="pause",
        why="Waiting for the room to be confirmed.",
    )
    past.suppress_lost(now)
    running = make_draft(
        "A cup for every morning",
        marketer,
        shop | read_mail_text("morning.md") | {"connection": slow},
        everybody,
        now - 2 * HOUR,
    )
    lifecycle.fire(running, "launch", by=marketer)


def make_connections() -> tuple[SmtpConnection, SmtpConnection]:
    """Make two connections to the mail catcher, one of them with a limit of a mail every two seconds."""
    server = {"host": "127.0.0.1", "port": settings.MAIL_PORT, "tls": SmtpConnection.Tls.NONE}
    sender = {"from_email": "news@nordlicht.example", "from_name": "Nordlicht Coffee"}
    catcher, _ = SmtpConnection.objects.get_or_create(name="Mail catcher", defaults=server | sender)
    slow, _ = SmtpConnection.objects.get_or_create(
        name="Mail catcher, 30 a minute", defaults=server | sender | {"per_minute": 30, "max_connections": 1}
    )
    return catcher, slow


def make_tea_lovers() -> Segment:
    """Make the demo's segment, unless there is one."""
    tree = {"all": [{"field": "favourite", "op": "equals", "value": "tea"}]}
    segment, _ = Segment.objects.get_or_create(
        name="Tea lovers", defaults={"description": "Their favourite is tea.", "tree": tree}
    )
    return segment


def read_mail_text(name: str, written_in: str = "markdown") -> JsonObject:
    """Read a mail in texts/: subject and preheader on its first two lines, the body after the empty one."""
    head, _, body = (HERE / "texts" / name).read_text().partition("\n\n")
    subject, _, preheader = head.partition("\n")
    return {"subject": subject, "preheader": preheader, "body": body, "body_format": written_in}


def make_draft(
    name: str,
    by: User | None,
    changes: JsonObject,
    targets: list[Target],
    at: datetime,
    routes: Sequence[tuple[int, int]] | None = None,
) -> EmailCampaign:
    """Save a draft as if it had been made at `at`."""
    campaign = drafting.save_campaign(
        None, by=by, changes={"name": name, **changes}, targets=targets, routes=routes
    )
    EmailCampaign.objects.filter(pk=campaign.pk).update(created_at=at)
    return campaign


def make_sent(
    name: str,
    by: User | None,
    changes: JsonObject,
    targets: list[Target],
    at: datetime,
    *,
    archived: bool = False,
    routes: Sequence[tuple[int, int]] | None = None,
    **chances: int,
) -> None:
    """Make a campaign that went out at `at` and is complete."""
    with transaction.atomic():
        draft = make_draft(name, by, changes, targets, at - DAY, routes)
        campaign = launch_and_answer(draft, by, at, **chances)
        lifecycle.fire(campaign, "complete", now=at + 3 * MINUTE)
        if archived:
            lifecycle.fire(campaign, "archive", by=by, now=at + 30 * DAY)


def make_stopped(
    name: str,
    by: User | None,
    changes: JsonObject,
    targets: list[Target],
    at: datetime,
    *,
    sent_to: int,
    verb: str,
    why: str,
    launched_by: User | None = None,
) -> None:
    """Make a campaign that went out to `sent_to` recipients at `at`, until `verb`."""
    with transaction.atomic():
        author = launched_by or by
        campaign = launch_and_answer(
            make_draft(name, author, changes, targets, at - DAY), author, at, sent_to=sent_to
        )
        lifecycle.fire(campaign, verb, by=by, why=why, now=at + MINUTE)
        endings.close_campaign(campaign.pk)
        past.write_tallies(campaign, at)


def launch_and_answer(
    campaign: EmailCampaign,
    by: User | None,
    at: datetime,
    *,
    sent_to: int = 10**9,
    opened: int = 400,
    clicked: int = 350,
) -> EmailCampaign:
    """Launch `campaign` at `at` and write the results into its ledger."""
    lifecycle.fire(campaign, "launch", by=by, now=at)
    launch.prepare(campaign.pk)
    EmailCampaign.objects.filter(pk=campaign.pk).update(prepared_at=at)
    past.write_answers(campaign, at, sent_to=sent_to, opened=opened, clicked=clicked)
    return campaign
