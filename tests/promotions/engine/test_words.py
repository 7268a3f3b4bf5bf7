import pytest

from promotions.engine import Rule
from promotions.engine import rules as r
from promotions.engine.words import percent_text, sentence
from tests.promotions.engine.test_rules import BENEFITS, CONDITIONS
from tests.promotions.engine.till import best_of, of, off

FOOD = r.Target(r.Match(categories=("Food",)))


def money(amount: int) -> str:
    return f"{amount / 100:.2f} €"


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (
            Rule(
                1, off(10), target=FOOD, conditions=(r.MinSubtotal(3000), r.Hours("17:00", "19:00", (1, 5)))
            ),
            "10 % off everything in Food, from 30.00 €, on Monday and Friday from 17:00 to 19:00.",
        ),
        (
            Rule(1, r.FixedTotal(500), lane="order", trigger="coupon", caps=r.Caps(max_amount=500)),
            "5.00 € off the sale, with a coupon; at most 5.00 € a sale.",
        ),
        (
            Rule(1, r.BuyGet(r.Part(2, of("A1")), r.Part(1, of("A1"))), caps=r.Caps(max_applications=1)),
            "Buy 2 of A1, get 1 free (the cheapest of them); once a sale.",
        ),
        (
            Rule(1, r.BuyGet(r.Part(1, of("A1")), r.Part(1, of("B1")), percent=5000, max_get_units=2)),
            "Buy 1 of A1, get 1 of B1 at 50 % off, at most 2 units a sale.",
        ),
        (
            Rule(1, r.Bundle((r.Part(1, of("A")), r.Part(2, of("B"))), price=900), stacking=r.Exclusive()),
            "1 of A with 2 of B for 9.00 € together; not together with any other promotion.",
        ),
        (Rule(1, r.Bundle((r.Part(3),), percent=1000)), "10 % off 3 units bought together."),
        (
            Rule(1, r.Tiered((r.Tier(5000, percent=500), r.Tier(10000, amount=1500))), stacking=best_of("x")),
            "Off the sale: 5 % from 50.00 € and 15.00 € from 100.00 €; each unit gets the best of “x”.",
        ),
        (Rule(1, r.FixedPerUnit(100), target=FOOD), "1.00 € off each unit of everything in Food."),
        (Rule(1, r.FixedPrice(999), target=r.Target(of("A B"))), "A or B for 9.99 € a unit."),
        (Rule(1, r.CheapestFree(1)), "The cheapest 1 unit of everything free."),
        (
            Rule(1, r.FreeGift("MUG"), conditions=(r.FirstPurchase(), r.PaymentMethod(("card",)))),
            "1 unit of MUG as a free gift, on a customer's first purchase, paid by card.",
        ),
        (
            Rule(
                1,
                off(12.5),
                target=r.Target(
                    r.Match(brands=("X",), unit_price_min=100), max_units=2, only_undiscounted=True
                ),
                conditions=(r.InGroup(("vip",)), r.Contains(of("A B C D E F G"))),
            ),
            "12.5 % off the cheapest 2 units of everything by X from 1.00 € each not already reduced, "
            "for customers of vip, with A, B, C, D, E and 2 more in the sale.",
        ),
        (
            Rule(1, off(10), conditions=(r.Hours("22:00", "02:00"), r.Hours(weekdays=(7,)))),
            "10 % off everything, every day from 22:00 to 02:00 the next day, on Sunday.",
        ),
    ],
)
def test_a_rule_in_plain_words(rule, text):
    assert sentence(rule, money) == text


@pytest.mark.parametrize("benefit", BENEFITS, ids=str)
def test_every_benefit_has_words(benefit):
    text = sentence(Rule(1, benefit), money)
    assert text[0].isupper() or text[0].isdigit()
    assert text.endswith(".")


def test_every_condition_has_words():
    text = sentence(Rule(1, off(10), conditions=tuple(CONDITIONS)), money)
    assert text.count(", ") >= len(CONDITIONS)


@pytest.mark.parametrize(
    ("percent", "text"), [(1000, "10 %"), (1250, "12.5 %"), (5, "0.05 %"), (10000, "100 %")]
)
def test_hundredths_of_a_percent_are_written_short(percent, text):
    assert percent_text(percent) == text
