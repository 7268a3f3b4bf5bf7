"""How many recipients each variant of a test gets.

Thompson sampling gives a variant so many recipients as it is likely to be the best of all, by what is known so far: its
rate is believed to be Beta-distributed, and many draws from these beliefs say how often each one wins. W. R. Thompson,
On the Likelihood that One Unknown Probability Exceeds Another in View of the Evidence of Two Samples, Biometrika 25
(1933), 285 to 294; that it bears answers which come late and in batches: O. Chapelle and L. Li, An Empirical Evaluation
of Thompson Sampling, Advances in Neural Information Processing Systems 24 (2011).
"""

from collections.abc import Sequence
from random import Random

DRAWS = 4000  # from the beliefs, for the chances of all


def share_out(amount: int, weights: Sequence[float]) -> list[int]:
    """Share an amount out by weights, exactly, by largest remainder; the first of equals gets more."""
    whole = sum(weights)
    if not whole:
        return share_out(amount, [1] * len(weights))
    exact = [amount * weight / whole for weight in weights]
    shares = [int(part) for part in exact]
    by_rest = sorted(range(len(weights)), key=lambda place: (shares[place] - exact[place], place))
    for place in by_rest[: amount - sum(shares)]:
        shares[place] += 1
    return shares


def find_chances(results: Sequence[tuple[int, int]], seed: int) -> list[float]:
    """Return how likely each variant is to be the best, from (hits, people) of each.

    The same results and the same seed give the same chances, so that a step that is taken again does the same.
    """
    draw = Random(seed).betavariate
    wins = [0] * len(results)
    for _ in range(DRAWS):
        drawn = [draw(1 + min(hits, people), 1 + max(0, people - hits)) for hits, people in results]
        wins[drawn.index(max(drawn))] += 1
    return [win / DRAWS for win in wins]
