"""The list of the campaigns of both kinds, its saved views, and what is done to several campaigns at once."""

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from campaigns import bulk, database_time, saved_views
from campaigns.forms import FilterForm
from campaigns.models import SavedView
from campaigns.refusals import Refused
from campaigns.requests import Request, read_number
from campaigns.views.answers import find_way_back, may_view, say_undoable
from campaigns.workspace import listing, overview

# what takes back what was done to several campaigns
UNDO = {"archive": "unarchive", "untag": "tag"}


@require_GET
@may_view
def campaign_list(request: Request) -> HttpResponse:
    """List the campaigns of both kinds that the filters choose."""
    now = database_time.now()
    overview.write_all_owed_steps(now)
    form = FilterForm(request.GET)
    chosen = form.read_filters()
    page = listing.read_page(chosen, after=request.GET.get("after", ""), before=request.GET.get("before", ""))
    status_counts = listing.count_by_status(chosen)
    context = {
        "form": form,
        "chosen": chosen,
        "query": chosen.write_query(),
        "page": page,
        "status_counts": status_counts,
        "rows": listing.build_list_rows(page, request.user, now),
        "is_filtered": chosen.is_chosen,
        "archived": chosen.archived,
        "may_tick": listing.may_change_several(request.user),
        "views": SavedView.objects.filter(user=request.user),
        "tags": form.known_tags,
        "now": now,
    }
    return render(request, "campaigns/list.html", context)


@require_POST
@may_view
def change_several(request: Request) -> HttpResponse:
    """Archive the ticked campaigns, take them back from the archive, or change their tags."""
    keys = [
        number
        for text in request.POST.getlist("chosen")
        for part in text.split()
        if (number := read_number(part))
    ]
    act, tag = request.POST.get("act", ""), request.POST.get("tag", "")
    way_back = redirect(find_way_back(request, reverse("campaigns:list")))
    if not keys:
        messages.error(request, gettext("Tick at least one campaign."))
        return way_back
    try:
        match act:
            case "archive":
                outcome, said = bulk.move_to_archive(keys, by=request.user), _say_archived
            case "unarchive":
                outcome, said = bulk.take_from_archive(keys, by=request.user), _say_back
            case "untag":
                outcome, said = bulk.remove_tag(keys, tag, by=request.user), _say_untagged
            case _:
                outcome, said = bulk.add_tag(keys, tag, by=request.user), _say_tagged
    except Refused as refused:
        messages.error(request, str(refused))
        return way_back
    if outcome.done:
        sentence = said(outcome)
        if act in UNDO:
            fields = {"act": UNDO[act], "chosen": " ".join(str(campaign.pk) for campaign in outcome.done)}
            undo = fields | {"tag": tag, "next": find_way_back(request, reverse("campaigns:list"))}
            say_undoable(request, sentence, reverse("campaigns:change_several"), **undo)
        else:
            messages.success(request, sentence)
    for sentence in outcome.refusals:
        messages.error(request, sentence)
    return way_back


def _say_archived(outcome: bulk.Outcome) -> str:
    return _fill_in(
        outcome,
        ngettext("“%(name)s” is archived.", "%(count)s campaigns are archived.", len(outcome.done)),
    )


def _say_back(outcome: bulk.Outcome) -> str:
    return _fill_in(
        outcome,
        ngettext(
            "“%(name)s” is back in the list.", "%(count)s campaigns are back in the list.", len(outcome.done)
        ),
    )


def _say_untagged(outcome: bulk.Outcome) -> str:
    return _fill_in(
        outcome,
        ngettext(
            "“%(name)s” is without the tag now.",
            "%(count)s campaigns are without the tag now.",
            len(outcome.done),
        ),
    )


def _say_tagged(outcome: bulk.Outcome) -> str:
    return _fill_in(
        outcome, ngettext("“%(name)s” is tagged.", "%(count)s campaigns are tagged.", len(outcome.done))
    )


def _fill_in(outcome: bulk.Outcome, sentence: str) -> str:
    return sentence % {"name": outcome.done[0], "count": len(outcome.done)}


@require_POST
@may_view
def save_view(request: Request) -> HttpResponse:
    """Save the filters of the list under a name for the signed-in user."""
    query = FilterForm(QueryDict(request.POST.get("query", "")[:5000])).read_filters().write_query()
    try:
        view = saved_views.save_view(request.user, request.POST.get("name", ""), query)
    except Refused as refused:
        messages.error(request, str(refused))
    else:
        messages.success(
            request,
            gettext("The view “%(view)s” is saved: it is one click away above the list.") % {"view": view},
        )
    return redirect(f"{reverse('campaigns:list')}?{query}")


@require_http_methods(["GET", "HEAD", "POST"])
@may_view
def delete_view(request: Request, pk: int) -> HttpResponse:
    """Delete one of the user's own saved views; a GET asks first."""
    view = get_object_or_404(SavedView, pk=pk, user=request.user)
    if request.method != "POST":
        template = "campaigns/_view_ask.html" if request.htmx else "campaigns/view_ask.html"
        return render(request, template, {"view": view})
    view.delete()
    messages.success(
        request, gettext("The view “%(view)s” is deleted. Its campaigns are untouched.") % {"view": view}
    )
    return redirect("campaigns:list")
