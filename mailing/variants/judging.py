"""Which variant of a test is the best, and whether chance explains its lead.

The verdict is sure when the whole interval of the difference to each other variant lies above 0. The intervals are wide
enough that all these comparisons together hold with 95% (Bonferroni's correction). Rates are compared by Newcombe's
interval, revenue for each recipient as `mailing.lift` compares it: with too few buyers it is too early to tell.
"""

from collections.abc import Sequence

import msgspec
from django.conf import settings

from campaigns import formats
from campaigns.sentences import keep, mark
from mailing.intervals import CONFIDENCE, newcombe_interval
from mailing.lift import BUYERS_FOR_REVENUE, compare_revenue
from mailing.models import SplitTest
from mailing.variants.figures import Rate, VariantFigures, write_percent

CLICKED = mark("clicked")
WHAT_THEY_DID = {
    SplitTest.Criterion.OPENS: mark("opened it"),
    SplitTest.Criterion.REDEEMED: mark("redeemed their code"),
    SplitTest.Criterion.REVENUE: mark("bought anything"),
}


class Verdict(msgspec.Struct, frozen=True):
    """The best variant by now. is_sure: chance does not explain its lead."""

    best: VariantFigures | None
    is_sure: bool
    sentence: str


def judge_variants(variants: Sequence[VariantFigures], criterion: str) -> Verdict:
    """Judge which variant is the best, by the criterion of the test; by clicks where a person chooses."""
    done = WHAT_THEY_DID.get(SplitTest.Criterion(criterion), CLICKED) if criterion else CLICKED
    tried = [each for each in variants if each.sent]
    best = max(tried, key=lambda each: score(each, criterion), default=None)
    if best is None or not best.rate_of(criterion).hits:
        return Verdict(best, False, keep("Too early to tell: nobody has %(done)s yet.", done=done))
    letter, said = best.variant.letter, _describe(best, criterion, done)
    others = [each for each in tried if each is not best]
    confidence = 1 - (1 - CONFIDENCE) / max(1, len(others))
    in_doubt = [other for other in others if _may_be_as_good(other, best, criterion, confidence)]
    if in_doubt or len(tried) < len(variants):
        rest = _explain_doubt(in_doubt, best, criterion)
        return Verdict(
            best,
            False,
            keep(
                "Too early to tell. The best so far is %(letter)s: %(said)s. %(rest)s",
                letter=letter,
                said=said,
                rest=rest,
            ),
        )
    return Verdict(
        best,
        True,
        keep(
            "The best is %(letter)s: %(said)s, and that is more than chance explains.",
            letter=letter,
            said=said,
        ),
    )


def score(figures: VariantFigures, criterion: str) -> float:
    """Return by what variants are ordered: a rate, or the revenue for each recipient in minor units."""
    if criterion == SplitTest.Criterion.REVENUE:
        return figures.sales.mean
    return figures.rate_of(criterion).value


def write_revenue(figures: VariantFigures) -> str:
    """Write the revenue for each recipient: €1.20."""
    return formats.money(round(figures.sales.mean), settings.CURRENCY)


def _describe(best: VariantFigures, criterion: str, done: str) -> str:
    rate = best.rate_of(criterion)
    if criterion == SplitTest.Criterion.REVENUE:
        return keep(
            "%(best)s for each of its %(people)s recipients", best=write_revenue(best), people=rate.people
        )
    return keep(
        "%(rate)s of its %(people)s recipients %(done)s",
        rate=write_percent(rate),
        people=rate.people,
        done=done,
    )


def _explain_doubt(in_doubt: Sequence[VariantFigures], best: VariantFigures, criterion: str) -> str:
    if not in_doubt:
        return mark("Some variants were sent to nobody.")
    by_revenue = criterion == SplitTest.Criterion.REVENUE
    if by_revenue and min(each.sales.buyers for each in (best, *in_doubt)) < BUYERS_FOR_REVENUE:
        return keep(
            "Revenue is compared once each variant has %(buyers_for_revenue)s buyers.",
            buyers_for_revenue=BUYERS_FOR_REVENUE,
        )
    letters = ", ".join(
        f"{each.variant.letter} ({write_revenue(each) if by_revenue else write_percent(each.rate_of(criterion))})"
        for each in in_doubt
    )
    return keep("The difference to %(letters)s may be chance.", letters=letters)


def _may_be_as_good(other: VariantFigures, best: VariantFigures, criterion: str, confidence: float) -> bool:
    if criterion == SplitTest.Criterion.REVENUE:
        compared = compare_revenue(best.sales, other.sales, confidence)
        return compared is None or compared[1] <= 0
    return _may_rate_be_as_good(other.rate_of(criterion), best.rate_of(criterion), confidence)


def _may_rate_be_as_good(other: Rate, best: Rate, confidence: float) -> bool:
    low, _ = newcombe_interval(
        min(best.hits, best.people), best.people, min(other.hits, other.people), other.people, confidence
    )
    return low <= 0
