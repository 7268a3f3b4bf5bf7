"""What benchmarks found, in one shape: `python -m benchmarks` gathers it from the runs and shows it in one table.

A benchmark prints its own table for whoever runs it alone, and notes beside it each figure that has a goal or that
docs/performance.md names.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

# The file in which figures are noted, a line of JSON each. Nothing is noted where it is not set.
FILE_NAME = "BENCH_RESULTS"
PRECISE_BELOW = 10


@dataclass(frozen=True)
class Result:
    """One figure: what was measured, its value and unit ("" for a ratio), and the goal where there is one."""

    what: str
    value: float
    unit: str = ""
    at_least: float | None = None
    at_most: float | None = None

    def is_reached(self) -> bool | None:
        """Tell whether the goal is reached; None where there is none."""
        if self.at_least is None and self.at_most is None:
            return None
        is_enough = self.at_least is None or self.value >= self.at_least
        return is_enough and (self.at_most is None or self.value <= self.at_most)

    def write_value(self, value: float) -> str:
        """Write a value in the unit of the figure; a ratio as a percentage below ten, else as so many times."""
        if not self.unit:
            return f"{value:.0%}" if value < PRECISE_BELOW else f"{value:,.0f} ×"
        return f"{value:,.2f} {self.unit}" if value < PRECISE_BELOW else f"{value:,.0f} {self.unit}"

    def write_goal(self) -> str:
        """Write the goal in words, or nothing."""
        goals = (("at least", self.at_least), ("at most", self.at_most))
        return ", ".join(f"{word} {self.write_value(goal)}" for word, goal in goals if goal is not None)


def note_result(
    what: str, value: float, unit: str = "", *, at_least: float | None = None, at_most: float | None = None
) -> None:
    """Note a figure for whoever runs several benchmarks at once; do nothing when this one runs alone.

    A goal belongs to one size: give None where less was measured.
    """
    name = os.environ.get(FILE_NAME)
    if name:
        with Path(name).open("a") as file:
            file.write(json.dumps(asdict(Result(what, value, unit, at_least, at_most))) + "\n")


def read_results(path: Path) -> Iterator[Result]:
    """Yield the figures that were noted in a file, in their order."""
    if path.exists():
        for line in path.read_text().splitlines():
            yield Result(**json.loads(line))
