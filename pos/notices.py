"""Notices of the dashboard about sales made offline: those that came late, went beyond limits or were refused."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db.models import Count, F, Max, Sum
from django.urls import reverse
from django.utils.translation import gettext, ngettext

from campaigns.formats import money, thousands
from campaigns.notices import Notice
from campaigns.stored_sentences import translate_stored
from pos.models import Sale, Till
from promotions.models import Overrun

NEWS_PERIOD = timedelta(days=7)
LATE_AFTER = timedelta(days=1)  # a sale that comes in later than this after it was made is late


def list_offline_notices(user: User, now: datetime) -> Iterator[Notice]:
    """Yield what `user` should know about the last week."""
    if not user.has_perm("promotions.view_promotioncampaign"):
        return
    since = now - NEWS_PERIOD
    if Sale.objects.filter(received_at__gt=since).exists():  # else nothing was made offline
        yield from _notice_late_sales(since)
        yield from _notice_overruns(since)
    if user.is_staff and user.has_perm("pos.change_till"):
        yield from _notice_refusals(since)


def _notice_late_sales(since: datetime) -> Iterator[Notice]:
    made_late = Sale.objects.filter(received_at__gt=since, offline_at__lt=F("received_at") - LATE_AFTER)
    late = made_late.aggregate(count=Count("pk"), longest=Max(F("received_at") - F("offline_at")))
    if count := late["count"]:
        sales = ngettext("%(count)s sale", "%(count)s sales", count) % {"count": thousands(count)}
        yield Notice(
            gettext(
                "%(sales)s made offline came in more than a day late in the last seven days, the "
                "oldest after %(days)s days."
            )
            % {"sales": sales, "days": late["longest"].days}
        )


def _notice_overruns(since: datetime) -> Iterator[Notice]:
    rows = (
        Overrun.objects.filter(redemption__sale__received_at__gt=since)
        .values_list("redemption__sale__currency")
        .annotate(given=Sum("amount"), sales=Count("redemption__sale", distinct=True))
        .order_by("redemption__sale__currency")
    )
    for currency, given, sales in rows:
        counted = ngettext("%(count)s sale", "%(count)s sales", sales) % {"count": thousands(sales)}
        yield Notice(
            gettext("%(counted)s made offline went beyond limits in the last seven days, by %(amount)s.")
            % {"counted": counted, "amount": money(given, currency)},
            reverse("promotions:promotion_report"),
        )


def _notice_refusals(since: datetime) -> Iterator[Notice]:
    for till in Till.objects.filter(offline_refused_at__gt=since).select_related("location"):
        yield Notice(
            gettext("%(till)s was refused a sale made offline. %(reason)s")
            % {"till": till, "reason": translate_stored(till.offline_refused_why)},
            reverse("admin:pos_till_change", args=[till.pk]),
        )
