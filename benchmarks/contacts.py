"""How long a file of contacts takes: tried, taken in, and taken in again, beside a bare COPY of the same file.

    python -m benchmarks.contacts [--rows 1000000]

A database of its own. The floor is COPY of the file into a table without an index: less cannot be done with it. The
import reads the CSV in Python, judges each row (address, numbers, doubles, suppressions, customer numbers), keeps a
verdict for each, and takes contacts and their places in a list with their indexes. Peak memory is that of the process.
"""

import argparse
import random
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.mailing import rig
from benchmarks.results import note_result

DATABASE = "fanfare_bench_contacts"
GOAL_ROWS, GOAL_SECONDS = 1_000_000, 30
COLUMNS = (
    "email",
    "first_name",
    "last_name",
    "city",
    "country",
    "customer_id",
    "points",
    "plan",
    "member_since",
)


def write_file(path: Path, rows: int) -> None:
    """Write the file: nine columns, one row in a thousand without a proper address, one in a thousand a second time."""
    chance = random.Random(7)
    with path.open("w") as file:
        file.write(",".join(COLUMNS) + "\n")
        for n in range(rows):
            number = chance.randrange(n) if n and n % 1000 == 1 else n
            address = "no address" if n % 1000 == 2 else f"user{number}@example{number % 97}.test"
            file.write(
                f"{address},{chance.choice(rig.FIRST)},{chance.choice(rig.LAST)},{chance.choice(rig.CITIES)},DE,"
                f"C{number:07},{chance.randrange(5000)},Gold,2025-0{1 + n % 9}-17\n"
            )


def copy_to_table(path: Path) -> None:
    """Copy the file into a table without keys: the floor that PostgreSQL sets."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE floor ({', '.join(f'{name} text' for name in COLUMNS)})")
        with cursor.copy("COPY floor FROM STDIN WITH (FORMAT csv, HEADER)") as copy, path.open("rb") as file:
            while piece := file.read(2**20):
                copy.write(piece)
        cursor.execute("DROP TABLE floor")


def time_action(what: str, act: Callable[[], None], rows: int) -> float:
    """Run `act` and print how long it took; return the seconds."""
    begun, cpu = time.monotonic(), time.process_time()
    act()
    took, cpu = time.monotonic() - begun, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{what:34} {took:7.1f} s {rows / took:11,.0f} rows/s   {cpu:6.1f} s CPU of ours   peak {peak:5.0f} MB"
    )
    return took


def main() -> None:
    """Measure an import against the floor, for as many rows as the command line asks."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args().rows
    with rig.database(DATABASE), tempfile.TemporaryDirectory() as folder:
        from django.conf import settings

        from mailing import importing
        from mailing.models import Upload

        settings.VAR_DIR = Path(folder)
        path = Path(folder) / "contacts.csv"
        write_file(path, rows)
        print(f"{rows:,} rows, {path.stat().st_size / 2**20:.0f} MB")

        def receive_file() -> Upload:
            with path.open("rb") as file:
                return importing.receive_contacts(file, name=path.name)

        def try_import(upload: Upload) -> None:
            importing.choose_columns(upload, [taken for _, taken in upload.columns], new_list="Everybody")
            importing.run(upload.pk)

        def run_import(upload: Upload) -> None:
            importing.start(Upload.objects.get(pk=upload.pk))
            importing.run(upload.pk)

        floor = time_action("floor: bare COPY of the file", lambda: copy_to_table(path), rows)
        upload = receive_file()
        time_action("trial: every row judged", lambda: try_import(upload), rows)
        took = time_action("import: all new", lambda: run_import(upload), rows)
        again = receive_file()
        try_import(again)
        time_action("import: all known", lambda: run_import(again), rows)
        for each in Upload.objects.order_by("pk"):
            counts = {
                name: getattr(each, name) for name in ("created", "updated", "repeated", "invalid", "joined")
            }
            print(", ".join(f"{number:,} {name}" for name, number in counts.items()))
        note_result(
            f"import of {rows:,} rows", took, "s", at_most=GOAL_SECONDS if rows == GOAL_ROWS else None
        )
        print(f"the import takes {took / floor:.1f} times as long as the bare COPY")


if __name__ == "__main__":
    main()
