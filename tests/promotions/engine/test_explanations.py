"""Who is a candidate, and what those that gave nothing say."""

from dataclasses import dataclass
from datetime import timedelta

import msgspec
import pytest
from msgspec.structs import replace

from promotions.engine import BasketLine, Customer, PresentedCoupon, Rule, evaluate
from promotions.engine import rules as r
from promotions.engine.basket import UNLIMITED
from promotions.engine.index import NEAR_MISSES_ADDED
from tests.promotions.engine.till import (
    NOON,
    amounts_by_promotion,
    campaign,
    line,
    of,
    off,
    quote,
    rule,
    sale,
    why,
)

BASKET = sale(line("a", 1000), location="MUC")
HOUR = timedelta(hours=1)
AT = NOON.isoformat()


@dataclass(frozen=True)
class Shut:
    """Facts of a rule that keep it shut, and what it says."""

    facts: dict[str, object]
    refusal: tuple[object, ...]


@pytest.mark.parametrize(
    "shut",
    [
        Shut({"active": False}, ("inactive", None, None)),
        Shut({"starts_at": NOON + HOUR}, ("not_started", (NOON + HOUR).isoformat(), AT)),
        Shut({"ends_at": NOON}, ("ended", AT, AT)),
        Shut({"currency": "USD"}, ("wrong_currency", "USD", "EUR")),
        Shut({"campaign": campaign(status="draft")}, ("inactive", None, None)),
        Shut({"campaign": campaign(status="paused", ends_at=NOON)}, ("paused", None, None)),
        Shut({"campaign": campaign(status="cancelled")}, ("cancelled", None, None)),
        Shut(
            {"campaign": campaign(status="expired", ends_at=NOON - HOUR)},
            ("ended", (NOON - HOUR).isoformat(), AT),
        ),
        Shut({"campaign": campaign(ends_at=NOON)}, ("ended", AT, AT)),
        Shut({"campaign": campaign(status="scheduled")}, ("not_started", None, AT)),
        Shut(
            {"campaign": campaign(status="scheduled", starts_at=NOON + HOUR)},
            ("not_started", (NOON + HOUR).isoformat(), AT),
        ),
        Shut({"campaign": campaign(currency="USD")}, ("wrong_currency", "USD", "EUR")),
    ],
    ids=str,
)
def test_a_promotion_that_is_not_on_says_so(shut):
    outcome = quote(BASKET, Rule(1, off(10), **shut.facts))
    assert outcome.discount == 0
    assert why(outcome, 1) == (*shut.refusal, None)


@pytest.mark.parametrize(
    "facts",
    [
        {"starts_at": NOON, "ends_at": NOON + HOUR},
        {"locations": frozenset({"MUC", "BER"})},
        {"currency": "EUR"},
        {"campaign": campaign(status="scheduled", starts_at=NOON)},
        {"campaign": campaign(starts_at=NOON, ends_at=NOON + HOUR, locations=frozenset({"MUC"}))},
        {"locations": frozenset({"MUC", "BER"}), "campaign": campaign(locations=frozenset({"MUC", "HAM"}))},
    ],
)
def test_a_promotion_that_is_on_applies(facts):
    assert quote(BASKET, Rule(1, off(10), **facts)).discount == 100


def test_a_promotion_of_another_location_is_no_candidate():
    elsewhere = Rule(1, off(10), locations=frozenset({"BER"}))
    assert quote(BASKET, elsewhere).not_applied == ()
    outcome = quote(BASKET, elsewhere, explain="all")
    assert why(outcome, 1) == ("wrong_location", "BER", "MUC", None)


def test_a_promotion_and_a_campaign_that_share_no_location_are_nowhere():
    nowhere = Rule(1, off(10), locations=frozenset({"BER"}), campaign=campaign(locations=frozenset({"MUC"})))
    assert why(quote(BASKET, nowhere, explain="all"), 1)[0] == "wrong_location"


FAR = [
    (rule(2, off(10), skus="z"), "no_matching_items"),
    (rule(2, off(10), trigger="coupon"), "no_coupon"),
    (rule(2, off(10), conditions=(r.Contains(of("z")),)), "no_matching_items"),
    (rule(2, off(10), skus="z", campaign=campaign(status="paused")), "paused"),
    (rule(2, r.BuyGet(r.BenefitPart(1, of("z")), r.BenefitPart(1, of("a")))), "no_matching_items"),
]


@pytest.mark.parametrize(("far", "reason"), FAR, ids=str)
def test_every_rule_gives_its_reason_when_asked_to_explain(far, reason):
    near = rule(1, off(10))
    assert quote(BASKET, near, far).not_applied == ()
    outcome = quote(BASKET, near, far, explain="all")
    assert why(outcome, 2)[0] == reason
    assert amounts_by_promotion(outcome) == {1: 100}


def test_of_many_steps_the_nearest_are_told():
    steps = [
        rule(n, r.FixedTotal(100), level="order", conditions=(r.MinSubtotal(n * 500),)) for n in range(1, 40)
    ]
    outcome = quote(BASKET, *steps)
    assert list(amounts_by_promotion(outcome)) == [1, 2]
    assert [(one.promotion, one.need, one.have) for one in outcome.not_applied] == [
        (n, n * 500, 1000) for n in range(3, 3 + NEAR_MISSES_ADDED)
    ]
    assert len(quote(BASKET, *steps, explain="all").not_applied) == 37


def test_without_explanations_the_discount_and_what_became_of_codes_are_the_same():
    steps = [
        rule(n, r.FixedTotal(100), level="order", conditions=(r.MinSubtotal(n * 500),)) for n in range(1, 40)
    ]
    members = [rule(n, off(10), conditions=(r.InGroup((f"G{n}",)),)) for n in range(50, 60)]
    locked = rule(70, off(10), skus="z", trigger="coupon")
    basket = sale(line("a", 1000), coupons=(PresentedCoupon("CODE", 70),))
    told, untold = (quote(basket, *steps, *members, locked, explain=level) for level in ("nearest", "none"))
    assert len(told.not_applied) > NEAR_MISSES_ADDED
    assert untold == replace(told, not_applied=())
    assert [(one.code, one.status) for one in untold.coupons] == [("CODE", "no_matching_items")]


def test_promotions_for_other_customers_are_not_looked_at():
    rules = [rule(n, off(1), conditions=(r.CustomerIs((f"C{n}",)),)) for n in range(1, 100)]
    basket = sale(line("a", 1000), customer=Customer("C77"))
    outcome = quote(basket, *rules)
    assert amounts_by_promotion(outcome) == {77: 10}
    assert len(outcome.not_applied) == NEAR_MISSES_ADDED


def test_a_gift_is_offered_although_its_sku_is_not_there():
    outcome = quote(BASKET, Rule(1, r.FreeGift("mug"), target=r.Target(of("mug"))))
    assert [gift.sku for gift in outcome.gifts] == ["mug"]


# Coupons


def with_coupons(*coupons: PresentedCoupon) -> object:
    return sale(line("a", 1000), coupons=coupons, location="MUC")


CODED = rule(1, off(10), trigger="coupon")


def test_a_coupon_triggers_its_promotion():
    outcome = quote(with_coupons(PresentedCoupon("TEN", 1)), CODED)
    assert amounts_by_promotion(outcome) == {1: 100}
    assert outcome.applied[0].coupon == "TEN"
    assert [(one.code, one.status) for one in outcome.coupons] == [("TEN", "applied")]


def test_without_its_coupon_a_promotion_is_no_candidate():
    assert quote(BASKET, CODED).not_applied == ()


def test_a_bad_coupon_is_a_status_and_the_sale_goes_on():
    bad = PresentedCoupon("OLD", 1, "coupon_ended", need="2024", have="2025")
    outcome = quote(with_coupons(bad), CODED, rule(2, off(5)))
    assert amounts_by_promotion(outcome) == {2: 50}
    assert msgspec.to_builtins(outcome.coupons[0]) == {
        "code": "OLD",
        "status": "coupon_ended",
        "need": "2024",
        "have": "2025",
    }


def test_an_unknown_code_is_a_status():
    outcome = quote(with_coupons(PresentedCoupon("WHAT", status="coupon_unknown")), CODED)
    assert [one.status for one in outcome.coupons] == ["coupon_unknown"]


def test_a_good_coupon_whose_promotion_gives_nothing_says_why():
    paused = rule(1, off(10), trigger="coupon", campaign=campaign(status="paused"))
    assert quote(with_coupons(PresentedCoupon("TEN", 1)), paused).coupons[0].status == "paused"
    minimum = rule(1, off(10), trigger="coupon", conditions=(r.MinSubtotal(2000),))
    status = quote(with_coupons(PresentedCoupon("TEN", 1)), minimum).coupons[0]
    assert (status.status, status.need, status.have) == ("min_subtotal", 2000, 1000)
    elsewhere = rule(1, off(10), trigger="coupon", locations=frozenset({"BER"}))
    assert quote(with_coupons(PresentedCoupon("TEN", 1)), elsewhere).coupons[0].status == "wrong_location"
    assert quote(with_coupons(PresentedCoupon("TEN", 9)), CODED).coupons[0].status == "coupon_inactive"


def test_a_coupon_brings_its_own_benefit():
    outcome = quote(with_coupons(PresentedCoupon("HALF", 1, benefit=off(50))), CODED)
    assert amounts_by_promotion(outcome) == {1: 500}


def test_the_matches_of_a_coupons_promotion_are_looked_at():
    narrow = rule(1, off(10), skus="z", trigger="coupon")
    assert quote(with_coupons(PresentedCoupon("TEN", 1)), narrow).coupons[0].status == "no_matching_items"
    assert (
        quote(with_coupons(PresentedCoupon("TEN", 1)), rule(1, off(10), skus="a", trigger="coupon")).discount
        == 100
    )


def test_two_codes_of_one_promotion_apply_once():
    outcome = quote(with_coupons(PresentedCoupon("ONE", 1), PresentedCoupon("TWO", 1)), CODED)
    assert outcome.discount == 100
    assert [one.status for one in outcome.coupons] == ["applied", "excluded_by"]


def test_a_coupon_for_a_promotion_that_needs_none_is_not_used_up():
    outcome = quote(with_coupons(PresentedCoupon("TEN", 1)), rule(1, off(10)))
    assert outcome.applied[0].coupon is None
    assert outcome.coupons[0].status == "excluded_by"


# Shapes


def test_the_outcome_encodes_to_the_answer_of_the_till():
    outcome = quote(
        sale(line("1", 1299, 2, sku="A1")),
        Rule(5, off(10), label="Spring", campaign=campaign(3)),
        Rule(6, off(10), conditions=(r.MinQuantity(3),)),
    )
    assert msgspec.json.decode(msgspec.json.encode(outcome)) == {
        "currency": "EUR",
        "subtotal": 2598,
        "discount": 260,
        "total": 2338,
        "lines": [
            {
                "id": "1",
                "discount": 260,
                "total": 2338,
                "units": [[2, 130]],
                "applied": [{"promotion": 5, "campaign": 3, "amount": 260}],
            }
        ],
        "applied": [
            {
                "promotion": 5,
                "campaign": 3,
                "label": "Spring",
                "amount": 260,
                "wished": 260,
                "clamped_by": None,
                "coupon": None,
                "applications": 1,
            }
        ],
        "coupons": [],
        "not_applied": [{"promotion": 6, "campaign": None, "reason": "min_quantity", "need": 3, "have": 2}],
        "gifts": [],
    }


def test_an_empty_basket_gets_nothing():
    assert quote(sale(), rule(1, r.FixedTotal(100))).total == 0


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        ((BasketLine("1", "a", 0, 100),), "line 1: quantity 0 is below 1"),
        ((BasketLine("1", "a", 1, -1),), "line 1: a price is below 0"),
        ((BasketLine("1", "a", 1, 1, line_total=-1),), "line 1: a price is below 0"),
        ((BasketLine("1", "a", 1, 1), BasketLine("1", "b", 1, 1)), "a line id comes twice"),
    ],
)
def test_a_basket_that_cannot_be_is_refused(lines, fault):
    with pytest.raises(ValueError, match=fault):
        evaluate(sale(*lines), [], UNLIMITED, NOON)
