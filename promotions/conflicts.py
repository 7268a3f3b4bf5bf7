"""Finds rules of a promotion that can never apply, or not as its author means, to tell marketers before customers."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from functools import reduce
from operator import and_

import msgspec
from django.apps import apps
from django.conf import settings
from django.db.models import Count, Max, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns import database_time
from campaigns.formats import money
from promotions import reading, sold_articles, stacking
from promotions.codes import MIN_SAFE_LENGTH
from promotions.engine import rules
from promotions.models import Coupon, Promotion, PromotionCampaign

EVERY_HOUR_WITHIN = timedelta(days=9)  # a window longer than this holds every weekday and hour
LATEST_SALES = 10_000  # sales that are looked at for whether a threshold is ever reached
SALES_TO_JUDGE_BY = 200  # fewer say nothing about that


def conflicts_of(
    promotion: Promotion, *, campaigns: Sequence[PromotionCampaign], places: Collection[int] = ()
) -> list[str]:
    """List sentences on why `promotion`, saved or typed, would give nothing, or not what it seems to give.

    Args:
        campaigns: those it is linked to.
        places: the keys of the locations where it applies; an empty list: everywhere.
    """
    try:
        rule = reading.read_rule(promotion)
    except msgspec.ValidationError as error:
        return [_("Its rules cannot be read: %(error)s.") % {"error": error}]
    open_ones = [campaign for campaign in campaigns if not campaign.is_final]
    return [
        *_list_place_conflicts(promotion, open_ones),
        *_list_rule_conflicts(rule),
        *_list_hours_conflicts(rule, promotion.starts_at, promotion.ends_at, _("its own window")),
        *_list_site_conflicts(rule),
        *sold_articles.warn_of_unsold_codes(rule),
        *_list_code_conflicts(promotion, open_ones, places),
        *(
            line
            for campaign in open_ones
            for line in _list_campaign_conflicts(promotion, rule, campaign, places)
        ),
    ]


def conflicts_in_campaign(promotion: Promotion, campaign: PromotionCampaign) -> list[str]:
    """List sentences on why `promotion` would not give in `campaign` what it seems to; [] once the campaign is over.

    The locations of both are asked of the database, unless they were prefetched.
    """
    if campaign.is_final:
        return []
    try:
        rule = reading.read_rule(promotion)
    except msgspec.ValidationError as error:
        return [_("Its rules cannot be read: %(error)s.") % {"error": error}]
    return list(
        _list_campaign_conflicts(promotion, rule, campaign, [place.pk for place in promotion.locations.all()])
    )


# ── by itself ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _list_place_conflicts(promotion: Promotion, campaigns: Sequence[PromotionCampaign]) -> Iterator[str]:
    if promotion.standalone and campaigns:
        yield (
            _(
                "It is standalone and linked to “%(campaigns)s”: it can be only one of the two. End the "
                "one or the other."
            )
            % {"campaigns": campaigns[0]}
        )
    if not promotion.standalone and not campaigns:
        yield _("No open campaign has it and it is not standalone: it applies nowhere.")
    if promotion.ends_at and promotion.ends_at <= database_time.now():
        yield _("Its own end has passed.")


def _list_rule_conflicts(rule: rules.Rule) -> Iterator[str]:
    match rule.benefit:
        case rules.PercentOff(percent=0) | rules.PercentOfTotal(percent=0):
            yield _("A discount of 0% gives nothing.")
        case rules.FixedPerUnit(amount=0) | rules.FixedTotal(amount=0):
            yield _("A discount of 0 gives nothing.")
        case rules.FixedPrice(amount) if _is_at_most(rule.target.match.unit_price_max, amount):
            yield _("No chosen article costs more than the fixed price: it gives nothing.")
        case rules.BuyGet(get=got, max_get_units=most) if most is not None and most < got.quantity:
            yield _("At most %(most)s may be reduced, but a group has %(quantity)s: no group ever fits.") % {
                "most": most,
                "quantity": got.quantity,
            }
        case rules.Tiered() as tiered:
            yield from _list_tier_conflicts(rule, tiered)
    if rule.caps.max_amount == 0:
        yield _("At most 0 in a sale gives nothing.")
    yield from _list_threshold_conflicts(rule)


def _is_at_most(price: int | None, amount: int) -> bool:
    return price is not None and price <= amount


def _list_tier_conflicts(rule: rules.Rule, tiered: rules.Tiered) -> Iterator[str]:
    """Yield a sentence for each tier that no sale gets: every sale that meets the conditions reaches a higher tier."""
    least = 0
    for condition in rule.conditions:
        match condition:
            case rules.MinSubtotal(amount, counted) if (
                counted == rule.target.match and tiered.by == "subtotal"
            ):
                least = max(least, amount)
            case rules.MinQuantity(quantity, counted) if (
                counted == rule.target.match and tiered.by == "quantity"
            ):
                least = max(least, quantity)
    for tier, successor in zip(tiered.tiers, tiered.tiers[1:], strict=False):
        if successor.at_least <= least:
            yield (
                _(
                    "The tier from %(at_least)s is never reached alone: the conditions ask for %(least)s "
                    "anyway."
                )
                % {"at_least": _figure(tier.at_least, tiered.by), "least": _figure(least, tiered.by)}
            )
    for tier, successor in zip(tiered.tiers, tiered.tiers[1:], strict=False):
        if (successor.percent or 0) <= (tier.percent or 0) and (successor.amount or 0) <= (tier.amount or 0):
            yield _("The tier from %(at_least)s gives no more than the one before it.") % {
                "at_least": _figure(successor.at_least, tiered.by)
            }


def _figure(value: int, by: str) -> str:
    return money(value) if by == "subtotal" else _("%(value)s articles") % {"value": value}


def _list_threshold_conflicts(rule: rules.Rule) -> Iterator[str]:
    """Warn of minimums that no recent sale has reached, or that are not above the discount."""
    minimums = [one.amount for one in rule.conditions if isinstance(one, rules.MinSubtotal)]
    for least in minimums:
        if isinstance(rule.benefit, rules.FixedTotal) and rule.benefit.amount >= least:
            yield _("A sale of %(least)s gets %(amount)s off: it costs nothing.") % {
                "least": money(least),
                "amount": money(rule.benefit.amount),
            }
    if isinstance(rule.benefit, rules.Tiered) and rule.benefit.by == "subtotal":
        minimums += [tier.at_least for tier in rule.benefit.tiers]
    if minimums:
        count, largest = _recent_sales()
        if unreached := [least for least in minimums if least > largest and count >= SALES_TO_JUDGE_BY]:
            yield (
                _("None of the last %(count)s sales came to %(unreached)s: the largest was %(largest)s.")
                % {"count": count, "unreached": money(min(unreached)), "largest": money(largest)}
            )
    if rule.max_uses_per_customer and any(isinstance(one, rules.FirstPurchase) for one in rule.conditions):
        yield _("A first purchase happens once: a maximum of uses per customer adds nothing.")


def _recent_sales() -> tuple[int, int]:
    """Return how many of the latest sales are in the site's currency, and their largest subtotal."""
    sales = (
        apps.get_model("pos.Sale").objects.filter(currency=settings.CURRENCY).order_by("-pk")[:LATEST_SALES]
    )
    found = sales.aggregate(count=Count("pk"), largest=Max("subtotal"))
    return found["count"], found["largest"] or 0


def _list_hours_conflicts(
    rule: rules.Rule, starts_at: datetime | None, ends_at: datetime | None, within: str
) -> Iterator[str]:
    for condition in rule.conditions:
        if isinstance(condition, rules.Hours) and not meets_window(condition, starts_at, ends_at):
            yield _("Its days and hours never come within %(within)s.") % {"within": within}


def meets_window(hours: rules.Hours, starts_at: datetime | None, ends_at: datetime | None) -> bool:
    """Return whether any moment of `hours`, taken in the site's zone, lies in the window."""
    if starts_at is None or ends_at is None or ends_at - starts_at > EVERY_HOUR_WITHIN:
        return True
    site = timezone.get_default_timezone()
    first, last = timezone.localtime(starts_at, site), timezone.localtime(ends_at, site)
    day = first.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
    over_midnight = hours.end <= hours.start
    while day < last:
        if not hours.weekdays or day.isoweekday() in hours.weekdays:
            begins = day + _since_midnight(hours.start)
            ends = day + _since_midnight(hours.end) + timedelta(days=over_midnight)
            if begins < last and first < ends:
                return True
        day += timedelta(days=1)
    return False


def _since_midnight(clock: str) -> timedelta:
    hour, minute = clock.split(":")
    return timedelta(hours=int(hour), minutes=int(minute))


def _list_site_conflicts(rule: rules.Rule) -> Iterator[str]:
    """Yield sentences on what the stacking rules take from every discount it gives."""
    most, least = stacking.read_rules().max_discount, least_discount(rule)
    if most is not None and most < least:
        yield (
            _("The stacking rules allow %(most)s of discount in a sale: no sale gets the whole %(least)s.")
            % {"most": money(most), "least": money(least)}
        )


# ── its codes ────────────────────────────────────────────────────────────────────────────────────────────────────────


def conflicts_of_coupon(coupon: Coupon) -> list[str]:
    """Return sentences on why a code that is valid by itself can never give a discount."""
    promotion = coupon.promotion
    if promotion.deleted_at:
        return [_("Its promotion was deleted: the code is not valid.")]
    links = promotion.links.select_related("campaign").prefetch_related("campaign__locations")
    campaigns = [link.campaign for link in links if not link.campaign.is_final]
    said = []
    if promotion.status != Promotion.Status.ACTIVE:
        said.append(_("Its promotion is switched off: no sale gets it until that is switched on."))
    if not promotion.standalone and not campaigns:
        said.append(_("Its promotion is in no open campaign and not standalone: the code is valid nowhere."))
    places = [place.pk for place in promotion.locations.all()]
    this = Coupon.objects.filter(pk=coupon.pk)
    if this.filter(_codes_out_of_reach(promotion, campaigns, places)).exists():
        said.append(
            _(
                "It can never be used: its dates or locations do not meet those of its promotion or of any campaign "
                "of that."
            )
        )
    if coupon.min_subtotal and _count_unreached(this):
        said.append(
            _("No sale of late came to its minimum spend, %(min_subtotal)s.")
            % {"min_subtotal": money(coupon.min_subtotal)}
        )
    if coupon.is_guessable:
        said.append(say_guessable())
    return said


def say_guessable() -> str:
    """Return the warning of a code that is soon found by trying."""
    return _(
        "It has fewer than %(count)s letters and digits: whoever tries short codes finds it soon. Make it longer, "
        "or bind it to a customer."
    ) % {"count": MIN_SAFE_LENGTH}


def _list_code_conflicts(
    promotion: Promotion, campaigns: Sequence[PromotionCampaign], places: Collection[int]
) -> Iterator[str]:
    """Yield sentences on why no sale can use the promotion with one of its coupons."""
    coupons = Coupon.objects.filter(promotion=promotion) if promotion.pk else Coupon.objects.none()
    if promotion.trigger != Promotion.Trigger.COUPON:
        if coupons.exists():
            yield _("It has coupon codes but applies without one: presenting a code changes nothing.")
        return
    living = Q(state__in=[Coupon.State.USABLE, Coupon.State.COMING])
    out_of_reach = _codes_out_of_reach(promotion, campaigns, places)
    known = coupons.with_state(database_time.now())
    counted = known.aggregate(
        all=Count("pk"),
        usable=Count("pk", filter=living),
        out_of_reach=Count("pk", filter=living & out_of_reach),
        asking=Count("pk", filter=living & Q(min_subtotal__gt=0)),
    )
    if not counted["all"]:
        yield _("It needs a coupon code, and it has none yet.")
        return
    if not counted["usable"]:
        yield _("None of its coupon codes can be used any more.")
        return
    if count := counted["out_of_reach"]:
        yield (
            _(
                "%(count)s of its coupon codes can never be used: their dates or locations do not meet "
                "its own or those of any of its campaigns."
            )
            % {"count": count}
        )
    if counted["asking"] and (count := _count_unreached(known.filter(living))):
        yield _("No sale of late came to the minimum spend of %(count)s of its coupon codes.") % {
            "count": count
        }


def _codes_out_of_reach(
    promotion: Promotion, campaigns: Sequence[PromotionCampaign], places: Collection[int]
) -> Q:
    """Return the codes that are never valid where and when the promotion and one of its campaigns apply."""
    own = _codes_elsewhere(promotion.starts_at, promotion.ends_at, places)
    if promotion.standalone or not campaigns:
        return own
    theirs = [
        _codes_elsewhere(
            campaign.starts_at, campaign.ends_at, [place.pk for place in campaign.locations.all()]
        )
        for campaign in campaigns
    ]
    return own | reduce(and_, theirs)


def _codes_elsewhere(starts_at: datetime | None, ends_at: datetime | None, places: Collection[int]) -> Q:
    """Return the codes whose own dates or locations do not overlap with these."""
    apart = Q(pk__in=[])
    if ends_at:
        apart |= Q(starts_at__gte=ends_at)
    if starts_at:
        apart |= Q(ends_at__lte=starts_at)
    if places:
        bound = Coupon.objects.exclude(locations=None).exclude(locations__in=places)
        apart |= Q(pk__in=bound.values("pk"))
    return apart


def _count_unreached(coupons: QuerySet[Coupon]) -> int:
    """Return how many of `coupons` need a larger subtotal than any of the latest sales had."""
    count, largest = _recent_sales()
    return coupons.filter(min_subtotal__gt=largest).count() if count >= SALES_TO_JUDGE_BY else 0


# ── with its campaigns ───────────────────────────────────────────────────────────────────────────────────────────────


def _list_campaign_conflicts(
    promotion: Promotion, rule: rules.Rule, campaign: PromotionCampaign, places: Collection[int]
) -> Iterator[str]:
    starts_at = max(filter(None, (promotion.starts_at, campaign.starts_at)), default=None)
    ends_at = min(filter(None, (promotion.ends_at, campaign.ends_at)), default=None)
    if starts_at and ends_at and ends_at <= starts_at:
        yield _("Its window lies outside that of “%(campaign)s”: it never applies there.") % {
            "campaign": campaign
        }
    else:
        if promotion.starts_at and campaign.starts_at and promotion.starts_at < campaign.starts_at:
            yield _("It starts before “%(campaign)s” does: until then that campaign does not apply it.") % {
                "campaign": campaign
            }
        if promotion.ends_at and campaign.ends_at and promotion.ends_at > campaign.ends_at:
            yield _("It ends after “%(campaign)s” does: from then on that campaign does not apply it.") % {
                "campaign": campaign
            }
        yield from _list_hours_conflicts(
            rule, starts_at, ends_at, _("the window of “%(campaign)s”") % {"campaign": campaign}
        )
    theirs = {location.pk for location in campaign.locations.all()}
    if places and theirs and theirs.isdisjoint(places):
        yield _("None of its locations is one of “%(campaign)s”: it never applies there.") % {
            "campaign": campaign
        }
    least = least_discount(rule)
    if campaign.budget is not None and campaign.budget < least:
        said = (
            _(
                "The budget of “%(campaign)s”, %(budget)s, is smaller than one discount of %(least)s: it never "
                "applies there."
            )
            if campaign.on_budget_end == PromotionCampaign.OnBudgetEnd.REJECT
            else _(
                "The budget of “%(campaign)s”, %(budget)s, is smaller than one discount of %(least)s: the first "
                "sale gets less and uses it up."
            )
        )
        yield said % {
            "campaign": campaign,
            "budget": money(campaign.budget, campaign.currency),
            "least": money(least, campaign.currency),
        }
    if campaign.currency != settings.CURRENCY:
        there = reading.write_sentence(promotion, campaign.currency)
        yield _("“%(campaign)s” counts in %(currency)s. There it says: %(there)s") % {
            "campaign": campaign,
            "currency": campaign.currency,
            "there": there,
        }


def least_discount(rule: rules.Rule) -> int:
    """Return the least amount of one application, in minor units; 0 when the rule alone does not tell."""
    benefit = rule.benefit
    least = 0
    spent = max((one.amount for one in rule.conditions if isinstance(one, rules.MinSubtotal)), default=0)
    match benefit:
        case rules.FixedTotal(amount):
            least = amount
        case rules.PercentOff(percent) | rules.PercentOfTotal(percent) if rule.target == rules.Target():
            least = spent * percent // 10_000
        case rules.Tiered(tiers, "subtotal"):
            first = tiers[0]
            least = (
                first.amount if first.amount is not None else first.at_least * (first.percent or 0) // 10_000
            )
        case rules.BuyGet(get=got, amount=amount) if amount is not None:
            least = got.quantity * amount
        case rules.Bundle(amount=amount) if amount is not None:
            least = amount
    return least if rule.caps.max_amount is None else min(least, rule.caps.max_amount)
