"""Segments by purchases over many sold lines: how long each takes to count, and to become a customer group.

    python -m benchmarks.segments [--contacts 1000000] [--lines 5000000] [--explain]

Half of the contacts have a customer number; sales have four lines each, spread over two years; one in twenty lines came
back. Goal: each is counted within two seconds, of which the median of three counts is printed. Not a test.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.mailing import rig
from benchmarks.results import note_result
from campaigns.annotations import JsonObject

GOAL = 2.0  # seconds
ROUNDS = 3
MONTH = {"amount": 30, "unit": "day"}
TREES: dict[str, JsonObject] = {
    "bought a SKU": {"event": "bought", "of": {"sku": "SKU17"}},
    "bought of a category, twice": {"event": "bought", "of": {"category": "c3"}, "times": 2},
    "bought of a brand within 30 days": {"event": "bought", "of": {"brand": "b5"}, "within": MONTH},
    "spent 200 at a location": {
        "event": "bought",
        "of": {"location": "Shop 3"},
        "spent": 20_000,
        "currency": "EUR",
    },
    "bought 3 times": {"event": "bought", "times": 3},
    "spent 500 within 30 days": {"event": "bought", "spent": 50_000, "currency": "EUR", "within": MONTH},
    "did not buy within 30 days": {"event": "bought", "done": False, "within": MONTH},
    "returned something": {"event": "returned"},
    "bought first within 30 days": {"event": "first_bought", "within": MONTH},
    "champions": {"rfm": "champions"},
}
# The basket and the answer are as wide as those of a till.
FILL = """
UPDATE mailing_contact SET customer_id = 'C' || id WHERE id %% 2 = 0;
DELETE FROM mailing_dueattribution;
INSERT INTO pos_sale (location_id, till_id, reference, state, customer, currency, subtotal, discount, total,
                      returned_total, body_hash, basket, answer, at)
SELECT till.location_id, till.id, 'S' || n, 'committed',
       CASE WHEN n %% 5 > 0 THEN 'C' || 2 * (1 + ('x' || substr(md5(n::text), 1, 7))::bit(28)::int %% {customers})
            ELSE '' END,
       'EUR', 4000, 0, 4000, CASE n %% 5 WHEN 4 THEN 1000 END, '',
       jsonb_build_object('lines', '[]'::jsonb, 'note', repeat(md5(n::text), 20)), '{{}}',
       now() - n * interval '2 years' / {sales}
FROM generate_series(1, {sales}) AS n
JOIN (SELECT id, location_id, row_number() OVER (ORDER BY id) AS place FROM pos_till) AS till
    ON till.place = 1 + n %% 20;
DELETE FROM pos_unfoldedsale;
"""
LINES = """
INSERT INTO pos_soldline (sale_id, line, at, location_id, customer, currency, sku, categories, brand, quantity,
                          unit_price, discount, total, returned_quantity, returned_total)
SELECT sale.id, line::text, sale.at, sale.location_id, sale.customer, 'EUR', 'SKU' || (sale.id * line) %% 5000,
       ARRAY['c' || (sale.id + line) %% 50], 'b' || (sale.id * line) %% 200, 1, 1000, 0, 1000 + (sale.id * 7) %% 900,
       ((sale.id * 4 + line) %% 20 = 0)::int, CASE WHEN (sale.id * 4 + line) %% 20 = 0 THEN 1000 ELSE 0 END
FROM pos_sale AS sale CROSS JOIN generate_series(1, 4) AS line
"""


def main() -> None:
    """Measure each segment, and the group of one."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--contacts", type=int, default=1_000_000)
    parser.add_argument("--lines", type=int, default=5_000_000)
    parser.add_argument("--explain", action="store_true", help="print the plan of each")
    parser.add_argument("--only", choices=TREES, action="append")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        rig.server(Path(folder)),
        rig.database("fanfare_bench_segments"),
    ):
        fill(options.contacts, options.lines)
        for name in options.only or TREES:
            measure(name, {"all": [TREES[name]]}, explain=options.explain)
        measure_groups(TREES["bought of a category, twice"])


def fill(contacts: int, lines: int) -> None:
    """Make contacts, sales and sold lines."""
    from datetime import UTC, datetime

    from django.db import connection

    from pos import folding, keys
    from pos.models import Location

    begun = time.monotonic()
    for number in range(20):
        shop = Location.objects.create(code=f"L{number}", name=f"Shop {number}", currency="EUR")
        keys.issue(shop, "Till", key=f"key-of-the-till-of-the-benchmark-{number}")
    rig.contacts_of(contacts)
    sales = lines // 4
    with connection.cursor() as cursor:
        for statement in filter(str.strip, FILL.format(customers=contacts // 2, sales=sales).split(";")):
            cursor.execute(statement, [])
        now = datetime.now(UTC)
        folding.make_months(
            datetime(now.year + (now.month - 1 - back) // 12, (now.month - 1 - back) % 12 + 1, 1, tzinfo=UTC)
            for back in range(26)
        )
        cursor.execute(LINES, [])
        cursor.execute("VACUUM ANALYZE")
    print(f"{contacts:,} contacts, {sales:,} sales, {lines:,} sold lines in {time.monotonic() - begun:.0f} s")


def measure(name: str, tree: JsonObject, *, explain: bool) -> None:
    """Print how long a segment takes to count."""
    from django.db import connection

    from mailing import audience

    took, counts = time_calls(lambda: audience.count_contacts(tree))
    note_result(f"segment: {name}", took, "s", at_most=GOAL)
    print(f"{name:<36}{took:8.2f} s, goal {GOAL:g}   {counts:>9,} contacts", flush=True)
    if explain:
        condition = audience.compile(tree)
        with connection.cursor() as cursor:
            cursor.execute(
                "EXPLAIN (ANALYZE, BUFFERS, COSTS OFF) SELECT count(*) FROM mailing_contact AS contact WHERE "
                + condition.sql,
                condition.params,
            )
            print("\n".join(row[0] for row in cursor))


def measure_groups(node: JsonObject) -> None:
    """Print how long the group of a segment takes to fill, and to follow the sales of one fold."""
    from mailing import segment_groups
    from mailing.models import Segment
    from pos.models import Sale

    segment = segment_groups.save_segment(Segment(name="Buyers", tree={"all": [node]}), at_till=True)
    took, members = time_calls(lambda: segment_groups.fill_group(segment))
    print(f"{'its customer group, filled anew':<36}{took:8.2f} s   {members:>17,} members")
    sales = [*Sale.objects.exclude(customer="").order_by("-pk").values_list("pk", flat=True)[:500]]
    took, _ = time_calls(lambda: segment_groups.move_buyers(sales, 500))
    print(f"{'the same after a fold of 500 sales':<36}{took:8.3f} s")


def time_calls(act: Callable[[], int]) -> tuple[float, int]:
    """Return the median of the seconds of some calls, and what the last one returned."""
    took = []
    for _ in range(ROUNDS):
        begun = time.monotonic()
        found = act()
        took.append(time.monotonic() - begun)
    return statistics.median(took), found


if __name__ == "__main__":
    main()
