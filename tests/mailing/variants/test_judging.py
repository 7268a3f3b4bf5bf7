"""How variants are shared out, how sure their rates are, and which one is said to be the best."""

import pytest

from mailing.intervals import newcombe_interval, wilson_interval
from mailing.variants import figures, shares
from mailing.variants.definitions import Variant
from mailing.variants.figures import Rate, VariantFigures
from mailing.variants.judging import judge_variants


@pytest.mark.parametrize(
    ("hits", "people", "interval"),
    [
        # Newcombe 1998 (Statistics in Medicine 17, 857), table I, method 3
        (81, 263, (0.2553, 0.3662)),
        (15, 148, (0.0624, 0.1605)),
        (0, 20, (0.0, 0.1611)),
        (1, 29, (0.0061, 0.1718)),
        (20, 20, (0.8389, 1.0)),
    ],
)
def test_the_interval_of_one_rate_is_wilsons(hits, people, interval):
    assert wilson_interval(hits, people) == pytest.approx(interval, abs=5e-5)


@pytest.mark.parametrize(
    ("counts", "interval"),
    [
        # Newcombe 1998 (Statistics in Medicine 17, 873), table II, method 10
        ((56, 70, 48, 80), (0.0524, 0.3339)),
        ((9, 10, 3, 10), (0.1705, 0.8090)),
        ((6, 7, 2, 7), (0.0582, 0.8062)),
        ((5, 56, 0, 29), (-0.0381, 0.1926)),
        ((0, 10, 0, 20), (-0.1611, 0.2775)),
        ((10, 10, 0, 10), (0.6075, 1.0)),
    ],
)
def test_the_interval_of_a_difference_is_newcombes(counts, interval):
    assert newcombe_interval(*counts) == pytest.approx(interval, abs=5e-5)


def test_of_nobody_nothing_is_known():
    assert wilson_interval(0, 0) == (0.0, 1.0)
    assert newcombe_interval(0, 0, 5, 10) == (-1.0, 1.0)


@pytest.mark.parametrize(
    ("amount", "weights", "parts"),
    [
        (100, [1, 1, 1], [34, 33, 33]),
        (7, [50, 30, 20], [4, 2, 1]),
        (10, [0, 1], [0, 10]),
        (3, [1] * 8, [1, 1, 1, 0, 0, 0, 0, 0]),
        (5, [0.0, 0.0], [3, 2]),
        (0, [1, 2], [0, 0]),
    ],
)
def test_shares_are_exact_by_largest_remainder(amount, weights, parts):
    assert shares.share_out(amount, weights) == parts


def test_thompson_sampling_gives_more_to_what_does_well_and_never_forgets_the_rest():
    chances = shares.find_chances([(5, 100), (12, 100), (5, 100)], seed=1)
    assert sum(chances) == pytest.approx(1)
    assert chances[1] > 0.8
    assert min(chances) > 0
    assert shares.find_chances([(5, 100), (12, 100), (5, 100)], seed=1) == chances, (
        "a step repeated does the same"
    )
    even = shares.find_chances([(0, 0)] * 4, seed=2)
    assert all(0.2 < chance < 0.3 for chance in even)


def build(letter, clicks, sent, opens=0):
    variant = Variant(ord(letter) - ord("A"), f"Subject {letter}", "", "")
    return VariantFigures(variant, sent, sent, 0, Rate(opens, sent), Rate(clicks, sent))


@pytest.mark.parametrize(
    ("variants", "best", "is_sure"),
    [
        ([build("A", 50, 1000), build("B", 100, 1000)], "B", True),
        ([build("A", 50, 1000), build("B", 60, 1000)], "B", False),
        ([build("A", 0, 1000), build("B", 0, 1000)], None, False),
        ([build("A", 9, 10), build("B", 3, 10)], "A", True),
        ([build("A", 10, 100), build("B", 3, 100)], "A", False),
        ([build("A", 50, 1000), build("B", 100, 1000), build("C", 95, 1000)], "B", False),
        ([build("A", 50, 1000), build("B", 100, 1000), build("C", 0, 0)], "B", False),
    ],
)
def test_a_variant_is_the_best_only_when_chance_does_not_explain_it(variants, best, is_sure):
    verdict = judge_variants(variants, "clicks")
    assert (verdict.best and verdict.best.rate_of("clicks").hits and verdict.best.variant.letter) == best or (
        best is None and not verdict.is_sure
    )
    assert verdict.is_sure is is_sure
    assert ("Too early to tell" in verdict.sentence) is not is_sure


def test_more_variants_need_more_proof():
    """Of many comparisons one succeeds by chance: each is judged more strictly."""
    pair = [build("A", 30, 500), build("B", 50, 500)]
    assert judge_variants(pair, "clicks").is_sure
    many = [*pair, *(build(letter, 30, 500) for letter in "CDEFGH")]
    assert not judge_variants(many, "clicks").is_sure


def test_the_criterion_decides():
    variants = [build("A", 100, 1000, opens=200), build("B", 20, 1000, opens=400)]
    assert judge_variants(variants, "clicks").best.variant.letter == "A"
    assert judge_variants(variants, "opens").best.variant.letter == "B"
    assert judge_variants(variants, "hand").best.variant.letter == "A"


def test_totals_that_exceed_the_recipients_break_nothing():
    verdict = judge_variants([build("A", 300, 100), build("B", 1, 100)], "clicks")
    assert verdict.is_sure
    assert figures.write_percent(Rate(300, 100)) == "100.0%"
