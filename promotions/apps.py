from django.apps import AppConfig


class PromotionsConfig(AppConfig):
    name = "promotions"

    def ready(self) -> None:
        from campaigns import lifecycle
        from promotions.models import PromotionCampaign

        lifecycle.register(PromotionCampaign, "promotions.lifecycle.PromotionLifecycle")
