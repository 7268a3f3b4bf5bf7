"""Confidence intervals of a rate in a sample, and of the difference of two rates.

The interval of one rate is Wilson's score interval, that of a difference Newcombe's hybrid score interval, made of two
of Wilson's: E. B. Wilson, Probable Inference, the Law of Succession, and Statistical Inference, Journal of the American
Statistical Association 22 (1927), 209 to 212; R. G. Newcombe, Interval Estimation for the Difference between
Independent Proportions: Comparison of Eleven Methods, Statistics in Medicine 17 (1998), 873 to 890, method 10. Both
hold for small samples and for rates near 0 and 1, where the usual textbook interval does not.
"""

from math import sqrt
from statistics import NormalDist

CONFIDENCE = 0.95

Interval = tuple[float, float]


def wilson_interval(hits: int, people: int, confidence: float = CONFIDENCE) -> Interval:
    """Return the interval of the rate `hits` / `people`; (0, 1) when there are no people."""
    if not people:
        return 0.0, 1.0
    z = find_quantile(confidence)
    rate = hits / people
    middle = rate + z * z / (2 * people)
    half = z * sqrt(rate * (1 - rate) / people + z * z / (4 * people * people))
    whole = 1 + z * z / people
    return max(0.0, (middle - half) / whole), min(1.0, (middle + half) / whole)


def newcombe_interval(
    hits_a: int, people_a: int, hits_b: int, people_b: int, confidence: float = CONFIDENCE
) -> Interval:
    """Return the interval of the rate of A less the rate of B; (-1, 1) when either has no people."""
    if not people_a or not people_b:
        return -1.0, 1.0
    a, b = hits_a / people_a, hits_b / people_b
    low_a, high_a = wilson_interval(hits_a, people_a, confidence)
    low_b, high_b = wilson_interval(hits_b, people_b, confidence)
    return (
        a - b - sqrt((a - low_a) ** 2 + (high_b - b) ** 2),
        a - b + sqrt((high_a - a) ** 2 + (b - low_b) ** 2),
    )


def find_quantile(confidence: float = CONFIDENCE) -> float:
    """Return how many standard deviations on both sides of the mean hold this share of a normal distribution."""
    return NormalDist().inv_cdf(0.5 + confidence / 2)
