"""The list of the campaigns of both kinds."""

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from campaigns import database_time
from campaigns.forms import FilterForm
from campaigns.requests import Request
from campaigns.views.answers import may_view
from campaigns.workspace import overview

PER_PAGE = 25


@require_GET
@may_view
def campaign_list(request: Request) -> HttpResponse:
    """List the campaigns of both kinds that the filters choose."""
    overview.write_all_owed_steps(database_time.now())
    form = FilterForm(request.GET)
    form.is_valid()  # what is no choice is left out of cleaned_data
    chosen = form.cleaned_data
    campaigns = overview.list_campaigns(
        kind=chosen.get("kind", ""),
        status=chosen.get("status", ""),
        archived=chosen["archived"],
        words=chosen.get("q", ""),
        sort=chosen.get("sort", ""),
    )
    now = database_time.now()
    page = Paginator(campaigns, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "form": form,
        "chosen": chosen,
        "page": page,
        "status_counts": overview.count_by_status(kind=chosen.get("kind", ""), words=chosen.get("q", "")),
        "rows": overview.build_rows(list(page), now),
        "is_filtered": any(chosen[name] for name in chosen if name != "sort"),
        "archived": chosen["archived"],
        "now": now,
    }
    return render(request, "campaigns/list.html", context)
