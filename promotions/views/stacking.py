"""The page of the stacking rules: the form, what applies now, and whether two promotions can meet."""

import msgspec
from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from campaigns import database_time
from campaigns.annotations import PageContext
from campaigns.refusals import Refused
from campaigns.requests import Request
from campaigns.views.answers import say_undoable
from promotions import publish, stacking
from promotions.forms.filters import read_edition, read_key
from promotions.forms.stacking import CombinationForm, StackingForm
from promotions.inspector import judge_combination, list_applying
from promotions.models import Change, ExcludedPair, StackingSettings

ROWS_SHOWN = 25  # of what applies now, and of the pairs that never meet


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required("promotions.view_stackingsettings", raise_exception=True)
def rules(request: Request) -> HttpResponse:
    """Show the stacking rules, with a form for users who may change them."""
    form, seen = None, read_edition(request.POST.get("seen"))
    if request.user.has_perm("promotions.change_stacking_rules"):
        form = StackingForm(request.POST or None)
    elif request.method == "POST":
        raise PermissionDenied
    if form and request.method == "POST" and form.is_valid():
        try:
            stacking.change_rules(by=request.user, seen=seen, **form.columns())
        except publish.EditConflict as overtaken:
            form.refuse(overtaken.reasons)
            seen = overtaken.latest
        except Refused as refused:
            form.refuse(refused.reasons)
        else:
            messages.success(request, _("The stacking rules are saved. They count from the very next sale."))
            return redirect("promotions:stacking")
    status = 422 if request.method == "POST" else 200
    context = (
        {"form": form, "seen": publish.last_edit(stacking.list_edits()) if seen is None else seen}
        | rules_context()
        | combination_context(request)
    )
    return render(request, "promotions/stacking.html", context, status=status)


@require_POST
@permission_required("promotions.change_stacking_rules", raise_exception=True)
def pair(request: Request) -> HttpResponse:
    """Exclude two promotions, `one` and `other`, from meeting (`apart`), or let them meet again."""
    one, other = (read_key(request.POST.get(name)) for name in ("one", "other"))
    try:
        if "apart" in request.POST:
            stacking.exclude_pair(one, other, by=request.user)
        else:
            stacking.allow_pair(one, other, by=request.user)
    except Refused as refused:
        messages.error(request, str(refused))
    else:
        if "apart" in request.POST:
            said, undo = _("They never combine in one sale, from the very next sale."), {}
        else:
            said, undo = _("They may combine in one sale again, from the very next sale."), {"apart": "1"}
        say_undoable(request, said, request.path, one=str(one), other=str(other), **undo)
    return redirect(f"{reverse('promotions:stacking')}?{urlencode({'one': one, 'other': other})}#meeting")


def rules_context() -> PageContext:
    """Return what promotions/stacking.html shows about the rules and the promotions that apply now."""
    applies, count = list_applying(database_time.now(), ROWS_SHOWN)
    kept = ExcludedPair.objects.filter(first__deleted_at=None, second__deleted_at=None)
    pairs = kept.select_related("first", "second").order_by("first__name", "second__name")
    return {
        "settings": StackingSettings.objects.first() or StackingSettings(),
        "pairs": pairs[:ROWS_SHOWN],
        "more_pairs": max(0, pairs.count() - ROWS_SHOWN),
        "applies": applies,
        "more": count - len(applies),
        "changes": Change.objects.filter(campaign=None, promotion=None).select_related("by")[:20],
    }


def combination_context(request: Request) -> PageContext:
    """Return the form and the verdict on whether `?one=` and `?other=` can meet; `?look` only searches for them."""
    is_asked = "one" in request.GET and "look" not in request.GET
    question = CombinationForm(request.GET if is_asked else None, initial=request.GET.dict())
    context: PageContext = {"question": question}
    if is_asked and question.is_valid():
        one, other = question.cleaned_data["one"], question.cleaned_data["other"]
        context |= {"one": one, "other": other}
        if one != other:
            apart = ExcludedPair.objects.filter(first=min(one.pk, other.pk), second=max(one.pk, other.pk))
            context["are_apart"] = apart.exists()
            try:
                context["meeting"] = judge_combination(one, other)
            except msgspec.ValidationError as error:
                context["unread"] = str(error)
    return context
