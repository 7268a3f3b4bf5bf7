"""Finds out whether two promotions can meet in one sale, and which promotions apply now."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from typing import TypeVar

from django.db.models import Q
from django.utils.translation import gettext as _

from promotions import groups, reading, stacking
from promotions.engine import Rule, StackingRules
from promotions.engine.conditions import minutes
from promotions.engine.rules import (
    BestOf,
    BuyGet,
    CustomerIs,
    Exclusive,
    FixedTotal,
    Hours,
    PaymentMethod,
    PercentOff,
    PercentOfTotal,
    Target,
)
from promotions.models import Link, Promotion, PromotionCampaign

DAY = 24 * 60  # minutes
WEEK = 7 * DAY
ConditionType = TypeVar("ConditionType")
APART_CAMPAIGNS_NAMED = 3  # campaigns that are named as never meeting


@dataclass(frozen=True)
class Combination:
    """Whether two promotions can meet in one sale. `hindrances`: why they cannot both apply; none: they can.

    `remarks`: what happens when they do.
    """

    hindrances: list[str]
    remarks: list[str]

    @property
    def can(self) -> bool:
        return not self.hindrances


def judge_combination(first: Promotion, second: Promotion, rules: StackingRules | None = None) -> Combination:
    """Judge whether `first` and `second` can both apply to one sale under the stacking rules (None: the present ones).

    Raises:
        msgspec.ValidationError: one of them cannot be read.
    """
    rules = rules or stacking.read_rules()
    one, other = reading.read_rule(first), reading.read_rule(second)
    return Combination(
        hindrances=[
            *_by_the_rules(one, other, rules),
            *_by_the_sale(one, other),
            *_by_time(one, other),
            *(_by_place(first, second) or _by_campaign(first, second)),
        ],
        remarks=[*_remarks(one, other, rules), *_nowhere(first), *_nowhere(second)],
    )


def _by_the_rules(one: Rule, other: Rule, rules: StackingRules) -> Iterator[str]:
    for rule in (one, other):
        if isinstance(rule.stacking, Exclusive):
            yield _("“%(label)s” is exclusive: it applies alone in a sale or not at all.") % {
                "label": rule.label
            }
    if (min(one.promotion, other.promotion), max(one.promotion, other.promotion)) in rules.excluded_pairs:
        yield _("They are an excluded pair.")
    if rules.max_promotions == 1:
        yield _("At most one promotion applies to a sale.")
    if not rules.coupons_with_promotions and one.trigger != other.trigger:
        yield _("Coupons and automatic promotions may not combine in one sale; one of them needs a coupon.")
    if not rules.item_with_order and one.level != other.level:
        yield _(
            "Promotions on items and on the whole sale may not combine; one of them is on items, the other is not."
        )


def _by_the_sale(one: Rule, other: Rule) -> Iterator[str]:
    """Yield sentences on conditions of both that no single sale can meet."""
    paid = [set(condition.methods) for condition in _conditions_of_kind(one, other, PaymentMethod)]
    if len(paid) > 1 and not set.intersection(*paid):
        yield _("They are for different means of payment, and a sale is paid by one.")
    customers = [set(condition.customers) for condition in _conditions_of_kind(one, other, CustomerIs)]
    if len(customers) > 1 and not set.intersection(*customers):
        yield _("They are for different customers.")
    if _group_of(one, other) and all(_takes_everything(rule) for rule in (one, other)):
        yield _("Both are of the group “%(one)s” and reduce every article: only one of them counts.") % {
            "one": _group_of(one, other)
        }


def _conditions_of_kind(one: Rule, other: Rule, kind: type[ConditionType]) -> list[ConditionType]:
    """Return the conditions of this kind of both."""
    return [
        condition for rule in (one, other) for condition in rule.conditions if isinstance(condition, kind)
    ]


def _group_of(one: Rule, other: Rule) -> str:
    """Return the best-of group that both are in; "" for none."""
    found = {rule.stacking.group if isinstance(rule.stacking, BestOf) else "" for rule in (one, other)}
    return found.pop() if len(found) == 1 else ""


def _takes_everything(rule: Rule) -> bool:
    return rule.target == Target() and isinstance(rule.benefit, PercentOff | PercentOfTotal | FixedTotal)


def _by_time(one: Rule, other: Rule) -> Iterator[str]:
    starts = [rule.starts_at for rule in (one, other) if rule.starts_at]
    ends = [rule.ends_at for rule in (one, other) if rule.ends_at]
    if starts and ends and max(starts) >= min(ends):
        yield _("Their windows never overlap: one ends before the other starts.")
    open_at = [_minutes_of_week(hours) for hours in _conditions_of_kind(one, other, Hours)]
    if len(open_at) > 1 and not set.intersection(*open_at):
        yield _("Their days and hours never overlap.")


def _minutes_of_week(hours: Hours) -> set[int]:
    """Return the minutes from Monday's midnight on at which `hours` hold."""
    begins, ends = minutes(hours.start), minutes(hours.end)
    lasts = ends - begins if ends > begins else ends - begins + DAY
    return {
        ((day - 1) * DAY + begins + minute) % WEEK
        for day in hours.weekdays or range(1, 8)
        for minute in range(lasts)
    }


def _by_place(first: Promotion, second: Promotion) -> list[str]:
    here, there = ({location.pk for location in one.locations.all()} for one in (first, second))
    if here and there and here.isdisjoint(there):
        return [_("They apply at different locations.")]
    return []


def _by_campaign(first: Promotion, second: Promotion) -> list[str]:
    """Return why no campaigns of the two ever run at the same time; [] when one of them needs no campaign."""
    met = []
    for one, other in product(_ways(first), _ways(second)):
        if not (why := _why_apart(one, other)):
            return []
        met.append(why)
    return met[:APART_CAMPAIGNS_NAMED]


Way = PromotionCampaign | None
"""What a promotion applies through: an open campaign, or None: by itself."""


def _ways(promotion: Promotion) -> list[Way]:
    if promotion.standalone:
        return [None]
    links = promotion.links.select_related("campaign").prefetch_related("campaign__locations")
    return [link.campaign for link in links.order_by("campaign") if not link.campaign.is_final]


def _why_apart(one: Way, other: Way) -> str:
    """Return why two campaigns never apply to the same sale; "" when they can."""
    for campaign in (one, other):
        if campaign is not None and campaign.exclusive:
            return _("Each promotion of “%(campaign)s” applies alone in a sale.") % {"campaign": campaign}
    if one is None or other is None or one == other:
        return ""
    pair = _("“%(one)s” and “%(other)s”") % {"one": one, "other": other}
    if one.currency != other.currency:
        return _(
            "Their campaigns %(pair)s count in different currencies, %(currency)s and %(currency_2)s."
        ) % {"pair": pair, "currency": one.currency, "currency_2": other.currency}
    starts = [campaign.starts_at for campaign in (one, other) if campaign.starts_at]
    ends = [campaign.ends_at for campaign in (one, other) if campaign.ends_at]
    if starts and ends and max(starts) >= min(ends):
        return _("Their campaigns %(pair)s never run at the same time.") % {"pair": pair}
    here, there = ({location.pk for location in campaign.locations.all()} for campaign in (one, other))
    if here and there and here.isdisjoint(there):
        return _("Their campaigns %(pair)s are for different locations.") % {"pair": pair}
    return ""


def _nowhere(promotion: Promotion) -> Iterator[str]:
    if promotion.status != Promotion.Status.ACTIVE:
        yield _("“%(promotion)s” is switched off: no sale gets it until it is switched on.") % {
            "promotion": promotion
        }
    ways = _ways(promotion)
    if not ways:
        yield _("“%(promotion)s” is in no open campaign and not standalone: no sale gets it until it is.") % {
            "promotion": promotion
        }
    elif all(way is not None and way.status != way.Status.ACTIVE for way in ways):
        yield _("None of the campaigns of “%(promotion)s” is active at present.") % {"promotion": promotion}


def _remarks(one: Rule, other: Rule, rules: StackingRules) -> Iterator[str]:
    if group := _group_of(one, other):
        winner = _("the better deal") if rules.precedence == "value" else _("the one first by priority")
        yield _("Both are of the group “%(group)s”: each unit gets only %(winner)s.") % {
            "group": group,
            "winner": winner,
        }
    elif one.level == other.level:
        earlier, later = sorted((one, other), key=lambda rule: (rule.priority, rule.promotion))
        yield _(
            "“%(label)s” applies to what “%(label_2)s” leaves, where their campaigns have the same priority."
        ) % {"label": later.label, "label_2": earlier.label}
    else:
        item, order = (one, other) if one.level == "item" else (other, one)
        yield _("“%(label)s” applies first; “%(label_2)s” to what it leaves of the sale.") % {
            "label": item.label,
            "label_2": order.label,
        }
        if rules.thresholds_on_original:
            yield _("The thresholds of “%(label)s” are measured before any discount.") % {
                "label": order.label
            }
    if rules.buy_get_replaces and one.level == other.level == "item":
        for rule in (one, other):
            if isinstance(rule.benefit, BuyGet):
                yield _("Units that “%(label)s” uses get no other discount on items.") % {"label": rule.label}
    if rules.max_promotions is not None and rules.max_promotions > 1:
        yield _(
            "At most %(max_promotions)s promotions apply to a sale: with others they may still be too many."
        ) % {"max_promotions": rules.max_promotions}
    if rules.max_discount is not None or rules.max_discount_percent is not None:
        yield _("The most that a sale may get in all may cut the later of them.")


Applying = tuple[Promotion, PromotionCampaign | None]


def list_applying(now: datetime, most: int) -> tuple[list[Applying], int]:
    """Return the promotions that apply at `now`, each with the campaign it applies through (None: standalone).

    Returns:
        the first `most` in the order of application, and how many there are in all.
    """
    promotions = Q(promotion__status=Promotion.Status.ACTIVE, promotion__deleted_at=None)
    campaigns = Q(campaign__status__in=["active", "scheduled"])  # a scheduled one is active from its start
    links = Link.objects.filter(
        promotions, campaigns, _open("promotion__", now), _open("campaign__", now)
    ).order_by("promotion__level", "campaign__priority", "promotion__priority", "promotion")
    alone = (
        Promotion.objects.existing()
        .filter(_open("", now), standalone=True, status=Promotion.Status.ACTIVE)
        .order_by("level", "priority", "pk")
    )
    found: list[Applying] = [
        (link.promotion, link.campaign)
        for link in links.select_related("campaign__counter", "promotion")[:most]
    ]
    found += [(promotion, None) for promotion in alone[:most]]
    first = sorted(found, key=_order)[:most]
    groups.attach_names([promotion for promotion, _ in first])
    return first, links.count() + alone.count()


def _open(of: str, now: datetime) -> Q:
    """Return the condition that a window holds `now`: its start does, its end no longer."""
    begun = Q(**{f"{of}starts_at": None}) | Q(**{f"{of}starts_at__lte": now})
    going_on = Q(**{f"{of}ends_at": None}) | Q(**{f"{of}ends_at__gt": now})
    return begun & going_on


def _order(applies: Applying) -> tuple[bool, int, int, int]:
    promotion, campaign = applies
    return (
        promotion.level == "order",
        campaign.priority if campaign else 100,
        promotion.priority,
        promotion.pk,
    )
