"""Notices of the dashboard about sending: servers that are down, uncertain mails, many bounces and complaints."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import connection
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns import dates, formats
from campaigns.notices import Notice
from campaigns.stored_sentences import translate_stored
from mailing.bounces import health
from mailing.bounces.health import Band
from mailing.models import EmailCampaign, Pace

NEWS_PERIOD = timedelta(days=14)
CAMPAIGNS_NAMED = 5

_UNCERTAIN = """
SELECT tally.campaign_id, sum(tally.amount)::bigint
FROM mailing_tally AS tally JOIN mailing_emailcampaign AS email ON email.campaign_ptr_id = tally.campaign_id
WHERE tally.measure = 'uncertain' AND email.launched_at > %s
GROUP BY 1 HAVING sum(tally.amount) > 0 ORDER BY 1 DESC LIMIT %s
"""


def list_mail_notices(user: User, now: datetime) -> Iterator[Notice]:
    """Yield what `user` should know about the sending of mails."""
    if user.has_perm("mailing.view_smtpconnection"):
        yield from _notice_servers()
        yield from _notice_senders()
    if user.has_perm("mailing.view_emailcampaign"):
        yield from _notice_uncertain(now - NEWS_PERIOD)


def _notice_servers() -> Iterator[Notice]:
    down = Pace.objects.filter(down_since__isnull=False, connection__is_enabled=True).select_related(
        "connection"
    )
    for pace in down.order_by("down_since"):
        assert pace.down_since is not None  # so the filter says
        yield Notice(
            _("The connection “%(connection)s” has not worked since %(down_since)s. %(trouble)s")
            % {
                "connection": pace.connection,
                "down_since": dates.write_moment(pace.down_since),
                "trouble": translate_stored(pace.trouble),
            },
            reverse("mailing:connection", args=[pace.connection_id]),
        )


def _notice_senders() -> Iterator[Notice]:
    for domain in health.list_domains():
        rates = [
            (what, amount, of, band)
            for what, amount, of, band in (
                (
                    _(
                        "%(amount)s of the mails from %(domain)s bounced in the last %(days)s days. %(ending)s"
                    ),
                    domain.bounced,
                    domain.answered,
                    domain.bounce_band,
                ),
                (
                    _(
                        "%(amount)s of the mails from %(domain)s complained in the last %(days)s days. %(ending)s"
                    ),
                    domain.complained,
                    domain.sent,
                    domain.complaint_band,
                ),
            )
            if band != Band.HEALTHY
        ]
        for what, amount, of, band in rates:
            ending = (
                _("Mailbox providers may refuse its mails.")
                if band == Band.CRITICAL
                else _("Keep an eye on it.")
            )
            yield Notice(
                what
                % {
                    "amount": formats.share(amount, of),
                    "domain": domain.domain,
                    "days": health.DAYS,
                    "ending": ending,
                },
                reverse("mailing:connections"),
            )


def _notice_uncertain(since: datetime) -> Iterator[Notice]:
    with connection.cursor() as cursor:
        cursor.execute(_UNCERTAIN, [since, CAMPAIGNS_NAMED])
        uncertain = dict(cursor.fetchall())
    campaigns = EmailCampaign.objects.defer("body", "text").in_bulk(uncertain)
    for key, amount in uncertain.items():
        yield Notice(
            ngettext(
                "“%(campaign)s”: %(count)s mail is uncertain. The server may have taken them before the connection "
                "broke.",
                "“%(campaign)s”: %(count)s mails are uncertain. The server may have taken them before the connection "
                "broke.",
                amount,
            )
            % {"campaign": campaigns[key], "count": formats.thousands(amount)},
            campaigns[key].get_absolute_url(),
        )
