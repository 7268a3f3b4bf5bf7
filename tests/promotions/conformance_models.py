"""Cases of the kinds `ledger` and `availability`, run through real models, transitions and requests of a till.

`conformance.run_case` comes here for them. A case builds its rows in a transaction that is rolled back: it needs no
fixture and leaves nothing. Nothing is priced here: the amount an entry names is that of a fixed discount.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from django.db import transaction
from django.db.models import Sum

from campaigns import lifecycle
from pos.body import read
from pos.callers import presented
from pos.quotes import quote
from pos.schemas import QuoteRequest
from promotions import publish
from promotions.models import Counter, CustomerUse, Link, Promotion, PromotionCampaign, Redemption
from tests.factories import PromotionCampaignFactory, PromotionFactory, SaleFactory
from tests.pos.tills import AtTill, basket, line

Case = Mapping[str, Any]
LIMITS = {"spend": "budget", "usage": "max_uses", "usage_per_customer": "max_uses_per_customer"}


def run_case(case: Case) -> dict[str, Any]:
    """The product's answer to `case`, in the shape of its `expect`."""
    with transaction.atomic():
        answer = KINDS[case["kind"]](case)
        transaction.set_rollback(True)
    return answer


# ── sales and their reversal against one budget ──────────────────────────────────────────────────────────────────────


def _ledger(case: Case) -> dict[str, Any]:
    budget = case["promotions"][0]["campaign"]["budget"]
    campaign = PromotionCampaignFactory(
        status="active",
        starts_at=None,
        ends_at=None,
        on_budget_end="reject",
        **{LIMITS[budget["type"]]: budget["limit"]},
    )
    used_before(campaign, PromotionFactory(), budget["type"], budget["used"])
    till = AtTill()
    rejected, sold = [], {}
    for number, op in enumerate(case["ops"]):
        wishes = wished(op["entries"])
        of = (tuple(sorted(wishes.items())), op.get("customer"))
        if op["op"] == "revert":
            assert till.post(sold[of].pop(), "void").status == 200
            continue
        answer = till.put(f"S{number}", sale_of(campaign, number, wishes, op.get("customer")))
        if answer.status == 409:  # the whole figure is expected: an op that does not fit is refused whole
            rejected.append(number)
        else:
            sold.setdefault(of, []).append(f"S{number}")
    return {
        "used": used(campaign, budget["type"]),
        "rejected_ops": rejected,
        "per_customer": by_customer(campaign),
    }


def wished(entries: Iterable[Case]) -> dict[str, int]:
    """The entries of one promotion are one wish."""
    wishes: dict[str, int] = {}
    for entry in entries:
        wishes[entry["promotion"]] = wishes.get(entry["promotion"], 0) + entry["amount"]
    return wishes


def sale_of(
    campaign: PromotionCampaign, number: int, wishes: Mapping[str, int], customer: str | None
) -> dict[str, Any]:
    """A sale in which each promotion gives what it wishes, on an article of its own."""
    lines = []
    for name, amount in wishes.items():
        sku = f"{number}-{name}"
        promotion = PromotionFactory(
            name=name, benefit={"type": "fixed_total", "amount": amount}, target={"match": {"skus": [sku]}}
        )
        publish.link(campaign, promotion)
        lines.append(line(name, amount, sku=sku))
    who = {"customer": {"id": customer}} if customer else {}
    return {"currency": "EUR", "lines": lines, "expect_discount": sum(wishes.values())} | who


def used(campaign: PromotionCampaign, kind: str) -> int:
    if kind == "usage_per_customer":
        return sum(by_customer(campaign).values())
    counter = Counter.objects.get(campaign=campaign)
    return counter.spent if kind == "spend" else counter.uses


def by_customer(campaign: PromotionCampaign) -> dict[str, int]:
    return dict(CustomerUse.objects.filter(campaign=campaign, uses__gt=0).values_list("customer", "uses"))


# ── whether a promotion is to be had ─────────────────────────────────────────────────────────────────────────────────


def _availability(case: Case) -> dict[str, Any]:
    (given,), context = case["promotions"], case.get("context", {})
    promotion = PromotionFactory(
        max_uses=given.get("usage_limit"),
        max_uses_per_customer=given.get("per_customer_limit"),
        starts_at=midnight(given.get("start")),
        ends_at=midnight(given.get("end"), days_later=1),
    )
    campaign = PromotionCampaignFactory(
        status="active", starts_at=None, ends_at=None, budget=given.get("spend_limit")
    )
    Link.objects.create(campaign=campaign, promotion=promotion)
    used_before(campaign, promotion, "usage", context.get("used", 0))
    used_before(campaign, promotion, "usage_per_customer", context.get("used_by_customer", 0))
    used_before(campaign, promotion, "spend", context.get("spent", 0))
    if given.get("state") == "paused":
        lifecycle.fire(campaign, "pause")
    answer = quoted(basket(1_000, customer={"id": CUSTOMER}), context.get("at"))
    left = uses_left(promotion)
    return {"available": answer["discount"] > 0} | ({} if left is None else {"remaining": max(0, left)})


CUSTOMER = "the-customer"


def quoted(body: dict[str, Any], at: str | None) -> dict[str, Any]:
    """The quote of a till at a day of its own."""
    till = AtTill()
    now = midnight(at) if at and len(at) == 10 else datetime.fromisoformat(at) if at else None
    answer = quote(presented(f"Bearer {till.key}"), read(msgspec.json.encode(body), QuoteRequest), now)
    return msgspec.json.decode(answer.body)


def uses_left(promotion: Promotion) -> int | None:
    """What the limits of uses leave; None without one."""
    counter = Counter.objects.filter(promotion=promotion).first()
    if counter is None:
        return None
    left = []
    if counter.max_uses is not None:
        left.append(counter.max_uses - counter.uses)
    if counter.max_uses_per_customer is not None:
        uses = CustomerUse.objects.filter(promotion=promotion, customer=CUSTOMER).aggregate(uses=Sum("uses"))[
            "uses"
        ]
        left.append(counter.max_uses_per_customer - (uses or 0))
    return min(left)


def midnight(day: str | None, days_later: int = 0) -> datetime | None:
    return day and datetime.fromisoformat(day).replace(tzinfo=UTC) + timedelta(days=days_later)


def used_before(campaign: PromotionCampaign, promotion: Promotion, kind: str, count: int) -> None:
    """A ledger that says so much was used already; the counters are made from it when the rules are next read."""
    if count:
        sold = SaleFactory(customer=CUSTOMER if kind == "usage_per_customer" else "")
        lines = [(count, 1)] if kind == "spend" else [(1, 1)] * count
        Redemption.objects.bulk_create(
            Redemption(sale=sold, campaign=campaign, promotion=promotion, amount=amount, uses=uses)
            for amount, uses in lines
        )


KINDS: dict[str, Callable[[Case], dict[str, Any]]] = {"ledger": _ledger, "availability": _availability}
