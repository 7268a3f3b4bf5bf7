"""Cases of the kinds `ledger` and `availability`, run through real models, transitions and requests of a till.

`conformance.run_case` comes here for them. A case builds its rows in a transaction that is rolled back: it needs no
fixture and leaves nothing. Nothing is priced here: the amount an entry names is that of a fixed discount.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec
from django.db import transaction
from django.db.models import Sum

from campaigns import lifecycle
from pos.api.body import read_request
from pos.api.schemas import QuoteRequest
from pos.sales.callers import identify_caller
from pos.sales.quotes import quote
from promotions import publish
from promotions.models import Counter, CustomerUse, Link, Promotion, PromotionCampaign, Redemption
from promotions.publish.counters import correct_counters
from tests.factories import PromotionCampaignFactory, PromotionFactory, SaleFactory
from tests.pos.tills import AtTill, basket, line
from tests.promotions.conformance_schema import instant

Case = Mapping[str, Any]
Entry = tuple[str, int]
"""A promotion by name and the minor units it gives."""
LIMITS = {"spend": "budget", "usage": "max_uses", "usage_per_customer": "max_uses_per_customer"}


def run_case(case: Case) -> dict[str, Any]:
    """The product's answer to `case`, in the shape of its `expect`."""
    with transaction.atomic():
        answer = KINDS[case["kind"]](case)
        transaction.set_rollback(True)
    return answer


# ── sales and their reversal against one budget ──────────────────────────────────────────────────────────────────────


def _ledger(case: Case) -> dict[str, Any]:
    budget, ops = case["promotions"][0]["campaign"]["budget"], case["ops"]
    campaign = PromotionCampaignFactory(
        status="active",
        starts_at=None,
        ends_at=None,
        on_budget_end="reject",
        **{LIMITS[budget["type"]]: budget["limit"]},
    )
    # What one customer used before is that of the first who buys: a budget names no other.
    customer = next((op["customer"] for op in ops if op.get("customer")), CUSTOMER)
    used_before(campaign, PromotionFactory(), {budget["type"]: budget.get("used", 0)}, customer)
    register = Register(campaign)
    steps = {"commit": register.commit, "revert": register.revert}
    return {
        "rejected_ops": [
            number
            for number, op in enumerate(ops)
            if not steps[op["op"]](number, op["entries"], op.get("customer"))
        ],
        "used": count_uses(campaign, budget["type"]),
        "per_customer": by_customer(campaign),
    }


class Register:
    """A till that commits each op as a sale, an entry a line, and reverts it by a void or by a return of its lines."""

    def __init__(self, campaign: PromotionCampaign) -> None:
        self.campaign = campaign
        self.till = AtTill()
        self.sales: list[tuple[str | None, str, dict[str, Entry]]] = []
        """Customer, reference and what was not given back by line, of each sale."""

    def commit(self, number: int, entries: Sequence[Case], customer: str | None) -> bool:
        """Whether the op fits: one that does not is refused whole."""
        lines = {f"{place}": (entry["promotion"], entry["amount"]) for place, entry in enumerate(entries)}
        answer = self.till.put(f"S{number}", self.sale_of(number, lines, customer))
        if answer.status == 201:
            self.sales.append((customer, f"S{number}", lines))
        return answer.status == 201

    def sale_of(self, number: int, lines: Mapping[str, Entry], customer: str | None) -> dict[str, Any]:
        """A sale in which each promotion gives the sum of its entries, on an article of its own; all of it expected."""
        wishes: dict[str, int] = {}
        for promotion, amount in lines.values():
            wishes[promotion] = wishes.get(promotion, 0) + amount
        for name, amount in wishes.items():
            promotion = PromotionFactory(
                name=name,
                benefit={"type": "fixed_total", "amount": amount},
                target={"match": {"skus": [f"{number}-{name}"]}},
            )
            publish.link(self.campaign, promotion)
        body = [line(name, amount, sku=f"{number}-{of}") for name, (of, amount) in lines.items()]
        who = {"customer": {"id": customer}} if customer else {}
        return {"currency": "EUR", "lines": body, "expect_discount": sum(wishes.values())} | who

    def revert(self, number: int, entries: Sequence[Case], customer: str | None) -> bool:
        """Whether there is a sale to take these entries back from, the latest first."""
        wanted = [(entry["promotion"], entry["amount"]) for entry in entries]
        for buyer, reference, lines in reversed(self.sales):
            names = find_lines(wanted, lines) if buyer == customer else None
            if names is None:
                continue
            whole = len(names) == len(lines)
            for name in names:
                del lines[name]
            answer = (
                self.till.post(reference, "void")
                if whole
                else self.till.give_back(reference, f"R{number}", dict.fromkeys(names, 1))
            )
            return answer.status in (200, 201)
        return self.till.post(f"S{number}", "void").status == 200


def find_lines(wanted: Iterable[Entry], lines: Mapping[str, Entry]) -> list[str] | None:
    """The lines that hold what is wanted, each once; None where some of it is not there."""
    names: list[str] = []
    for entry in wanted:
        name = next((name for name, held in lines.items() if held == entry and name not in names), None)
        if name is None:
            return None
        names.append(name)
    return names


def count_uses(campaign: PromotionCampaign, kind: str) -> int:
    if kind == "usage_per_customer":
        return sum(by_customer(campaign).values())
    counter = Counter.objects.get(campaign=campaign)
    return counter.spent if kind == "spend" else counter.uses


def by_customer(campaign: PromotionCampaign) -> dict[str, int]:
    return dict(CustomerUse.objects.filter(campaign=campaign, uses__gt=0).values_list("customer", "uses"))


# ── whether a promotion is to be had ─────────────────────────────────────────────────────────────────────────────────


def _availability(case: Case) -> dict[str, Any]:
    (given,), context = case["promotions"], case.get("context", {})
    start, end = given.get("start"), given.get("end")
    promotion = PromotionFactory(
        max_uses=given.get("usage_limit"),
        max_uses_per_customer=given.get("per_customer_limit"),
        starts_at=start and instant(start),
        ends_at=end and instant(end, days_later=1),
    )
    campaign = PromotionCampaignFactory(
        status="active", starts_at=None, ends_at=None, budget=given.get("spend_limit")
    )
    Link.objects.create(campaign=campaign, promotion=promotion)
    customer = context.get("customer_id", CUSTOMER)
    before = {
        "usage": context.get("used", 0),
        "usage_per_customer": context.get("used_by_customer", 0),
        "spend": context.get("spent", 0),
    }
    used_before(campaign, promotion, before, customer)
    for verb in STOPPED_BY[given.get("state", "active")]:
        lifecycle.fire(campaign, verb)
    answer = quote_at(basket(1_000, customer={"id": customer}), context.get("at"))
    left = uses_left(promotion, customer)
    return {"available": answer["discount"] > 0} | ({} if left is None else {"remaining": max(0, left)})


CUSTOMER = "the-customer"
STOPPED_BY: dict[str, Sequence[str]] = {"active": (), "paused": ("pause",)}


def quote_at(body: dict[str, Any], at: str | None) -> dict[str, Any]:
    """The quote of a till at a time of its own."""
    till = AtTill()
    now = instant(at) if at else None
    answer = quote(
        identify_caller(f"Bearer {till.key}"), read_request(msgspec.json.encode(body), QuoteRequest), now
    )
    return msgspec.json.decode(answer.body)


def uses_left(promotion: Promotion, customer: str) -> int | None:
    """What the limits of uses leave; None without one."""
    counter = Counter.objects.filter(promotion=promotion).first()
    if counter is None:
        return None
    left = []
    if counter.max_uses is not None:
        left.append(counter.max_uses - counter.uses)
    if counter.max_uses_per_customer is not None:
        found = CustomerUse.objects.filter(promotion=promotion, customer=customer)
        uses = found.aggregate(uses=Sum("uses"))["uses"]
        left.append(counter.max_uses_per_customer - (uses or 0))
    return min(left)


def used_before(
    campaign: PromotionCampaign, promotion: Promotion, used: Mapping[str, int], customer: str
) -> None:
    """A ledger that says so much was used already, and the counters made from it.

    `used`: by kind of limit, all together; the uses of `customer` are among the uses.
    """
    by_customer = used.get("usage_per_customer", 0)
    by_others = max(0, used.get("usage", 0) - by_customer)
    spent = used.get("spend", 0)
    uses = [customer] * by_customer + [""] * by_others or ([""] if spent else [])
    amounts = [1] * len(uses)
    if spent:
        amounts = [spent, *[0] * (len(uses) - 1)]
    sales = {buyer: SaleFactory(customer=buyer) for buyer in set(uses)}
    Redemption.objects.bulk_create(
        Redemption(sale=sales[buyer], campaign=campaign, promotion=promotion, amount=amount, uses=1)
        for buyer, amount in zip(uses, amounts, strict=True)
    )
    correct_counters()


KINDS: dict[str, Callable[[Case], dict[str, Any]]] = {"ledger": _ledger, "availability": _availability}
