"""The calendar of both kinds: a month, a week, a time line; and the feed for calendar programs."""

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.models import User
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from campaigns import calendar_feed, database_time
from campaigns.annotations import PageContext
from campaigns.forms import CalendarForm
from campaigns.languages import use_language_of
from campaigns.periods import Period
from campaigns.requests import Request, client_address, number_in_query
from campaigns.views.answers import may_view
from campaigns.workspace import calendar, overview


@require_safe
@may_view
def show_calendar(request: Request) -> HttpResponse:
    """Show the campaigns of a month in its weeks, those of a week, or a time line; and those of one day as a list."""
    now = database_time.now()
    overview.write_all_owed_steps(now)
    today = timezone.localdate(now)
    day = calendar.read_day(request.GET.get("day", ""), today)
    form = CalendarForm(request.GET)
    shown = form.read_shown()
    view = form.cleaned_data.get("view") or "month"
    context: PageContext = {
        "today": today,
        "day": day,
        "form": form,
        "shown": shown,
        "view": view,
        "start": f"{day.isoformat()}T09:00",
        "has_feed": calendar_feed.find_feed(request.user) is not None,
    }
    if view == "timeline":
        context["line"] = calendar.build_time_line(day, now, shown)
    elif view == "week":
        week, periods = calendar.build_week(day, now, shown)
        context |= {
            "week": week,
            **list_context(request, calendar.list_periods_on(periods, day)),
            "before": day - 7 * calendar.DAY,
            "after": day + 7 * calendar.DAY,
        }
    else:
        month = calendar.build_month(day, now, shown)
        context |= {"month": month, **list_context(request, month.list_periods_on(day))}
    if request.htmx and "from" in request.GET:
        return render(request, "campaigns/_periods.html", context)
    return render(request, "campaigns/calendar.html", context)


def list_context(request: Request, periods: list[Period]) -> PageContext:
    """Return what campaigns/_periods.html shows of the campaigns of a day: a part of them, from `?from=` on."""
    start = number_in_query(request, "from")
    end = start + calendar.LISTED_AT_ONCE
    left = len(periods[end:])
    return {"periods": periods[start:end], "further": end if left else None, "left": left}


@login_not_required
@never_cache
@require_safe
def read_feed(request: Request, secret: str) -> HttpResponse:
    """Give a calendar program the calendar of the user whose secret address it knows."""
    now = database_time.now()
    if wait := calendar_feed.count_request(secret, client_address(request), now):
        answer = HttpResponse("This calendar is asked for too often.\n", "text/plain", 429)
        answer["Retry-After"] = str(max(1, round(wait.total_seconds())))
        return answer
    user = calendar_feed.find_user(secret)
    if user is None:
        raise Http404("There is no such calendar.")
    overview.write_all_owed_steps(now)
    with use_language_of(user):  # whatever the calendar program asks for
        feed = calendar_feed.write_feed(user, now)
    answer = HttpResponse(feed, "text/calendar; charset=utf-8")
    answer["Content-Disposition"] = 'inline; filename="fanfare.ics"'
    return answer


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@may_view
def change_feed(request: Request) -> HttpResponse:
    """Make a new secret address of the user's own calendar, or end it; a GET asks. An address is shown only once."""
    assert isinstance(request.user, User)  # nobody else comes so far
    if request.method == "POST" and request.POST.get("act") == "end":
        calendar_feed.end_feed(request.user)
        messages.success(request, gettext("Your calendar feed has ended: its address leads nowhere now."))
        return redirect("campaigns:settings")
    address = ""
    if request.method == "POST":
        address = calendar_feed.make_address(request.user)
    context = {"address": address, "feed": calendar_feed.find_feed(request.user)}
    return render(request, "campaigns/calendar_feed.html", context)
