"""Writes the engine's reasons as sentences: why a promotion gave nothing, or why a coupon is not valid."""

from collections.abc import Mapping
from datetime import datetime, tzinfo

from django.utils.translation import gettext, gettext_noop

from campaigns import dates
from campaigns.formats import money
from promotions.reading import is_english

Figure = int | str | None


def write_reason(
    reason: str,
    need: Figure = None,
    have: Figure = None,
    *,
    by: str = "",
    currency: str = "",
    groups: Mapping[str, str] | None = None,
    zone: tzinfo | None = None,
) -> str:
    """Return one reason as a sentence with its figures.

    Args:
        reason: a `promotions.engine.outcome.Reason`, or the status of a coupon.
        need, have: the figures behind it, as the engine gives them.
        by: the name of the promotion that won.
        currency: of the sale; amounts are in its minor units.
        groups: the names of customer groups by code.
        zone: of the times in the sentence; None: the site's.
    """
    winner = f"“{by}”" if by else _translate(ANOTHER)
    if reason in AMOUNTS:
        need, have = _write_amount(need, currency), _write_amount(have, currency)
    elif reason in INSTANTS:
        need, have = _write_instant(need, zone), _write_instant(have, zone)
    if reason == "group" and groups:
        need, have = (
            ", ".join(groups.get(code, code) for code in split_codes(figure)) for figure in (need, have)
        )
    if reason == "wrong_location" and not need:
        return _translate(NOWHERE)
    if have in ("", None):
        have = _translate(UNNAMED.get(reason, NOTHING))
    if reason == "min_quantity" and isinstance(need, int) and isinstance(have, int) and have < need:
        return _translate(MISSING).format(need=need, have=have, missing=need - have)
    sentence = _translate(SENTENCES[reason]).format(need=need, have=have, by=winner)
    return sentence[0].upper() + sentence[1:]


def _translate(text: str) -> str:
    """Return a text in the language that is asked for; the answers to tills are mostly English and look nothing up."""
    return text if is_english() else gettext(text)


def split_codes(figure: Figure) -> list[str]:
    """Return the codes in the figures of the reason "group"."""
    return figure.split(", ") if isinstance(figure, str) else []


def _write_amount(figure: Figure, currency: str) -> str:
    return money(figure, currency) if isinstance(figure, int) else ""


def _write_instant(figure: Figure, zone: tzinfo | None) -> str:
    if not isinstance(figure, str) or not figure:
        return _translate(UNKNOWN_TIME)
    return dates.write_moment(datetime.fromisoformat(figure), zone)


ANOTHER = gettext_noop("another promotion")
NOTHING = gettext_noop("nothing")
NOWHERE = gettext_noop("Its own locations and those of its campaign have none in common: it applies nowhere.")
MISSING = gettext_noop("It needs {need} articles; {have} count here. {missing} are missing.")
UNKNOWN_TIME = gettext_noop("an unknown time")
UNNAMED = {
    "group": gettext_noop("none"),
    "payment_method": gettext_noop("a means that the till does not name"),
}
AMOUNTS = frozenset({"min_subtotal", "every_line_over", "budget_too_small", "coupon_min_subtotal"})
INSTANTS = frozenset({"not_started", "ended", "coupon_not_started", "coupon_ended"})
SENTENCES = {
    "not_started": gettext_noop("It starts on {need}."),
    "ended": gettext_noop("It ended on {need}."),
    "paused": gettext_noop("Its campaign is paused."),
    "cancelled": gettext_noop("Its campaign is cancelled."),
    "inactive": gettext_noop("It is switched off, or its campaign is not active."),
    "wrong_location": gettext_noop("It applies at {need}; this sale is at {have}."),
    "wrong_currency": gettext_noop("It counts in {need}; this sale is in {have}."),
    "outside_hours": gettext_noop("Its hours are {need}; here it is {have}."),
    "group": gettext_noop("It is for customers of {need}; this one belongs to {have}."),
    "needs_customer": gettext_noop("It needs to know the customer, and this sale names none."),
    "customer": gettext_noop("It is for certain customers; this is none of them."),
    "first_purchase": gettext_noop("It is for a first purchase; this customer has bought before."),
    "payment_method": gettext_noop("It is for payment by {need}; this sale is paid by {have}."),
    "customer_limit": gettext_noop("This customer has used it as often as one may."),
    "uses_exhausted": gettext_noop("Its uses are used up."),
    "budget_exhausted": gettext_noop("The budget of its campaign is used up."),
    "budget_too_small": gettext_noop("It would give {need}, but only {have} of the budget are left."),
    "min_subtotal": gettext_noop("It needs {need}; what counts here is worth {have}."),
    "min_quantity": gettext_noop("It needs {need} articles; {have} count here."),
    "every_line_over": gettext_noop("Every line must be worth more than {need}; one is worth {have}."),
    "no_matching_items": gettext_noop("No article of the sale is one it is for."),
    "no_coupon": gettext_noop("It needs a coupon code, and none of its codes is here."),
    "beaten_by": gettext_noop("{by} is the better deal, and only one of them counts."),
    "excluded_by": gettext_noop("{by} does not go together with it."),
    "excluded_pair": gettext_noop("It and {by} are excluded from meeting in one sale."),
    "max_promotions": gettext_noop("At most {need} promotions apply to one sale."),
    "sale_cap": gettext_noop("The sale already has the most discount one sale may get."),
    "no_value": gettext_noop("There was nothing left that it could take off."),
    # of coupons
    "valid": gettext_noop("The code is good."),
    "applied": gettext_noop("The code is used."),
    "coupon_unknown": gettext_noop("There is no such code."),
    "coupon_used": gettext_noop("The code is used up: {have} of {need} uses."),
    "coupon_inactive": gettext_noop("The code is switched off, or its promotion applies nowhere."),
    "coupon_not_started": gettext_noop("The code is valid from {need} on."),
    "coupon_ended": gettext_noop("The code was valid until {need}."),
    "coupon_min_subtotal": gettext_noop("The code needs a sale of {need}; this one comes to {have}."),
    "coupon_wrong_location": gettext_noop("The code is valid at {need}; this sale is at {have}."),
    "coupon_customer_limit": gettext_noop("This customer has used the code {have} of {need} times."),
    "coupon_not_yours": gettext_noop("The code belongs to another customer."),
    "coupon_throttled": gettext_noop(
        "This till tried too many unknown codes: try this one again in a minute."
    ),
}
