"""The report of what a mail was worth, of a large campaign: how long its panel and its page take.

    python -m benchmarks.revenue [--deliveries 1000000] [--conversions 200000] [--explain]

A tenth of the recipients is held out. Each conversion is a sale of three lines within the days that a click counts;
half as many sales of others lie beside them. Pages are asked for by Django's own client, in this process. Goal: 200 ms
for each page, of which the median of five is printed. What the queue measures is not asked for by a page. Not a test.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.mailing import rig
from benchmarks.results import note_result
from campaigns.annotations import Argument, Columns

GOAL = 200  # milliseconds
ROUNDS = 5
PAGES = ("the panel on the campaign's page", "its incremental part", "the page")
FILL = """
UPDATE mailing_contact SET customer_id = 'C' || id;
DELETE FROM mailing_dueattribution;
INSERT INTO mailing_delivery (campaign_id, contact_id, email, status, reason, attempts, due_at, sent_at, clicked_at,
                              stage, enhanced_code, text)
SELECT {campaign}, id, email, CASE WHEN id %% 10 = 0 THEN 'held_out' ELSE 'accepted' END, '', (id %% 10 > 0)::int, NULL,
       CASE WHEN id %% 10 > 0 THEN now() - interval '4 days' END,
       CASE WHEN id %% 10 > 0 AND id %% 3 = 0 THEN now() - interval '3 days 12 hours' END, '', '', ''
FROM mailing_contact;
INSERT INTO pos_sale (location_id, till_id, reference, state, customer, currency, subtotal, discount, total, body_hash,
                      basket, answer, at)
SELECT till.location_id, till.id, 'S' || n, 'committed', 'C' || 1 + (n * 7919::bigint) %% {people}, 'EUR', 3300, 300,
       3000, '', jsonb_build_object('lines', '[]'::jsonb, 'note', repeat(md5(n::text), 20)), '{{}}',
       now() - interval '4 days' + n * interval '4 days' / {sales}
FROM generate_series(1, {sales}) AS n
JOIN (SELECT id, location_id, row_number() OVER (ORDER BY id) AS place FROM pos_till) AS till
    ON till.place = 1 + n %% 20;
DELETE FROM pos_unfoldedsale;
INSERT INTO pos_soldline (sale_id, line, at, location_id, customer, currency, sku, categories, brand, quantity,
                          unit_price, discount, total, returned_quantity, returned_total)
SELECT sale.id, line::text, sale.at, sale.location_id, sale.customer, 'EUR', 'SKU' || (sale.id * line) %% 5000, '{{}}',
       '', 1, 1100, 100, 1000, 0, 0
FROM pos_sale AS sale CROSS JOIN generate_series(1, 3) AS line;
INSERT INTO mailing_conversion (sale_id, campaign_id, delivery_id, how, touched_at, at, location_id, currency, net,
                                discount, is_first, waited)
SELECT DISTINCT ON (sale.id) sale.id, {campaign}, delivery.id,
       CASE WHEN sale.id %% 4 = 0 THEN 'code' ELSE 'click' END, sale.at, sale.at, sale.location_id, 'EUR', sale.total,
       sale.discount, sale.id %% 5 = 0, extract(epoch FROM sale.at - delivery.sent_at)::bigint
FROM pos_sale AS sale JOIN mailing_contact AS contact ON contact.customer_id = sale.customer
JOIN mailing_delivery AS delivery ON delivery.contact_id = contact.id AND delivery.status = 'accepted'
ORDER BY sale.id LIMIT {conversions};
UPDATE mailing_emailcampaign SET prepared_at = now() - interval '4 days', launched_at = now() - interval '4 days',
    content_hash = 'x', total = {people} - {people} / 10,
    funnel = jsonb_build_object('recipients', {people} - {people} / 10, 'held_out', {people} / 10),
    attribution = '{{"days": 5, "after_acceptance": false, "names_clicks": true, "consent": "opt-out"}}'
WHERE campaign_ptr_id = {campaign};
UPDATE campaigns_campaign SET status = 'running' WHERE id = {campaign};
"""


def main() -> None:
    """Measure the panel, the page, and the questions behind it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--deliveries", type=int, default=1_000_000)
    parser.add_argument("--conversions", type=int, default=200_000)
    parser.add_argument("--explain", action="store_true", help="print the plans of the slowest questions")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        rig.server(Path(folder)),
        rig.database("fanfare_bench_revenue"),
    ):
        campaign = fill(options.deliveries, options.conversions)
        measure(campaign, options.conversions)
        if options.explain:
            explain(campaign)


def fill(people: int, conversions: int) -> int:
    """Make the campaign with all that it brought; return its key."""
    from datetime import UTC, datetime, timedelta

    from django.db import connection

    from pos import folding, keys
    from pos.models import Location

    begun = time.monotonic()
    for number in range(20):
        shop = Location.objects.create(code=f"L{number}", name=f"Shop {number}", currency="EUR")
        keys.issue(shop, "Till", key=f"key-of-the-till-of-the-benchmark-{number}")
    campaign: int = rig.draft(rig.contacts_of(people), 1).pk
    now = datetime.now(UTC)
    months = {
        at.replace(day=1, hour=0, minute=0, second=0, microsecond=0) for at in (now, now - timedelta(5))
    }
    folding.make_months(months)
    script = FILL.format(
        campaign=campaign, people=people, sales=conversions * 3 // 2, conversions=conversions
    )
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")  # a campaign that runs without a launch
        for statement in filter(str.strip, script.split(";")):
            if "INTO mailing_conversion" in statement:
                cursor.execute("SET session_replication_role = origin")  # their trigger keeps the tallies
            cursor.execute(statement, [])
            if "INTO mailing_conversion" in statement:
                cursor.execute("SET session_replication_role = replica")
        cursor.execute("SET session_replication_role = origin")
        cursor.execute("VACUUM ANALYZE")
    print(f"{people:,} deliveries, {conversions:,} conversions in {time.monotonic() - begun:.0f} s")
    return campaign


def measure(key: int, conversions: int) -> None:
    """Print how long pages and questions take."""
    from campaigns import database_time
    from mailing import campaign_hold_out, revenue, stored_revenue
    from mailing.models import EmailCampaign

    client = rig.sign_in()
    campaign = EmailCampaign.objects.get(pk=key)
    path = f"/campaigns/email/{key}/revenue/"
    stored_revenue.keep_revenue(key)
    rows: dict[str, Callable[[], object]] = {
        "the panel on the campaign's page": lambda: client.get(f"{path}panel/"),
        "its incremental part": lambda: client.get(f"{path}incremental/"),
        "the page": lambda: client.get(path),
        "  sums": lambda: revenue.read_revenue([key]),
        "by the queue: median time to a sale": lambda: revenue.find_median_wait(campaign),
        "by the queue: lift": lambda: campaign_hold_out.measure_lift(campaign, database_time.now()),
        "by the queue: articles": lambda: revenue.list_articles(campaign, "EUR"),
        "  locations": lambda: revenue.draw_locations(campaign, "EUR"),
        "  days": lambda: revenue.draw_days(campaign, "EUR"),
        "  the first sales": lambda: list(revenue.list_sales(campaign)[:50]),
    }
    for name, act in rows.items():
        act()
        took = []
        for _ in range(ROUNDS):
            begun = time.monotonic()
            found = act()
            took.append(1000 * (time.monotonic() - begun))
        status = getattr(found, "status_code", 200)
        assert status == 200, f"{name}: {status}"
        if name in PAGES:
            note_result(
                f"{name}, with {conversions:,} conversions", statistics.median(took), "ms", at_most=GOAL
            )
        goal = f", goal {GOAL}" if name in PAGES else ""
        print(f"{name:<36}{statistics.median(took):8.0f} ms{goal}", flush=True)


def explain(key: int) -> None:
    """Print the plans of the questions that go through sales."""
    from datetime import UTC, datetime, timedelta

    from django.db import connection

    from mailing import campaign_hold_out, revenue

    now = datetime.now(UTC)
    of_arms = {
        "campaign": key,
        "since": now - timedelta(days=4),
        "until": now + timedelta(days=1),
        "currency": "EUR",
        "part": 0.999,
    }
    with connection.cursor() as cursor:
        asked: list[tuple[str, Columns | list[Argument]]] = [
            (campaign_hold_out.ARMS, of_arms),
            (revenue.ARTICLES, [key, "EUR", 10]),
            (revenue.MEDIAN_WAIT, [key]),
        ]
        for statement, values in asked:
            cursor.execute(f"EXPLAIN (ANALYZE, COSTS OFF) {statement}", values)
            print("\n".join(row[0] for row in cursor), "\n")


if __name__ == "__main__":
    main()
