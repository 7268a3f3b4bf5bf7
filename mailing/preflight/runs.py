"""Runs a check as a task. It stores each step, so that the waiting page can show its progress, and the result."""

import time
from collections.abc import Iterator
from datetime import timedelta
from functools import partial

import msgspec
from django.db import transaction
from django_q.tasks import async_task

from campaigns import database_time
from campaigns.sentences import keep, mark
from mailing import audience, content, drafting, launch, progress, renderer
from mailing.models import EmailCampaign, Preflight, SmtpConnection
from mailing.preflight import contents, links, servers
from mailing.preflight.lines import Line, State, write_storable
from mailing.senders import lookups
from mailing.senders.lookups import Resolver

GIVEN_UP_AFTER = timedelta(minutes=5)  # far more than any check takes: its process died
TASK_SECONDS = 200  # DNS, servers and links have limits of their own, which come to less
SECONDS_OF_SERVERS = 60.0  # after which no further connection is tried


def request_check(subject: EmailCampaign | SmtpConnection) -> Preflight:
    """Queue a check, unless one is running."""
    now = database_time.now()
    key = {"campaign" if isinstance(subject, EmailCampaign) else "connection": subject}
    with transaction.atomic():
        row, is_new = Preflight.objects.select_for_update(no_key=True).get_or_create(
            **key, defaults={"asked_at": now}
        )
        if not is_new and is_under_way(row):
            return row
        row.asked_at, row.finished_at, row.step = now, None, mark("It waits for its turn")
        row.save()
        queue = partial(async_task, "mailing.tasks.run_preflight", row.pk, save=False, timeout=TASK_SECONDS)
        transaction.on_commit(queue)
    return row


def is_under_way(row: Preflight) -> bool:
    """Return whether a check is queued or running."""
    return row.finished_at is None and database_time.now() - row.asked_at < GIVEN_UP_AFTER


def run_check(
    preflight_id: int, resolver: Resolver | None = None, may_ask: links.Judge = links.is_public
) -> list[Line]:
    """Run the check, and store its lines; return no line when the check was deleted meanwhile."""
    row = (
        Preflight.objects.select_related("campaign__connection", "connection").filter(pk=preflight_id).first()
    )
    if row is None:
        return []
    asks = servers.CachedResolver(resolver or lookups.DnsResolver())
    found = (
        _check_campaign(row, row.campaign, asks, may_ask)
        if row.campaign
        else list(_check_connection(row, row.connection, asks))
    )
    Preflight.objects.filter(pk=row.pk).update(
        lines=[write_storable(line) for line in found], finished_at=database_time.now(), step=""
    )
    return found


def read_lines(row: Preflight) -> list[Line]:
    """Return what a check found."""
    return msgspec.convert(row.lines, list[Line])


def _note_step(row: Preflight, step: str) -> None:
    Preflight.objects.filter(pk=row.pk).update(step=step[:100])


def _check_connection(row: Preflight, smtp: SmtpConnection | None, resolver: Resolver) -> Iterator[Line]:
    if smtp is None:
        return
    domain = smtp.from_email.rpartition("@")[2] or next(iter(smtp.allowed_domains), "")
    if domain:
        yield from _list_sender_lines(row, [smtp], domain, resolver)
        return
    yield Line(
        mark("Sender domain"),
        State.UNKNOWN,
        mark("The connection has no default sender, so that SPF, DKIM and DMARC cannot be looked up."),
        mark("Give it a default sender address."),
    )
    _note_step(row, keep("Connecting to %(host)s", host=smtp.host))
    yield from servers.list_host_lines(smtp, resolver)


def _list_sender_lines(
    row: Preflight, smtps: list[SmtpConnection], domain: str, resolver: Resolver
) -> Iterator[Line]:
    until = time.monotonic() + SECONDS_OF_SERVERS
    for number, smtp in enumerate(smtps):
        if time.monotonic() > until:
            said = keep("“%(smtp)s” was not tried, since the servers before it took too long.", smtp=smtp)
            yield Line(mark("Encryption and login"), State.UNKNOWN, said, mark("Check it on its own page."))
            continue
        back = servers.find_return_domain(smtp, domain)
        if not smtp.takes_sender(f"x@{domain}"):
            said = keep(
                "“%(smtp)s” takes mail from %(allowed_domains)s only, not from %(domain)s.",
                smtp=smtp,
                allowed_domains=", ".join(smtp.allowed_domains),
                domain=domain,
            )
            yield Line(
                mark("Sender domain"), State.FAIL, said, mark("Change the sender address or the connection.")
            )
        elif not number:
            yield Line(mark("Sender domain"), State.OK, keep("Mails come from %(domain)s.", domain=domain))
        _note_step(row, keep("Asking DNS about %(domain)s", domain=domain))
        if not number:
            yield from servers.list_domain_lines(domain, back, resolver)
        _note_step(row, keep("Connecting to %(host)s", host=smtp.host))
        yield from servers.list_server_lines(smtp, back, resolver)


def _check_campaign(
    row: Preflight, campaign: EmailCampaign, resolver: Resolver, may_ask: links.Judge
) -> list[Line]:
    found: list[Line] = []
    smtps = list(dict.fromkeys(smtp for smtp, _ in campaign.shares()))
    domain = campaign.from_email.rpartition("@")[2]
    if domain and smtps:
        found += _list_sender_lines(row, smtps, domain, resolver)
    _note_step(row, mark("Reading the mail"))
    source = msgspec.structs.replace(launch.build_source(campaign), track_clicks=True, track_opens=False)
    reader = launch.build_reader(campaign, drafting.sample_reader(campaign))
    try:
        review = renderer.review_content(source, reader)
    except content.ContentError as error:
        found.append(Line(mark("Content"), State.FAIL, f"{error}.", mark("See what is still to do.")))
    else:
        found += contents.list_mail_lines(review)
        verdicts = []
        for number, verdict in enumerate(links.check_links(review.links, may_ask=may_ask), 1):
            verdicts.append(verdict)
            _note_step(
                row,
                keep(
                    "Following links: %(number)s of %(count)s",
                    number=str(number),
                    count=len(set(review.links)),
                ),
            )
        found += contents.list_link_lines(verdicts, review.personal_links)
    _note_step(row, mark("Counting recipients"))
    return [*found, *_list_recipient_lines(campaign, found)]


def _list_recipient_lines(campaign: EmailCampaign, found: list[Line]) -> Iterator[Line]:
    try:
        chosen = audience.read_selection_of(campaign)
        recipients = audience.estimate(chosen).recipients
        at_gmail = audience.count_at_domains(chosen, contents.GMAIL)
    except audience.SegmentError as error:
        yield Line(
            mark("Recipients"),
            State.FAIL,
            keep("A segment cannot be used: %(error)s", error=error),
            mark("Correct the segment."),
        )
        return
    seconds = progress.estimate_shortest_seconds(campaign, recipients)
    yield contents.describe_quota(seconds, campaign.retry_hours)
    yield contents.describe_gmail(at_gmail, found)
