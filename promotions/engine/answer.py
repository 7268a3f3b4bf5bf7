"""Builds the outcome of a pass: amounts by line and by promotion, and why the other promotions gave nothing."""

from collections.abc import Iterable, Mapping, Sequence

from promotions.engine.allocation import allocate, spread
from promotions.engine.basket import Basket, PresentedCoupon
from promotions.engine.compiled import CompiledPromotion
from promotions.engine.conditions import Refusal
from promotions.engine.outcome import (
    Applied,
    CouponOutcome,
    LineOutcome,
    NotApplied,
    Outcome,
    Share,
)
from promotions.engine.passes import Pass
from promotions.engine.units import Kind


def build_outcome(
    basket: Basket,
    attempt: Pass,
    promotions: Mapping[int, CompiledPromotion],
    refused: Mapping[int, Refusal],
    triggers: Mapping[int, PresentedCoupon],
    *,
    explains: bool = True,
) -> Outcome:
    """Return the outcome for `basket`.

    Args:
        attempt: the chosen pass.
        promotions: all there are, by rank.
        refused: by rank, promotions that took no part in the pass.
        triggers: the valid coupons by promotion.
        explains: tell why the other promotions gave nothing. A code is told in any case.
    """
    sale = attempt.sale
    by_kind: list[list[Share]] = [[] for _ in sale.facts.kinds]
    applied = []
    for grant in attempt.grants:
        promotion = grant.promotion
        number, campaign = promotion.number, promotion.campaign
        for kind, amount in zip(grant.kinds, grant.parts, strict=True):
            if amount:
                by_kind[kind].append(Share(number, campaign, amount))
        coupon = triggers.get(number) if triggers and promotion.rule.trigger == "coupon" else None
        applied.append(
            Applied(
                number,
                campaign,
                promotion.rule.label,
                grant.amount,
                grant.wished,
                grant.clamped_by,
                None if coupon is None else coupon.code,
                grant.applications,
            )
        )
    discount = attempt.discount
    reasons: dict[int, NotApplied] = {}
    if explains or basket.coupons:
        given = {one.promotion for one in applied}
        reasons = _reasons(promotions, {**refused, **attempt.refusals}, given)
    return Outcome(
        basket.currency,
        sale.subtotal,
        discount,
        sale.subtotal - discount,
        _lines(basket, sale.facts.kinds, by_kind),
        tuple(applied),
        tuple(_coupons(basket, applied, reasons, triggers)) if basket.coupons else (),
        tuple(reasons.values()) if explains else (),
        tuple(attempt.gifts),
    )


def _reasons(
    promotions: Mapping[int, CompiledPromotion], refusals: Mapping[int, Refusal], given: set[int]
) -> dict[int, NotApplied]:
    """Return why each promotion gave nothing through its first campaign, in the order of application."""
    reasons: dict[int, NotApplied] = {}
    for rank in sorted(refusals):
        promotion = promotions[rank]
        number = promotion.number
        if number not in given and number not in reasons:
            refusal = refusals[rank]
            reasons[number] = NotApplied(
                number, promotion.campaign, refusal.reason, refusal.need, refusal.have, refusal.by
            )
    return reasons


def _coupons(
    basket: Basket,
    applied: Sequence[Applied],
    reasons: Mapping[int, NotApplied],
    triggers: Mapping[int, PresentedCoupon],
) -> Iterable[CouponOutcome]:
    by_coupon = {one.promotion: one.coupon is not None for one in applied}
    for coupon in basket.coupons:
        number = coupon.promotion
        if coupon.status != "valid" or number is None:
            status = "coupon_unknown" if coupon.status == "valid" else coupon.status
            yield CouponOutcome(coupon.code, status, coupon.need, coupon.have)
        elif number in by_coupon:
            # A second code of one promotion, or a promotion that needs no code: this one is not used up.
            needed = triggers[number] is coupon and by_coupon[number]
            yield CouponOutcome(coupon.code, "applied" if needed else "excluded_by")
        elif number in reasons:
            reason = reasons[number]
            yield CouponOutcome(coupon.code, reason.reason, reason.need, reason.have)
        else:
            yield CouponOutcome(coupon.code, "coupon_inactive")


def _lines(basket: Basket, kinds: tuple[Kind, ...], by_kind: list[list[Share]]) -> tuple[LineOutcome, ...]:
    lines: dict[int, LineOutcome] = {}
    for kind, shares in zip(kinds, by_kind, strict=True):
        if len(kind.lines) == 1:
            place, count = kind.lines[0]
            lines[place] = _line(basket.lines[place].id, kind.value, count, shares)
        else:
            for place, count, value, own in _among_lines(kind, shares):
                lines[place] = _line(basket.lines[place].id, value, count, own)
    return tuple([lines[place] for place in range(len(lines))])


def _line(name: str, value: int, count: int, shares: list[Share]) -> LineOutcome:
    discount = sum([share.amount for share in shares])
    return LineOutcome(name, discount, value - discount, spread(discount, count), tuple(shares))


def _among_lines(kind: Kind, shares: list[Share]) -> Iterable[tuple[int, int, int, list[Share]]]:
    """Yield (place, count, value, shares) of each line of a kind: each promotion's amount shared by units."""
    counts = [count for _, count in kind.lines]
    values = [int(kind.unit_price * count) for count in counts]
    rooms = [value - int(kind.low * count) for value, count in zip(values, counts, strict=True)]
    own: list[list[Share]] = [[] for _ in counts]
    for share in shares:
        for at, part in enumerate(allocate(share.amount, counts, rooms)):
            rooms[at] -= part
            if part:
                own[at].append(Share(share.promotion, share.campaign, part))
    for (place, count), value, line_shares in zip(kind.lines, values, own, strict=True):
        yield place, count, value, line_shares
