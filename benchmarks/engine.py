"""Time `promotions.engine.evaluate` alone, in microseconds a basket.

    python -m benchmarks.engine [--workload DIR] [--seconds 2]

A third of the promotions each: a percentage off 10 to 60 listed SKUs, an amount off the sale from a ladder of
thresholds, buy X get one of 10 to 60 listed SKUs. Half of a basket's lines are of the popular SKUs, as are three in ten
of a promotion's. Rows are P promotions, columns L lines; the last row holds the first 100 promotions and 9,900 that no
basket touches. `--workload DIR` reads promotions.json and baskets_L5.json, baskets_L30.json from DIR instead.
"""

import argparse
import json
import random
import statistics
import time
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from campaigns.annotations import JsonObject
from promotions.engine import UNLIMITED, Basket, BasketLine, Rule, RuleSet, compile_rules, evaluate
from promotions.engine import rules as r

NOW = datetime(2025, 1, 15, 12, tzinfo=UTC)
SIZES = (10, 100, 1000)
LENGTHS = (5, 30)
BASKETS = 200


def cents(money: str) -> int:
    """Convert an amount such as "4.99" to minor units."""
    return int(Decimal(money) * 100)


def rule(number: int, promotion: JsonObject) -> Rule:
    """Build the rule of one promotion of the workload."""
    match promotion["kind"]:
        case "percent_range":
            return Rule(
                number,
                r.PercentOff(int(promotion["percent"]) * 100),
                target=r.Target(r.Match(tuple(promotion["skus"]))),
            )
        case "basket_threshold":
            return Rule(
                number,
                r.FixedTotal(cents(promotion["amount"])),
                conditions=(r.MinSubtotal(cents(promotion["threshold"])),),
                level="order",
            )
    match = r.Match(tuple(promotion["skus"]))
    benefit = r.BuyGet(r.BenefitPart(promotion["buy"], match), r.BenefitPart(promotion["get"], match))
    return Rule(number, benefit, caps=r.Caps(max_applications=promotion["max_times"]))


def basket(lines: list[JsonObject]) -> Basket:
    """Build the basket of these lines of the workload."""
    return Basket(
        "EUR",
        tuple(
            BasketLine(str(n), line["sku"], line["qty"], cents(line["price"])) for n, line in enumerate(lines)
        ),
    )


def make_shop(rng: random.Random) -> tuple[list[JsonObject], dict[int, list[list[JsonObject]]]]:
    """Make promotions, and baskets by their number of lines, from a random generator."""
    prices = {f"S{n:05d}": f"{0.6 * 100 ** rng.random():.2f}" for n in range(5000)}
    skus = sorted(prices)
    popular, others = skus[:400], skus[400:]
    used: dict[tuple[int, str], int] = {}

    def some(kind: int) -> list[str]:
        size = int(10 * 6 ** rng.random())
        pool = rng.sample(popular, size * 3 // 10 * 2) + rng.sample(others, size * 2)
        chosen = [sku for sku in pool if used.get((kind, sku), 0) < 2]
        chosen = (
            chosen[: size * 3 // 10] + [sku for sku in chosen if sku not in popular][: size - size * 3 // 10]
        )
        for sku in chosen:
            used[kind, sku] = used.get((kind, sku), 0) + 1
        return sorted(chosen)

    promotions: list[JsonObject] = []
    for n in range(max(SIZES)):
        if n % 3 == 0:
            promotions.append(
                {"kind": "percent_range", "skus": some(0), "percent": rng.choice("5 10 15 20 25 30".split())}
            )
        elif n % 3 == 1:
            threshold = f"{30 + 18 * (n // 3)}.00"
            promotions.append(
                {
                    "kind": "basket_threshold",
                    "threshold": threshold,
                    "amount": rng.choice(["1.00", "2.00", "5.00"]),
                }
            )
        else:
            buy = rng.choice([1, 2, 2, 3])
            promotions.append({"kind": "buy_x_get_y", "skus": some(2), "buy": buy, "get": 1, "max_times": 1})
    baskets: dict[int, list[list[JsonObject]]] = {}
    for length in LENGTHS:
        baskets[length] = []
        for _ in range(BASKETS):
            chosen: set[str] = set()
            while len(chosen) < length:
                chosen.add(rng.choice(popular if rng.random() < 0.5 else others))
            baskets[length].append(
                [
                    {"sku": sku, "qty": rng.choices([1, 2, 3, 4], [60, 25, 10, 5])[0], "price": prices[sku]}
                    for sku in sorted(chosen)
                ]
            )
    return promotions, baskets


def read_shop(folder: Path) -> tuple[list[JsonObject], dict[int, list[list[JsonObject]]]]:
    """Read promotions, and baskets by their number of lines, from the files of a workload."""
    baskets = {
        length: [basket["lines"] for basket in json.loads((folder / f"baskets_L{length}.json").read_text())]
        for length in LENGTHS
    }
    return json.loads((folder / "promotions.json").read_text()), baskets


def untouched_rule(number: int) -> Rule:
    """Build a rule like the others, on SKUs no basket holds, or from a subtotal none reaches."""
    match = r.Match(tuple(f"X{number}-{n}" for n in range(30)))
    if number % 3 == 0:
        return Rule(number, r.PercentOff(1000), target=r.Target(match))
    if number % 3 == 1:
        return Rule(number, r.FixedTotal(100), conditions=(r.MinSubtotal(10**9 + number),), level="order")
    return Rule(number, r.BuyGet(r.BenefitPart(2, match), r.BenefitPart(1, match)))


def microseconds(rules: RuleSet, baskets: list[Basket], seconds: float) -> float:
    """Return the mean over the baskets of the best time each took: the nearest to a machine that does nothing else."""
    best = [float("inf")] * len(baskets)
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        for place, one in enumerate(baskets):
            start = time.perf_counter()
            evaluate(one, rules, UNLIMITED, NOW)
            best[place] = min(best[place], time.perf_counter() - start)
    return statistics.mean(best) * 1e6


def main() -> None:
    """Measure the engine for each number of promotions and length of basket."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workload", type=Path)
    parser.add_argument("--seconds", type=float, default=2.0, help="for each figure")
    arguments = parser.parse_args()
    promotions, lines = read_shop(arguments.workload) if arguments.workload else make_shop(random.Random(7))
    rules = [rule(number, promotion) for number, promotion in enumerate(promotions, start=1)]
    baskets = {length: [basket(one) for one in lines[length]] for length in LENGTHS}
    rows = {f"{size}": rules[:size] for size in SIZES}
    rows["10000"] = rules[:100] + [untouched_rule(number) for number in range(101, 10_001)]
    print("      P  " + "  ".join(f"{f'L={length} µs':>10}" for length in LENGTHS))
    for name, row in rows.items():
        compiled = compile_rules(row)
        figures = [microseconds(compiled, baskets[length], arguments.seconds) for length in LENGTHS]
        print(f"{name:>7}  " + "  ".join(f"{figure:10.1f}" for figure in figures))


if __name__ == "__main__":
    main()
