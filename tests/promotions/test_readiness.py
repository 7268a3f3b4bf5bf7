"""What a promotion campaign's page says before it begins."""

import pytest

from promotions.models import Link
from promotions.readiness import list_checks
from tests.factories import PromotionCampaignFactory, PromotionFactory
from tests.promotions.pages import read_page

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("states", "is_met", "sentence"), [
    ([], False, "No promotion is linked: it would give nothing."),
    (["inactive"], False, "1 promotion linked, all switched off: it would give nothing."),
    (["active", "inactive"], False, "2 promotions linked, 1 of them switched off."),
    (["active", "active"], True, "2 promotions linked and switched on."),
])  # fmt: skip
def test_it_says_whether_the_linked_promotions_would_give_something(states, is_met, sentence):
    campaign = PromotionCampaignFactory()
    for state in states:
        Link.objects.create(campaign=campaign, promotion=PromotionFactory(status=state))
    found = list_checks(campaign)[0]
    assert (found.is_met, found.sentence) == (is_met, sentence)


@pytest.mark.parametrize(("limits", "sentence"), [
    ({"budget": 80_000}, "Limited to a budget of €800.00."),
    ({"max_uses": 1}, "Limited to 1 use at most."),
    ({"budget": 80_000, "max_uses": 2_000}, "Limited to a budget of €800.00 and 2,000 uses at most."),
    ({}, "No budget and no maximum of uses: nothing bounds what it gives."),
])  # fmt: skip
def test_it_says_what_bounds_it(limits, sentence):
    found = list_checks(PromotionCampaignFactory(**limits))[1]
    assert found.sentence == sentence
    assert found.is_met == bool(limits)


@pytest.mark.parametrize("status", ["draft", "scheduled", "active", "paused", "expired"])
def test_only_a_campaign_that_has_not_begun_shows_it(client, marketer, status):
    page = read_page(client.get(PromotionCampaignFactory(status=status).get_absolute_url()))
    has_begun = status not in ("draft", "scheduled")
    assert ("Ready for the till?" in page) == (not has_begun)
    assert ("Results so far" in page) == has_begun
    assert ("Day by day" in page) == has_begun
