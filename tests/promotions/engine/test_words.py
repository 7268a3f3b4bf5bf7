import pytest

from promotions.engine import Rule
from promotions.engine import rules as r
from promotions.engine.words import sentence
from promotions.engine.writer import percent_text
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
            "10% off everything in Food, on sales of 30.00 € or more, on Monday and Friday from 17:00 to 19:00.",
        ),
        (
            Rule(1, r.FixedTotal(500), level="order", trigger="coupon", caps=r.Caps(max_amount=500)),
            "5.00 € off the sale, with a coupon; at most 5.00 € off a sale.",
        ),
        (
            Rule(
                1,
                r.BuyGet(r.BenefitPart(2, of("A1")), r.BenefitPart(1, of("A1"))),
                caps=r.Caps(max_applications=1),
            ),
            "Buy 2 of A1, get 1 free (the cheapest of them); once a sale.",
        ),
        (
            Rule(
                1,
                r.BuyGet(
                    r.BenefitPart(1, of("A1")), r.BenefitPart(1, of("B1")), percent=5000, max_get_units=2
                ),
            ),
            "Buy 1 of A1, get 1 of B1 at 50% off, at most 2 units reduced in a sale.",
        ),
        (
            Rule(
                1,
                r.Bundle((r.BenefitPart(1, of("A")), r.BenefitPart(2, of("B"))), price=900),
                stacking=r.Exclusive(),
            ),
            "1 of A and 2 of B together for 9.00 €; not together with any other promotion.",
        ),
        (Rule(1, r.Bundle((r.BenefitPart(3),), percent=1000)), "10% off 3 units bought together."),
        (
            Rule(1, r.Tiered((r.Tier(5000, percent=500), r.Tier(10000, amount=1500))), stacking=best_of("x")),
            "5% off the sale from 50.00 € on, 15.00 € from 100.00 € on; "
            "each unit gets the best promotion of “x” only.",
        ),
        (Rule(1, r.FixedPerUnit(100), target=FOOD), "1.00 € off each unit of anything in Food."),
        (Rule(1, r.FixedPrice(999), target=r.Target(of("A B"))), "A and B for 9.99 € each."),
        (Rule(1, r.CheapestFree(1)), "The cheapest unit of the sale free."),
        (
            Rule(1, r.FreeGift("MUG"), conditions=(r.FirstPurchase(), r.PaymentMethod(("card",)))),
            "MUG as a free gift, on a customer's first purchase, paid by card.",
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
            "12.5% off the 2 cheapest units of everything by X priced 1.00 € or more not already reduced, "
            "for customers of the group “vip”, with A, B, C, D, E or 2 more in the sale.",
        ),
        (
            Rule(1, off(10), conditions=(r.Hours("22:00", "02:00"), r.Hours(weekdays=(7,)))),
            "10% off everything, every day from 22:00 to 02:00 the next day, on Sunday.",
        ),
    ],
)
def test_a_rule_in_plain_words(rule, text):
    assert sentence(rule, money) == text


SETS = r.BenefitPart(2, of("A B")), r.BenefitPart(1, r.Match(categories=("Food",))), r.BenefitPart(1)


@pytest.mark.parametrize(
    ("benefit", "target", "text"),
    [
        (off(10), r.Target(of("A B")), "10% off A and B."),
        (off(10), r.Target(max_units=1), "10% off the cheapest unit of the sale."),
        (off(10), r.Target(max_units_per_line=1), "10% off everything (at most 1 unit of a line)."),
        (r.PercentOff(1000, "original"), FOOD, "10% off the original price of everything in Food."),
        (r.FixedPerUnit(100), r.Target(), "1.00 € off each unit."),
        (r.FixedPerUnit(100), r.Target(of("A B")), "1.00 € off each unit of A or B."),
        (r.FixedPerUnit(100), r.Target(max_units=1), "1.00 € off the cheapest unit of the sale."),
        (r.FixedPerUnit(100), r.Target(max_units=2), "1.00 € off each of the 2 cheapest units of the sale."),
        (
            r.FixedPrice(999),
            r.Target(max_units=1, pick="dearest"),
            "The most expensive unit of the sale for 9.99 €.",
        ),
        (r.FixedTotal(500), FOOD, "5.00 € off everything in Food together."),
        (r.PercentOfTotal(500), r.Target(of("A"), max_units=1), "5% off the cheapest unit of A."),
        (r.CheapestFree(2), FOOD, "The 2 cheapest units of everything in Food free."),
        (
            r.Tiered((r.Tier(2, percent=500),), by="quantity"),
            FOOD,
            "5% off everything in Food from 2 units on.",
        ),
        (r.FreeGift("MUG", 2), r.Target(), "2 units of MUG as a free gift."),
        (
            r.Bundle(SETS, price=900),
            r.Target(),
            "2 of A or B, 1 of anything in Food and 1 unit together for 9.00 €.",
        ),
        (
            r.Bundle(SETS[:2], amount=90),
            r.Target(),
            "0.90 € off 2 of A or B and 1 of anything in Food bought together.",
        ),
        (
            r.BuyGet(r.BenefitPart(2), r.BenefitPart(2), amount=100),
            r.Target(),
            "Buy 2 units, get 2 at 1.00 € off each (the cheapest of them).",
        ),
        (
            r.BuyGet(SETS[0], SETS[1], pick="dearest"),
            r.Target(),
            "Buy 2 of A or B, get 1 of anything in Food free (the most expensive).",
        ),
    ],
)
def test_a_benefit_in_plain_words(benefit, target, text):
    assert sentence(Rule(1, benefit, target=target), money) == text


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        (r.MinSubtotal(3000, FOOD.match), "with 30.00 € or more of anything in Food in the sale"),
        (r.MinQuantity(3), "on sales of 3 units or more"),
        (r.MinQuantity(1, of("A B")), "with 1 unit or more of A or B in the sale"),
        (
            r.Contains(r.Match(brands=("X", "Y"), unit_price_max=500)),
            "with anything by X or Y priced 5.00 € or less in the sale",
        ),
        (r.InGroup(("vip", "staff")), "for customers of the groups “Regulars” or “staff”"),
        (r.CustomerIs(("C1", "C2")), "for the customers C1 and C2"),
        (r.PaymentMethod(("card", "cash")), "paid by card or cash"),
        (r.Hours("17:00", "19:00", (1, 2, 3, 4, 5)), "Monday to Friday from 17:00 to 19:00"),
        (r.Hours("08:00", "08:00", (7, 1)), "on Monday and Sunday from 08:00 to 08:00 the next day"),
        (r.Hours(weekdays=(1, 2, 3, 4, 5, 6, 7)), "every day"),
    ],
)
def test_a_condition_in_plain_words(condition, text):
    rule = Rule(1, off(10), conditions=(condition,))
    assert sentence(rule, money, {"vip": "Regulars"}) == f"10% off everything, {text}."


def test_a_percentage_on_the_whole_sale_is_off_the_sale():
    assert sentence(Rule(1, off(10), level="order"), money) == "10% off the sale."


@pytest.mark.parametrize("benefit", BENEFITS, ids=str)
def test_every_benefit_has_words(benefit):
    text = sentence(Rule(1, benefit), money)
    assert text[0].isupper() or text[0].isdigit()
    assert text.endswith(".")


def test_every_condition_has_words():
    text = sentence(Rule(1, off(10), conditions=tuple(CONDITIONS)), money)
    assert text.count(", ") >= len(CONDITIONS)


@pytest.mark.parametrize(("percent", "text"), [(1000, "10%"), (1250, "12.5%"), (5, "0.05%"), (10000, "100%")])
def test_hundredths_of_a_percent_are_written_short(percent, text):
    assert percent_text(percent) == text
