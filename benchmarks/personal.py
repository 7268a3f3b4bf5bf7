"""What codes of their own cost quotes and sales: with a customer who has three among a million, and without a customer.

    python -m benchmarks.personal [--codes 1000000] [--seconds 3] [--repeats 7] [--only quotes]

Quotes of 5 lines at 100 promotions over 8 connections (`apt install wrk`), before any mail bore a code and after it,
asked for in turn. Goals: at most 5% more CPU of server and PostgreSQL for a customer with three codes, none for a quote
without a customer. Then sales of the same baskets: with a customer who redeems a code of theirs, beside those without
either; all leave word for the fold, which writes their lines later. Goal: at least 90% of the rate. Not a test.
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
SALES = ("with a customer and a code", "without either")
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
REDEEMABLE = """
UPDATE promotions_promotion SET target = '{}', conditions = '[]' WHERE name = 'Of the mails';
SELECT promotions_publish();
VACUUM ANALYZE
"""
MOST_SALES = 5_000  # a second: so many codes are at hand
GOAL_OF_SALES = 0.9
COLUMNS = """
SELECT string_agg(quote_ident(name), ', '),
       string_agg(CASE name WHEN 'name' THEN '''Of the mails''' WHEN 'trigger' THEN '''coupon'''
                  WHEN 'standalone' THEN 'true' ELSE quote_ident(name) END, ', ')
FROM (SELECT attname AS name FROM pg_attribute WHERE attrelid = 'promotions_promotion'::regclass AND attnum > 0
      AND NOT attisdropped AND attname <> 'id') AS found
"""


def connect(bench: Bench, database: str) -> psycopg.Connection:
    """Open a connection to a database of the benchmark, each statement of which commits by itself."""
    server = bench.server
    return psycopg.connect(
        host=server["HOST"], port=server["PORT"], user=server["USER"], dbname=database, autocommit=True
    )


def fill(bench: Bench, database: str, rules: Path, customers: int, *, with_codes: bool) -> None:
    """Make a shop with customers, and with codes of theirs or without."""
    bench.fill(database, rules)
    with connect(bench, database) as connection:
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


def measure_quotes(bench: Bench, bodies: dict[str, Path], codes: int, repeats: int) -> None:
    """Print what quotes cost with codes and without."""
    with bench.serving(DATABASES["no codes"]) as without, bench.serving(DATABASES["codes"]) as some:
        rows = {
            f"{name}, {which}": partial(bench.send, f"{address}/pos/v1/quotes", file)
            for name, file in bodies.items()
            for which, address in (("no codes", without), ("codes", some))
        }
        medians(1, rows)  # both servers load their rules
        print(f"Quotes of 5 lines, {codes:,} codes, {CODES_EACH} of each customer")
        show(medians(repeats, rows))


def write_sales(folder: Path, number: int, count: int, customers: int) -> dict[str, Path]:
    """Write sales in which each customer redeems a code that no other file has, and the same ones without."""
    _, baskets = engine.make_shop(random.Random(7))
    files = {name: folder / f"sales_{name.replace(' ', '_')}_{number}.jsonl" for name in SALES}
    bodies: dict[str, list[str]] = {name: [] for name in SALES}
    for place in range(count):
        copy, customer = divmod(number * count + place, customers)
        body = request(baskets[5][place % len(baskets[5])])
        of_customer = {
            "customer": {"id": f"C{customer + 1}"},
            "coupons": [f"AUTUMN-{customer + 1}-{copy + 1}"],
        }
        for name, more in zip(SALES, (of_customer, {}), strict=True):
            bodies[name].append(json.dumps(body | more) + "\n")
    for name, file in files.items():
        file.write_text("".join(bodies[name]))
    return files


def measure_sales(bench: Bench, folder: Path, customers: int, repeats: int) -> None:
    """Print how fast sales with a customer and a code are, beside those without."""
    count = min(int(MOST_SALES * bench.seconds), customers * CODES_EACH // (repeats + 1))
    files = [write_sales(folder, number, count, customers) for number in range(repeats + 1)]
    database = DATABASES["codes"]
    with connect(bench, database) as connection:
        for statement in filter(str.strip, REDEEMABLE.split(";")):
            connection.execute(statement.encode())
    turns = {name: iter(range(repeats + 1)) for name in SALES}
    with bench.serving(database, threads=2) as address:

        def sell(name: str) -> Row:
            turn = next(turns[name])
            return bench.send(address, files[turn][name], unique=f"{name.replace(' ', '-')}-{turn}")

        rows = {name: partial(sell, name) for name in SALES}
        medians(1, rows)  # both workers load their rules
        used = read_redeemed(bench)
        found = medians(repeats, rows)
        redeemed = (read_redeemed(bench) - used) / repeats
    print("Sales of 5 lines")
    for name, row in found.items():
        print(f"  {name:<32}{row['rate']:>8,.0f} /s {row['cpu']:6,.0f} µs CPU")
    with_code, without = (found[name] for name in SALES)
    print(f"  {redeemed / (with_code['rate'] * bench.seconds):.0%} of those with a code redeemed it")
    ratio = with_code["rate"] / without["rate"]
    note_result("sale with customer and code: of one without", ratio, at_least=GOAL_OF_SALES)
    print(f"  {ratio:.1%} of the sales without, goal at least {GOAL_OF_SALES:.0%}")


def read_redeemed(bench: Bench) -> int:
    """Return how many codes of customers have been redeemed."""
    with connect(bench, DATABASES["codes"]) as connection:
        ((count,),) = connection.execute(
            "SELECT count(*) FROM promotions_redemption WHERE coupon_id IS NOT NULL"
        )
    return int(count)


def main() -> None:
    """Measure quotes with and without a customer in both databases, then sales with a code and without."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--codes", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=3.0, help="for each measurement")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--only", choices=["quotes", "sales"])
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
            if options.only != "sales":
                measure_quotes(bench, bodies, options.codes, options.repeats)
            if options.only != "quotes":
                measure_sales(bench, folder, customers, options.repeats)
        finally:
            embedded_postgres.stop(VAR)


if __name__ == "__main__":
    main()
