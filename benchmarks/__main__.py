"""Run all benchmarks, one after the other, and show what they found in one table.

    python -m benchmarks [--quick] [NAME …]

In full, at the sizes of docs/performance.md as far as 30 minutes allow; with --quick in five minutes, at sizes that
show whether each still works and whether a ratio has moved far. One name or several run these alone. wrk must be
installed (`apt install wrk`). Exits 1 when a benchmark fails; a goal that is not reached is shown, and is no failure.
"""

import argparse
import os
import shlex
import subprocess
import sys
import tempfile
import time
from itertools import groupby
from pathlib import Path

from benchmarks.results import FILE_NAME, Result, read_results

ROOT = Path(__file__).resolve().parent.parent
# The arguments of each in a full run, and in a quick one. A test holds that each benchmark is here.
RUNS = {
    "engine": ("--seconds 1", "--seconds 0.2"),
    "pos": ("", "--seconds 1 --repeats 1 --sizes 100"),
    "personal": ("--codes 300000 --seconds 2 --repeats 3", "--codes 10000 --seconds 1 --repeats 1"),
    "fold": ("--seconds 30", "--seconds 4"),
    "content": ("", "300"),
    "signing": ("", "100"),
    "smtp_client": ("", "--messages 3000 --rounds 1"),
    "mail": ("", "--messages 4000 --rounds 1"),
    "launch": ("--recipients 1000000 --send 20000", "--recipients 20000 --send 2000"),
    "codes": ("--recipients 300000 --hold-out 10", "--recipients 10000"),
    "rates": ("--seconds 15", "--seconds 4 --only 10/s"),
    "faults_mail": ("--recipients 2000 --kills 1", "--recipients 500 --kills 1 --only workers"),
    "faults_offers": ("--pauses 10 --recipients 20000", "--pauses 2 --recipients 2000"),
    "contacts": ("--rows 1000000", "--rows 20000"),
    "segments": ("", "--contacts 20000 --lines 100000"),
    "progress": ("", "--deliveries 20000"),
    "reports": ("", "--deliveries 20000"),
    "revenue": ("--deliveries 300000 --conversions 60000", "--deliveries 10000 --conversions 2000"),
    "tracking": ("--seconds 2 --repeats 3", "--seconds 1 --repeats 1"),
    "pages": ("", "--rounds 1 --seconds 2"),
    "paint": ("", "--rounds 1"),
    "workspace": ("--scale 0.1", "--scale 0.005"),
    "growth": ("--largest 100000", "--only 'what a page of progress polls' --largest 10000"),
    "lift": ("--campaigns 1000", "--campaigns 50"),
}


def main() -> None:
    """Run the benchmarks that were asked for, and show the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="at small sizes, in five minutes")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(RUNS)}")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in RUNS]
    if unknown:
        parser.error(f"no benchmark is named {unknown[0]}; there are {', '.join(RUNS)}")
    begun, failed = time.monotonic(), []
    with tempfile.TemporaryDirectory() as folder:
        results: list[tuple[str, Result]] = []
        for name in options.names or RUNS:
            path = Path(folder) / name
            if not run_benchmark(name, shlex.split(RUNS[name][options.quick]), path):
                failed.append(name)
            results += [(name, result) for result in read_results(path)]
    show_table(results)
    print(f"\n{(time.monotonic() - begun) / 60:.1f} minutes in all")
    if failed:
        sys.exit(f"These failed: {', '.join(failed)}")


def run_benchmark(name: str, arguments: list[str], path: Path) -> bool:
    """Run one benchmark, whose figures are noted under `path`; tell whether it ended well."""
    print(f"\n== {name} {' '.join(arguments)}", flush=True)
    begun = time.monotonic()
    command = [sys.executable, "-m", f"benchmarks.{name}", *arguments]
    ended = subprocess.run(command, cwd=ROOT, env=os.environ | {FILE_NAME: str(path)}, check=False)
    print(f"-- {name}: {time.monotonic() - begun:.0f} s", flush=True)
    return ended.returncode == 0


def show_table(results: list[tuple[str, Result]]) -> None:
    """Print each figure with its goal, and whether it is reached."""
    words = {None: "", True: "reached", False: "**not reached**"}
    print("\n| benchmark | figure | value | goal | |\n|---|---|---:|---:|---|")
    for name, group in groupby(results, key=lambda pair: pair[0]):
        for number, (_, result) in enumerate(group):
            cells = (
                "" if number else name,
                result.what,
                result.write_value(result.value),
                result.write_goal(),
            )
            print(f"| {' | '.join(cells)} | {words[result.is_reached()]} |")


if __name__ == "__main__":
    main()
