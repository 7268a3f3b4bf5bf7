"""The hold-out of a campaign: who does not get the mail, and what it shows that they do not.

A share of the recipients is drawn at the launch by a keyed hash of campaign and contact: nobody can foresee it, and it
is the same when a step is taken twice. Both arms are as drawn, whatever became of the mails, and both are looked at
over the same days from the launch. A buyer has bought in these days and kept something of it. Only sales that name
their customer count: a sale that is known by its code alone could only be of the mailed arm, and would deceive.
Who was deleted since counts with what they had bought by then.
"""

from datetime import datetime, timedelta

import msgspec
from django.conf import settings
from django.db import connection

from campaigns.models import Campaign
from mailing import audience
from mailing.global_hold_out import make_seed, write_share_draw
from mailing.lift import CAP_SQL, SUMS_SQL, WINSORISED_AT, Arm, Lift, compare_arms, detect_smallest_lift
from mailing.models import EmailCampaign

Arms = tuple[Arm, Arm]

BLURRED_FROM = 50  # percent: a warning stands where no smaller lift could be seen

ARMS = f"""
WITH bought AS (
    SELECT delivery.status = 'held_out' AS is_held_out, delivery.id,
           coalesce(sum(line.total - line.returned_total) FILTER (WHERE line.currency = %(currency)s), 0) AS net
    FROM pos_soldline AS line
    JOIN mailing_contact AS contact ON contact.customer_id = line.customer
    JOIN mailing_delivery AS delivery ON delivery.contact_id = contact.id AND delivery.campaign_id = %(campaign)s
    WHERE line.at >= %(since)s AND line.at < %(until)s AND line.customer <> ''
    GROUP BY 1, 2 HAVING sum(line.quantity - line.returned_quantity) > 0
    UNION ALL
    SELECT is_held_out, NULL, coalesce((net ->> %(currency)s)::bigint, 0)
    FROM mailing_departedbuyer WHERE campaign_id = %(campaign)s
),
{CAP_SQL}
{SUMS_SQL}
"""
BUYERS_LATELY = """
SELECT count(*) FROM judged JOIN mailing_contact AS contact ON contact.id = judged.contact_id
WHERE {recipients} AND contact.customer_id IN (
    SELECT customer FROM pos_soldline WHERE customer <> '' AND at > now() - make_interval(days => %s)
)
"""


def write_draw(contact: str, campaign: EmailCampaign) -> str:
    """Write SQL for whether the contact whose key is in the column `contact` is held out."""
    seed = make_seed(f"hold out {campaign.pk}")
    return write_share_draw(contact, f"'{seed}'::bigint", str(campaign.hold_out))


def find_days(campaign: EmailCampaign) -> int:
    """Return over how many days from its launch the arms of a campaign are compared."""
    days = campaign.attribution.get("days", campaign.attribution_days)
    return max(1, settings.ATTRIBUTION_DAYS if days is None else days)


class LiftForecast(msgspec.Struct, frozen=True):
    """What a hold-out could show, by what the recipients have bought lately. lift: None where they bought nothing."""

    people: int
    held_out: int
    percent: int
    days: int
    rate: float
    lift: float | None

    @property
    def base_percent(self) -> float:
        return 100 * self.rate

    @property
    def lift_percent(self) -> float | None:
        return None if self.lift is None else 100 * self.lift

    @property
    def is_blurred(self) -> bool:
        return self.lift is None or 100 * self.lift > BLURRED_FROM


def forecast_lift(campaign: EmailCampaign, chosen: audience.Selection, people: int) -> LiftForecast | None:
    """Return what the hold-out of a campaign that is not launched could show; None where nobody is held out.

    Raises:
        SegmentError: a segment cannot be used.
    """
    if not campaign.hold_out or not people:
        return None
    days = find_days(campaign)
    judged = audience.build_judged_query(chosen)
    buyers_lately = BUYERS_LATELY.format(recipients=audience.STAGES["recipients"])
    with connection.cursor() as cursor:
        cursor.execute(judged.sql + buyers_lately, [*judged.params, days])
        (buyers,) = cursor.fetchone()
    rate = buyers / people
    return LiftForecast(
        people,
        round(people * campaign.hold_out / 100),
        campaign.hold_out,
        days,
        rate,
        detect_smallest_lift(people, campaign.hold_out, rate),
    )


def measure_lift(campaign: EmailCampaign, now: datetime) -> Lift | None:
    """Measure what a launched campaign caused; None without a hold-out, and of one that was cancelled or failed."""
    return judge_arms(campaign, count_arms(campaign), now)


def count_arms(campaign: EmailCampaign) -> Arms | None:
    """Count the buyers of both arms, the mailed and those held out; None where nothing is compared."""
    held = campaign.funnel.get("held_out", 0)
    is_broken = campaign.status in (Campaign.Status.CANCELLED, Campaign.Status.FAILED)
    if not held or not campaign.total or campaign.launched_at is None or is_broken:
        return None
    with connection.cursor() as cursor:
        cursor.execute(
            ARMS,
            {
                "campaign": campaign.pk,
                "since": campaign.launched_at,
                "until": campaign.launched_at + timedelta(days=find_days(campaign)),
                "currency": settings.CURRENCY,
                "part": WINSORISED_AT,
            },
        )
        found = {is_held_out: row for is_held_out, *row in cursor.fetchall()}
    return Arm(campaign.total, *found.get(False, ())), Arm(held, *found.get(True, ()))


def judge_arms(campaign: EmailCampaign, arms: Arms | None, at: datetime) -> Lift | None:
    """Return what two arms that were counted at `at` show; the verdict is final once the days were over then."""
    if arms is None or campaign.launched_at is None:
        return None
    until = campaign.launched_at + timedelta(days=find_days(campaign))
    return compare_arms(*arms, until, is_over=at >= until)
