"""Gates: whether a promotion is on at this time, location and currency, whatever the sale holds."""

from collections.abc import Hashable
from datetime import datetime

from promotions.engine.basket import Basket
from promotions.engine.conditions import Refusal
from promotions.engine.rules import CampaignTerms, Rule
from promotions.engine.window import effective_status

ELSEWHERE: frozenset[str] = frozenset()


class Gate:
    """The window, locations and currencies of one rule and its campaign together. Rules with the same ones share it."""

    __slots__ = ("_anywhere", "_closes", "_currencies", "_locations", "_on", "_opens", "_rule")

    def __init__(self, rule: Rule) -> None:
        campaign = rule.campaign or CampaignTerms(id=0)
        self._rule = rule
        self._on = rule.active and campaign.status in {"active", "scheduled"}
        if campaign.status == "scheduled" and campaign.starts_at is None:
            self._on = False
        starts = [at for at in (rule.starts_at, campaign.starts_at) if at is not None]
        ends = [at for at in (rule.ends_at, campaign.ends_at) if at is not None]
        self._opens = max(starts, default=None)
        self._closes = min(ends, default=None)
        self._currencies = {currency for currency in (rule.currency, campaign.currency) if currency}
        self._locations = locations(rule)
        self._anywhere = self._locations is None

    def refusal(self, basket: Basket, now: datetime) -> Refusal | None:
        """Return why the promotion is off; None when it is on."""
        if (
            self._on
            and (self._opens is None or self._opens <= now)
            and (self._closes is None or now < self._closes)
            and (self._anywhere or basket.location in (self._locations or ELSEWHERE))
            and (not self._currencies or self._currencies == {basket.currency})
        ):
            return None
        return self._reason(basket, now)

    def _reason(self, basket: Basket, now: datetime) -> Refusal:
        rule, campaign = self._rule, self._rule.campaign or CampaignTerms(id=0)
        status = effective_status(campaign.status, campaign.starts_at, campaign.ends_at, now)
        at = now.isoformat()
        if status == "cancelled":
            return Refusal("cancelled")
        if status == "paused":
            return Refusal("paused")
        if status == "expired":
            return Refusal("ended", _text(campaign.ends_at), at)
        if status == "draft" or not rule.active:
            return Refusal("inactive")
        if status == "scheduled":
            return Refusal("not_started", _text(campaign.starts_at), at)
        if self._opens is not None and now < self._opens:
            return Refusal("not_started", _text(self._opens), at)
        if self._closes is not None and self._closes <= now:
            return Refusal("ended", _text(self._closes), at)
        if self._locations is not None and basket.location not in self._locations:
            return Refusal("wrong_location", ", ".join(sorted(self._locations)), basket.location)
        return Refusal("wrong_currency", ", ".join(sorted(self._currencies)), basket.currency)


def gate_of(rule: Rule, known: dict[Hashable, Gate]) -> Gate:
    """Return the gate of `rule`: an equal one of `known`, or a new one, which is added to `known`."""
    key = (rule.active, rule.starts_at, rule.ends_at, rule.currency, rule.locations, rule.campaign)
    gate = known.get(key)
    if gate is None:
        gate = known[key] = Gate(rule)
    return gate


def locations(rule: Rule) -> frozenset[str] | None:
    """Return the locations where the promotion and its campaign both apply; None = everywhere."""
    own = rule.locations
    shared = ELSEWHERE if rule.campaign is None else rule.campaign.locations
    if own and shared:
        return own & shared
    return own or shared or None


def _text(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
