"""Simulate campaigns with a hold-out: how often each interval covers the truth, and how often A/A calls a winner.

    python -m benchmarks.lift [--campaigns 10000]

2% of those who are held out buy, log-normal amounts; the mail makes it 2.4%. Revenue for each person is compared only
with 200 buyers in each arm, as on the report.
"""

import argparse
import bisect
import math
import random
from datetime import UTC, datetime
from itertools import accumulate

from benchmarks.results import note_result
from mailing.lift import BUYERS_FOR_REVENUE, WINSORISED_AT, Arm, compare_arms

RATE, LIFT, HELD_OUT = 0.02, 1.2, 0.1
MU, SIGMA = 3.5, 1.0  # of the logarithm of what a buyer pays: 33 in the middle, 55 on average
MEAN = math.exp(MU + SIGMA**2 / 2)
SIZES = (1_000, 5_000, 12_400, 50_000, 100_000, 200_000)


class Binomial:
    """Draws how many of `people` do what each does with a probability of `rate`, by the table of all chances."""

    def __init__(self, people: int, rate: float) -> None:
        logs = [
            math.lgamma(people + 1) - math.lgamma(hits + 1) - math.lgamma(people - hits + 1)
            + hits * math.log(rate) + (people - hits) * math.log1p(-rate)
            for hits in range(people + 1)
        ]  # fmt: skip
        self.table = list(accumulate(map(math.exp, logs)))

    def draw(self, chance: random.Random) -> int:
        """Return a number of hits."""
        return min(bisect.bisect(self.table, chance.random()), len(self.table) - 1)


def make_arms(
    chance: random.Random, mailed: tuple[int, int], held_out: tuple[int, int], *, with_amounts: bool
) -> tuple[Arm, Arm]:
    """Return two arms, each of (people, buyers), with amounts winsorised as the report does it."""
    if not with_amounts:
        return Arm(*mailed), Arm(*held_out)
    amounts = [[chance.lognormvariate(MU, SIGMA) for _ in range(buyers)] for _, buyers in (mailed, held_out)]
    every = sorted(amounts[0] + amounts[1])
    place = WINSORISED_AT * (len(every) - 1)  # as percentile_cont
    low, part = int(place), place - int(place)
    cap = every[low] + part * (every[min(low + 1, len(every) - 1)] - every[low])
    arms = []
    for (people, buyers), paid in zip((mailed, held_out), amounts, strict=True):
        capped = [min(each, cap) for each in paid]
        arms.append(Arm(people, buyers, round(sum(paid)), sum(capped), sum(each * each for each in capped)))
    return arms[0], arms[1]


def simulate(people: int, campaigns: int, chance: random.Random) -> str:
    """Return a line of the table for campaigns of one size."""
    held = round(people * HELD_OUT)
    mailed = people - held
    with_mail, without, held_out = Binomial(mailed, RATE * LIFT), Binomial(mailed, RATE), Binomial(held, RATE)
    covered = called = told = covered_revenue = 0
    truth, worth = RATE * (LIFT - 1), RATE * (LIFT - 1) * MEAN
    for _ in range(campaigns):
        bought, control = with_mail.draw(chance), held_out.draw(chance)
        enough = min(bought, control) >= BUYERS_FOR_REVENUE
        arms = make_arms(chance, (mailed, bought), (held, control), with_amounts=enough)
        lift = compare_arms(*arms, datetime.now(UTC), is_over=True)
        covered += lift.interval[0] <= truth <= lift.interval[1]
        if lift.revenue:
            told += 1
            covered_revenue += lift.revenue[1] <= worth <= lift.revenue[2]
        same = compare_arms(
            Arm(mailed, without.draw(chance)),
            Arm(held, control),
            datetime.now(UTC),
            is_over=True,
        )
        called += same.is_distinguishable
    revenue = f"{covered_revenue / told:.1%}" if told else "not told"
    note_result(
        f"lift of {people:,} people: the interval covers the truth",
        covered / campaigns,
        at_least=0.94 if campaigns >= 1000 else None,
    )
    return f"| {people:,} | {covered / campaigns:.1%} | {called / campaigns:.1%} | {told / campaigns:.0%} | {revenue} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--campaigns", type=int, default=10_000)
    arguments = parser.parse_args()
    chance = random.Random(13)
    print("| people | rate covers the truth | A/A calls a winner | revenue told | revenue covers the truth |")
    print("|---:|---:|---:|---:|---:|")
    for people in SIZES:
        print(simulate(people, arguments.campaigns, chance), flush=True)


if __name__ == "__main__":
    main()
