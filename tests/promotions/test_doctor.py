"""The doctor finds what is wrong with a figure, and nothing where all is right."""

import pytest

from campaigns.doctor import find_breaches
from pos.models import Sale, UnfoldedSale
from promotions.models import Counter, Coupon, CustomerUse, Promotion, Redemption
from tests.factories import CouponFactory, PromotionCampaignFactory, PromotionFactory, SaleFactory
from tests.pos.tills import AtTill, basket

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign_with_sales():
    """A campaign with every kind of limit, one sale and one hold."""
    coupon = CouponFactory(promotion=PromotionFactory(trigger="coupon", max_uses=9, standalone=True))
    campaign = PromotionCampaignFactory(
        discounting=True, status="active", budget=1_000, max_uses_per_customer=5
    )
    till = AtTill()
    body = basket(1_000, customer={"id": "C1"}, coupons=[coupon.code])
    assert till.put("S1", body).status == till.hold("S2", body).status == 201
    assert till.give_back("S1", "R1", {"1": 1}).status == 201
    assert till.put("S3", body).status == 201
    return campaign


def granted_again():
    """As much as the sale's answer says, in two lines where the product writes one."""
    line = Redemption.objects.filter(sale__reference="S3").first()
    Redemption.objects.create(
        sale=line.sale, promotion=line.promotion, campaign=line.campaign, amount=1, uses=1
    )


def test_it_finds_nothing_where_every_figure_is_right(campaign_with_sales):
    assert list(find_breaches()) == []


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda: Counter.objects.filter(budget__gt=0).update(spent=1), "spent"),
        (lambda: Counter.objects.filter(budget__gt=0).update(held=0), "held"),
        (lambda: Counter.objects.update(uses=0), "uses"),
        (lambda: Counter.objects.update(overrun=3), "overrun"),
        (lambda: Counter.objects.filter(budget__gt=0).update(budget=2_000, ceiling=2_000), "does not say"),
        (lambda: Coupon.objects.update(uses=0), "Coupon"),
        (
            lambda: CustomerUse.objects.filter(campaign__isnull=False).update(uses=0),
            "Customer C1 used campaign",
        ),
        (lambda: CustomerUse.objects.filter(coupon__isnull=False).delete(), "Customer C1 used coupon"),
        (lambda: Sale.objects.filter(reference="S1").update(discount=1), "S1"),
        (lambda: Sale.objects.filter(reference="S1").update(total=1), "S1"),
        (lambda: Sale.objects.filter(reference="S3").update(state="voided"), "S3"),
        (lambda: Sale.objects.filter(reference="S2").update(reserved=[]), "S2"),
        (lambda: Sale.objects.filter(reference="S2").update(state="released"), "S2"),
        (granted_again, "2 times"),
        (lambda: Promotion.objects.update(benefit={"type": "gold"}), "cannot be read"),
    ],
)
def test_it_names_each_figure_that_is_wrong(campaign_with_sales, spoil, said):
    spoil()
    breaches = list(find_breaches())
    assert any(said in breach for breach in breaches), breaches


def test_it_finds_more_given_back_than_was_given(campaign_with_sales):
    granted = Redemption.objects.filter(reverses=None).first()
    Redemption.objects.create(
        sale=granted.sale, promotion=granted.promotion, amount=-5_000, uses=-1, reverses=granted
    )
    assert any("more came back" in breach for breach in find_breaches())


def test_a_sale_that_no_till_made_is_not_held_against_its_ledger():
    sale = SaleFactory(discount=0)
    UnfoldedSale.objects.create(sale_id=sale.pk)
    Redemption.objects.create(sale=sale, promotion=PromotionFactory(), amount=5, uses=1)
    assert list(find_breaches()) == []
