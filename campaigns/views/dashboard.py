"""The dashboard, and the search over everything."""

from django.contrib.auth.models import User
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext
from django.views.decorators.http import require_GET

from campaigns import database_time, notices
from campaigns.models import Campaign, Heartbeat
from campaigns.requests import Request
from campaigns.views.answers import may_view, render_dashboard_part
from campaigns.workspace import first_steps, overview, search, trends


@require_GET
def dashboard(request: Request) -> HttpResponse:
    """Show what needs attention, what is live, what comes next and the latest activity."""
    if not request.user.has_perm("campaigns.view_campaign"):
        return render(request, "campaigns/no_role.html")
    now = database_time.now()
    overview.write_all_owed_steps(now)
    assert isinstance(request.user, User)  # nobody else has a role
    under_way = overview.live_campaigns(now)
    tracks = first_steps.list_tracks(request.user) if not under_way and first_steps.is_new() else []
    context = {
        "now": now,
        "tracks": tracks,
        "has_campaigns": not tracks or Campaign.objects.exists(),
        "under_way": under_way,
        "coming": overview.scheduled_campaigns(),
        "drafts": overview.latest_drafts(),
        "attention": overview.campaigns_needing_attention(now)[: overview.DASHBOARD_ROWS],
        "recent": overview.recent_steps(),
        "notices": list(notices.list_notices(request.user, now)),
        "silent": Heartbeat.objects.silent() if request.user.is_staff else (),
    }
    return render(request, "campaigns/dashboard.html", context)


@require_GET
@may_view
def live_campaigns(request: Request) -> HttpResponse:
    """Return the live campaigns of the dashboard, which asks for this part again and again."""
    now = database_time.now()
    overview.write_all_owed_steps(now)
    return render(request, "campaigns/_under_way.html", {"under_way": overview.live_campaigns(now)})


@require_GET
@may_view
def show_trends(request: Request) -> HttpResponse:
    """Return the figures of the last 30 days for the dashboard."""
    assert isinstance(request.user, User)  # nobody else comes so far
    figures = list(trends.list_trends(request.user, database_time.now()))
    title = gettext("The last 30 days")
    return render_dashboard_part(request, title, "campaigns/_trends.html", {"trends": figures})


@require_GET
def search_everywhere(request: Request) -> HttpResponse:
    """Show what the words find everywhere; a dialog asks for it too, and then for the hits alone as somebody types."""
    words = request.GET.get("q", "")
    context = {"words": words, "found": search.search(request.user, words)}
    if not request.htmx:
        return render(request, "campaigns/search.html", context)
    is_typing = request.htmx.target != "search"
    return render(request, f"campaigns/_{'found' if is_typing else 'search'}.html", context)
