"""What codes of their own cost a quote: with a customer who has three among a million, and without a customer.

    python -m benchmarks.personal [--codes 1000000] [--seconds 3] [--repeats 7]

Quotes of 5 lines at 100 promotions over 8 connections (`apt install wrk`), before any mail bore a code and after it,
asked for in turn. Goals: at most 5% more CPU of server and PostgreSQL for a customer with three codes, none for a quote
without a customer. Not a test.
"""

import argparse
import json
import random
import shutil
import tempfile
from functools import partial
from pathlib import Path

import msgspec
import psycopg

from benchmarks import engine
from benchmarks.pos import Row, medians, request
from benchmarks.results import note_result
from benchmarks.till.bench import VAR, Bench
from config import embedded_postgres

CODES_EACH = 3
DATABASES = {"no codes": "personal_without", "codes": "personal_with"}
FILL = """
INSERT INTO mailing_contact (email, first_name, last_name, phone, city, country, attributes, customer_id, created_at,
                             updated_at)
SELECT 'c' || n || '@x.test', '', '', '', '', '', '{{}}', 'C' || n, now(), now()
FROM generate_series(1, {customers}) AS n;
INSERT INTO promotions_promotion ({columns}) SELECT {values} FROM promotions_promotion ORDER BY id LIMIT 1;
DELETE FROM mailing_dueattribution;
"""
# Of mails that were accepted, each contact was sent three. The campaigns behind them play no part in a quote.
CODES = """
INSERT INTO promotions_coupon (promotion_id, code, key, kind, active, min_subtotal, uses, overrun_uses, customer,
                               made_for, batch, created_at)
SELECT (SELECT max(id) FROM promotions_promotion), 'AUTUMN-' || contact.id || '-' || n,
       'autumn-' || contact.id || '-' || n, 'one_time', true, 0, 0, 0, '', contact.id, 'E-mail ' || n, now()
FROM mailing_contact AS contact, generate_series(1, {each}) AS n;
INSERT INTO mailing_delivery (campaign_id, contact_id, email, coupon_id, status, reason, attempts, sent_at, stage,
                              enhanced_code, text)
SELECT substr(coupon.batch, 8)::int, contact.id, contact.email, coupon.id, 'accepted', '', 1, now(), '', '', ''
FROM promotions_coupon AS coupon JOIN mailing_contact AS contact ON contact.id = coupon.made_for;
"""
COLUMNS = """
SELECT string_agg(quote_ident(name), ', '),
       string_agg(CASE name WHEN 'name' THEN '''Of the mails''' WHEN 'trigger' THEN '''coupon'''
                  WHEN 'standalone' THEN 'true' ELSE quote_ident(name) END, ', ')
FROM (SELECT attname AS name FROM pg_attribute WHERE attrelid = 'promotions_promotion'::regclass AND attnum > 0
      AND NOT attisdropped AND attname <> 'id') AS found
"""


def fill(bench: Bench, database: str, rules: Path, customers: int, *, with_codes: bool) -> None:
    """Make a shop with customers, and with codes of theirs or without."""
    bench.fill(database, rules)
    server = bench.server
    with psycopg.connect(
        host=server["HOST"], port=server["PORT"], user=server["USER"], dbname=database, autocommit=True
    ) as connection:
        connection.execute("SET session_replication_role = replica")
        ((columns, values),) = connection.execute(COLUMNS)
        script = FILL.format(customers=customers, columns=columns, values=values)
        if with_codes:
            script += CODES.format(each=CODES_EACH)
        for statement in filter(str.strip, script.split(";")):
            connection.execute(statement.encode())
        connection.execute("SET session_replication_role = origin")
        connection.execute("SELECT promotions_publish()")
        connection.execute("VACUUM ANALYZE")


def write_bodies(folder: Path, customers: int) -> dict[str, Path]:
    """Write quotes with a customer and without; return the files."""
    _, baskets = engine.make_shop(random.Random(7))
    chance = random.Random(8)
    files = {}
    for name in ("with a customer", "without a customer"):
        files[name] = folder / f"{name.replace(' ', '_')}.jsonl"
        lines = []
        for number in range(10_000):
            body = request(baskets[5][number % len(baskets[5])])
            if name == "with a customer":
                body = body | {"customer": {"id": f"C{chance.randint(1, customers)}"}}
            lines.append(json.dumps(body) + "\n")
        files[name].write_text("".join(lines))
    return files


def show(found: dict[str, Row]) -> None:
    """Print each row, and what codes cost beside none."""
    for name, row in found.items():
        print(f"  {name:<32}{row['rate']:>8,.0f} /s {row['cpu']:6,.0f} µs CPU")
    for name, goal in (("with a customer", 1.05), ("without a customer", 1.0)):
        ratio = found[f"{name}, codes"]["cpu"] / found[f"{name}, no codes"]["cpu"]
        note_result(f"quote {name}: CPU, of one without codes", ratio, at_most=goal)
        print(f"  {name}: {ratio:.1%} of the CPU without codes, goal at most {goal:.0%}")


def main() -> None:
    """Measure quotes with and without a customer in both databases."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--codes", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=3.0, help="for each measurement")
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    if not shutil.which("wrk"):
        print("wrk is missing (`apt install wrk`): nothing can be measured over HTTP.")
        return
    customers = max(1, options.codes // CODES_EACH)
    promotions, _ = engine.make_shop(random.Random(7))
    rules = [engine.rule(number, promotion) for number, promotion in enumerate(promotions[:100], start=1)]
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        (folder / "rules.json").write_bytes(msgspec.json.encode(rules))
        bodies = write_bodies(folder, customers)
        bench = Bench(folder, options.seconds)
        try:
            for codes, database in DATABASES.items():
                fill(bench, database, folder / "rules.json", customers, with_codes=codes == "codes")
            with bench.serving(DATABASES["no codes"]) as without, bench.serving(DATABASES["codes"]) as some:
                rows = {
                    f"{name}, {codes}": partial(bench.send, f"{address}/pos/v1/quotes", file)
                    for name, file in bodies.items()
                    for codes, address in (("no codes", without), ("codes", some))
                }
                medians(1, rows)  # both servers load their rules
                print(f"Quotes of 5 lines, {options.codes:,} codes, {CODES_EACH} of each customer")
                show(medians(options.repeats, rows))
        finally:
            embedded_postgres.stop(VAR)


if __name__ == "__main__":
    main()
