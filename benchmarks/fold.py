"""Time the way from a sale's commit to the figure on the report, and what the fold costs the tills.

    python -m benchmarks.fold [--seconds 30] [--customers 20000]

Every customer has clicked in a mail, so that each sale counts for its campaign: the dearest case. wrk sends sales of
5 lines over 8 connections (`apt install wrk`): alone, with the fold beside them at full rate, and at half of the rate
that they reach alone. A process reads how many sales are committed and how many stand in the tallies, every 50 ms: the
difference in time for each sale is the latency of the figure, to which a page adds its two seconds between two looks.
The tills begin once the fold works: it runs all the time in production, so its start is no part of the measurement.
"""

import argparse
import json
import multiprocessing
import random
import shutil
import subprocess
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

import msgspec
import psycopg

from benchmarks import engine, load
from benchmarks.pos import request
from benchmarks.results import note_result
from benchmarks.till.bench import ROOT, SEND, VAR, Bench
from benchmarks.till.shop import KEY
from config import embedded_postgres

DATABASE = "fold"
PACE = "\nfunction delay() return {delay:.0f} end\n"
FILL = """
INSERT INTO mailing_contact (email, first_name, last_name, phone, city, country, attributes, customer_id, created_at,
                             updated_at)
SELECT 'c' || n || '@x.test', '', '', '', '', '', '{{}}', 'C' || n, now(), now()
FROM generate_series(1, {customers}) AS n;
INSERT INTO mailing_delivery (campaign_id, contact_id, email, status, reason, attempts, sent_at, clicked_at, stage,
                              enhanced_code, text)
SELECT {campaign}, id, email, 'accepted', '', 1, now() - interval '1 day', now() - interval '1 hour', '', '', ''
FROM mailing_contact;
INSERT INTO mailing_event (delivery_id, campaign_id, kind, at, how, origin, device, client, system, basis)
SELECT id, campaign_id, 'clicked', now() - interval '1 hour', '', 'human', '', '', '', 'interest' FROM mailing_delivery;
DELETE FROM mailing_dueattribution;
ANALYZE;
"""
COUNTS = """
SELECT (SELECT count(*) FROM pos_sale WHERE id > %(base)s), (SELECT coalesce(max(id), 0) FROM pos_sale),
       (SELECT coalesce(sum(orders), 0) FROM mailing_conversiontally)
"""
MOST_FULL_RATE = 60.0  # seconds
SETTLED = 1_000  # behind the newest sale by so many ids none is still to be committed
BACKENDS = "SELECT pid FROM pg_stat_activity WHERE datname = %s"
Sample = tuple[float, int, int]


def connect(bench: Bench) -> psycopg.Connection:
    """Open a connection to the benchmark's database."""
    server = bench.server
    return psycopg.connect(
        host=server["HOST"], port=server["PORT"], user=server["USER"], dbname=DATABASE, autocommit=True
    )


def environment_of_fold(bench: Bench) -> dict[str, str]:
    """Return the environment of a fold, which needs the product's own settings."""
    return bench.environment(DATABASE) | {"DJANGO_SETTINGS_MODULE": "config.settings"}


def fill(bench: Bench, rules: Path, customers: int) -> None:
    """Make a shop with customers who have all clicked in one mail."""
    bench.fill(DATABASE, rules)
    code = (
        "import django; django.setup(); from tests.factories import EmailCampaignFactory; "
        "print(EmailCampaignFactory(status='running', attribution={'days': 5, 'after_acceptance': False, "
        "'names_clicks': True, 'consent': 'opt-out'}).pk)"
    )
    made = subprocess.run(
        [sys.executable, "-c", code],
        env=bench.environment(DATABASE),
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    campaign = int(made.stdout.split()[-1])
    script = FILL.format(customers=customers, campaign=campaign)
    with connect(bench) as connection:
        for statement in filter(str.strip, script.split(";")):
            connection.execute(statement.encode())


class Counter:
    """Counts sales, and those that stand in the tallies, at the same small cost after a minute and after an hour."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self.connection = connection
        self.base = self.settled = 0  # up to that id there are so many sales

    def read_counts(self) -> tuple[int, int]:
        """Return how many sales are committed, and how many of them the tallies have."""
        (row,) = self.connection.execute(COUNTS, {"base": self.base})
        newer, newest, orders = map(int, row)
        sales = self.settled + newer
        if newest > self.base + 3 * SETTLED:
            self.settle(newest - SETTLED)
        return sales, orders

    def settle(self, base: int) -> None:
        """Count what lies up to an id for the last time."""
        ((count,),) = self.connection.execute(
            "SELECT count(*) FROM pos_sale WHERE id > %s AND id <= %s", [self.base, base]
        )
        self.base, self.settled = base, self.settled + int(count)


def watch(bench: Bench, end: Connection) -> None:
    """Read the counts every 50 ms until told to stop; send them."""
    found: list[Sample] = []
    with connect(bench) as connection:
        counter = Counter(connection)
        while not end.poll():
            found.append((time.monotonic(), *counter.read_counts()))
            time.sleep(0.05)
    end.send(found)


def find_latencies(samples: list[Sample]) -> list[float]:
    """Return for each sale the seconds from when it was seen committed to when it stood in the tallies."""
    found: list[float] = []
    place = 0
    sold = samples[0][1]
    for at, sales, _ in samples:
        for number in range(sold + 1, sales + 1):
            while place < len(samples) and samples[place][2] < number:
                place += 1
            if place == len(samples):
                return found
            found.append(max(0.0, samples[place][0] - at))
        sold = max(sold, sales)
    return found


def start_fold(bench: Bench) -> subprocess.Popen[bytes]:
    """Start a process that folds; return it once it has looked for sales at least once."""
    command = [sys.executable, "manage.py", "fold", "--every", "0.5"]
    with connect(bench) as connection:
        known = {pid for (pid,) in connection.execute(BACKENDS, [DATABASE])}
        fold = subprocess.Popen(command, env=environment_of_fold(bench), cwd=ROOT)
        while {pid for (pid,) in connection.execute(BACKENDS, [DATABASE])} <= known:
            if fold.poll() is not None:
                raise RuntimeError("The fold ended before the tills began.")
            time.sleep(0.05)
    time.sleep(1)  # its first look comes with its connection
    return fold


def measure(
    bench: Bench, address: str, bodies: Path, run: str, script: Path, seconds: float, *, folds: bool
) -> None:
    """Let the tills sell, with the fold beside them or without; print rates and latencies."""
    ours, theirs = multiprocessing.Pipe()
    watcher = multiprocessing.Process(target=watch, args=(bench, theirs))
    fold = start_fold(bench) if folds else None
    watcher.start()
    try:
        unique = run.replace(" ", "-").replace(",", "")
        found = load.run_wrk(script, address, seconds, bodies, KEY, unique)
        ended, caught_up = time.monotonic(), 0.0
        if folds:
            with connect(bench) as connection:
                counter = Counter(connection)
                while len(set(counter.read_counts())) > 1:
                    time.sleep(0.05)
            caught_up = time.monotonic() - ended
    finally:
        ours.send("stop")
        samples = ours.recv()
        watcher.join()
        if fold:
            fold.terminate()
            fold.wait(timeout=20)
    RATES[run] = found["rate"]
    line = f"  {run:<28}{found['rate']:>8,.0f} sales/s  95% within {found['p95']:.1f} ms"
    if folds:
        latencies = sorted(find_latencies(samples))
        line += (
            f"  figure: median {latencies[len(latencies) // 2]:.2f} s, 99% within "
            f"{latencies[int(len(latencies) * 0.99)]:.2f} s, caught up {caught_up:.1f} s after"
        )
        note_result(f"{run}: the figure, 99% within", latencies[int(len(latencies) * 0.99)], "s", at_most=2)
    print(line)


RATES: dict[str, float] = {}


def main() -> None:
    """Measure the tills alone, with the fold at full rate, and at half rate."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--seconds", type=float, default=30.0, help="at half rate; at full rate a minute at most"
    )
    parser.add_argument("--customers", type=int, default=20_000)
    arguments = parser.parse_args()
    if not shutil.which("wrk"):
        print("wrk is missing (`apt install wrk`): nothing can be measured over HTTP.")
        return
    promotions, baskets = engine.make_shop(random.Random(7))
    rules = [engine.rule(number, promotion) for number, promotion in enumerate(promotions[:100], start=1)]
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        (folder / "rules.json").write_bytes(msgspec.json.encode(rules))
        bodies = folder / "bodies.jsonl"
        chance = random.Random(8)
        of_five = baskets[5]
        bodies.write_text(
            "".join(
                json.dumps(
                    request(of_five[number % len(of_five)])
                    | {"customer": {"id": f"C{chance.randint(1, arguments.customers)}"}}
                )
                + "\n"
                for number in range(10_000)
            )
        )
        bench = Bench(folder, arguments.seconds)
        try:
            fill(bench, folder / "rules.json", arguments.customers)
            with bench.serving(DATABASE, threads=2) as address:
                print("Sales of 5 lines with a customer who has clicked")
                full = min(arguments.seconds, MOST_FULL_RATE)
                measure(bench, address, bodies, "alone", bench.script, full, folds=False)
                subprocess.run(
                    [sys.executable, "manage.py", "fold"],
                    env=environment_of_fold(bench),
                    cwd=ROOT,
                    check=True,
                )
                measure(bench, address, bodies, "with the fold", bench.script, full, folds=True)
                paced = folder / "paced.lua"
                delay = 1000 * load.CONNECTIONS / (RATES["alone"] / 2)
                paced.write_text(SEND + PACE.format(delay=delay) + load.DONE)
                half = arguments.seconds
                measure(bench, address, bodies, "with the fold, at half rate", paced, half, folds=True)
                note_result(
                    "tills beside the fold, of tills alone",
                    RATES["with the fold"] / RATES["alone"],
                    at_least=0.85,
                )
                print(f"  the tills keep {RATES['with the fold'] / RATES['alone']:.0%} of their rate")
        finally:
            embedded_postgres.stop(VAR)


if __name__ == "__main__":
    main()
