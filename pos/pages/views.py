"""The pages about what tills do.

The sandbox, where a marketer builds a basket and sees what it gets and why the rest gives nothing; what a campaign that
does not run would have given; and the description of the JSON views.
"""

from collections.abc import Sequence
from decimal import Decimal, DecimalException

from django.contrib.auth.decorators import permission_required
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, render
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from campaigns import database_time
from campaigns.annotations import JsonObject, PageContext
from campaigns.generics import FormData
from campaigns.models import Campaign
from campaigns.requests import Request, read_number
from campaigns.typed_numbers import is_ambiguous
from pos.api.answers import RequestRefused
from pos.api.schemas import Quote
from pos.models import Location, Sale
from pos.pages import recent_sales
from pos.pages.estimate import Estimate, estimate
from pos.pages.forms import MAX_LINES, LineForm, SandboxForm, form_fields_of, write_price
from pos.pages.sandbox import try_basket
from promotions import groups
from promotions.engine.rules import WHOLE
from promotions.forms.filters import read_key
from promotions.models import Promotion, PromotionCampaign
from promotions.reading import write_percent
from promotions.reasons import split_codes, write_reason

MAX_REASONS_SHOWN = 200  # promotions that gave nothing
# how many of the latest sales are offered to try out, and of how many the articles are suggested
SALES_OFFERED, SALES_WITH_ARTICLES = 6, 200
LEAST_TELLING_REASONS = (  # the reasons that say least about this basket come last
    "wrong_currency",
    "wrong_location",
    "not_started",
    "ended",
    "cancelled",
    "paused",
    "inactive",
    "no_matching_items",
    "no_coupon",
)


@require_GET
@permission_required("pos.view_till", raise_exception=True)
def reference(request: Request) -> HttpResponse:
    """Show the description of the JSON views, for people who connect tills."""
    return render(request, "pos/reference.html")


@require_GET
@permission_required("promotions.view_promotion", raise_exception=True)
def sandbox(request: Request) -> HttpResponse:
    """Try out the basket in the address. Nothing is written, and the address can be passed on."""
    locations = list(Location.objects.all())
    if not locations:
        return render(request, "pos/sandbox.html", {"form": None})
    data: FormData = request.GET if "lines-TOTAL_FORMS" in request.GET else None
    if data is not None and ("more" in data or "remove" in data):
        data = add_or_remove_line(data)
    of = PromotionCampaign.objects.filter(pk=read_key(request.GET.get("campaign"))).first()
    form = SandboxForm(data, locations=locations, of=of)
    context: PageContext = {"form": form}
    sold: list[Sale] = []
    if request.htmx.target != "result":  # else the basket stays as it is
        sold = recent_sales.latest_sales(SALES_WITH_ARTICLES)
        context |= {"goods": priced_articles(sold, form.currency)} | (
            {} if form.is_bound else {"recent": recent_baskets(sold)}
        )
    if data is not None and form.is_valid():
        # the page itself puts the SKU in the place of a barcode or a name
        asked, basket = form.cleaned_data, form.basket(recent_sales.list_articles(sold, form.currency))
        at = asked["at"] or database_time.now()
        try:
            quote = try_basket(
                asked["location"], basket, at=at, drafts=asked["drafts"], campaign=of.pk if of else None
            )
        except RequestRefused as declined:
            context["refused"] = list_reasons(declined)
        else:
            context |= result_context(quote, basket["lines"]) | {"location": asked["location"], "at": at}
    return render(request, "pos/sandbox.html", context)


@require_GET
@permission_required("promotions.view_promotioncampaign", raise_exception=True)
def show_estimate(request: Request, pk: int) -> HttpResponse:
    """Show what a campaign that does not run would have given. The campaign's page loads this part."""
    campaign = get_object_or_404(PromotionCampaign, pk=pk)
    context: PageContext = {"campaign": campaign}
    if campaign.is_idle and (found := estimate(campaign)):
        context |= {
            "estimate": found,
            "most": max(part.amount for part in found.parts) if found.parts else 0,
            "lasts": found.lasts(campaign.budget) if campaign.budget else None,
        } | compare_percents(request, campaign, found)
        if request.htmx and "try" in request.GET:
            return render(request, "pos/_what_if.html", context)
    return render(request, "pos/_estimate.html" if request.htmx else "pos/estimate.html", context)


def compare_percents(request: Request, campaign: PromotionCampaign, found: Estimate) -> PageContext:
    """Return what another `percent` of the promotion `try` would have cost; nothing when none is asked for."""
    part = next((one for one in found.parts if str(one.promotion) == request.GET.get("try")), None)
    if part is None or part.percent is None:
        return {}
    percent = read_percent(request.GET.get("percent", ""))
    if percent is None:
        return {"tried": part, "wrong": say_wrong_percent()}
    other = estimate(campaign, percents={part.promotion: percent})
    return {"tried": part} | difference_context(found, other, part.percent, percent)


def read_percent(typed: str) -> int | None:
    """Return a percent in hundredths; None for what is none from 0 to 100."""
    if is_ambiguous(typed):
        return None
    try:
        percent = Decimal(typed) * 100
    except DecimalException:  # no number, or one that overflows
        return None
    is_one = percent.is_finite() and 0 <= percent <= WHOLE and percent == percent.to_integral_value()
    return int(percent) if is_one else None


def say_wrong_percent() -> str:
    """Say what a percent must be."""
    return _("Percent: write a number from 0 to 100.")


def difference_context(found: Estimate, other: Estimate | None, now: int, percent: int) -> PageContext:
    """Return what pos/_difference.html shows of two estimates: with the percent of `now`, and with another."""
    difference = other.discount - found.discount if other else 0
    return {
        "tried_percent": write_percent(percent),
        "percent_now": write_percent(now),
        "difference": difference,
        "less": -difference,
    }


def recent_baskets(sold: Sequence[Sale]) -> list[JsonObject]:
    """List the newest sales that fit the page, each with the address of its basket."""
    fitting = [sale for sale in sold if len(sale.basket["lines"]) <= MAX_LINES]
    return [
        {
            "sale": sale,
            "lines": len(sale.basket["lines"]),
            "address": urlencode(form_fields_of(sale.location, recent_sales.read_basket(sale)), doseq=True),
        }
        for sale in fitting[:SALES_OFFERED]
    ]


def priced_articles(sold: Sequence[Sale], currency: str) -> list[JsonObject]:
    """List the articles of the sales, with their prices as they are typed."""
    return [
        {"line": line, "price": write_price(line.unit_price, currency)}
        for line in recent_sales.list_articles(sold, currency)
    ]


def add_or_remove_line(data: QueryDict) -> QueryDict:
    """Return the typed `data` with one more empty line, or without the line that `remove` names."""
    total, unwanted = data.get("lines-TOTAL_FORMS", ""), data.get("remove", "")
    count = min(read_number(total), MAX_LINES)
    names = LineForm.base_fields
    lines = [[data.get(f"lines-{number}-{name}", "") for name in names] for number in range(count)]
    if unwanted.isdecimal() and read_number(unwanted) < count:
        del lines[read_number(unwanted)]
    if "more" in data or not lines:
        lines.append([""] * len(names))
    other = data.copy()
    for name in ("more", "remove"):
        other.pop(name, None)
    other["lines-TOTAL_FORMS"] = str(len(lines))
    for number, line in enumerate(lines):
        for name, value in zip(names, line, strict=True):
            other[f"lines-{number}-{name}"] = value
    return other


def list_reasons(declined: RequestRefused) -> list[str]:
    """List in words why a basket is refused."""
    named = [f"{path}: {one}" for path, all_of in declined.problem.fields.items() for one in all_of]
    return named or [str(declined)]


def result_context(quote: Quote, lines: list[JsonObject]) -> PageContext:
    """Build what the result's half of the page shows: names instead of ids, reasons in words.

    Args:
        quote: the answer.
        lines: those of the basket, in the order of `quote.lines`.
    """
    names: dict[int | None, str] = dict(
        Promotion.objects.filter(pk__in=list_mentioned_promotions(quote)).values_list("pk", "name")
    )
    campaign_ids = {part.campaign for part in quote.applied} | {part.campaign for part in quote.not_applied}
    campaigns: dict[int | None, str] = dict(
        Campaign.objects.filter(pk__in=campaign_ids - {None}).values_list("pk", "name")
    )
    # a gift stands with what applies; the reason of its promotion is that of the units that are bought
    of_gifts = {gift.promotion for gift in quote.gifts}
    not_applied = [part for part in quote.not_applied if part.promotion not in of_gifts]
    of_groups = [part for part in not_applied if part.reason == "group"]
    group_names = groups.read_names(
        {code for part in of_groups for code in split_codes(part.need) + split_codes(part.have)}
    )
    without = sorted(
        not_applied,
        key=lambda part: (
            part.reason in LEAST_TELLING_REASONS and LEAST_TELLING_REASONS.index(part.reason) + 1
        ),
    )
    return {
        "quote": quote,
        "lines": [
            {
                "line": line,
                "outcome": outcome,
                "value": outcome.discount + outcome.total,
                "applied": [(names[share.promotion], share.amount) for share in outcome.applied],
            }
            for line, outcome in zip(lines, quote.lines, strict=True)
        ],
        "applied": [
            {"given": given, "name": names[given.promotion], "campaign": campaigns.get(given.campaign)}
            for given in quote.applied
        ],
        "coupons": [
            {
                "code": coupon.code,
                "used": coupon.status == "applied",
                "words": write_reason(coupon.status, coupon.need, coupon.have, currency=quote.currency),
            }
            for coupon in quote.coupons
        ],
        "gifts": [{"gift": gift, "name": names[gift.promotion]} for gift in quote.gifts],
        "not_applied": [
            {
                "promotion": part.promotion,
                "name": names[part.promotion],
                "campaign": campaigns.get(part.campaign),
                "words": write_reason(
                    part.reason,
                    part.need,
                    part.have,
                    by=names.get(part.by, ""),
                    currency=quote.currency,
                    groups=group_names,
                ),
            }
            for part in without[:MAX_REASONS_SHOWN]
        ],
        "more": max(0, len(without) - MAX_REASONS_SHOWN),
    }


def list_mentioned_promotions(quote: Quote) -> set[int]:
    """Return the ids of all promotions in an answer."""
    found = {part.promotion for part in quote.applied} | {part.promotion for part in quote.not_applied}
    found |= {gift.promotion for gift in quote.gifts} | {
        part.by for part in quote.not_applied if part.by is not None
    }
    return found | {share.promotion for line in quote.lines for share in line.applied}
