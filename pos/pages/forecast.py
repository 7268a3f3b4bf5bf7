"""The forecast beside the form of a promotion: what it would have given on past sales, before anything is saved."""

from collections.abc import Iterable

import msgspec
from django.conf import settings
from django.contrib.auth.decorators import user_passes_test
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST
from msgspec.structs import replace

from campaigns.annotations import PageContext
from campaigns.requests import Request
from pos.models import Location
from pos.pages.estimate import estimate_promotion
from pos.pages.views import difference_context, read_percent, say_wrong_percent
from promotions import reading
from promotions.engine import Rule
from promotions.engine.rules import PercentOff, PercentOfTotal
from promotions.forms.promotion import PromotionForm
from promotions.models import Promotion
from promotions.views.promotions import may_write, read_typed_form

WHAT_IF = "forecast-what-if"  # the part of the page that the slider fills


@require_POST
@user_passes_test(may_write)
def show_forecast(request: Request) -> HttpResponse:
    """Show what the typed promotion would have given; to the slider only what another percent would change."""
    form = read_typed_form(request)
    context = forecast_context(form, request.POST.get("try_percent", ""))
    if request.htmx.target == WHAT_IF:
        return render(request, "pos/_forecast_what_if.html", context)
    return render(request, "pos/_forecast.html" if request.htmx else "pos/forecast.html", context)


def forecast_context(form: PromotionForm, tried: str) -> PageContext:
    """Return what pos/_forecast.html shows of a form. `tried`: another percent, as the slider sends it."""
    rule = read_typed_rule(form)
    found = estimate_promotion(rule, settings.CURRENCY) if rule else None
    context: PageContext = {"is_typed": rule is not None, "estimate": found, "currency": settings.CURRENCY}
    if rule is None or found is None:
        return context
    context["part"] = part = found.parts[0]
    if not tried or part.percent is None or not isinstance(rule.benefit, PercentOff | PercentOfTotal):
        return context
    percent = read_percent(tried)
    if percent is None:
        return context | {"wrong": say_wrong_percent()}
    changed = replace(rule, benefit=replace(rule.benefit, percent=percent))
    other = found if percent == part.percent else estimate_promotion(changed, settings.CURRENCY)
    return context | {"tried": part} | difference_context(found, other, part.percent, percent)


def read_typed_rule(form: PromotionForm) -> Rule | None:
    """Return the rule that `form` describes, with its locations; None while something is missing or wrong."""
    if not form.is_valid():
        return None
    stored = form.promotion.pk if form.promotion else None
    try:
        rule = reading.read_rule(Promotion(pk=stored, status=Promotion.Status.ACTIVE, **form.columns()))
    except msgspec.ValidationError:
        return None  # the sentence beside the form says why
    places: Iterable[Location] = form.answers["locations"]
    return replace(rule, currency=settings.CURRENCY, locations=frozenset(place.code for place in places))
