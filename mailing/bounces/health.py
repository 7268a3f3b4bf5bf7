"""The health of each sender domain: bounces and complaints of the last thirty days.

The bands follow what mailbox providers say: Gmail and Yahoo ask for less than 0.1% of complaints, and refuse mail from
senders with 0.3%.
"""

from enum import StrEnum

import msgspec
from django.db import connection

from campaigns.models import Campaign
from campaigns.sentences import keep
from mailing.models import EmailCampaign
from mailing.sending import breaker

DAYS = 30
BOUNCES_FROM = (2.0, 5.0)  # percent: attention, critical
COMPLAINTS_FROM = (0.1, 0.3)  # percent: attention, critical
FEWEST_COMPLAINTS = 3  # below, a rate is chance, and pauses nothing

_DOMAINS = """
SELECT split_part(email.from_email, '@', 2) AS domain,
       coalesce(sum(amount) FILTER (WHERE measure IN ('accepted', 'returned', 'uncertain')), 0),
       coalesce(sum(amount) FILTER (WHERE measure IN ('accepted', 'bounced', 'uncertain')), 0),
       coalesce(sum(amount) FILTER (WHERE measure = 'bounced'), 0),
       coalesce(sum(amount) FILTER (WHERE measure = 'complained'), 0)
FROM mailing_tally AS tally
JOIN mailing_emailcampaign AS email ON email.campaign_ptr_id = tally.campaign_id
WHERE email.launched_at > now() - make_interval(days => %s) AND (%s = '' OR split_part(email.from_email, '@', 2) = %s)
GROUP BY 1 ORDER BY 1
"""


class Band(StrEnum):
    """How good or bad a rate is."""

    HEALTHY = "healthy"
    ATTENTION = "attention"
    CRITICAL = "critical"


class DomainHealth(msgspec.Struct, frozen=True):
    """The figures of one sender domain. answered: sent, or refused for good at once."""

    domain: str
    sent: int
    answered: int
    bounced: int
    complained: int

    @property
    def bounce_percent(self) -> float:
        return 100 * self.bounced / self.answered if self.answered else 0.0

    @property
    def complaint_percent(self) -> float:
        return 100 * self.complained / self.sent if self.sent else 0.0

    @property
    def bounce_band(self) -> Band:
        return judge_rate(self.bounced, self.answered, BOUNCES_FROM)

    @property
    def complaint_band(self) -> Band:
        return judge_rate(self.complained, self.sent, COMPLAINTS_FROM)


def judge_rate(amount: int, of: int, bounds: tuple[float, float]) -> Band:
    """Return the band of the rate `amount` / `of`. It counts in whole numbers, so that 3 of 1,000 is exactly 0.3%."""
    if not of:
        return Band.HEALTHY
    attention, critical = (round(bound * 10) for bound in bounds)
    if amount * 1000 >= critical * of:
        return Band.CRITICAL
    return Band.ATTENTION if amount * 1000 >= attention * of else Band.HEALTHY


def list_domains(domain: str = "") -> list[DomainHealth]:
    """Return the health of each domain that campaigns of the last thirty days were sent from, or of one."""
    with connection.cursor() as cursor:
        cursor.execute(_DOMAINS, [DAYS, domain, domain])
        return [
            DomainHealth(name, *(int(amount) for amount in amounts)) for name, *amounts in cursor.fetchall()
        ]


def pause_if_complained(campaign_id: int) -> list[int]:
    """Pause the running campaigns of a sender domain after too many complaints; return which."""
    domain = EmailCampaign.objects.values_list("from_email", flat=True).get(pk=campaign_id).rpartition("@")[2]
    found = next(iter(list_domains(domain)), None)
    if found is None or found.complained < FEWEST_COMPLAINTS or found.complaint_band is not Band.CRITICAL:
        return []
    why = keep(
        "%(complained)s of %(sent)s recipients of mails from %(domain)s complained in the last "
        "%(days)s days: %(complaint_percent)s%%. From %(complaints_from)s%% on, mailbox "
        "providers refuse a sender. Send only to people who asked for it before you resume.",
        complained=found.complained,
        sent=found.sent,
        domain=domain,
        days=DAYS,
        complaint_percent=f"{found.complaint_percent:.2f}",
        complaints_from=COMPLAINTS_FROM[1],
    )
    running = EmailCampaign.objects.filter(status=Campaign.Status.RUNNING, from_email__iendswith=f"@{domain}")
    pks = list(running.values_list("pk", flat=True))
    for pk in pks:
        breaker.pause_campaign(pk, why)
    return pks
