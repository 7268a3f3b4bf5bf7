"""The search over everything finds what people may open, and nothing else."""

import re

import pytest
from django.urls import reverse

from campaigns.workspace import menu, search
from tests.campaigns.test_pages import HTMX
from tests.factories import (
    ContactFactory,
    ContactListFactory,
    CouponFactory,
    EmailCampaignFactory,
    PromotionFactory,
    SegmentFactory,
    UserFactory,
    user_in,
)

pytestmark = pytest.mark.django_db
list_hits = re.compile(r'<li><a class="hit" href="([^"]+)">').findall


def find(user, words):
    return {found.heading: [hit.label for hit in found.hits] for found in search.search(user, words)}


def test_every_source_finds_its_rows_by_their_names_and_leads_to_their_pages(client, administrator):
    promotion = PromotionFactory(name="Autumn tea", trigger="coupon")
    made = {
        "Campaigns": (EmailCampaignFactory(name="Autumn letter"), "campaigns:detail"),
        "Promotions": (promotion, "promotions:promotion"),
        "Coupons": (CouponFactory(code="AUTUMN-2026", promotion=promotion), "promotions:coupon"),
        "Contacts": (ContactFactory(email="autumn@guests.example"), "mailing:contact"),
        "Segments": (SegmentFactory(name="Autumn people"), "mailing:segment"),
    }
    contacts = ContactListFactory(name="Autumn list")
    page = client.get("/search/", {"q": "autumn"}).content.decode()
    expected = {reverse(name, args=[row.pk]) for row, name in made.values()}
    assert {*list_hits(page)} == expected | {f"/contacts/?list={contacts.pk}"}
    for path in list_hits(page):
        assert client.get(path, follow=True).status_code == 200


def test_a_source_is_asked_only_for_those_who_may_see_its_rows():
    EmailCampaignFactory(name="Autumn letter")
    assert find(UserFactory(), "autumn") == {}
    assert find(user_in("Marketers"), "autumn") == {"Campaigns": ["Autumn letter"]}


def test_a_code_is_found_as_a_till_would_read_it():
    CouponFactory(code="SPRING-1")
    assert find(user_in("Marketers"), "spring-1 ")["Coupons"] == ["SPRING-1"]


def test_a_contact_is_found_by_customer_number_and_by_the_beginning_of_a_name():
    ContactFactory(email="ana@guests.example", first_name="Ana", customer_id="C-77")
    marketer = user_in("Marketers")
    for words in ("C-77", "an", "ANA@guests"):
        assert find(marketer, words)["Contacts"] == ["ana@guests.example"]


def test_pages_are_found_by_their_names_and_by_other_words_and_are_all_there_is_without_words():
    marketer = user_in("Marketers")
    assert find(marketer, "vouch")["Pages"] == ["Coupons"]
    assert find(marketer, " ")["Pages"] == [entry.label for entry in menu.list_entries(marketer)]


def test_each_source_shows_a_few_and_all_are_asked_in_one_query_each(django_assert_max_num_queries):
    EmailCampaignFactory.create_batch(search.MOST_OF_A_SOURCE + 2, name="Autumn")
    administrator = UserFactory(is_superuser=True)
    with django_assert_max_num_queries(10):
        found = find(administrator, "autumn")
    assert len(found["Campaigns"]) == search.MOST_OF_A_SOURCE


def test_the_dialog_gets_the_form_and_typing_the_hits_alone(client, administrator):
    form = client.get("/search/", headers={"HX-Request": "true", "HX-Target": "search"}).content.decode()
    assert "<form" in form
    assert "<html" not in form
    hits = client.get("/search/", {"q": "lists"}, **HTMX).content.decode()
    assert "<form" not in hits
    assert list_hits(hits) == ["/lists/"]


def test_what_nothing_has_is_said(client, administrator):
    assert "No results." in client.get("/search/", {"q": "zzz"}).content.decode()
