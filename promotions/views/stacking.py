"""The page of the stacking rules: the form, what applies now, and whether two promotions can meet."""

from typing import Any

import msgspec
from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from campaigns.refusals import Refused
from campaigns.requests import Request
from promotions import stacking
from promotions.forms.stacking import MeetingForm, StackingForm
from promotions.inspector import applying, meeting
from promotions.models import Change, ExcludedPair, StackingSettings

SHOWN = 100


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required("promotions.view_stackingsettings", raise_exception=True)
def rules(request: Request) -> HttpResponse:
    """The rules in force; a form for those who may change them."""
    form = None
    if request.user.has_perm("promotions.change_stacking_rules"):
        form = StackingForm(request.POST or None)
    elif request.method == "POST":
        raise PermissionDenied
    if form and request.method == "POST" and form.is_valid():
        try:
            stacking.change(by=request.user, excluded_pairs=form.excluded_pairs(), **form.columns())
        except Refused as refused:
            form.refuse(refused.reasons)
        else:
            messages.success(request, "The stacking rules are saved. They count from the very next sale.")
            return redirect("promotions:stacking")
    status = 422 if request.method == "POST" else 200
    context = {"form": form} | rules_context() | meeting_context(request)
    return render(request, "promotions/stacking.html", context, status=status)


def rules_context() -> dict[str, Any]:
    applies = applying(timezone.now())
    return {
        "settings": StackingSettings.objects.first() or StackingSettings(),
        "pairs": ExcludedPair.objects.select_related("first", "second"),
        "applies": applies[:SHOWN],
        "more": max(0, len(applies) - SHOWN),
        "changes": Change.objects.filter(campaign=None, promotion=None).select_related("by")[:20],
    }


def meeting_context(request: Request) -> dict[str, Any]:
    """The question whether `?one=` and `?other=` can meet, and its answer."""
    asked = request.GET if "one" in request.GET else None
    question = MeetingForm(asked)
    context: dict[str, Any] = {"question": question}
    if asked is not None and question.is_valid():
        one, other = question.cleaned_data["one"], question.cleaned_data["other"]
        context |= {"one": one, "other": other}
        if one != other:
            try:
                context["meeting"] = meeting(one, other)
            except msgspec.ValidationError as error:
                context["unread"] = str(error)
    return context
