"""The global hold-out: contacts who get no mail of any campaign for a quarter, and what that shows of all mails.

The clock keeps the periods, each a quarter of the site's zone or what was left of it. Who is held out is drawn by a
keyed hash of quarter and contact, in the statement that asks: at the launch, and once more when a mail is claimed, as a
campaign that was launched before may still be sent. Those held out never stand in a campaign's ledger as its own
control. Mails of the site, such as a link for a new password, and test mails go to everybody.

Both groups are all contacts whose address was not suppressed when the period began, or when they came. What became of
them since changes nothing: only who is mailed can bounce or unsubscribe.
"""

import time
from datetime import datetime, timedelta
from hashlib import blake2b
from zoneinfo import ZoneInfo

import msgspec
from django.conf import settings
from django.db import connection
from django.utils.translation import gettext

from campaigns import database_time, dates
from mailing.kept_figures import ask_to_count, is_old, keep_figures
from mailing.lift import CAP_SQL, SUMS_SQL, WINSORISED_AT, Arm, Lift, compare_arms
from mailing.models import Contact, GlobalHoldOut, GlobalHoldOutFigures

TASK = "mailing.tasks.measure_hold_out"
MADE_AHEAD = timedelta(days=1)  # the next quarter begins on time, whenever the clock ticks
PERIODS_SHOWN = 5
UNDER_WAY = 600  # seconds: the longest that a launch, or a claimed mail, takes

PERIOD = """
(SELECT {column} FROM mailing_globalholdout WHERE begins_at <= {at} AND ends_at > {at} ORDER BY begins_at DESC LIMIT 1)
"""
# Those who could be mailed when the period began, or when they came; `since` is from when their purchases count.
PEOPLE = """
SELECT contact.id, contact.customer_id, since, {draw} AS is_held_out
FROM mailing_contact AS contact, LATERAL (SELECT greatest(contact.created_at, %(begins)s) AS since) AS counted
WHERE contact.created_at < %(until)s AND NOT EXISTS (
    SELECT FROM mailing_suppression AS suppression
    WHERE suppression.email = contact.email AND suppression.created_at < since
)
"""
ARMS = f"""
WITH people AS MATERIALIZED ({{people}}),
bought AS (
    SELECT people.is_held_out, people.id,
           coalesce(sum(line.total - line.returned_total) FILTER (WHERE line.currency = %(currency)s), 0) AS net
    FROM people JOIN pos_soldline AS line ON line.customer = people.customer_id AND line.at >= people.since
    WHERE line.at >= %(begins)s AND line.at < %(until)s AND line.customer <> ''
    GROUP BY 1, 2 HAVING sum(line.quantity - line.returned_quantity) > 0
),
{CAP_SQL},
sums AS ({SUMS_SQL})
SELECT is_held_out, people.amount, coalesce(buyers, 0), coalesce(net, 0), coalesce(capped, 0), coalesce(squares, 0)
FROM (SELECT is_held_out, count(*) AS amount FROM people GROUP BY 1) AS people LEFT JOIN sums USING (is_held_out)
"""


def write_share_draw(contact: str, seed: str, percent: str) -> str:
    """Write SQL for whether the contact whose key is in the column `contact` is drawn for a share."""
    drawn = f"(hashtextextended({contact}::text, {seed}) & 4294967295)"  # 32 bits
    return f"{drawn} * 100 < {percent} * 4294967296"


def make_seed(purpose: str) -> int:
    """Make the seed of a draw: nobody who lacks the site's key can foresee it."""
    key = blake2b(purpose.encode(), key=settings.SECRET_KEY.encode()[:64], digest_size=8)
    return int.from_bytes(key.digest(), signed=True)


def write_draw(contact: str, at: str = "now()") -> str:
    """Write SQL for whether the contact whose key is in the column `contact` is held out of all mails at `at`."""
    seed, percent = (PERIOD.format(column=column, at=at).strip() for column in ("seed", "percent"))
    return f"coalesce({write_share_draw(contact, seed, percent)}, false)"


def write_draw_of(contact: str, period: GlobalHoldOut) -> str:
    """Write SQL for whether a contact is held out in this period."""
    return write_share_draw(contact, f"'{period.seed}'::bigint", str(period.percent))


def find_period(at: datetime) -> GlobalHoldOut | None:
    """Find the period that holds this moment."""
    return GlobalHoldOut.objects.filter(begins_at__lte=at, ends_at__gt=at).first()


def find_period_of(contact: Contact, at: datetime) -> GlobalHoldOut | None:
    """Find the period in which this contact is held out at `at`; None where they are not."""
    period = find_period(at)
    if period is None or contact.pk is None:
        return None
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {write_draw_of('%s::bigint', period)}", [contact.pk])
        (is_held_out,) = cursor.fetchone()
    return period if is_held_out else None


def keep_periods(now: datetime) -> None:
    """Begin a period where the setting asks for one and none runs, make the next one ahead, or end it at once."""
    if not settings.GLOBAL_HOLD_OUT:
        GlobalHoldOut.objects.filter(begins_at__gt=now).delete()
        GlobalHoldOut.objects.filter(ends_at__gt=now).update(ends_at=now)
        return
    period = find_period(now) or _begin_period(now)
    if period.ends_at - now < MADE_AHEAD:
        _begin_period(period.ends_at)


def _begin_period(at: datetime) -> GlobalHoldOut:
    begun = at.astimezone(ZoneInfo(settings.TIME_ZONE))
    quarter = (begun.month - 1) // 3
    year, month = (begun.year + 1, 1) if quarter == 3 else (begun.year, 3 * quarter + 4)
    period, _ = GlobalHoldOut.objects.get_or_create(
        begins_at=at,
        defaults={
            "ends_at": datetime(year, month, 1, tzinfo=ZoneInfo(settings.TIME_ZONE)),
            "percent": settings.GLOBAL_HOLD_OUT,
            "seed": make_seed(f"hold out of all mails {begun.year} {quarter}"),
        },
    )
    return period


# ── what all mails were worth ────────────────────────────────────────────────────────────────────────────────────────


class PeriodReport(msgspec.Struct, frozen=True):
    """What a period shows. at: the moment the figures are of, None while they are counted first."""

    period: GlobalHoldOut
    lift: Lift | None
    at: datetime | None

    @property
    def name(self) -> str:
        begins, ends = dates.write_day_of(self.period.begins_at), dates.write_day_of(self.period.ends_at)
        return gettext("%(begins)s to %(ends)s, %(percent)s%% held out") % {
            "begins": begins,
            "ends": ends,
            "percent": self.period.percent,
        }

    @property
    def is_awaited(self) -> bool:
        return self.at is None


def list_reports(now: datetime) -> list[PeriodReport]:
    """Return what the latest periods show, as it is kept, and have the queue count anew what is old."""
    begun = GlobalHoldOut.objects.filter(begins_at__lte=now).select_related("kept")
    return [_read_report(period, now) for period in begun[:PERIODS_SHOWN]]


def _read_report(period: GlobalHoldOut, now: datetime) -> PeriodReport:
    kept = getattr(period, "kept", None)
    if kept is None or is_old(kept, now):
        ask_to_count(GlobalHoldOutFigures, period.pk, TASK)
    if kept is None or kept.figures is None or kept.counted_at is None:
        return PeriodReport(period, None, None)
    arms = msgspec.convert(kept.figures, tuple[Arm, Arm])
    return PeriodReport(period, judge_arms(period, arms, kept.counted_at), kept.counted_at)


def judge_arms(period: GlobalHoldOut, arms: tuple[Arm, Arm], at: datetime) -> Lift | None:
    """Return what both groups, counted at `at`, show; None where one has nobody."""
    if not all(arm.people for arm in arms):
        return None
    return compare_arms(*arms, period.ends_at, is_over=at >= period.ends_at)


def count_arms(period: GlobalHoldOut) -> tuple[Arm, Arm]:
    """Count the buyers among those who could be mailed, and among those held out."""
    with connection.cursor() as cursor:
        cursor.execute(
            ARMS.format(people=PEOPLE.format(draw=write_draw_of("contact.id", period))),
            {
                "begins": period.begins_at,
                "until": period.ends_at,
                "currency": settings.CURRENCY,
                "part": WINSORISED_AT,
            },
        )
        found = {is_held_out: Arm(*counts) for is_held_out, *counts in cursor}
    return found.get(False, Arm(0)), found.get(True, Arm(0))


def keep_counts(period_id: int) -> None:
    """Count both groups of a period and keep that, unless newer figures are kept already."""
    period = GlobalHoldOut.objects.get(pk=period_id)
    at, begun = database_time.now(), time.monotonic()
    figures = msgspec.to_builtins(count_arms(period))
    keep_figures(GlobalHoldOutFigures, period_id, at, begun, figures=figures)


# ── proofs ───────────────────────────────────────────────────────────────────────────────────────────────────────────

# Who was held out has got no mail, and no campaign that was launched meanwhile has written them into its ledger.
BROKEN = """
SELECT delivery.campaign_id, count(*)
FROM mailing_globalholdout AS period
JOIN mailing_delivery AS delivery ON {draw}
JOIN mailing_emailcampaign AS campaign ON campaign.campaign_ptr_id = delivery.campaign_id
CROSS JOIN LATERAL (SELECT period.begins_at + make_interval(secs => %(under_way)s) AS begun) AS since
WHERE delivery.contact_id IS NOT NULL AND (
    (delivery.sent_at >= begun AND delivery.sent_at < period.ends_at)
    OR (campaign.prepared_at >= begun AND campaign.prepared_at < period.ends_at)
)
GROUP BY 1 ORDER BY 1
"""


def list_breaches() -> list[str]:
    """Return a sentence for each campaign that wrote to somebody who was held out of all mails then."""
    draw = write_share_draw("delivery.contact_id", "period.seed", "period.percent")
    with connection.cursor() as cursor:
        cursor.execute(BROKEN.format(draw=draw), {"under_way": UNDER_WAY})
        return [
            f"Campaign {campaign}: {found} of its recipients were held out of all mails then."
            for campaign, found in cursor
        ]
