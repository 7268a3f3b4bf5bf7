"""The data of a large retailer: contacts, ended mails, campaigns of promotions, codes and sales.

One campaign of each kind goes through the product; the others are its copies, made by SQL.
"""

import time
from typing import Any

from benchmarks.mailing import rig

MAILS = 100
SHOPS = 20
SALES_AT_ONCE = 2_000
SALES = """
INSERT INTO pos_sale (location_id, till_id, reference, state, customer, currency, subtotal, discount, total, body_hash,
                      basket, answer, at)
SELECT till.location_id, till.id, 'S' || n, 'committed',
       CASE WHEN n %% 3 > 0 THEN 'C' || 1 + (n * 7919::bigint) %% {people} ELSE '' END, 'EUR', 3300, 300, 3000, '',
       jsonb_build_object('currency', 'EUR', 'lines', (
           SELECT jsonb_agg(jsonb_build_object(
               'id', line::text, 'sku', 'SKU' || (n * line) %% 5000, 'name', 'Article ' || (n * line) %% 5000,
               'quantity', 1, 'unit_price', 1100, 'categories', jsonb_build_array('c' || (n + line) %% 50)
           )) FROM generate_series(1, 3) AS line)), '{{}}',
       now() - ({sales} - n) * interval '365 days' / {sales}
FROM generate_series(1, {sales}) AS n
JOIN (SELECT id, location_id, row_number() OVER (ORDER BY id) AS place FROM pos_till) AS till
    ON till.place = 1 + n %% 20;
DELETE FROM pos_unfoldedsale;
INSERT INTO pos_soldline (sale_id, line, at, location_id, customer, currency, sku, categories, brand, quantity,
                          unit_price, discount, total, returned_quantity, returned_total)
SELECT sale.id, line::text, sale.at, sale.location_id, sale.customer, 'EUR', 'SKU' || (sale.id * line) %% 5000,
       ARRAY['c' || (sale.id + line) %% 50], 'b' || (sale.id * line) %% 200, 1, 1100, 100, 1000, 0, 0
FROM pos_sale AS sale CROSS JOIN generate_series(1, 3) AS line;
INSERT INTO promotions_redemption (campaign_id, promotion_id, amount, uses, runs, at, sale_id)
SELECT link.campaign_id, link.promotion_id, 300, 1, '{{}}', sale.at, sale.id
FROM pos_sale AS sale JOIN (SELECT campaign_id, promotion_id, row_number() OVER (ORDER BY id) AS place,
                                   count(*) OVER () AS links FROM promotions_link) AS link
    ON link.place = 1 + sale.id %% (SELECT count(*) FROM promotions_link)
ORDER BY sale.id;  -- as tills write them
UPDATE promotions_counter AS counter SET uses = summed.uses, spent = summed.spent FROM (
    SELECT campaign_id, promotion_id, count(*) AS uses, sum(amount) AS spent FROM promotions_redemption GROUP BY 1, 2
) AS summed WHERE counter.campaign_id = summed.campaign_id
"""
CONVERSIONS = """
INSERT INTO mailing_conversion (sale_id, campaign_id, delivery_id, how, touched_at, at, location_id, currency, net,
                                discount, is_first, waited)
SELECT DISTINCT ON (sale.id) sale.id, delivery.campaign_id, delivery.id,
       CASE WHEN sale.id %% 4 = 0 THEN 'code' ELSE 'click' END, sale.at, sale.at, sale.location_id, 'EUR', sale.total,
       sale.discount, sale.id %% 5 = 0, extract(epoch FROM sale.at - delivery.sent_at)::bigint
FROM pos_sale AS sale JOIN mailing_contact AS contact ON contact.customer_id = sale.customer
JOIN mailing_delivery AS delivery ON delivery.contact_id = contact.id AND delivery.status = 'accepted'
WHERE sale.at > delivery.sent_at ORDER BY sale.id
"""


def fill(scale: float) -> None:
    """Make all rows; prints what took how long."""
    from django.db import connection

    people, promotions, sales = round(1_000_000 * scale), round(10_000 * scale), round(500_000 * scale)
    begun = time.monotonic()

    def tell(what: str) -> None:
        print(f"{time.monotonic() - begun:7.0f} s  {what}", flush=True)

    make_shops()
    rig.contacts_of(people)
    tell(f"{people:,} contacts")
    make_segments()
    make_promotions(promotions)
    tell(f"{promotions:,} campaigns of promotions")
    first = send_first_mail(max(people // 10, 1))
    tell("the first mail, sent and answered")
    copy_mail(first, people)
    tell(f"{MAILS} mails")
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        for statement in SALES.format(people=people, sales=sales).split(";"):
            cursor.execute(statement, [])
        cursor.execute("SET session_replication_role = origin")
        cursor.execute(CONVERSIONS, [])  # their trigger keeps the tallies
        tell(f"{sales:,} sales")
        tally_all_sales()
        tell("their tallies")
        cursor.execute("VACUUM ANALYZE")
    fold_and_keep()
    tell("counted by the queue")


def make_shops() -> None:
    """Make locations with a till each, and the months that sold lines are kept in."""
    from datetime import UTC, datetime, timedelta

    from pos import folding, keys
    from pos.models import Location

    for number in range(SHOPS):
        shop = Location.objects.create(code=f"L{number}", name=f"Shop {number}", currency="EUR")
        keys.issue(shop, "Till", key=f"key-of-the-till-of-the-benchmark-{number}")
    now = datetime.now(UTC)
    days = (now - timedelta(days=back) for back in range(0, 400, 7))
    folding.make_months({day.replace(day=1, hour=0, minute=0, second=0, microsecond=0) for day in days})


def make_segments() -> None:
    """Make fifty segments of four kinds."""
    from mailing.models import Segment

    trees = (
        {"field": "points", "op": "greater_than", "value": "2500"},
        {"field": "city", "op": "equals", "value": "Cork"},
        {"event": "bought", "of": {"sku": "SKU17"}},
        {"event": "opened"},
    )
    for number in range(50):
        Segment.objects.create(name=f"Segment {number}", tree={"all": [trees[number % 4]]})


def make_promotions(count: int) -> None:
    """Make a campaign with a promotion and ten codes, and copies: one in twenty is active, the others have ended."""
    from datetime import timedelta

    from django.db import connection

    from campaigns import database_time, lifecycle
    from promotions.models import Coupon, Link, Promotion, PromotionCampaign

    now = database_time.now()
    promotion = Promotion.objects.create(
        name="Promotion 0", status="active", trigger="coupon", benefit={"type": "percent", "percent": 1000}
    )
    campaign = PromotionCampaign.objects.create(
        name="Autumn promotion 0", currency="EUR", budget=1_000_000, ends_at=now + timedelta(days=30)
    )
    Link.objects.create(campaign=campaign, promotion=promotion)
    Coupon.objects.bulk_create(
        Coupon(promotion=promotion, code=f"CODE-0-{n}", key=f"CODE-0-{n}", batch="Autumn") for n in range(10)
    )
    lifecycle.fire(campaign, "activate")
    copies = f"generate_series(1, {count - 1}) AS n"
    active = "n %% 20 = 0"
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        base = 10_000_000
        changed = {
            "promotions_promotion": {"id": f"{base} + n", "name": "'Promotion ' || n"},
            "campaigns_campaign": {
                "id": f"{base} + n",
                "name": "'Autumn promotion ' || n",
                "status": f"CASE WHEN {active} THEN 'active' ELSE 'expired' END",
                "starts_at": "now() - n %% 400 * interval '1 day' - interval '10 days'",
                "ends_at": f"now() + CASE WHEN {active} THEN interval '9 days' ELSE interval '-2 days' END "
                f"- CASE WHEN {active} THEN 0 ELSE n %% 400 END * interval '1 day'",
                "created_at": "now() - n %% 400 * interval '1 day' - interval '11 days'",
            },
            "promotions_promotioncampaign": {"campaign_ptr_id": f"{base} + n"},
            "promotions_link": {
                "id": f"{base} + n",
                "promotion_id": f"{base} + n",
                "campaign_id": f"{base} + n",
            },
            "promotions_counter": {
                "id": f"{base} + n + source.id * 100000",
                "promotion_id": f"CASE WHEN source.promotion_id IS NULL THEN NULL ELSE {base} + n END",
                "campaign_id": f"{base} + n",
            },
            "promotions_coupon": {
                "id": f"{base} + n * 100 + source.id",
                "promotion_id": f"{base} + n",
                "code": "'CODE-' || n || right(source.code, 2)",
                "key": "'CODE-' || n || right(source.code, 2)",
            },
        }
        for table, expressions in changed.items():
            copy_rows(cursor, table, expressions, copies)
        cursor.execute("SET session_replication_role = origin")


# Any: models are not imported before the set-up
def send_first_mail(recipients: int) -> int:
    """Launch a mail to the first contacts, answer it, end it, and return its key."""
    from django.db import connection

    from benchmarks import reports
    from campaigns import database_time, lifecycle
    from mailing import launch, tallies
    from mailing.models import ContactList, EmailCampaign

    people = ContactList.objects.create(name="The first")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE mailing_contact SET customer_id = 'C' || id")
        cursor.execute(
            "INSERT INTO mailing_membership (list_id, contact_id, joined_at) "
            "SELECT %s, id, now() FROM mailing_contact ORDER BY id LIMIT %s",
            [people.pk, recipients],
        )
        cursor.execute("VACUUM ANALYZE mailing_contact, mailing_membership")
    campaign = lifecycle.fire(rig.draft(people.pk, 2525), "launch")
    launch.prepare(campaign.pk)
    campaign = EmailCampaign.objects.get(pk=campaign.pk)
    reports.answer_campaign(campaign)
    now = database_time.now()
    tallies.fold_tallies(now)
    tallies.fold_event_counts(now)
    lifecycle.fire(EmailCampaign.objects.get(pk=campaign.pk), "complete")
    return int(campaign.pk)


def copy_mail(first: int, people: int) -> None:
    """Copy a mail with all that is known of it, each time to the next tenth of the contacts and some days earlier."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT max(id) - min(id) + 1, min(id) FROM mailing_contact")
        contacts, lowest = cursor.fetchone()
        cursor.execute("SELECT max(id) - min(id) + 1 FROM mailing_delivery WHERE campaign_id = %s", [first])
        (deliveries,) = cursor.fetchone()
        copies = f"generate_series(1, {MAILS - 1}) AS n"
        mail = f"{first} + n * 1000000000::bigint"
        delivery = f"n * {deliveries}::bigint"
        ago = "n * interval '3 days'"
        contact = f"{lowest} + (source.contact_id - {lowest} + n * {people // 10}) %% {contacts}"
        changed = {
            "campaigns_campaign": {
                "id": mail,
                "name": "'Autumn ' || n",
                "created_at": f"source.created_at - {ago}",
                "starts_at": f"source.starts_at - {ago}",
                "ends_at": f"source.ends_at - {ago}",
            },
            "mailing_emailcampaign": {
                "campaign_ptr_id": mail,
                "launched_at": f"source.launched_at - {ago}",
                "prepared_at": f"source.prepared_at - {ago}",
                "finished_at": f"source.finished_at - {ago}",
            },
            "mailing_delivery": {
                "id": f"source.id + {delivery}",
                "campaign_id": mail,
                "contact_id": contact,
                "email": f"'user' || {contact} || '@example' || ({contact}) %% 97 || '.test'",
                "sent_at": f"source.sent_at - {ago}",
                "opened_at": f"source.opened_at - {ago}",
                "clicked_at": f"source.clicked_at - {ago}",
            },
            "mailing_event": {
                "delivery_id": f"source.delivery_id + {delivery}",
                "campaign_id": mail,
                "at": f"source.at - {ago}",
            },
            "mailing_eventcount": {"campaign_id": mail, "at": f"source.at - {ago}"},
            "mailing_tally": {"campaign_id": mail, "at": f"source.at - {ago}"},
            "mailing_target": {"campaign_id": mail},
            "campaigns_transition": {"campaign_id": mail, "at": f"source.at - {ago}"},
        }
        cursor.execute("SET session_replication_role = replica")
        for table, expressions in changed.items():
            key = {"campaigns_campaign": "id", "mailing_emailcampaign": "campaign_ptr_id"}.get(
                table, "campaign_id"
            )
            copy_rows(cursor, table, expressions, copies, f"source.{key} = {first}")
        cursor.execute("SET session_replication_role = origin")


# Any: a cursor of Django's, which is not imported before the set-up
def copy_rows(cursor: Any, table: str, changed: dict[str, str], copies: str, where: str = "true") -> None:
    """Copy rows of a table as `source`, once for each `n` of `copies`, with other values in some columns.

    A column `id` that is not named is numbered by the database.
    """
    cursor.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_name = %s "
        "AND NOT (is_identity = 'YES' AND NOT column_name = ANY(%s)) AND is_generated = 'NEVER'",
        [table, [*changed]],
    )
    columns = [name for (name,) in cursor.fetchall()]
    values = [changed.get(name, f'source."{name}"') for name in columns]
    names = ", ".join(f'"{name}"' for name in columns)
    cursor.execute(
        f"INSERT INTO {table} ({names}) OVERRIDING SYSTEM VALUE SELECT {', '.join(values)} "
        f"FROM (SELECT * FROM {table} AS source WHERE {where.replace('%', '%%')}) AS source CROSS JOIN {copies}",
        [],
    )


def tally_all_sales() -> None:
    """Tally the sales as the fold does, of which everything else is written already."""
    from django.db import connection

    from pos.models import Sale
    from promotions import tallies

    keys = list(Sale.objects.order_by("pk").values_list("pk", flat=True))
    for first in range(0, len(keys), SALES_AT_ONCE):
        tallies.tally_sales(keys[first : first + SALES_AT_ONCE], SALES_AT_ONCE)
        if first == 0:
            with connection.cursor() as cursor:
                cursor.execute("ANALYZE promotions_discounttally, promotions_talliedsale")


def fold_and_keep() -> None:
    """Let the queue's tasks count what pages of large campaigns show."""
    from campaigns import database_time
    from mailing import stored_revenue, tallies
    from mailing.models import EmailCampaign
    from mailing.reports import stored_counts

    now = database_time.now()
    tallies.fold_tallies(now)
    tallies.fold_event_counts(now)
    for key in EmailCampaign.objects.order_by("pk").values_list("pk", flat=True)[:2]:
        stored_counts.keep_counts(key)
        stored_revenue.keep_revenue(key)
