"""How many recipients each variant of a test gets.

Thompson sampling gives each variant recipients in proportion to its probability of being the best. By the results so
far each rate has a Beta distribution, and many draws from these say how often each variant wins. W. R. Thompson,
On the Likelihood that One Unknown Probability Exceeds Another in View of the Evidence of Two Samples, Biometrika 25
(1933), 285 to 294; that it bears answers which come late and in batches: O. Chapelle and L. Li, An Empirical Evaluation
of Thompson Sampling, Advances in Neural Information Processing Systems 24 (2011).
"""

from collections.abc import Sequence
from random import Random

DRAWS = 4000  # from the beliefs, for the chances of all


def share_out(amount: int, weights: Sequence[float]) -> list[int]:
    """Share an amount by weights, exactly, by the largest remainder; of equal ones the first gets more."""
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
    """Return the probability of each variant to be the best, from its (hits, people).

    The same results and the same seed give the same probabilities, so that a repeated step does the same.
    """
    draw = Random(seed).betavariate
    wins = [0] * len(results)
    for _ in range(DRAWS):
        drawn = [draw(1 + min(hits, people), 1 + max(0, people - hits)) for hits, people in results]
        wins[drawn.index(max(drawn))] += 1
    return [win / DRAWS for win in wins]
