"""The demo's promotion campaigns, and five weeks of sales that went through them.

The steps and sales of the past are taken in the order of their times, through the same functions as today, so that the
product counts every figure itself.
"""

import random
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import msgspec
from django.conf import settings
from django.contrib.auth.models import User

from campaigns import lifecycle, seeds
from campaigns.annotations import ColumnValue, JsonObject
from demo import logins
from demo.shop import LOCATIONS, list_products
from pos import keys
from pos.api.schemas import SaleRequest
from pos.models import Location, Till
from pos.sales.callers import Caller
from pos.sales.commits import commit
from promotions import coupons, groups, publish, types
from promotions.models import Change, CustomerGroup, Promotion, PromotionCampaign

DAY = timedelta(days=1)
WEEKS = 5
SALES_A_DAY = 14
TASTE = "15% off coffee with your code"  # the offer of the mail in demo.revenue
Step = tuple[datetime, Callable[[], object]]

PROMOTIONS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {  # name → (type, answers, other fields)
    "10% off all coffee": ("items", {"reduction": "percent", "percent": 1000, "categories": ["coffee"]}, {}),
    "Buy 2 chocolates, get 1": (
        "buy_get",
        {
            "buy_quantity": 2,
            "buy_categories": ["chocolate"],
            "get_quantity": 1,
            "get_same": True,
            "reward": "free",
        },
        {},
    ),
    "Mug and house blend for 22.00": (
        "bundle",
        {
            "reduction": "price",
            "amount": 2200,
            "parts": [{"quantity": 1, "skus": ["CER01"]}, {"quantity": 1, "skus": ["COF01"]}],
        },
        {},
    ),
    "5 or 10% on big baskets": (
        "tiered",
        {
            "by": "subtotal",
            "tiers": [{"at_least": 6000, "percent": 500}, {"at_least": 12000, "percent": 1000}],
        },
        {},
    ),
    "Tea hour": (
        "happy_hour",
        {
            "reduction": "percent",
            "percent": 2000,
            "categories": ["tea"],
            "from_time": "15:00",
            "to_time": "17:00",
            "weekdays": [1, 2, 3, 4, 5],
        },
        {},
    ),
    "Welcome 15%": ("first", {"reduction": "percent", "percent": 1500}, {"trigger": "coupon"}),
    "5.00 off for regulars": (
        "sale",
        {"reduction": "amount", "amount": 500, "min_subtotal": 3000, "groups": ["regulars"]},
        {},
    ),
    "Ceramics at a third off": (
        "items",
        {"reduction": "percent", "percent": 3333, "categories": ["ceramics"]},
        {},
    ),
    "Syrups, any for 6.00": ("items", {"reduction": "price", "amount": 600, "categories": ["syrups"]}, {}),
    "Staff favourites, 50% off": (
        "items",
        {"reduction": "percent", "percent": 5000, "brands": ["Fontane"]},
        {},
    ),
    TASTE: (
        "items",
        {"reduction": "percent", "percent": 1500, "categories": ["coffee"]},
        {"trigger": "coupon"},
    ),
    "Gift wrapping on the house": (
        "sale",
        {"reduction": "gift", "gift_sku": "GIF09", "min_subtotal": 5000},
        {"standalone": True},
    ),
}


def load(by: User | None, now: datetime) -> None:
    """Make locations and tills, and, unless there are campaigns already, promotions, campaigns and sales."""
    tills = make_tills()
    if PromotionCampaign.objects.exists():
        return
    regulars, _ = CustomerGroup.objects.get_or_create(code="regulars", defaults={"name": "Regulars"})
    groups.set_members(regulars, [f"C{number:05d}" for number in range(0, 5000, 9)])
    made = {name: make_promotion(name, by) for name in PROMOTIONS}
    coupons.save_coupon(None, promotion=made["Welcome 15%"], code="WELCOME15", max_uses_per_customer=1)
    coupons.generate_codes(made["Welcome 15%"], 200, prefix="NORD", batch="Tasting guests")
    morning = now.replace(hour=8, minute=0, second=0, microsecond=0)
    steps = [*list_campaign_steps(made, by, morning), *list_sales(tills, morning, now)]
    for at, step in sorted(steps, key=lambda step: step[0]):
        if at <= now:
            step()


def make_tills() -> list[tuple[Till, str]]:
    """Make the tills that are missing, and return all with the hashes of their keys; the first one's key is known."""
    tills: list[tuple[Till, str]] = []
    for code, name, time_zone, currency, names in LOCATIONS:
        location, _ = Location.objects.get_or_create(
            code=code, defaults={"name": name, "time_zone": time_zone, "currency": currency}
        )
        for till_name in names:
            key = logins.derive_till_key() if not tills else keys.make_key()
            till, is_new = Till.objects.get_or_create(
                location=location,
                name=till_name,
                defaults={"key_hash": keys.hash_key(key), "key_hint": key[-4:]},
            )
            if not tills and is_new:
                seeds.make_once(logins.FIRST_TILL, partial(Till.objects.get, pk=till.pk))
            tills.append((till, till.key_hash))
    return tills


def make_promotion(name: str, by: User | None) -> Promotion:
    """Save a promotion of the demo and switch it on."""
    type_, answers, fields = PROMOTIONS[name]
    made = publish.save_promotion(
        None, by=by, name=name, type=type_, **types.make_terms(type_, answers), **fields
    )
    return publish.switch_promotion(made, True, by=by)


def list_campaign_steps(made: Mapping[str, Promotion], by: User | None, morning: datetime) -> Iterator[Step]:
    """Yield what happened to each campaign, and when."""

    def new(name: str, *promotions: str, **changes: ColumnValue) -> PromotionCampaign:
        campaign = publish.create_campaign(
            by=by,
            changes={"name": name, "currency": settings.CURRENCY, **changes},
            promotions=[made[promotion] for promotion in promotions],
        )
        PromotionCampaign.objects.filter(pk=campaign.pk).update(created_at=morning - 36 * DAY)
        campaign.changes.update(at=morning - 36 * DAY)
        return campaign

    def fire(
        campaign: PromotionCampaign, verb: str, days: float, who: User | None = by, why: str = ""
    ) -> Step:
        at = morning + days * DAY
        return at, partial(lifecycle.fire, campaign.pk, verb, by=who, why=why, now=at)

    def end(campaign: PromotionCampaign, days: float, at_days: float) -> Step:
        at = morning + at_days * DAY

        def edit() -> None:
            publish.edit_campaign(campaign.pk, by=by, changes={"ends_at": morning + days * DAY}, now=at)
            campaign.changes.filter(what=Change.What.EDITED).update(at=at)

        return at, edit

    coffee = new(
        "Coffee weeks",
        "10% off all coffee",
        "Mug and house blend for 22.00",
        description="Budget agreed with the roastery; ends when the season does.",
        budget=80_000,
        priority=10,
    )
    yield fire(coffee, "activate", -12)
    yield end(coffee, 18, -11.9)

    welcome = new(
        "New customers", "Welcome 15%", "5.00 off for regulars", max_uses_per_customer=20, priority=20
    )
    yield fire(welcome, "activate", -30)

    tea = new("Tea time", "Tea hour", max_uses=2000)
    yield fire(tea, "activate", -20)
    yield fire(tea, "pause", -1.5, why="The tea delivery is late: the shelves are empty.")

    advent = new(
        "Advent opening", "Buy 2 chocolates, get 1", starts_at=morning + 7 * DAY, ends_at=morning + 33 * DAY
    )
    yield fire(advent, "schedule", -2)

    syrups = new("Syrup days", "Syrups, any for 6.00", max_uses=500)
    yield fire(syrups, "activate", -33)
    yield end(syrups, -15, -32.9)
    yield morning - 15 * DAY, partial(lifecycle.write_owed_steps, syrups.pk, morning - 15 * DAY)

    taste = new("A taste of autumn, at the till", TASTE, budget=300_000, priority=30)
    yield fire(taste, "activate", -20)

    ceramics = new("Ceramics clearance", "Ceramics at a third off", budget=120_000)
    yield fire(ceramics, "activate", -28)
    yield fire(ceramics, "end_early", -9, why="Everything that had to go is gone.")

    mistake = new("Fontane 50%", "Staff favourites, 50% off")
    yield fire(mistake, "activate", -6)
    yield fire(mistake, "cancel", -5.75, why="Meant for staff only, not for the tills.")

    baskets = new("Big baskets of October", "5 or 10% on big baskets")
    yield fire(baskets, "activate", -34)
    yield fire(baskets, "end_early", -22)
    yield fire(baskets, "archive", -10)

    new("Ideas for January", "5 or 10% on big baskets", description="Together with the tea people?")


def list_sales(tills: list[tuple[Till, str]], morning: datetime, now: datetime) -> Iterator[Step]:
    """Yield baskets of five weeks, at the opening hours of the shops."""
    chance, goods = random.Random(25), list_products()
    callers = {till.pk: Caller(key_hash) for till, key_hash in tills}
    for day in range(-7 * WEEKS, 1):
        for number in range(SALES_A_DAY):
            at = morning + day * DAY + timedelta(minutes=chance.randrange(11 * 60))
            till, _ = chance.choice(tills)
            basket = make_request(chance, goods, till)
            reference = f"{till.location.code}-{day + 7 * WEEKS:02d}-{number:03d}"
            body = msgspec.json.encode(basket)
            yield at, partial(sell, callers[till.pk], reference, basket, body, at)


def sell(caller: Caller, reference: str, basket: JsonObject, body: bytes, at: datetime) -> None:
    """Commit a sale as a till does, as if at `at`."""
    commit(caller, reference, msgspec.convert(basket, SaleRequest), body, at)


def make_request(chance: random.Random, goods: list[JsonObject], till: Till) -> JsonObject:
    """Make up what a customer buys at a till."""
    bought = chance.sample(goods, chance.choices([1, 2, 3, 4, 6], [25, 30, 25, 12, 8])[0])
    basket: JsonObject = {
        "currency": till.location.currency,
        "payment_method": chance.choice(["card", "card", "cash"]),
        "lines": [
            make_line(str(number), good, chance.choices([1, 2, 3], [80, 15, 5])[0])
            for number, good in enumerate(bought, start=1)
        ],
    }
    if chance.random() < 0.6:
        basket["customer"] = {"id": f"C{chance.randrange(5000):05d}"}
        if chance.random() < 0.25:
            basket["coupons"] = ["WELCOME15"]
    return basket


def make_line(key: str, good: JsonObject, quantity: int = 1) -> JsonObject:
    """Return the line of a basket with so many units of a product of the shop."""
    return {
        "id": key,
        "sku": good["sku"],
        "categories": [good["category"]],
        "brand": good["brand"],
        "quantity": quantity,
        "unit_price": good["price"],
    }
