"""Time quotes and sales over HTTP, beside what the server, Django and PostgreSQL cost alone.

    python -m benchmarks.pos [--workload DIR] [--seconds 3] [--repeats 3]
    python -m benchmarks.pos --target FILE [--workload DIR]

The promotions and baskets are those of benchmarks.engine. A PostgreSQL of its own runs under var/bench; granian serves
with two workers, for quotes of one thread each, for sales of two as the Procfile has it; wrk sends over 8 connections
(`apt install wrk`). Quotes are sent to granian directly, and once more through the front. Read ratios: the rows of a
table are measured in turn, several times over, and their medians compared. `--target` writes a description of the
quote view, with its bodies beside it, for a benchmark that measures others on the same baskets; the PostgreSQL is left
running.
"""

import argparse
import itertools
import json
import os
import random
import re
import shutil
import statistics
import tempfile
import urllib.request
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import django
import msgspec

from benchmarks import engine
from benchmarks.results import note_result
from benchmarks.till.bench import ROOT, VAR, Bench, serve
from benchmarks.till.shop import KEY
from campaigns.annotations import JsonObject
from config import embedded_postgres

BUDGET = 10**14
SAMPLE = 20  # sales that stand for all in bare SQL
GOALS: dict[tuple[int, int], tuple[float, float | None]] = {  # of the constant view, of one SELECT
    (1000, 5): (0.45, 0.85),
    (1000, 30): (0.22, None),
}
GOAL_ALONE = 1.2  # ms
GOALS_OF_SALES = {"no limits": 0.75, "one hot campaign with a budget": 0.90}  # of bare SQL
Lines = dict[int, list[list[JsonObject]]]


def request(lines: list[JsonObject]) -> JsonObject:
    """Build the body of a quote for these lines of the workload."""
    return {
        "currency": "EUR",
        "lines": [
            {
                "id": str(number),
                "sku": line["sku"],
                "quantity": line["qty"],
                "unit_price": engine.cents(line["price"]),
            }
            for number, line in enumerate(lines, start=1)
        ],
    }


def write_bodies(folder: Path, baskets: Lines) -> dict[int, Path]:
    """Return a file for each length of basket, a request on each line."""
    files = {}
    for length, some in baskets.items():
        files[length] = folder / f"bodies_L{length}.jsonl"
        files[length].write_text("".join(f"{json.dumps(request(lines))}\n" for lines in some))
    return files


Row = dict[str, float]


def medians(repeats: int, rows: Mapping[str, Callable[[], Row]]) -> dict[str, Row]:
    """Return the medians of each row's figures, the rows measured in turn."""
    found: dict[str, list[Row]] = {name: [] for name in rows}
    for _ in range(repeats):
        for name, measure in rows.items():
            found[name].append(measure())
    return {
        name: {figure: statistics.median(row[figure] for row in several) for figure in several[0]}
        for name, several in found.items()
    }


def show(title: str, found: dict[str, Row]) -> None:
    """Print a table whose rows are compared with each of those above."""
    print(f"\n{title}")
    above: dict[str, Row] = {}
    for name, row in found.items():
        ratios = ", ".join(f"{row['rate'] / other['rate']:.0%} of {known}" for known, other in above.items())
        cpu = f" {row['cpu']:6,.0f} µs CPU" if "cpu" in row else ""
        lines = f" {row['lines']:6.2f} lines" if "lines" in row else ""
        print(f"  {name:<22}{row['rate']:>8,.0f} /s{lines}{cpu}  {ratios}")
        above[name] = row


def quotes(bench: Bench, repeats: int, files: dict[int, Path], sets: dict[str, Path]) -> None:
    """Measure quotes of each length and number of promotions, beside the constant view and the one SELECT."""
    paths = {"constant": "/constant", "one SELECT": "/select", "quote": "/pos/v1/quotes"}
    for size, rules in sets.items():
        bench.fill("quotes", rules)
        with bench.serving("quotes") as address:
            for length, bodies in files.items():
                rows = {name: partial(bench.send, f"{address}{path}", bodies) for name, path in paths.items()}
                found = medians(repeats, rows)
                show(f"{size} promotions, {length} lines", found)
                alone = bench.send(f"{address}/pos/v1/quotes", bodies, connections=1)
                show_alone("a till alone", alone)
                note_quote(int(size), length, found, alone)
            front(bench, repeats, address, files[5])


def note_quote(size: int, length: int, found: dict[str, Row], alone: Row) -> None:
    """Note the figures of quotes of one length, with the goals for 1,000 promotions."""
    basket = f"quote of {length} lines, {size:,} promotions"
    note_result(f"CPU of a {basket}", found["quote"]["cpu"], "µs")
    constant, select = GOALS.get((size, length), (None, None))
    rate = found["quote"]["rate"]
    note_result(f"{basket}: of a constant view", rate / found["constant"]["rate"], at_least=constant)
    note_result(f"{basket}: of one SELECT", rate / found["one SELECT"]["rate"], at_least=select)
    goal = GOAL_ALONE if (size, length) == (1000, 30) else None
    note_result(f"{basket}: a till alone, 95% within", alone["p95"], "ms", at_most=goal)


def front(bench: Bench, repeats: int, address: str, bodies: Path) -> None:
    """Measure quotes through the front, beside granian asked directly."""
    with bench.behind_front(address) as through:
        asked = {"directly": address, "through the front": through}
        rows = {name: partial(bench.send, f"{where}/pos/v1/quotes", bodies) for name, where in asked.items()}
        show("The front, 5 lines", medians(repeats, rows))
        for name, where in asked.items():
            show_alone(f"a till alone, {name}", bench.send(f"{where}/pos/v1/quotes", bodies, connections=1))


def show_alone(name: str, row: Row) -> None:
    """Print the times of a row that has no peer."""
    print(f"  {name}: median {row['p50']:.2f} ms, 95% within {row['p95']:.2f} ms")


def sales(bench: Bench, repeats: int, bodies: Path, size: str, rules: Path) -> None:
    """Measure sales over HTTP beside the same transactions as bare SQL, unlimited and on one hot campaign.

    `size`: how many promotions `rules` has.
    """
    os.environ.update(bench.environment("sales"))
    django.setup()
    runs = itertools.count()
    for title, budget in [("no limits", 0), ("one hot campaign with a budget", BUDGET)]:
        ids = bench.fill("sales", rules, budget)
        with bench.serving("sales", threads=2) as address:
            bare = partial(bench.pgbench, "sales", *bare_sales(ids, bodies, address))

            def sale(address: str = address) -> Row:
                sent = bench.send(address, bodies, unique=f"r{next(runs)}")
                return {"rate": sent["rate"], "cpu": sent["cpu"]}

            rows = {"bare SQL": partial(with_lines, bench, bare), "sale": partial(with_lines, bench, sale)}
            found = medians(repeats, rows)
            show(f"A sale of 5 lines, {size} promotions, {title}", found)
            note_result(f"CPU of a sale, {int(size):,} promotions, {title}", found["sale"]["cpu"], "µs")
            note_result(
                f"sale, {int(size):,} promotions, {title}: of bare SQL",
                found["sale"]["rate"] / found["bare SQL"]["rate"],
                at_least=GOALS_OF_SALES[title] if size == "100" else None,
            )


def with_lines(bench: Bench, measure: Callable[[], Row]) -> Row:
    """Return what `measure` finds, and how many lines of the ledger its sales have on average."""
    sales, lines = bench.counts("sales")
    row = measure()
    sales_after, lines_after = bench.counts("sales")
    return row | {"lines": (lines_after - lines) / (sales_after - sales)}


def bare_sales(ids: dict[str, int], bodies: Path, address: str) -> tuple[list[str], dict[str, str]]:
    """Write scripts for pgbench with the statements of one sale each, and the values they name.

    The sales are a sample of those that are sent over HTTP, drawn evenly by their lines of the ledger, which are
    most of what they cost PostgreSQL.
    """
    from pos import keys
    from pos.sales import ledger, till_facts
    from promotions import usage

    counted = bool(ids["counter"])
    columns: tuple[str, ...] = (till_facts.SALE,)
    if counted:
        columns += (till_facts.COUNTERS, till_facts.EXPIRED)
    statements = [
        ledger.LOCKS,
        till_facts.build_statement(columns),
        ledger.INSERT_BOTH,
    ]
    if counted:
        statements.append(usage.TAKE_FROM_COUNTER)
    sql = ";\n".join(["\\set sale random(1, 9000000000000000)\nBEGIN", *statements, "COMMIT;\n"])
    literals = {"reference": ":sale::text", "customer": "''", "body_hash": "sha256('sale')"}
    literals |= {"reserved": "NULL", "expires_at": "NULL", "offline_at": "NULL"}
    now = datetime.now(UTC).isoformat()
    values = {
        "key": keys.hash_key(KEY),
        "now": now,
        "at": now,
        "counters": f"{{{ids['counter']}}}",
        "counter": str(ids["counter"]),
        "location": str(ids["location"]),
        "till": str(ids["till"]),
        "state": "committed",
        "currency": "EUR",
        "held": "0",
    }
    baskets = bodies.read_text().splitlines()
    answers = [
        put_sale(f"{address}/pos/v1/sales/first-{number}", basket) for number, basket in enumerate(baskets)
    ]
    order = sorted(range(len(baskets)), key=lambda number: len(answers[number]["applied"]))
    step = len(order) // SAMPLE
    scripts = []
    for number in order[step // 2 :: step]:
        own = sale_parameters(baskets[number], answers[number])
        values |= {f"{name}_{number}": value for name, value in own.items()}
        names = literals | {name: f":{name}_{number}" for name in own}
        scripts.append(
            re.sub(r"%\((\w+)\)s", lambda found, of=names: of.get(found[1], f":{found[1]}"), sql)  # type: ignore[misc]
        )
    return scripts, values


def sale_parameters(basket: str, answer: JsonObject) -> dict[str, str]:
    """Return what a sale writes that was answered so, by the names in its statements."""
    entries = [
        {
            "campaign": applied["campaign"],
            "promotion": applied["promotion"],
            "amount": applied["amount"],
            "runs": {
                line["id"]: line["units"]
                for line in answer["lines"]
                if any(share["promotion"] == applied["promotion"] for share in line["applied"])
            },
        }
        for applied in answer["applied"]
    ]
    return {
        "basket": basket,
        "answer": json.dumps(answer),
        "entries": json.dumps(entries),
        "spent": str(answer["discount"]),
        "uses": str(len(entries)),
        **{figure: str(answer[figure]) for figure in ("subtotal", "discount", "total")},
    }


def put_sale(url: str, body: str) -> JsonObject:
    """Send a sale as the till does; return the answer."""
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(url, body.encode(), headers, method="PUT")) as answer:
        found: JsonObject = json.load(answer)
        return found


def write_target(bench: Bench, file: Path, rules: Path, files: dict[int, Path]) -> None:
    """Write a description of the quote view at 1,000 promotions, for the benchmark of peers."""
    bench.fill("quotes", rules)
    bodies = {length: file.with_name(f"{file.stem}_L{length}.jsonl") for length in files}
    for length, source in files.items():
        shutil.copy(source, bodies[length])
    port = 8141
    environment = bench.environment("quotes")
    target = {
        "name": "fanfare-quote",
        "P": 1000,
        "url": f"http://127.0.0.1:{port}/pos/v1/quotes",
        "port": port,
        "bodies": {str(length): str(path.resolve()) for length, path in bodies.items()},
        "headers": {"Authorization": f"Bearer {KEY}"},
        "start": serve(port),
        "cwd": str(ROOT),
        "env": {name: environment[name] for name in ("DATABASE_URL", "DJANGO_SETTINGS_MODULE")},
    }
    file.write_text(json.dumps([target], indent=1))
    print(f"{file} describes the quote view; its PostgreSQL runs under {bench.server['HOST']}")


def main() -> None:
    """Measure quotes and sales for each number of promotions, beside floor and peer."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workload", type=Path, help="promotions.json and baskets_L*.json to read")
    parser.add_argument("--seconds", type=float, default=3.0, help="for each measurement")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", choices=["quotes", "sales"])
    parser.add_argument(
        "--sizes", default="100,1000,10000", help="how many promotions; sales are measured with the first"
    )
    parser.add_argument("--target", type=Path)
    arguments = parser.parse_args()
    if not arguments.target and not shutil.which("wrk"):
        print("wrk is missing (`apt install wrk`): nothing can be measured over HTTP.")
        return
    promotions, baskets = (
        engine.read_shop(arguments.workload) if arguments.workload else engine.make_shop(random.Random(7))
    )
    rules = [engine.rule(number, promotion) for number, promotion in enumerate(promotions, start=1)]
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        files = write_bodies(folder, baskets)
        sets = {}
        for size in arguments.sizes.split(","):
            count = int(size)
            sets[size] = folder / f"rules_{size}.json"
            chosen = rules[:count]
            if count > len(rules):  # the same baskets touch the same few of many
                chosen = rules[:100] + [engine.untouched_rule(number) for number in range(101, count + 1)]
            sets[size].write_bytes(msgspec.json.encode(chosen))
        bench = Bench(folder, arguments.seconds)
        if arguments.target:
            write_target(bench, arguments.target, sets["1000"], files)
            return
        try:
            if arguments.only != "sales":
                quotes(bench, arguments.repeats, files, sets)
            if arguments.only != "quotes":
                first = next(iter(sets))
                sales(bench, arguments.repeats, files[5], first, sets[first])
        finally:
            embedded_postgres.stop(VAR)


if __name__ == "__main__":
    main()
