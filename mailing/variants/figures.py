"""The figures of each variant of a test, and which variant is the best.

Only opens and clicks of people count. Each recipient who is tracked by name counts once. When a campaign keeps only
totals, a person who clicks two links counts twice, and the page says so.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence

import msgspec
from django.db import connection

from mailing.intervals import CONFIDENCE, newcombe_interval, wilson_interval
from mailing.models import Delivery, EmailCampaign, SplitTest, Tally
from mailing.tallies import SENT
from mailing.variants.definitions import Variant, find_test, list_variants

S, M = Delivery.Status, Tally.Measure

TALLIES = """
SELECT variant, measure, sum(amount) FROM mailing_tally WHERE campaign_id = %(campaign)s GROUP BY 1, 2
"""
TOTALS = """
SELECT variant, kind, sum(amount) FROM mailing_eventcount
WHERE campaign_id = %(campaign)s AND origin = 'human' AND NOT was_named GROUP BY 1, 2
"""


class Rate(msgspec.Struct, frozen=True):
    """A rate, `hits` of `people`, with the interval in which the true rate probably lies."""

    hits: int
    people: int

    @property
    def value(self) -> float:
        return min(1.0, self.hits / self.people) if self.people else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        return wilson_interval(min(self.hits, self.people), self.people)

    @property
    def low(self) -> float:
        """The lower end of the interval, in percent."""
        return 100 * self.interval[0]

    @property
    def high(self) -> float:
        return 100 * self.interval[1]

    @property
    def percent(self) -> float:
        return 100 * self.value


class VariantFigures(msgspec.Struct, frozen=True):
    """One variant: its recipients and their results. under_way: not tried yet, or being sent."""

    variant: Variant
    total: int
    sent: int
    under_way: int
    opens: Rate
    clicks: Rate

    def rate_of(self, criterion: str) -> Rate:
        return self.opens if criterion == SplitTest.Criterion.OPENS else self.clicks


class TestFigures(msgspec.Struct, frozen=True):
    """All variants of a campaign. held: recipients without a variant yet. are_totals: a person may count twice."""

    variants: list[VariantFigures]
    held: int
    are_totals: bool

    @property
    def under_way(self) -> int:
        return sum(each.under_way for each in self.variants)


class Verdict(msgspec.Struct, frozen=True):
    """The best variant by now. is_sure: chance does not explain its lead."""

    best: VariantFigures | None
    is_sure: bool
    sentence: str


def read_test_figures(campaign: EmailCampaign, test: SplitTest | None = None) -> TestFigures:
    """Read the figures of a launched campaign with a test."""
    counted: defaultdict[int | None, Counter[str]] = defaultdict(Counter)
    unnamed: defaultdict[int | None, Counter[str]] = defaultdict(Counter)
    with connection.cursor() as cursor:
        for query, counts in ((TALLIES, counted), (TOTALS, unnamed)):
            cursor.execute(query, {"campaign": campaign.pk})
            for variant, measure, amount in cursor:
                counts[variant][measure] = int(amount)
    variants = list_variants(campaign, test or find_test(campaign))
    return TestFigures(
        [_build_figures(variant, counted[variant.number], unnamed[variant.number]) for variant in variants],
        counted[None][S.PENDING],
        any(unnamed.values()),
    )


def _build_figures(variant: Variant, counts: Counter[str], unnamed: Counter[str]) -> VariantFigures:
    sent = sum(counts[measure] for measure in SENT)
    return VariantFigures(
        variant=variant,
        total=sum(counts[status] for status in S),
        sent=sent,
        under_way=sum(counts[status] for status in (S.PENDING, S.CLAIMED, S.IN_DATA)),
        opens=Rate(counts[M.OPENED] + unnamed[M.OPENED], sent),
        clicks=Rate(counts[M.CLICKED] + unnamed[M.CLICKED], sent),
    )


def judge_variants(variants: Sequence[VariantFigures], criterion: str) -> Verdict:
    """Judge which variant is the best, by people who clicked unless the criterion is opens.

    The verdict is sure when the whole interval of the difference to each other variant lies above 0. The intervals are
    wide enough that all these comparisons together hold with 95% (Bonferroni's correction).
    """
    done = "opened it" if criterion == SplitTest.Criterion.OPENS else "clicked"
    tried = [each for each in variants if each.sent]
    best = max(tried, key=lambda each: each.rate_of(criterion).value, default=None)
    if best is None or not best.rate_of(criterion).hits:
        return Verdict(best, False, f"Too early to tell: nobody has {done} yet.")
    rate = best.rate_of(criterion)
    said = f"{best.variant.letter}: {write_percent(rate)} of its {rate.people:,} recipients {done}"
    others = [each for each in tried if each is not best]
    confidence = 1 - (1 - CONFIDENCE) / max(1, len(others))
    in_doubt = [other for other in others if _may_be_as_good(other.rate_of(criterion), rate, confidence)]
    if in_doubt or len(tried) < len(variants):
        letters = ", ".join(
            f"{each.variant.letter} ({write_percent(each.rate_of(criterion))})" for each in in_doubt
        )
        rest = (
            f" The difference to {letters} may be chance."
            if letters
            else " Some variants were sent to nobody."
        )
        return Verdict(best, False, f"Too early to tell. The best so far is {said}.{rest}")
    return Verdict(best, True, f"The best is {said}, and that is more than chance explains.")


def _may_be_as_good(other: Rate, best: Rate, confidence: float) -> bool:
    low, _ = newcombe_interval(
        min(best.hits, best.people), best.people, min(other.hits, other.people), other.people, confidence
    )
    return low <= 0


def write_percent(rate: Rate) -> str:
    """Write a rate: 12.5%."""
    return f"{rate.percent:.1f}%"
