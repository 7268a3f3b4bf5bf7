"""The A/B test of a campaign as its page and its report show it."""

from datetime import datetime
from typing import NamedTuple

import msgspec
from django.utils.translation import gettext_lazy

from campaigns.models import Campaign
from mailing.models import EmailCampaign, SplitTest
from mailing.variants import figures, judging, phases
from mailing.variants.definitions import Variant, list_variants
from mailing.variants.figures import TestFigures, VariantFigures
from mailing.variants.judging import Verdict

Phase = EmailCampaign.Phase
CRITERIA = {
    SplitTest.Criterion.OPENS: gettext_lazy("opened"),
    SplitTest.Criterion.REDEEMED: gettext_lazy("redeemed their code"),
}


class Mark(NamedTuple):
    """A rate or a revenue for each recipient, with its interval, in percent of the drawing's width."""

    letter: str
    low: str
    width: str
    at: str


class TestReport(msgspec.Struct, frozen=True):
    """test_size: recipients in the test. winner: once it is chosen. choice_at: when the clock chooses it.

    is_open: a person may choose the winner now. is_asking: sending waits for a person's choice.
    """

    test: SplitTest
    counted: TestFigures
    verdict: Verdict
    test_size: int
    released: int
    winner: Variant | None
    choice_at: datetime | None
    is_open: bool
    is_asking: bool
    criterion: str

    @property
    def is_of_everybody(self) -> bool:
        """Whether no recipient was held for a winner."""
        return self.released + self.counted.held <= self.test_size

    @property
    def is_by_revenue(self) -> bool:
        return self.test.winner_by == SplitTest.Criterion.REVENUE

    @property
    def shows_sales(self) -> bool:
        """Whether the table has redemptions and revenue: where they decide."""
        return self.test.winner_by in figures.BY_SALES

    @property
    def widest(self) -> float:
        """The scale of the drawing: a little more than the highest interval, in percent or in minor units."""
        highest = 1.05 * max(self._read_range(each)[2] for each in self.counted.variants)
        return highest or 1.0 if self.is_by_revenue else min(100.0, highest)

    def _read_range(self, each: VariantFigures) -> tuple[float, float, float]:
        """Return what decides of a variant, with its interval: in percent, or in minor units."""
        if self.is_by_revenue:
            return each.sales.mean, *each.revenue_interval
        rate = each.rate_of(self.test.winner_by)
        return rate.percent, rate.low, rate.high

    @property
    def marks(self) -> list[Mark]:
        """What decides, one for each variant."""
        part = 100 / self.widest
        every = [(each.variant.letter, *self._read_range(each)) for each in self.counted.variants]
        return [
            Mark(
                letter,
                f"{low * part:.2f}",
                f"{(high - low) * part:.2f}",
                f"{max(0.0, value * part - 0.3):.2f}",
            )
            for letter, value, low, high in every
        ]


def read_test_report(campaign: EmailCampaign, test: SplitTest | None, now: datetime) -> TestReport | None:
    """Read the state of a campaign's test; None when it has no test, or was not launched with it."""
    if test is None or not campaign.phase:
        return None
    counted = figures.read_test_figures(campaign, test)
    verdict = judging.judge_variants(counted.variants, test.winner_by)
    is_open = (
        campaign.winner is None
        and counted.held > 0
        and campaign.status in (Campaign.Status.RUNNING, Campaign.Status.PAUSED)
    )
    choice_at = phases.find_choice_time(campaign, test)
    is_by_hand = test.winner_by == SplitTest.Criterion.HAND
    is_undecided = choice_at is not None and now >= choice_at and not verdict.is_sure
    return TestReport(
        test=test,
        counted=counted,
        verdict=verdict,
        test_size=phases.find_test_size(test, campaign.total, len(counted.variants)),
        released=campaign.total - counted.held,
        winner=None if campaign.winner is None else list_variants(campaign, test)[campaign.winner],
        choice_at=choice_at,
        is_open=is_open,
        is_asking=is_open
        and campaign.phase == Phase.WAITING
        and (is_by_hand or (is_undecided and test.when_undecided == SplitTest.Undecided.ASK)),
        criterion=str(CRITERIA.get(SplitTest.Criterion(test.winner_by), gettext_lazy("clicked"))),
    )
