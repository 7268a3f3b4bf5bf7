"""The figure of promotions at the top of the dashboard: discounts given."""

from collections.abc import Iterator
from functools import partial

from django.conf import settings
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils.translation import gettext as _

from campaigns import formats
from campaigns.workspace.trends import Days, Trend
from promotions.reports import ReportQuery
from promotions.reports.report import Grouping
from promotions.reports.tallied import choose_source


def list_discount_trends(user: User, days: Days) -> Iterator[Trend]:
    """Yield the discounts given, less what was returned, in the site's currency."""
    if not user.has_perm("promotions.view_redemption"):
        return
    asked = ReportQuery(days.all[0], days.all[-1], settings.CURRENCY, zone=days.zone)
    given = {
        day: sums["given"] for day, sums in choose_source(asked, Grouping.DAY).sums(Grouping.DAY).items()
    }
    yield Trend(
        _("Discounts given"),
        _("At all tills and by all promotions, less what was voided and returned."),
        days,
        days.fill(given),
        partial(formats.money, currency=settings.CURRENCY),
        reverse("promotions:promotion_report"),
        partial(formats.money_on_scale, currency=settings.CURRENCY),
    )
