"""Estimates what a campaign would have given: evaluates the last sales of the tills with and without it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from django.db.models import Min
from msgspec import Struct
from msgspec.structs import replace

from campaigns import database_time
from pos.models import Sale
from pos.pages import recent_sales
from pos.sales.baskets import evaluate_basket
from pos.sales.till_facts import TillFacts
from promotions import published_promotions, snapshot
from promotions.engine import Outcome, Rule
from promotions.engine.rules import PercentOff, PercentOfTotal
from promotions.models import GroupMember, Promotion, PromotionCampaign
from promotions.snapshot import Snapshot

SALES_EVALUATED = 500  # sales that are evaluated
NOT_CHANGED: Mapping[int, int] = {}


class EstimatePart(Struct, frozen=True):
    """What one promotion of the campaign would have given.

    Attributes:
        sales: how many sales got something.
        amount: in minor units.
        percent: that it takes off, in hundredths; None where it takes something else.
    """

    promotion: int
    name: str
    sales: int
    amount: int
    percent: int | None = None

    @property
    def percent_as_typed(self) -> str:
        """The percent as a control takes it: 12.5."""
        return "" if self.percent is None else f"{self.percent / 100:g}"


class Estimate(Struct, frozen=True):
    """What a campaign would have given. Amounts are in minor units of the campaign's currency.

    Attributes:
        sales: how many sales were evaluated.
        since: when the oldest of them was made.
        revenue: what they are worth before any discount.
        touched: how many of them get something from the campaign.
        discount: what the campaign gives in all.
        displaced: what other promotions give less because of it.
        parts: the discount by promotion.
        off: names of its promotions that are switched off.
        need_codes: names of its promotions that need a coupon code.
        days: since `since`, at least 1.
    """

    sales: int
    since: datetime
    revenue: int
    touched: int
    discount: int
    displaced: int
    parts: tuple[EstimatePart, ...]
    off: tuple[str, ...]
    need_codes: tuple[str, ...]
    days: float

    @property
    def a_day(self) -> int:
        """What it gives in a day, on average."""
        return round(self.discount / self.days)

    def lasts(self, budget: int) -> float | None:
        """Return the days until `budget` is used up; None when the campaign gives nothing."""
        return budget / self.discount * self.days if self.discount else None


def estimate(campaign: PromotionCampaign, *, percents: Mapping[int, int] = NOT_CHANGED) -> Estimate | None:
    """Estimate what `campaign` would have given on the last sales in its currency; None when there are none.

    It is evaluated as if it had run then, without budget and limits, beside what is published now. Coupon codes are
    left out, since those of a past sale may be used up.

    `percents`: by promotion, in hundredths: what it would take off instead.
    """
    sold = list_sales_in(campaign.currency)
    if not sold:
        return None
    rules = snapshot.load_current_snapshot()
    others = [
        one.rule
        for one in rules.rules.promotions
        if one.rule.campaign is None or one.rule.campaign.id != campaign.pk
    ]
    linked = Promotion.objects.filter(links__campaign=campaign, deleted_at=None).order_by("links__position")
    on = linked.filter(status=Promotion.Status.ACTIVE).values_list("pk", flat=True)
    off = linked.filter(status=Promotion.Status.INACTIVE).values_list("name", flat=True)
    own = [_change_percent(rule, percents) for rule in _own_rules(campaign, on, rules)]
    return _compare(sold, rules, others, own, campaign=campaign.pk, off=tuple(off))


def estimate_promotion(rule: Rule, currency: str) -> Estimate | None:
    """Estimate what a promotion that is being typed would have given; None when no till has sold in `currency`.

    `rule`: as promotions.reading.read_rule returns it, with the codes of its locations. It is evaluated as if it had
    applied by itself, beside what is published now without its stored form.
    """
    sold = list_sales_in(currency)
    if not sold:
        return None
    rules = snapshot.load_current_snapshot()
    others = [one.rule for one in rules.rules.promotions if one.rule.promotion != rule.promotion]
    own = replace(rule, active=True, starts_at=None, ends_at=None)
    return _compare(sold, rules, others, [own], campaign=None)


def list_sales_in(currency: str) -> list[Sale]:
    """List those of the last sales that are in a currency."""
    return [sale for sale in recent_sales.latest_sales(SALES_EVALUATED) if sale.currency == currency]


def _compare(
    sold: Sequence[Sale],
    rules: Snapshot,
    others: Sequence[Rule],
    own: Sequence[Rule],
    *,
    campaign: int | None,
    off: tuple[str, ...] = (),
) -> Estimate:
    """Evaluate the sales with `others` alone and with `own` beside them. `campaign`: of `own`, where they have one."""
    without, within = _replace_rules(rules, others), _replace_rules(rules, [*others, *own])
    owned = {(campaign, rule.promotion) for rule in own}
    sales, amounts = defaultdict[int, int](int), defaultdict[int, int](int)
    touched = given_without = given = 0
    for sale, facts in zip(sold, _read_facts(sold), strict=True):
        given_without += _evaluate_sale(sale, facts, without).discount
        outcome = _evaluate_sale(sale, facts, within)
        given += outcome.discount
        applied = [part for part in outcome.applied if (part.campaign, part.promotion) in owned]
        touched += bool(applied)
        for part in applied:
            sales[part.promotion] += 1
            amounts[part.promotion] += part.amount
    discount, since = sum(amounts.values()), min(sale.at for sale in sold)
    return Estimate(
        sales=len(sold),
        since=since,
        revenue=sum(sale.subtotal for sale in sold),
        touched=touched,
        discount=discount,
        displaced=given_without - (given - discount),
        parts=tuple(
            EstimatePart(
                rule.promotion,
                rule.label,
                sales[rule.promotion],
                amounts[rule.promotion],
                rule.benefit.percent if isinstance(rule.benefit, PercentOff | PercentOfTotal) else None,
            )
            for rule in own
        ),
        off=off,
        need_codes=tuple(rule.label for rule in own if rule.trigger == "coupon"),
        days=max(1.0, (database_time.now() - since).total_seconds() / 86_400),
    )


def _own_rules(campaign: PromotionCampaign, promotions: Iterable[int], rules: Snapshot) -> Iterable[Rule]:
    """Yield the rules of the campaign with these promotions, as if it ran at any time."""
    terms = published_promotions.read_campaigns(rules.campaigns, drafts=True)[campaign.pk]
    links = [replace(terms, status="active", starts_at=None, ends_at=None)]
    for pk in promotions:
        if promotion := rules.promotions.get(pk):
            one = published_promotions.add_rules(
                promotion, {pk: links}, drafts=False, now=database_time.now()
            )
            yield from (replace(rule, starts_at=None, ends_at=None) for rule in one.rules)


def _change_percent(rule: Rule, percents: Mapping[int, int]) -> Rule:
    """Return `rule` with the percent that `percents` names for its promotion, where it takes a percent off."""
    percent = percents.get(rule.promotion)
    if percent is None or not isinstance(rule.benefit, PercentOff | PercentOfTotal):
        return rule
    return replace(rule, benefit=replace(rule.benefit, percent=percent))


def _replace_rules(snapshot: Snapshot, rules: Sequence[Rule]) -> Snapshot:
    return replace(snapshot, rules=snapshot.rules.recompile(rules))


def _read_facts(sold: Sequence[Sale]) -> Iterable[TillFacts]:
    """Yield the facts of each sale: its location, the customer's groups of today, and whether it was the first."""
    customers = {sale.customer for sale in sold} - {""}
    groups = defaultdict[str, list[str]](list)
    members = GroupMember.objects.filter(customer__in=customers)
    for customer, code in members.values_list("customer", "group__code"):
        groups[customer].append(code)
    committed = Sale.objects.filter(customer__in=customers, state=Sale.State.COMMITTED)
    first = dict(committed.values_list("customer").annotate(Min("pk")).order_by())
    for sale in sold:
        yield TillFacts(
            till=0,
            key_hash="",
            is_revoked=False,
            location=sale.location_id,
            location_code=sale.location.code,
            time_zone=sale.location.time_zone,
            currency=sale.currency,
            version=None,
            groups=groups[sale.customer],
            first_purchase=first[sale.customer] == sale.pk if sale.customer else None,
        )


def _evaluate_sale(sale: Sale, facts: TillFacts, rules: Snapshot) -> Outcome:
    request = replace(recent_sales.read_basket(sale), coupons=())
    return evaluate_basket(request, facts, rules, sale.at, unlimited=True)
