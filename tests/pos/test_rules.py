"""The rules as a till without a connection gets them."""

import pytest

from campaigns import lifecycle
from promotions import publish, stacking
from tests.factories import LocationFactory, PromotionCampaignFactory, PromotionFactory
from tests.pos.tills import AtTill, basket

pytestmark = pytest.mark.django_db


def test_a_till_gets_the_rules_of_its_location_and_asks_again_only_when_they_changed():
    till = AtTill()
    campaign = PromotionCampaignFactory(discounting=True, status="active")
    elsewhere = PromotionFactory(standalone=True)
    elsewhere.locations.add(LocationFactory())
    first = till.send("GET", "rules")
    assert (first.status, first["location"], first["currency"]) == (200, till.location.code, "EUR")
    (rule,) = first["rules"]
    assert rule["benefit"] == {"type": "percent", "percent": 1_000, "of": "remaining"}
    assert rule["campaign"]["id"] == campaign.pk
    again = till.send("GET", "rules", if_none_match=first.headers["ETag"])
    assert (again.status, again.body) == (304, None)
    lifecycle.fire(campaign, "pause")
    changed = till.send("GET", "rules", if_none_match=first.headers["ETag"])
    assert changed.status == 200
    assert changed["rules"][0]["campaign"]["status"] == "paused"
    assert changed["rules_version"] == till.quote(basket(1_000))["rules_version"] > first["rules_version"]


def test_a_location_whose_code_changes_keeps_its_rules():
    till = AtTill()
    promotion = PromotionFactory(standalone=True)
    publish.save_promotion(promotion, locations=[till.location])
    assert till.quote(basket(1_000))["discount"] == 100
    till.location.code = "RENAMED"
    till.location.save()
    assert till.quote(basket(1_000))["discount"] == 100


def test_the_rules_say_what_the_site_says_on_stacking():
    stacking.change_rules(max_promotions=2)
    assert AtTill().send("GET", "rules")["stacking"]["max_promotions"] == 2


def test_without_any_rule_there_is_an_empty_set():
    assert AtTill().send("GET", "rules")["rules"] == []
