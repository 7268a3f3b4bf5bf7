"""What an e-mail campaign brought in: the panel on its page, and the page with the sales behind each figure."""

from django.conf import settings
from django.contrib.auth.decorators import permission_required
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.http import require_GET

from campaigns import database_time
from campaigns.annotations import PageContext
from campaigns.models import Campaign
from campaigns.requests import Request
from campaigns.views.answers import render_dashboard_part
from mailing import revenue, stored_revenue, tallies
from mailing.models import Conversion, Delivery, EmailCampaign, Tally

viewing = permission_required(["mailing.view_emailcampaign", "mailing.view_delivery"], raise_exception=True)
may_see_sales = permission_required(
    ["mailing.view_emailcampaign", "mailing.view_conversion"], raise_exception=True
)
SECONDS_BETWEEN_POLLS = 2  # while it is sent: a sale stands here within that and the moment the fold needs
SECONDS_BETWEEN_LATE_POLLS = 15
SALES_SHOWN = 50
CAMPAIGNS_JUDGED = 20  # on the dashboard: those with a hold-out that brought most
NARROWED = {"first": gettext_lazy("first purchases"), **dict(Conversion.How.choices)}


def revenue_context(campaign: EmailCampaign) -> PageContext:
    """Return what mailing/_revenue.html shows: one query."""
    if campaign.prepared_at is None:
        return {"campaign": campaign, "revenue": None}
    now = database_time.now()
    until = revenue.find_last_day(campaign)
    seconds = SECONDS_BETWEEN_POLLS if until is None else SECONDS_BETWEEN_LATE_POLLS
    return {
        "campaign": campaign,
        "revenue": revenue.read_revenue([campaign.pk])[campaign.pk],
        "rule": revenue.describe_rule(campaign),
        "revenue_seconds": seconds if until is None or now < until else None,
        "is_broken": campaign.status in (Campaign.Status.CANCELLED, Campaign.Status.FAILED),
    }


@require_GET
@viewing
def revenue_panel(request: Request, pk: int) -> HttpResponse:
    """Return the revenue of a campaign as it is now, for the panel on its page."""
    campaign = get_object_or_404(EmailCampaign, pk=pk)
    return render(request, "mailing/_revenue.html", revenue_context(campaign))


@require_GET
@viewing
def incremental(request: Request, pk: int) -> HttpResponse:
    """Return what a campaign caused as it is known now: the part of the panel that is not asked for at each look."""
    campaign = get_object_or_404(EmailCampaign, pk=pk)
    measured = stored_revenue.read_measured_revenue(campaign, database_time.now(), lift_only=True)
    context = {
        "campaign": campaign,
        "measured": measured,
        "lift": measured.lift,
        "site_currency": settings.CURRENCY,
    }
    return render(request, "mailing/_lift_tile.html", context)


@require_GET
@may_see_sales
def campaign_revenue(request: Request, pk: int) -> HttpResponse:
    """Show the revenue of a campaign, and the sales behind it."""
    campaign = get_object_or_404(EmailCampaign, pk=pk)
    context = revenue_context(campaign)
    if (found := context["revenue"]) is None:
        return render(request, "mailing/revenue.html", context)
    sums = tallies.read_sums(pk)
    accepted = sums.get(Delivery.Status.ACCEPTED, 0) + sums.get(Tally.Measure.RETURNED, 0)
    kind = request.GET.get("show", "")
    kind = kind if kind in NARROWED else ""
    measured = stored_revenue.read_measured_revenue(campaign, database_time.now())
    is_first = kind == "first"
    # a page joins its own sales alone, however far back it is
    keys = revenue.list_sales(campaign, how=kind, is_first=is_first).values_list("pk", flat=True)
    paginator = Paginator(keys, SALES_SHOWN)
    paginator.count = revenue.count_sales(campaign, how=kind, is_first=is_first)
    page = paginator.get_page(request.GET.get("page"))
    return render(
        request,
        "mailing/revenue.html",
        context
        | {
            "accepted": accepted,
            "per_mail": found.per_mail(accepted),
            "measured": measured,
            "median_wait": measured.median_wait,
            "margin": measured.margin,
            "lift": measured.lift,
            "site_currency": settings.CURRENCY,
            "articles": measured.articles,
            "locations": revenue.draw_locations(campaign, found.currency),
            "days": revenue.draw_days(campaign, found.currency),
            "kinds": NARROWED.items(),
            "kind": kind,
            "page": page,
            "sales": revenue.read_sales(campaign, list(page.object_list)),
        },
    )


@require_GET
@permission_required("mailing.view_emailcampaign", raise_exception=True)
def recent_revenue(request: Request) -> HttpResponse:
    """Return the revenue of the last 30 days by campaign, for the dashboard."""
    now = database_time.now()
    rows = revenue.list_recent_revenue(now)
    judged = [campaign for campaign, _, _ in rows if campaign.funnel.get("held_out")][:CAMPAIGNS_JUDGED]
    proved = {campaign.pk for campaign in judged if stored_revenue.is_proved(campaign, now)}
    total = sum(net for _, net, _ in rows)
    net_proved = sum(net for campaign, net, _ in rows if campaign.pk in proved)
    context = {
        "rows": rows[:5],
        "others": len(rows[5:]),
        "total": total,
        "proved": proved,
        "net_proved": net_proved,
        "percent_proved": 100 * net_proved / total if total > 0 else 0,
        "currency": settings.CURRENCY,
    }
    title = gettext("Revenue by e-mail of the last 30 days")
    return render_dashboard_part(request, title, "mailing/_revenue_lately.html", context)
