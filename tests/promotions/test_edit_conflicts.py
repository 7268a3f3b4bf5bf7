"""Two people at one form: nothing that the first one saved is lost without a word."""

import re

import pytest

from promotions import batches, coupons, groups, publish, stacking
from promotions.models import Coupon, Promotion, PromotionCampaign, StackingSettings
from tests.factories import CouponFactory, CustomerGroupFactory, PromotionCampaignFactory, user_in
from tests.promotions.pages import read_page, words
from tests.promotions.test_campaign_pages import edit_answers
from tests.promotions.test_promotion_pages import FILLED, PLAIN

pytestmark = pytest.mark.django_db


def read_edition(page: str) -> str:
    return re.search(r'name="seen" value="(\d+)"', page).group(1)


@pytest.fixture
def mara():
    return user_in("Marketers", first_name="Mara", last_name="Market")


def test_a_campaign_edited_meanwhile_is_told_and_a_second_save_goes_through(client, marketer, mara):
    campaign = PromotionCampaignFactory(status="active", budget=10000)
    address = f"/campaigns/promotion/{campaign.pk}/edit/"
    answers = edit_answers(campaign) | {"seen": read_edition(read_page(client.get(address))), "name": "Mine"}
    publish.edit_campaign(campaign, by=mara, changes={"budget": 20000})
    page = read_page(client.post(address, answers), 422)
    assert "Edited by Mara Market on" in words(page)
    assert "budget: €100.00 → €200.00" in words(page)
    assert 'value="Mine"' in page  # what was typed is still there
    stored = PromotionCampaign.objects.get()
    assert (stored.name, stored.budget) == (campaign.name, 20000)
    again = client.post(address, answers | {"seen": read_edition(page), "budget": "200"})
    assert again.status_code == 302
    stored = PromotionCampaign.objects.get()
    assert (stored.name, stored.budget) == ("Mine", 20000)


def test_another_mistake_does_not_hide_what_was_edited_meanwhile(client, marketer, mara):
    campaign = PromotionCampaignFactory(status="draft")
    address = f"/campaigns/promotion/{campaign.pk}/edit/"
    answers = edit_answers(campaign) | {"seen": read_edition(read_page(client.get(address)))}
    publish.edit_campaign(campaign, by=mara, changes={"priority": 7})
    page = read_page(client.post(address, answers | {"name": ""}), 422)
    assert read_edition(page) == answers["seen"]
    assert "priority: 100 → 7" in words(read_page(client.post(address, answers), 422))


def test_a_step_or_a_link_is_no_edit_of_the_form(client, marketer, mara):
    campaign = PromotionCampaignFactory(status="draft", discounting=True)
    address = f"/campaigns/promotion/{campaign.pk}/edit/"
    answers = edit_answers(campaign) | {"seen": read_edition(read_page(client.get(address))), "name": "Mine"}
    publish.unlink(campaign, Promotion.objects.get(), by=mara)
    assert client.post(address, answers).status_code == 302
    assert PromotionCampaign.objects.get().name == "Mine"


def test_a_promotion_edited_meanwhile_is_told(client, marketer, mara):
    said, _ = FILLED["items"]
    client.post("/promotions/new/", PLAIN | said | {"type": "items"})
    promotion = Promotion.objects.get()
    address = f"/promotions/{promotion.pk}/edit/"
    answers = (
        PLAIN
        | said
        | {"type": "items", "seen": read_edition(read_page(client.get(address))), "percent": "50"}
    )
    publish.save_promotion(promotion, by=mara, name="Hers")
    page = read_page(client.post(address, answers), 422)
    assert "name: Ten off → Hers" in words(page)
    assert Promotion.objects.get().benefit["percent"] == 1250
    assert client.post(address, answers | {"seen": read_edition(page)}).status_code == 302
    assert Promotion.objects.get().benefit["percent"] == 5000


def test_codes_switched_off_meanwhile_are_not_switched_on_by_an_old_form(client, marketer, mara):
    coupon = CouponFactory(batch="Guests")
    address = f"/coupons/{coupon.pk}/"
    answers = {"code": coupon.code, "active": "on", "discount": "promotion", "kind": "multi_use"}
    answers |= {"seen": read_edition(read_page(client.get(address)))}
    batches.switch_batch(coupon.promotion, "Guests", False, by=mara)
    assert "Codes switched off by Mara Market" in read_page(client.post(address, answers), 422)
    assert not Coupon.objects.get().active
    coupons.save_coupon(coupon, by=mara, active=True)
    answers |= {"seen": read_edition(read_page(client.get(address)))}
    coupons.save_coupon(coupon, by=mara, max_uses=3)
    assert "Code edited by Mara Market" in read_page(client.post(address, answers), 422)
    assert Coupon.objects.get().max_uses == 3


def test_stacking_rules_changed_meanwhile_are_told(client, administrator):
    answers = {
        "precedence": "value",
        "max_promotions": "3",
        "seen": read_edition(read_page(client.get("/stacking/"))),
    }
    stacking.change_rules(by=administrator, max_discount=5000)
    page = read_page(client.post("/stacking/", answers), 422)
    assert "maximum discount per sale: none → €50.00" in words(page)
    assert StackingSettings.objects.get().max_promotions is None
    assert client.post("/stacking/", answers | {"seen": read_edition(page)}).status_code == 302
    assert StackingSettings.objects.get().max_promotions == 3


def test_customers_whom_two_people_put_into_a_group_are_all_in_it(client, marketer):
    group = CustomerGroupFactory()
    groups.set_members(group, ["C1", "C2", "C3"])
    page = read_page(client.get(f"/groups/{group.pk}/"))
    before = re.search(r'name="shown" value="([^"]*)"', page).group(1)
    groups.set_members(group, ["C2", "C3", "HERS"])  # she took C1 out
    typed = {"name": "VIP", "customers": "C1\nC2\nMINE", "shown": before}  # C3 is taken out
    assert client.post(f"/groups/{group.pk}/", typed).status_code == 302
    assert sorted(group.members.values_list("customer", flat=True)) == ["C2", "HERS", "MINE"]
