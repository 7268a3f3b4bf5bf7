"""How cost grows with what there is: quotes and sales by promotions, launches, mails, imports and reports by rows.

    python -m benchmarks.growth [--largest 1000000] [--only NAME] [--plot docs/growth.svg]

Each row runs another benchmark once at each size and reads one figure of it, in its unit: for a quote, for a recipient,
for a page. A flat row costs as much at the largest size as at the smallest. --plot draws each row beside its smallest
size (`pip install -r requirements/plots.txt`). Not a test.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from benchmarks.results import FILE_NAME, read_results

ROOT = Path(__file__).resolve().parent.parent


class Row(NamedTuple):
    """One row: the benchmark, its arguments at a size, the figure that it notes, and what to divide it by."""

    benchmark: str
    arguments: str
    figure: str
    unit: str
    is_by_rows: bool = True
    of_each: float = 0.0  # the figure is in seconds for all: write it in millionths of a second for each


QUOTES = "--only quotes --sizes {size} --seconds 2"
SALES = "--only sales --sizes {size} --seconds 2"
LAUNCH = "--recipients {size} --send 8000"
ROWS = {
    "quote of 5 lines": Row(
        "pos", QUOTES, "CPU of a quote of 5 lines, {size:,} promotions", "µs", is_by_rows=False
    ),
    "quote of 30 lines": Row(
        "pos", QUOTES, "CPU of a quote of 30 lines, {size:,} promotions", "µs", is_by_rows=False
    ),
    "sale of 5 lines": Row(
        "pos", SALES, "CPU of a sale, {size:,} promotions, no limits", "µs", is_by_rows=False
    ),
    "launch, for a recipient": Row("launch", LAUNCH, "launch of {size:,}", "µs", of_each=1e6),
    "mail": Row("launch", LAUNCH, "CPU of a mail", "µs"),
    "import, for a row": Row("contacts", "--rows {size}", "import of {size:,} rows", "µs", of_each=1e6),
    "slowest page of a report": Row(
        "reports", "--deliveries {size}", "slowest page of a report, {size:,} deliveries", "ms"
    ),
    "what a page of progress polls": Row(
        "progress", "--deliveries {size}", "the part a page polls, {size:,} deliveries", "ms"
    ),
}
PROMOTIONS = (10, 100, 1_000, 10_000)
LEAST_ROWS = 10_000


def main() -> None:
    """Run every row at every size; print the table, and draw the plot where it is asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--largest", type=int, default=1_000_000, help="rows, for what grows with rows")
    parser.add_argument("--only", choices=ROWS, action="append")
    parser.add_argument("--plot", type=Path, help="draw it into this file")
    options = parser.parse_args()
    sizes = [LEAST_ROWS * 10**power for power in range(8) if LEAST_ROWS * 10**power <= options.largest]
    known: dict[str, dict[str, float]] = {}
    found = {
        name: {
            size: measure(ROWS[name], size, known)
            for size in (sizes if ROWS[name].is_by_rows else PROMOTIONS)
        }
        for name in options.only or ROWS
    }
    for title, is_by_rows in (("promotions", False), ("rows", True)):
        show_table(title, {name: row for name, row in found.items() if ROWS[name].is_by_rows == is_by_rows})
    if options.plot:
        draw_plot(found, options.plot)


def measure(row: Row, size: int, known: dict[str, dict[str, float]]) -> float:
    """Return the figure of a row at a size; `known` keeps what a run found for the rows that read the same run."""
    command = [sys.executable, "-m", f"benchmarks.{row.benchmark}", *row.arguments.format(size=size).split()]
    key = " ".join(command[2:])
    if key not in known:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "results"
            environment = os.environ | {FILE_NAME: str(path)}
            print(f"{key} …", file=sys.stderr, flush=True)
            subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)
            known[key] = {result.what: result.value for result in read_results(path)}
    value = known[key][row.figure.format(size=size)]
    each = value * row.of_each / size if row.of_each else value
    print(f"{row.figure.format(size=size)}: {each:,.1f} {row.unit}", file=sys.stderr, flush=True)
    return each


def show_table(title: str, found: dict[str, dict[int, float]]) -> None:
    """Print rows with one column a size, and what the largest costs beside the smallest."""
    if not found:
        return
    sizes = list(next(iter(found.values())))
    print(f"\n| {title} | {' | '.join(f'{size:,}' for size in sizes)} | largest, of smallest |")
    print("|---|" + "---:|" * (len(sizes) + 1))
    for name, row in found.items():
        cells = " | ".join(f"{value:,.1f}" for value in row.values())
        print(f"| {name}, {ROWS[name].unit} | {cells} | {row[sizes[-1]] / row[sizes[0]]:.2f} |")


def draw_plot(found: dict[str, dict[int, float]], path: Path) -> None:
    """Draw cost beside that of the smallest size, by size, both on logarithmic axes, into an SVG file."""
    import matplotlib.pyplot as plt  # only for this: whoever runs benchmarks needs it for nothing else

    figure, places = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained", sharey=True)
    for axes, title, is_by_rows in zip(places, ("promotions", "rows"), (False, True), strict=True):
        for name, row in found.items():
            if ROWS[name].is_by_rows == is_by_rows:
                first = next(iter(row.values()))
                axes.plot(list(row), [value / first for value in row.values()], marker="o", label=name)
        axes.set(xscale="log", yscale="log", xlabel=title, ylim=(0.1, 10))
        axes.axhline(1, color="grey", linewidth=0.8)
        axes.legend(frameon=False)
    places[0].set_ylabel("cost, of the smallest size")
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    main()
