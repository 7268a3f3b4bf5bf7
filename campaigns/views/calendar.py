"""The calendar of both kinds."""

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from campaigns import database_time
from campaigns.requests import Request
from campaigns.views.answers import may_view
from campaigns.workspace import calendar, overview


@require_GET
@may_view
def show_calendar(request: Request) -> HttpResponse:
    """Show the campaigns of a month in its weeks, and those of one day as a list."""
    now = database_time.now()
    overview.write_all_owed_steps(now)
    today = timezone.localdate(now)
    day = calendar.read_day(request.GET.get("day", ""), today)
    month = calendar.build_month(day, now)
    context = {
        "today": today,
        "day": day,
        "month": month,
        "periods": month.list_periods_on(day),
        "start": f"{day.isoformat()}T09:00",
    }
    return render(request, "campaigns/calendar.html", context)
