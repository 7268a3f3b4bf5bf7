from django.apps import AppConfig


class PromotionsConfig(AppConfig):
    name = "promotions"

    def ready(self) -> None:
        from campaigns import lifecycle
        from campaigns.workspace import search
        from promotions import searching
        from promotions.lifecycle import PromotionLifecycle
        from promotions.models import PromotionCampaign

        lifecycle.register(PromotionCampaign, PromotionLifecycle())
        search.add_source(
            search.Source("Promotions", "promotions.view_promotion", searching.find_promotions, 2)
        )
        search.add_source(search.Source("Coupons", "promotions.view_coupon", searching.find_coupons, 3))
