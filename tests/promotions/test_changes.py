"""What was changed is told in the words of people: no field names, no stamps, no minor units."""

import pytest

from promotions import changes, publish, stacking
from promotions.models import Change
from tests.factories import LocationFactory, PromotionCampaignFactory, PromotionFactory
from tests.promotions.pages import read_page, words

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("detail", "said"),
    [
        ({"budget": [50_000, 80_000]}, "budget: CHF 500.00 → CHF 800.00"),
        ({"budget": [None, 80_000]}, "budget: none → CHF 800.00"),
        ({"max_uses": [None, 12_000]}, "maximum uses: none → 12,000"),
        (
            {"ends_at": ["2026-12-09T08:00:00Z", "2026-12-10T08:00:00+00:00"]},
            "end: 9 Dec 2026, 08:00 → 10 Dec 2026, 08:00",
        ),
        ({"name": ["Old", "New"]}, "name: Old → New"),
        ({"locations": [[], ["BER", "HAM"]]}, "locations: everywhere → BER, HAM"),
        ({"standalone": [False, True]}, "standalone: no → yes"),
        (
            {"on_budget_end": ["partial", "reject"]},
            "when the budget ends: grant what is left → give nothing unless all fits",
        ),
        ({"max_discount_percent": [None, 1250]}, "maximum percent per sale: none → 12.5%"),
        ({"benefit": [{"type": "percent"}, {"type": "bundle"}]}, "discount"),
    ],
)
def test_a_change_is_told_in_words(detail, said):
    (line,) = changes.describe_changes(detail, "CHF")
    assert line.replace("\N{NO-BREAK SPACE}", " ").replace("CHF", "CHF ").replace("  ", " ") == said


def test_every_kind_of_edit_can_be_told():
    campaign = PromotionCampaignFactory(status="draft")
    publish.edit_campaign(
        campaign,
        changes={"name": "New", "budget": 5_000, "max_uses": 9, "priority": 2, "on_budget_end": "reject"},
        locations=[LocationFactory()],
        promotions=[PromotionFactory()],
    )
    promotion = PromotionFactory()
    publish.save_promotion(
        promotion,
        name="Newer",
        max_uses_per_customer=2,
        trigger="coupon",
        benefit={"type": "percent", "percent": 500},
    )
    stacking.change_rules(
        precedence="priority", max_promotions=2, max_discount_percent=5_000, item_with_order=False
    )
    for change in Change.objects.filter(what="edited"):
        lines = changes.describe_changes(change.detail)
        assert len(lines) == len(change.detail) > 2
        assert "_" not in "".join(lines)


def test_the_page_of_a_campaign_shows_what_an_edit_changed(client, marketer):
    campaign = PromotionCampaignFactory(status="active", budget=50_000)
    publish.edit_campaign(campaign, changes={"budget": 80_000})
    page = words(read_page(client.get(f"/campaigns/promotion/{campaign.pk}/")))
    assert "budget: €500.00 → €800.00" in page


def test_the_pages_of_a_promotion_and_of_the_stacking_rules_show_what_an_edit_changed(client, administrator):
    promotion = PromotionFactory(max_uses=5)
    publish.save_promotion(promotion, max_uses=7)
    stacking.change_rules(max_discount=1_000)
    page = words(read_page(client.get(f"/promotions/{promotion.pk}/")))
    assert "maximum uses: 5 → 7" in page
    page = words(read_page(client.get("/stacking/")))
    assert "maximum discount per sale: none → €10.00" in page
