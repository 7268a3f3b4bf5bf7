"""Attribution: which sales count as revenue of which campaign.

The rule of a campaign is fixed at its launch (`EmailCampaign.attribution`). A sale counts for one campaign at most: for
one whose code it redeemed; else for the one whose link its customer followed last, within the days that a click counts;
else, where the rule says so and clicks of this person are not recorded, for the one whose mail was accepted last. When
its contact or click is erased later, a sale stays with its campaign; only its amount still changes, with returns.

The fold calls `attribute_sales` in its transaction, so a sale is attributed exactly once, and one fold runs at a time.
What changes on the side of the mails (a customer number, a click that comes late) leaves a `DueAttribution` by trigger,
which the next fold takes.
"""

from collections.abc import Collection, Iterator

from django.conf import settings
from django.db import connection

from campaigns.annotations import Columns, JsonObject
from mailing.models import EmailCampaign, Mode

# The sales that what has changed concerns; a row without a sale is done with as well.
TAKE_DUE = """
WITH gone AS (
    DELETE FROM mailing_dueattribution WHERE id IN (
        SELECT id FROM mailing_dueattribution ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED
    ) RETURNING customer, delivery_id, since
),
numbers AS (
    SELECT customer, NULL::timestamptz AS since FROM gone WHERE customer <> ''
    UNION ALL
    SELECT contact.customer_id, gone.since FROM gone
    JOIN mailing_delivery AS delivery ON delivery.id = gone.delivery_id
    JOIN mailing_contact AS contact ON contact.id = delivery.contact_id
    WHERE contact.customer_id <> ''
)
SELECT (SELECT count(*) FROM gone), array(
    SELECT DISTINCT sale.id FROM numbers JOIN pos_sale AS sale ON sale.customer = numbers.customer
    WHERE sale.state = 'committed' AND (numbers.since IS NULL OR sale.at >= numbers.since)
)
"""

# Every mail that a sale could count for. `strength`: code 3, click 2, acceptance 1; what is forgotten stays.
TOUCHES = """
asked AS MATERIALIZED (
    SELECT sale.id, sale.at, sale.customer, sale.location_id, sale.currency, sale.total, sale.discount,
           sale.returned_total
    FROM pos_sale AS sale WHERE {asked} AND sale.state = 'committed'
),
mailed AS (
    SELECT asked.id AS sale_id, asked.at, delivery.id AS delivery_id, delivery.campaign_id, delivery.sent_at,
           delivery.clicked_at, contact.id AS contact_id, campaign.attribution AS rule,
           make_interval(days => (campaign.attribution ->> 'days')::int) AS days
    FROM asked JOIN mailing_contact AS contact ON contact.customer_id = asked.customer
    JOIN mailing_delivery AS delivery ON delivery.contact_id = contact.id
    JOIN mailing_emailcampaign AS campaign ON campaign.campaign_ptr_id = delivery.campaign_id
    WHERE asked.customer <> '' AND delivery.sent_at IS NOT NULL
),
touches AS (
    SELECT asked.id AS sale_id, bearer.delivery_id, bearer.campaign_id, 'code' AS how, 3 AS strength,
           used.at AS touched_at
    FROM asked JOIN promotions_redemption AS used
        ON used.sale_id = asked.id AND used.coupon_id IS NOT NULL AND used.reverses_id IS NULL
    JOIN promotions_coupon AS coupon ON coupon.id = used.coupon_id
    CROSS JOIN LATERAL (
        -- the customer's own mail; else whose code it is, unless the sale is another contact's or the rule lets codes
        -- tell nobody; else the last mail with a code that many have
        (SELECT own.id AS delivery_id, own.campaign_id, 1 AS place
         FROM mailing_contact AS contact JOIN mailing_delivery AS own ON own.contact_id = contact.id
         WHERE contact.customer_id = asked.customer AND asked.customer <> '' AND own.coupon_id = used.coupon_id
         ORDER BY own.sent_at DESC NULLS LAST, own.id DESC LIMIT 1)
        UNION ALL
        (SELECT CASE WHEN (campaign.attribution ->> 'codes_tell')::boolean IS NOT FALSE AND NOT EXISTS (
                    SELECT FROM mailing_contact AS other
                    WHERE other.customer_id = asked.customer AND asked.customer <> '' AND other.id <> coupon.made_for
                ) THEN own.id END, own.campaign_id, 2
         FROM mailing_delivery AS own
         JOIN mailing_emailcampaign AS campaign ON campaign.campaign_ptr_id = own.campaign_id
         WHERE own.coupon_id = used.coupon_id AND coupon.made_for IS NOT NULL LIMIT 1)
        UNION ALL
        (SELECT NULL, campaign_ptr_id, 3 FROM mailing_emailcampaign AS campaign
         WHERE coupon.made_for IS NULL AND offer_id = coupon.promotion_id AND code_kind = 'shared'
           AND launched_at <= asked.at AND used.coupon_id = (
               SELECT coupon_id FROM mailing_delivery
               WHERE campaign_id = campaign_ptr_id AND coupon_id IS NOT NULL ORDER BY id LIMIT 1
           )
         ORDER BY launched_at DESC, campaign_ptr_id DESC LIMIT 1)
        ORDER BY place LIMIT 1
    ) AS bearer
    UNION ALL
    SELECT mailed.sale_id, mailed.delivery_id, mailed.campaign_id, 'click', 2, click.at
    FROM mailed CROSS JOIN LATERAL (
        SELECT max(event.at) AS at FROM mailing_event AS event
        WHERE event.delivery_id = mailed.delivery_id AND event.kind = 'clicked' AND event.origin = 'human'
          AND event.at <= mailed.at AND event.at >= mailed.at - mailed.days
    ) AS click
    WHERE mailed.clicked_at <= mailed.at AND click.at IS NOT NULL AND mailed.days > interval '0'
    UNION ALL
    SELECT mailed.sale_id, mailed.delivery_id, mailed.campaign_id, 'sent', 1, mailed.sent_at
    FROM mailed LEFT JOIN LATERAL (
        SELECT is_granted FROM mailing_trackingconsent AS consent
        WHERE consent.contact_id = mailed.contact_id AND consent.at <= mailed.at ORDER BY id DESC LIMIT 1
    ) AS consent ON true
    WHERE (mailed.rule ->> 'after_acceptance')::boolean
      AND mailed.sent_at <= mailed.at AND mailed.sent_at >= mailed.at - mailed.days
      AND NOT ((mailed.rule ->> 'names_clicks')::boolean
               AND coalesce(consent.is_granted, mailed.rule ->> 'consent' = 'opt-out'))
    UNION ALL
    SELECT known.sale_id, known.delivery_id, known.campaign_id, known.how, 4, known.touched_at
    FROM mailing_conversion AS known JOIN asked ON asked.id = known.sale_id
    LEFT JOIN mailing_delivery AS delivery ON delivery.id = known.delivery_id
    WHERE known.how <> 'code' AND (
        delivery.contact_id IS NULL OR known.touched_at < now() - make_interval(months => %(months)s)
    )
),
chosen AS (
    SELECT DISTINCT ON (sale_id) * FROM touches
    ORDER BY sale_id, strength DESC, touched_at DESC, delivery_id DESC NULLS LAST, campaign_id DESC
),
figured AS (
    SELECT chosen.sale_id, chosen.campaign_id, chosen.delivery_id, chosen.how, chosen.touched_at, asked.at,
           asked.location_id, asked.currency, asked.total - coalesce(asked.returned_total, 0) AS net,
           asked.discount - coalesce(back.discount, 0) AS discount,
           asked.customer <> '' AND asked.id = (
               SELECT id FROM pos_sale AS other
               WHERE other.customer = asked.customer AND other.state = 'committed' ORDER BY other.at, other.id LIMIT 1
           ) AS is_first,
           extract(epoch FROM asked.at - delivery.sent_at)::bigint AS waited
    FROM chosen JOIN asked ON asked.id = chosen.sale_id
    LEFT JOIN mailing_delivery AS delivery ON delivery.id = chosen.delivery_id
    LEFT JOIN LATERAL (
        SELECT sum(discount)::bigint AS discount FROM pos_return WHERE sale_id = asked.id
    ) AS back ON true
)
"""
COLUMNS = (
    "campaign_id, delivery_id, how, touched_at, at, location_id, currency, net, discount, is_first, waited"
)
EXCLUDED = COLUMNS.replace(", ", ", excluded.")
WRITE = f"""
WITH {TOUCHES.format(asked="sale.id = ANY(%(sales)s)")},
written AS (
    INSERT INTO mailing_conversion AS known (sale_id, {COLUMNS}) SELECT sale_id, {COLUMNS} FROM figured
    ON CONFLICT (sale_id) DO UPDATE SET ({COLUMNS}) = ROW (excluded.{EXCLUDED})
    WHERE (known.{COLUMNS.replace(", ", ", known.")}) IS DISTINCT FROM (excluded.{EXCLUDED})
)
DELETE FROM mailing_conversion AS known
WHERE known.sale_id = ANY(%(sales)s) AND NOT EXISTS (SELECT FROM chosen WHERE chosen.sale_id = known.sale_id)
"""

# A sale that is voided, or that came in late, makes another one the first of its customer. Only for such customers are
# all their sales looked at: what a regular customer bought before must not slow down the fold of their next sale.
BUYERS_WITH_ANOTHER_FIRST = """
SELECT DISTINCT customer FROM pos_sale AS changed
WHERE id = ANY(%(sales)s) AND customer <> '' AND (
    state <> 'committed' OR id = (
        SELECT id FROM pos_sale AS other
        WHERE other.customer = changed.customer AND other.state = 'committed' ORDER BY other.at, other.id LIMIT 1
    )
)
"""
MARK_FIRST = f"""
UPDATE mailing_conversion AS conversion SET is_first = found.is_first
FROM (
    SELECT own.sale_id, own.sale_id = (
        SELECT id FROM pos_sale AS other
        WHERE other.customer = buyer.customer AND other.state = 'committed' ORDER BY other.at, other.id LIMIT 1
    ) AS is_first
    FROM ({BUYERS_WITH_ANOTHER_FIRST}) AS buyer
    JOIN pos_sale AS sale ON sale.customer = buyer.customer AND sale.state = 'committed'
    JOIN mailing_conversion AS own ON own.sale_id = sale.id
) AS found
WHERE conversion.sale_id = found.sale_id AND conversion.is_first <> found.is_first
"""

# What stands, against what the rule makes of every sale. Sales that wait for the fold are left out.
DIFFERENCES = f"""
WITH {TOUCHES.format(asked="true")}
SELECT coalesce(known.sale_id, figured.sale_id), coalesce(known.campaign_id, 0), coalesce(figured.campaign_id, 0),
       coalesce(known.net, 0), coalesce(figured.net, 0)
FROM figured FULL JOIN mailing_conversion AS known ON known.sale_id = figured.sale_id
WHERE (known.campaign_id, known.delivery_id, known.how, known.net, known.discount, known.is_first)
      IS DISTINCT FROM
      (figured.campaign_id, figured.delivery_id, figured.how, figured.net, figured.discount, figured.is_first)
  AND NOT EXISTS (
      SELECT FROM pos_unfoldedsale AS waiting WHERE waiting.sale_id = coalesce(known.sale_id, figured.sale_id)
  )
  AND NOT EXISTS (SELECT FROM mailing_dueattribution)
ORDER BY 1 LIMIT 100
"""
TALLIED = """
WITH counted AS (
    SELECT campaign_id, count(*) AS orders, count(*) FILTER (WHERE is_first) AS first_orders, sum(net) AS net,
           sum(discount) AS discount
    FROM mailing_conversion GROUP BY 1
),
tallied AS (
    SELECT campaign_id, sum(orders) AS orders, sum(first_orders) AS first_orders, sum(net) AS net,
           sum(discount) AS discount
    FROM mailing_conversiontally GROUP BY 1
)
SELECT coalesce(counted.campaign_id, tallied.campaign_id), coalesce(tallied.orders, 0), coalesce(tallied.net, 0),
       coalesce(counted.orders, 0), coalesce(counted.net, 0)
FROM counted FULL JOIN tallied USING (campaign_id)
WHERE (coalesce(counted.orders, 0), coalesce(counted.first_orders, 0), coalesce(counted.net, 0),
       coalesce(counted.discount, 0))
   <> (coalesce(tallied.orders, 0), coalesce(tallied.first_orders, 0), coalesce(tallied.net, 0),
       coalesce(tallied.discount, 0))
ORDER BY 1
"""


def fix_rule(campaign: EmailCampaign) -> JsonObject:
    """Return the rule by which sales count for a campaign, as its launch fixes it."""
    days = campaign.attribution_days
    choice = campaign.after_acceptance
    return {
        "days": settings.ATTRIBUTION_DAYS if days is None else days,
        "after_acceptance": choice == "yes" if choice else settings.ATTRIBUTION_AFTER_ACCEPTANCE,
        "names_clicks": campaign.track_clicks and campaign.mode == Mode.INDIVIDUAL,
        "consent": settings.TRACKING_CONSENT,
        **({} if settings.CODES_TELL_WHO else {"codes_tell": False}),
    }


def attribute_sales(sales: Collection[int], most: int) -> int:
    """Attribute these sales, and up to `most` changes that wait; return how many changes. Called by the fold."""
    with connection.cursor() as cursor:
        cursor.execute(TAKE_DUE, [most])
        changes, due = cursor.fetchone()
        every = list({*sales, *due})
        if every:
            values: Columns = {"sales": every, "months": settings.TRACKING_MONTHS}
            cursor.execute(WRITE, values)
            cursor.execute(MARK_FIRST, values)
    return int(changes)


def list_breaches() -> Iterator[str]:
    """Yield a line for each sale that is not attributed by the rule, and each campaign whose tallies are wrong."""
    with connection.cursor() as cursor:
        cursor.execute(DIFFERENCES, {"months": settings.TRACKING_MONTHS})
        for sale, told, found, net, true_net in cursor.fetchall():
            yield (
                f"Sale {sale} counts for campaign {told or 'none'} with {net}; by the rule for {found or 'none'} with "
                f"{true_net}."
            )
        cursor.execute(TALLIED)
        for campaign, orders, net, true_orders, true_net in cursor.fetchall():
            yield (
                f"Campaign {campaign}: {orders} sales with {net} are tallied as its conversions, there are "
                f"{true_orders} with {true_net}."
            )
