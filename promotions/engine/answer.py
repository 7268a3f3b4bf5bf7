"""The outcome of a pass: amounts by line and by promotion, and the reasons of those that gave nothing."""

from collections.abc import Iterable, Mapping

from promotions.engine.allocation import allocate, spread
from promotions.engine.basket import Basket, Coupon
from promotions.engine.compiled import Promotion
from promotions.engine.conditions import Refusal
from promotions.engine.lanes import Pass
from promotions.engine.outcome import (
    Applied,
    CouponOutcome,
    Gift,
    LineOutcome,
    NotApplied,
    Outcome,
    Share,
)
from promotions.engine.units import Kind

Parts = list[tuple[int, int | None, int]]
"""What promotions give on one line or kind: (promotion, campaign, amount), in the order of application."""


def outcome(
    basket: Basket,
    attempt: Pass,
    refused: Mapping[int, tuple[Promotion, Refusal]],
    triggers: Mapping[int, Coupon],
) -> Outcome:
    """The answer for `basket`.

    Args:
        attempt: the pass that stands.
        refused: by rank, those that did not even take part.
        triggers: the valid coupons by promotion.
    """
    sale = attempt.sale
    by_kind: list[Parts] = [[] for _ in sale.facts.kinds]
    applied = []
    for grant in attempt.grants:
        promotion = grant.promotion
        number, campaign = promotion.rule.promotion, promotion.campaign
        for kind, amount in grant.parts:
            by_kind[kind].append((number, campaign, amount))
        coupon = triggers.get(number) if promotion.rule.trigger == "coupon" else None
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
    given = {grant.promotion.rule.promotion for grant in attempt.grants}
    by_coupon = {one.promotion for one in applied if one.coupon is not None}
    reasons = _reasons(attempt, refused, given)
    return Outcome(
        basket.currency,
        sale.subtotal,
        discount,
        sale.subtotal - discount,
        _lines(basket, sale.facts.kinds, by_kind),
        tuple(applied),
        tuple(_coupons(basket, given, by_coupon, reasons, triggers)),
        tuple(reasons.values()),
        tuple(
            [
                Gift(promotion.rule.promotion, promotion.rule.benefit.sku, lacking)  # type: ignore[union-attr]
                for promotion, lacking in attempt.gifts
            ]
        ),
    )


def _reasons(
    attempt: Pass, refused: Mapping[int, tuple[Promotion, Refusal]], given: set[int]
) -> dict[int, NotApplied]:
    """By promotion, in the order of application, why it gave nothing: through its first campaign, if it has several."""
    refusals = dict(refused)
    promotions = {promotion.rank: promotion for promotion in attempt.sale.promotions}
    for rank, refusal in attempt.refusals.items():
        refusals[rank] = (promotions[rank], refusal)
    reasons: dict[int, NotApplied] = {}
    for rank in sorted(refusals):
        promotion, refusal = refusals[rank]
        number = promotion.rule.promotion
        if number not in given and number not in reasons:
            reasons[number] = NotApplied(number, promotion.campaign, *refusal)
    return reasons


def _coupons(
    basket: Basket,
    given: set[int],
    by_coupon: set[int],
    reasons: Mapping[int, NotApplied],
    triggers: Mapping[int, Coupon],
) -> Iterable[CouponOutcome]:
    for coupon in basket.coupons:
        number = coupon.promotion
        if coupon.status != "valid" or number is None:
            status = "coupon_unknown" if coupon.status == "valid" else coupon.status
            yield CouponOutcome(coupon.code, status, coupon.need, coupon.have)
        elif number in given:
            # A second code of one promotion, or a promotion that needs no code: this one is not used up.
            needed = triggers[number] is coupon and number in by_coupon
            yield CouponOutcome(coupon.code, "applied" if needed else "excluded_by")
        elif number in reasons:
            reason = reasons[number]
            yield CouponOutcome(coupon.code, reason.reason, reason.need, reason.have)
        else:
            yield CouponOutcome(coupon.code, "coupon_inactive")


def _lines(basket: Basket, kinds: tuple[Kind, ...], by_kind: list[Parts]) -> tuple[LineOutcome, ...]:
    lines: list[LineOutcome | None] = [None] * len(basket.lines)
    for kind, parts in zip(kinds, by_kind, strict=True):
        if len(kind.lines) == 1:
            place, count = kind.lines[0]
            lines[place] = _line(basket.lines[place].id, kind.value, count, parts)
        else:
            for place, count, value, own in _among_lines(kind, parts):
                lines[place] = _line(basket.lines[place].id, value, count, own)
    return tuple([line for line in lines if line is not None])


def _line(name: str, value: int, count: int, parts: Parts) -> LineOutcome:
    discount = sum([part[2] for part in parts])
    shares = tuple([Share(*part) for part in parts])
    return LineOutcome(name, discount, value - discount, spread(discount, count), shares)


def _among_lines(kind: Kind, parts: Parts) -> Iterable[tuple[int, int, int, Parts]]:
    """(place, count, value, parts) of each line of a kind: each promotion's amount shared by the number of units."""
    # Larger lines first, then by id: no share depends on the order of the basket.
    lines = sorted(kind.lines, key=lambda line: -line[1])
    counts = [count for _, count in lines]
    values = [int(kind.unit_price * count) for count in counts]
    rooms = [max(0, value - kind.low * count) for value, count in zip(values, counts, strict=True)]
    own: list[Parts] = [[] for _ in lines]
    for number, campaign, amount in parts:
        for at, part in enumerate(allocate(amount, counts, rooms)):
            rooms[at] -= part
            if part:
                own[at].append((number, campaign, part))
    for (place, count), value, line_parts in zip(lines, values, own, strict=True):
        yield place, count, value, line_parts
