"""The first steps towards a discount, as the dashboard of a new installation shows them."""

from collections.abc import Iterator

from django.contrib.auth.models import User
from django.urls import reverse
from django.utils.translation import gettext as _

from campaigns.workspace.first_steps import FirstStep
from promotions.models import Promotion, PromotionCampaign


def list_promotion_steps(user: User) -> Iterator[FirstStep]:
    """Yield what comes before the first discount."""
    yield FirstStep(
        _("Make a promotion"),
        _("It says what is reduced, and by how much."),
        Promotion.objects.exists(),
        reverse("promotions:promotion_new") if user.has_perm("promotions.add_promotion") else "",
    )
    yield FirstStep(
        _("Plan a promotion campaign"),
        _("It says when and where the promotion applies, and for how much money."),
        PromotionCampaign.objects.exists(),
        reverse("promotions:campaign_new") if user.has_perm("promotions.add_promotioncampaign") else "",
    )
    draft = PromotionCampaign.objects.filter(status="draft").order_by("-pk").first()
    yield FirstStep(
        _("Activate it"),
        _("Every till follows from the very next sale."),
        PromotionCampaign.objects.exclude(status__in=("draft", "scheduled")).exists(),
        draft.get_absolute_url() if draft and user.has_perm("promotions.change_promotioncampaign") else "",
    )
