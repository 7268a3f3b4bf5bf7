"""The figures of e-mail campaigns at the top of the dashboard: mails sent, clicks, revenue."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from functools import partial

from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.urls import reverse
from django.utils.translation import gettext as _

from campaigns import formats
from campaigns.workspace.trends import Days, Trend
from mailing.models import Tally
from mailing.tallies import SENT

_TALLIES = """
SELECT (at AT TIME ZONE %(zone)s)::date, sum(amount)::bigint FROM mailing_tally
WHERE at >= %(since)s AND measure = ANY(%(measures)s) GROUP BY 1
"""
_ANONYMOUS_CLICKS = """
SELECT (at AT TIME ZONE %(zone)s)::date, sum(amount)::bigint FROM mailing_eventcount
WHERE at >= %(since)s AND kind = 'clicked' AND origin = 'human' AND NOT was_named GROUP BY 1
"""
_REVENUE = """
SELECT (at AT TIME ZONE %(zone)s)::date, sum(net)::bigint FROM mailing_conversiontally
WHERE at >= %(since)s AND currency = %(currency)s GROUP BY 1
"""


def list_mail_trends(user: User, days: Days) -> Iterator[Trend]:
    """Yield mails sent, clicks of people, and revenue through mails."""
    if not user.has_perm("mailing.view_emailcampaign"):
        return
    sent = _sum_by_day(_TALLIES, days, SENT)
    clicks = Counter(_sum_by_day(_TALLIES, days, [Tally.Measure.CLICKED]))
    clicks.update(_sum_by_day(_ANONYMOUS_CLICKS, days))
    reports = reverse("mailing:site_report")
    yield Trend(
        _("E-mails sent"),
        _("Mails that a server accepted."),
        days,
        days.fill(sent),
        url=reports,
    )
    yield Trend(
        _("Clicks"),
        _("Recipients who followed a link, once for each mail, and anonymous clicks. Machines are left out."),
        days,
        days.fill(clicks),
        url=reports,
    )
    yield Trend(
        _("Revenue by e-mail"),
        _("Sales that count for an e-mail campaign by its rule, less voids and returns."),
        days,
        days.fill(_sum_by_day(_REVENUE, days)),
        partial(formats.money, currency=settings.CURRENCY),
        write_on_scale=partial(formats.money_on_scale, currency=settings.CURRENCY),
    )


def _sum_by_day(statement: str, days: Days, measures: Sequence[str] = ()) -> dict[date, int]:
    values: dict[str, str | datetime | list[str]] = {
        "zone": str(days.zone),
        "since": days.since,
        "currency": settings.CURRENCY,
        "measures": list(measures),
    }
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return dict(cursor.fetchall())
