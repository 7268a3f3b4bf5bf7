"""Choosing a promotion among thousands: pages stay small and quick, and the search works without JavaScript."""

import re
from itertools import pairwise

import pytest

from promotions.models import Coupon, ExcludedPair, Link, Promotion
from tests.factories import PromotionCampaignFactory, PromotionFactory
from tests.promotions.pages import campaign_with, queries, read_page, words

pytestmark = pytest.mark.django_db

MANY = 5_000
SMALL = 60_000  # bytes of a page


def offered_keys(page: str, name: str) -> list[str]:
    """The keys that are offered for a field, in order."""
    return re.findall(rf'type="radio" id="id_{name}_\d+" name="{name}" value="(\d+)"', page)


def chosen_keys(page: str, name: str) -> list[str]:
    return re.findall(rf'name="{name}" value="(\d+)" checked', page)


def fill(campaign, **fields):
    """As many promotions as a large retailer has gathered, all active; half of them linked to `campaign`."""
    like = PromotionFactory.build(standalone=True, **fields)
    made = Promotion.objects.bulk_create(
        Promotion(
            name=f"Many {number}",
            benefit=like.benefit,
            status="active",
            standalone=number % 2 == 0,
            trigger="coupon",
        )
        for number in range(MANY)
    )
    Link.objects.bulk_create(Link(campaign=campaign, promotion=one) for one in made if not one.standalone)
    ExcludedPair.objects.bulk_create(
        ExcludedPair(first=one, second=other) for one, other in pairwise(made[:200])
    )


ADDRESSES = [
    "/stacking/",
    "/promotions/",
    "/coupons/",
    "/coupons/new/",
    "/coupons/generate/",
    "/promotions/offer/?of=one&find_one=any",
    "/campaigns/promotion/{pk}/?find=any",
]


def test_with_thousands_of_promotions_a_page_asks_no_more_and_stays_small(client, administrator):
    campaign = PromotionCampaignFactory(status="active")
    draft = PromotionCampaignFactory(status="draft")
    for number in range(12):
        PromotionFactory(name=f"Any {number}", trigger="coupon", standalone=number % 2 == 0)
    campaign_with(2)
    few = {address: queries(client, address.format(pk=draft.pk)) for address in ADDRESSES}
    fill(campaign)  # once: it takes longer than all the pages
    for address in ADDRESSES:
        shown_at = address.format(pk=draft.pk)
        # the pairs, and the campaigns of what is listed
        assert queries(client, shown_at) <= few[address] + 2, address
        assert len(read_page(client.get(shown_at)).encode()) < SMALL, address


def test_a_search_offers_what_it_finds_and_keeps_the_one_that_is_chosen(client, marketer):
    teas = [PromotionFactory(name=f"Tea {letter}") for letter in "ihgfedcbaj"]
    coffee = PromotionFactory(name="Coffee")
    PromotionFactory(name="Tea that is gone", deleted_at="2026-01-01T00:00Z")
    page = read_page(client.get("/promotions/offer/", {"of": "one", "find_one": "tea", "one": coffee.pk}))
    assert offered_keys(page, "one")[0] == str(coffee.pk)
    assert chosen_keys(page, "one") == [str(coffee.pk)]
    by_name = sorted(teas, key=lambda tea: tea.name)
    assert offered_keys(page, "one")[1:] == [str(tea.pk) for tea in by_name[:8]]
    assert "There are more: type more of the name." in page
    page = read_page(client.get("/promotions/offer/", {"of": "one", "find_one": "nothing like it"}))
    assert "No promotion has that in its name." in page


def test_for_a_coupon_only_promotions_with_a_code_are_offered(client, marketer):
    PromotionFactory(name="Automatic")
    unlocked = PromotionFactory(name="Unlocked", trigger="coupon")
    page = read_page(client.get("/promotions/offer/", {"of": "promotion", "with_coupon": "1"}))
    assert offered_keys(page, "promotion") == [str(unlocked.pk)]


def test_another_field_or_a_broken_key_is_no_fault(client, marketer):
    assert client.get("/promotions/offer/", {"of": "password"}).status_code == 404
    for key in ("²", "x", "9" * 30, "-1"):
        page = read_page(client.get("/promotions/offer/", {"of": "one", "one": key}))
        assert "There is none yet." in page


def test_without_javascript_the_button_find_saves_nothing_and_keeps_what_was_typed(client, marketer):
    unlocked = PromotionFactory(name="Unlocked", trigger="coupon")
    for number in range(9):
        PromotionFactory(name=f"Other {number}", trigger="coupon")
    typed = {"code": "SPRING", "discount": "promotion", "kind": "multi_use"}
    page = read_page(client.post("/coupons/new/", typed | {"find_promotion": "unlo", "look": "promotion"}))
    assert offered_keys(page, "promotion") == [str(unlocked.pk)]
    assert 'value="SPRING"' in page
    assert "This was not saved" not in page
    assert not Coupon.objects.exists()
    page = words(read_page(client.post("/coupons/new/", typed), 422))
    assert "Choose the promotion that the codes unlock." in page


def test_without_javascript_two_promotions_are_found_one_after_the_other(client, marketer):
    tea, coffee = PromotionFactory(name="Tea"), PromotionFactory(name="Coffee")
    for number in range(9):
        PromotionFactory(name=f"Other {number}")
    page = read_page(client.get("/stacking/", {"find_one": "tea", "find_other": "", "look": "one"}))
    assert offered_keys(page, "one") == [str(tea.pk)]
    page = read_page(client.get("/stacking/", {"one": tea.pk, "find_other": "coff", "look": "other"}))
    assert chosen_keys(page, "one") == [str(tea.pk)]
    assert offered_keys(page, "other") == [str(coffee.pk)]
    page = words(read_page(client.get("/stacking/", {"one": tea.pk, "other": coffee.pk})))
    assert "“Tea” and “Coffee”" in page


def test_a_search_that_no_name_can_answer_finds_nothing_and_is_no_fault(client, marketer):
    promotion, campaign = PromotionFactory(), PromotionCampaignFactory()
    for address in (
        f"/promotions/{promotion.pk}/?find=%00",
        f"/campaigns/promotion/{campaign.pk}/?find=%00",
        "/promotions/offer/?of=promotion&find_promotion=%00",
        "/promotions/?q=%00",
        "/coupons/?q=%00&batch=%00",
        "/campaigns/?q=%00",
        "/contacts/?q=%00",
        "/suppressions/?q=%00",
        "/outbox/?q=%00",
    ):
        response = client.get(address)  # answered at the door of all pages
        assert response.status_code == 400, address
        assert "holds a sign that cannot be stored" in response.content.decode(), address
