"""What a form shows before anything is saved: an example basket, what tills sold of it, and what an edit changes."""

import msgspec
from django.conf import settings
from django.forms import BoundField
from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.translation import gettext as _

from campaigns.annotations import PageContext
from campaigns.formats import money
from campaigns.generics import FormData
from campaigns.requests import Request
from promotions import examples, reading
from promotions.engine import Rule, words
from promotions.engine.index import matches
from promotions.engine.rules import EVERYTHING, Match
from promotions.forms.fields import CodesField
from promotions.forms.promotion import PromotionForm
from promotions.models import Promotion, PromotionCampaign
from promotions.sold_articles import RecentSales

MOST_LINES = 30  # of an example
ANSWERS = ("csrfmiddlewaretoken", "confirmed", "preview", "more")  # what a question sends by itself


def preview_context(promotion: Promotion, typed: FormData, sold: RecentSales) -> PageContext:
    """Return what promotions/_example.html and _matched.html show of a promotion, saved or not.

    Args:
        promotion: as it would be saved.
        typed: the form, with the quantities of the example that it showed before.
        sold: what tills sold lately.
    """
    try:
        rule = reading.read_rule(promotion)
    except msgspec.ValidationError:
        return {}
    quantities, wrong = read_quantities(typed) if typed is not None else ({}, [])
    return {
        "example": examples.make_example(rule, sold, settings.CURRENCY, quantities),
        "wrong_quantities": wrong,
        "matched": list_matches(rule, sold),
        "sold_lately": sold,
    }


def count_at_pickers(form: PromotionForm, sold: RecentSales) -> list[BoundField]:
    """Write at each field of codes how many articles and sales have them; return these fields."""
    pickers = [bound for part in form for bound in part.list_pickers()]
    for bound in pickers:
        field = bound.field
        assert isinstance(field, CodesField)  # list_pickers returns no others
        codes = field.to_python(bound.value())
        if codes and sold.count:
            field.sold_count = sold.count_matches(match_codes(field.sold_kind, codes))
    return pickers


def match_codes(kind: str, codes: tuple[str, ...]) -> Match:
    """Return what means the articles with one of these codes. `kind`: one of promotions.sold_articles.NOUNS."""
    if kind == "skus":
        return Match(skus=codes)
    return Match(categories=codes) if kind == "categories" else Match(brands=codes)


def read_quantities(typed: QueryDict) -> tuple[dict[str, int], list[str]]:
    """Return the quantities that were changed, by SKU, and a sentence for each that is none.

    A quantity that still is what was proposed follows the rule, whose needs may have changed meanwhile.
    """
    changed, wrong = {}, []
    for number in range(MOST_LINES):
        sku, quantity, proposed = (
            typed.get(f"example-{number}-{name}", "").strip() for name in ("sku", "quantity", "proposed")
        )
        if not sku or quantity in ("", proposed):
            continue
        if quantity.isascii() and quantity.isdecimal() and len(quantity) < 4:
            changed[sku] = int(quantity)
        else:
            wrong.append(_("Quantity of %(sku)s: write a whole number from 0 to 999.") % {"sku": sku[:64]})
    return changed, wrong


def list_matches(rule: Rule, sold: RecentSales) -> list[PageContext]:
    """Return which articles `rule` means, in words, with how many were sold lately, in how many sales."""
    found = []
    for match in dict.fromkeys(matches(rule)):
        if match != EVERYTHING:
            articles, sales = sold.count_matches(match)
            named = words.write_match(
                match, lambda amount: money(amount, settings.CURRENCY), reading.LanguageOfPage()
            )
            found.append({"words": named, "articles": articles, "sales": sales})
    return found


def ask_about_edits(request: Request, row: Promotion | PromotionCampaign, edits: list[str]) -> HttpResponse:
    """Show what an edit would change at the till, with Save and Back; nothing is saved yet."""
    fields = [
        (name, value) for name, values in request.POST.lists() if name not in ANSWERS for value in values
    ]
    context = {"row": row, "edits": edits, "fields": fields}
    return render(request, "promotions/confirm_edits.html", context)
