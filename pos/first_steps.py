"""The first steps towards a till that asks for discounts, as the dashboard of a new installation shows them."""

from collections.abc import Iterator

from django.contrib.auth.models import User
from django.urls import reverse
from django.utils.translation import gettext as _

from campaigns.workspace.first_steps import FirstStep
from pos.models import Location, Till


def list_till_steps(user: User) -> Iterator[FirstStep]:
    """Yield what makes a shop known."""
    yield FirstStep(
        _("Add your locations"),
        _("Each shop with its time zone and currency."),
        Location.objects.exists(),
        reverse("admin:pos_location_changelist")
        if user.is_staff and user.has_perm("pos.add_location")
        else "",
    )
    yield FirstStep(
        _("Give each till its key"),
        _("With it a till asks for discounts. Until then the sandbox is your till."),
        Till.objects.exists(),
        reverse("admin:pos_till_changelist") if user.is_staff and user.has_perm("pos.add_till") else "",
    )
