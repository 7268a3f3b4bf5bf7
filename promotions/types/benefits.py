"""Translates the answers of each kind into a benefit of the engine, and back: None if its form cannot show one."""

from campaigns.annotations import Columns, JsonObject
from promotions.engine import rules
from promotions.types.answers import Answers, answers_of_match, match_of


def discount_on_items(said: Answers) -> rules.Benefit:
    """Build the benefit of a discount on items."""
    match said["reduction"]:
        case "amount":
            return rules.FixedPerUnit(said["amount"])
        case "price":
            return rules.FixedPrice(said["amount"])
        case "cheapest":
            return rules.CheapestFree(said["units"])
    return rules.PercentOff(said["percent"], "original" if said.get("of_original") else "remaining")


def answers_of_discount_on_items(benefit: rules.Benefit) -> Columns | None:
    """Return the answers that describe the benefit; None: this form cannot."""
    match benefit:
        case rules.PercentOff(percent, of):
            return {"reduction": "percent", "percent": percent, "of_original": of == "original"}
        case rules.FixedPerUnit(amount):
            return {"reduction": "amount", "amount": amount}
        case rules.FixedPrice(amount):
            return {"reduction": "price", "amount": amount}
        case rules.CheapestFree(units):
            return {"reduction": "cheapest", "units": units}
    return None


def discount_on_sale(said: Answers) -> rules.Benefit:
    """Build the benefit of a discount on the whole sale."""
    match said["reduction"]:
        case "amount":
            return rules.FixedTotal(said["amount"])
        case "gift":
            return rules.FreeGift(said["gift_sku"], said.get("gift_quantity") or 1)
    if said.get("over_floors"):
        return rules.PercentOfTotal(said["percent"])
    return rules.PercentOff(said["percent"], "original" if said.get("of_original") else "remaining")


def answers_of_discount_on_sale(benefit: rules.Benefit) -> Columns | None:
    """Return the answers that describe the benefit; None: this form cannot."""
    match benefit:
        case rules.PercentOff(percent, of):
            return {"reduction": "percent", "percent": percent, "of_original": of == "original"}
        case rules.PercentOfTotal(percent):
            return {"reduction": "percent", "percent": percent, "over_floors": True}
        case rules.FixedTotal(amount):
            return {"reduction": "amount", "amount": amount}
        case rules.FreeGift(sku, quantity):
            return {"reduction": "gift", "gift_sku": sku, "gift_quantity": quantity}
    return None


def buy_get(said: Answers) -> rules.Benefit:
    """Build the benefit of a buy-and-get promotion."""
    bought = match_of(said, "buy_")
    got = bought if said.get("get_same") else match_of(said, "get_")
    reward = said["reward"]
    return rules.BuyGet(
        buy=rules.BenefitPart(said["buy_quantity"], bought),
        get=rules.BenefitPart(said["get_quantity"], got),
        percent=said["percent"] if reward == "percent" else None,
        amount=said["amount"] if reward == "amount" else None,
        pick=said.get("pick") or "cheapest",
        max_get_units=said.get("max_get_units"),
    )


def answers_of_buy_get(benefit: rules.Benefit) -> Columns | None:
    """Return the answers that describe the benefit; None: this form cannot."""
    if not isinstance(benefit, rules.BuyGet):
        return None
    reward = "percent" if benefit.percent is not None else "amount" if benefit.amount is not None else "free"
    same = benefit.get.match == benefit.buy.match
    return {
        "buy_quantity": benefit.buy.quantity,
        **answers_of_match(benefit.buy.match, "buy_"),
        "get_quantity": benefit.get.quantity,
        "get_same": same,
        **answers_of_match(rules.EVERYTHING if same else benefit.get.match, "get_"),
        "reward": reward,
        "percent": benefit.percent,
        "amount": benefit.amount,
        "pick": benefit.pick,
        "max_get_units": benefit.max_get_units,
    }


def bundle(said: Answers) -> rules.Benefit:
    """Build the benefit of a set."""
    reward = said["reduction"]
    return rules.Bundle(
        parts=tuple([rules.BenefitPart(part["quantity"], match_of(part)) for part in said["parts"]]),
        price=said["amount"] if reward == "price" else None,
        percent=said["percent"] if reward == "percent" else None,
        amount=said["amount"] if reward == "amount" else None,
        pick=said.get("pick") or "cheapest",
    )


def answers_of_bundle(benefit: rules.Benefit) -> Columns | None:
    """Return the answers that describe the benefit; None: this form cannot."""
    if not isinstance(benefit, rules.Bundle):
        return None
    said: JsonObject = {
        "parts": [{"quantity": part.quantity, **answers_of_match(part.match)} for part in benefit.parts],
        "pick": benefit.pick,
    }
    if benefit.price is not None:
        return said | {"reduction": "price", "amount": benefit.price}
    if benefit.percent is not None:
        return said | {"reduction": "percent", "percent": benefit.percent}
    return said | {"reduction": "amount", "amount": benefit.amount}


def tiered_discount(said: Answers) -> rules.Benefit:
    """Build the benefit of a discount in tiers."""
    steps = "at_least_units" if said["by"] == "quantity" else "at_least"
    return rules.Tiered(
        tiers=tuple(
            [rules.Tier(tier[steps], tier.get("percent"), tier.get("amount")) for tier in said["tiers"]]
        ),
        by=said["by"],
    )


def answers_of_tiered_discount(benefit: rules.Benefit) -> Columns | None:
    """Return the answers that describe the benefit; None: this form cannot."""
    if not isinstance(benefit, rules.Tiered):
        return None
    steps = "at_least_units" if benefit.by == "quantity" else "at_least"
    tiers = [{steps: tier.at_least, "percent": tier.percent, "amount": tier.amount} for tier in benefit.tiers]
    return {"by": benefit.by, "tiers": tiers}
