"""Works out what a basket gets, from a till's request and what the database knows."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import ROUND_CEILING, Decimal
from typing import Literal

from django.utils.translation import gettext
from msgspec.structs import replace

from pos.api.answers import invalid_values_refusal
from pos.api.schemas import AvailableOffer, Line, QuoteRequest
from pos.sales.callers import Caller
from pos.sales.code_guesses import CodeGuesses
from pos.sales.till_facts import FactsQuery, TillFacts
from promotions import engine
from promotions.codes import code_key
from promotions.coupons import judge_code
from promotions.engine import Allowance, Explain, Outcome, Remaining
from promotions.engine.basket_facts import BasketFacts
from promotions.engine.units import merge_lines
from promotions.snapshot import Snapshot

READ_ALL_COUNTERS_UP_TO = 64
"""Up to this number all counters are read, without working out which of them a basket may touch."""


def read_basket_facts(
    caller: Caller, request: QuoteRequest, snapshot: Snapshot, now: datetime, *, reference: str = ""
) -> TillFacts:
    """Read what the database knows about this basket, in one SELECT.

    Args:
        caller: who asks.
        request: the basket.
        snapshot: the rules that this process has.
        now: aware.
        reference: the till's own id of the sale; "" for a quote.

    Raises:
        RequestRefused: 401 when no till has this key, 403 when it was revoked, 422 when the currency is not the
            location's.
    """
    customer = request.customer.id if request.customer else ""
    personal = _choose_personal(request, customer, reference)
    many = len(snapshot.counters) > READ_ALL_COUNTERS_UP_TO
    location = caller.location
    counters = list_reachable_counters(request, snapshot, location, now) if many else snapshot.counters
    facts = caller.read_facts(
        FactsQuery(
            now,
            reference,
            counters=counters if snapshot.counters else None,
            of_coupons=many and bool(request.coupons),
            codes=request.coupons,
            customer=customer,
            customer_uses=bool(customer) and snapshot.asks_customer,
            groups=bool(customer) and snapshot.asks_groups,
            first_purchase=bool(customer) and snapshot.asks_first_purchase,
            personal=personal,
            of_personal=many and personal != "never",
        )
    )
    if many and facts.location_code != location:  # the counters were those of another location
        return read_basket_facts(caller, request, snapshot, now, reference=reference)
    if request.currency != facts.currency:
        raise invalid_values_refusal(
            {
                "currency": [
                    gettext("This location sells in %(currency)s; this is %(other)s.")
                    % {"currency": facts.currency, "other": request.currency}
                ]
            }
        )
    return facts


def _choose_personal(
    request: QuoteRequest, customer: str, reference: str
) -> Literal["never", "always", "to apply"]:
    """Choose whether the customer's own codes are read: a quote lists them, a sale may have to apply them.

    A sale made offline got what it got.
    """
    if not customer or getattr(request, "offline_at", None) is not None:
        return "never"
    return "to apply" if reference else "always"


def list_reachable_counters(
    request: QuoteRequest, snapshot: Snapshot, location: str, now: datetime
) -> Iterable[int]:
    """List the ids of the counters from which this basket may take, and perhaps a few more.

    The counters of its coupons are not among them: the SELECT finds those by the codes.
    """
    customer = request.customer
    basket = engine.Basket(
        currency=request.currency,
        lines=tuple(map(engine_line, request.lines)),
        customer=engine.Customer(customer.id, frozenset(customer.groups)) if customer else None,
        location=location,
    )
    found = set(snapshot.personal)
    for promotion in snapshot.rules.candidates(BasketFacts(basket, merge_lines(basket.lines), now)):
        found.add(snapshot.promotion_counters.get(promotion.rule.promotion, 0))
        if promotion.campaign is not None:
            found.add(snapshot.campaign_counters.get(promotion.campaign, 0))
    return found - {0}


def evaluate_basket(
    request: QuoteRequest,
    facts: TillFacts,
    snapshot: Snapshot,
    now: datetime,
    *,
    guesses: CodeGuesses | None = None,
    unlimited: bool = False,
    explain: Explain | None = None,
) -> Outcome:
    """Work out what the basket gets at `now`.

    Args:
        request: the basket.
        facts: what the database knows about it.
        snapshot: the rules.
        now: aware.
        guesses: the codes that the till tried before; None when they are not counted.
        unlimited: no limit refuses or cuts anything, as for a sale made offline.
        explain: of which promotions to say why they give nothing; None: as the request asks.
    """
    customer = request.customer
    customer_id = customer.id if customer else ""
    lines = tuple([engine_line(line) for line in request.lines])
    applied = facts.personal if facts.applies_personal else ()
    outcome = engine.evaluate(
        engine.Basket(
            request.currency,
            lines,
            engine.Customer(customer_id, frozenset((*customer.groups, *facts.groups)), facts.first_purchase)
            if customer
            else None,
            judge_coupons(request, facts, lines, now, guesses, unlimited=unlimited)
            if request.coupons or applied
            else (),
            request.payment_method,
            facts.location_code,
            facts.time_zone,
        ),
        snapshot.rules,
        engine.UNLIMITED if unlimited else remaining_limits(facts, snapshot, customer_id),
        now,
        stacking=snapshot.stacking,
        explain=explain or _read_explain(request),
    )
    return _leave_out_unused(outcome, request) if applied else outcome


def _read_explain(request: QuoteRequest) -> Explain:
    asked = request.explain
    if isinstance(asked, bool):
        return "all" if asked else "nearest"
    return asked


def _leave_out_unused(outcome: Outcome, request: QuoteRequest) -> Outcome:
    """Leave out the codes that nobody sent and that gave nothing."""
    kept = [
        coupon for coupon in outcome.coupons if coupon.status == "applied" or coupon.code in request.coupons
    ]
    return replace(outcome, coupons=tuple(kept))


def list_available(
    request: QuoteRequest, facts: TillFacts, snapshot: Snapshot, outcome: Outcome, now: datetime
) -> tuple[AvailableOffer, ...]:
    """List the customer's own codes that this basket could use now: valid, not used yet, their promotion on here."""
    used = {coupon.code for coupon in outcome.coupons if coupon.status == "applied"}
    sent = {coupon.id for coupon in facts.coupons}
    customer = request.customer.id if request.customer else ""
    basket = engine.Basket(request.currency, (), location=facts.location_code, time_zone=facts.time_zone)
    available = []
    for coupon in facts.personal:
        if coupon.id in sent or coupon.typed in used:
            continue
        judged = judge_code(
            coupon.typed,
            coupon,
            subtotal=outcome.subtotal,
            location=facts.location_code,
            customer=customer,
            now=now,
        )
        label = snapshot.rules.find_label(coupon.promotion, basket, now)
        if judged.status == "valid" and label is not None:
            available.append(AvailableOffer(coupon.typed, label, coupon.ends_at, coupon.min_subtotal))
    return tuple(available)


def engine_line(line: Line) -> engine.BasketLine:
    """Convert a till's line to the engine's. Weighed goods are one unit that costs the line's total."""
    if type(line.quantity) is int:
        return engine.BasketLine(
            line.id,
            line.sku,
            line.quantity,
            line.unit_price,
            line.line_total,
            line.categories,
            line.brand,
            line.discountable,
            line.min_unit_price,
            line.already_discounted,
        )
    floor = (Decimal(line.quantity) * line.min_unit_price).to_integral_value(ROUND_CEILING)
    return engine.BasketLine(
        line.id,
        line.sku,
        1,
        line.line_total or 0,
        None,
        line.categories,
        line.brand,
        line.discountable,
        min(int(floor), line.line_total or 0),
        line.already_discounted,
    )


def judge_coupons(
    request: QuoteRequest,
    facts: TillFacts,
    lines: Sequence[engine.BasketLine],
    now: datetime,
    guesses: CodeGuesses | None,
    *,
    unlimited: bool,
) -> tuple[engine.PresentedCoupon, ...]:
    """Judge each code that was sent. Two spellings of one code are the same coupon: the second is not used."""
    most = facts.unknown_codes
    customer = request.customer.id if request.customer else ""
    subtotal = sum(
        line.quantity * line.unit_price if line.line_total is None else line.line_total for line in lines
    )
    found = {presented.typed: presented for presented in facts.usable_coupons}
    own = [coupon.typed for coupon in facts.usable_coupons if coupon.typed not in request.coupons]
    return tuple(
        judge_code(
            code,
            found.get(code),
            subtotal=subtotal,
            location=facts.location_code,
            customer=customer,
            now=now,
            unlimited=unlimited,
        )
        if guesses is None
        or code in own
        or most is None
        or guesses.admit(code_key(code), exists=code in found, per_minute=most)
        else engine.PresentedCoupon(code, status="coupon_throttled")
        for code in dict.fromkeys((*request.coupons, *own))
    )


def remaining_limits(facts: TillFacts, snapshot: Snapshot, customer: str) -> Remaining:
    """Collect what the limits leave for this sale."""
    if not facts.counters and not (customer and snapshot.asks_customer):
        return engine.UNLIMITED
    campaigns: dict[int, Allowance] = {}
    promotions: dict[int, Allowance] = {}
    uses_of_campaigns, uses_of_promotions = {}, {}
    if customer:
        used = {(campaign, promotion): uses for campaign, promotion, uses in facts.customer_uses}
        uses_of_campaigns = {
            campaign: most - used.get((campaign, None), 0)
            for campaign, most in snapshot.campaign_limits.items()
        }
        uses_of_promotions = {
            promotion: most - used.get((None, promotion), 0)
            for promotion, most in snapshot.promotion_limits.items()
        }
    for counter, amount, uses in facts.counters:
        is_campaign, thing = snapshot.counters[counter]
        if is_campaign:
            campaigns[thing] = Allowance(amount, uses, uses_of_campaigns.pop(thing, None))
        else:
            promotions[thing] = Allowance(amount, uses, uses_of_promotions.pop(thing, None))
    for thing, uses in uses_of_campaigns.items():
        campaigns[thing] = Allowance(customer_uses=uses)
    for thing, uses in uses_of_promotions.items():
        promotions[thing] = Allowance(customer_uses=uses)
    return Remaining(campaigns, promotions)
