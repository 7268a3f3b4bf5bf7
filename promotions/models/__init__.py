from promotions.models.campaign import Link, PromotionCampaign
from promotions.models.change import Change
from promotions.models.coupon import Coupon
from promotions.models.group import CustomerGroup, GroupMember
from promotions.models.promotion import Promotion
from promotions.models.stacking import ExcludedPair, StackingSettings
from promotions.models.tally import DiscountTally, TalliedSale
from promotions.models.usage import Counter, CustomerUse, Overrun, Redemption, RulesVersion

__all__ = [
    "Change",
    "Counter",
    "Coupon",
    "CustomerGroup",
    "CustomerUse",
    "DiscountTally",
    "ExcludedPair",
    "GroupMember",
    "Link",
    "Overrun",
    "Promotion",
    "PromotionCampaign",
    "Redemption",
    "RulesVersion",
    "StackingSettings",
    "TalliedSale",
]
