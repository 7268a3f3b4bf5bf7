from promotions.models.campaign import Link, PromotionCampaign
from promotions.models.coupon import Coupon
from promotions.models.promotion import CustomerGroup, Promotion
from promotions.models.usage import Counter, CustomerUse, Redemption, RulesVersion

__all__ = [
    "Counter",
    "Coupon",
    "CustomerGroup",
    "CustomerUse",
    "Link",
    "Promotion",
    "PromotionCampaign",
    "Redemption",
    "RulesVersion",
]
