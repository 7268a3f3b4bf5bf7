"""The pages of contacts: found, looked at, edited, deleted, and asked why they get a campaign."""

import pytest
from django.db import connection
from django.utils import timezone

from mailing import audience, contact_search, contacts
from mailing.models import Contact, Delivery, Event, Membership, Segment, Suppression, Target
from promotions.models import Redemption
from tests.factories import (
    ContactFactory,
    ContactListFactory,
    CouponFactory,
    DeliveryFactory,
    EmailCampaignFactory,
    SaleFactory,
    SegmentFactory,
    SuppressionFactory,
)
from tests.mailing.pages import page

pytestmark = pytest.mark.django_db
HTMX = {"HTTP_HX_REQUEST": "true"}


def test_contacts_are_found_by_address_name_customer_number_and_list(client, marketer):
    ada = ContactFactory(email="ada@example.com", first_name="Ada", last_name="Byron", customer_id="C7")
    ContactFactory(email="bob@example.com", first_name="Bob", last_name="Ross")
    members = ContactListFactory(contacts=[ada])

    def list_emails(query):
        return [contact.email for contact in client.get(f"/contacts/{query}").context["page"]]

    assert list_emails("") == ["ada@example.com", "bob@example.com"]
    assert list_emails("?q=ross") == ["bob@example.com"]
    assert list_emails("?q=B@EXAMPLE") == ["bob@example.com"]
    assert list_emails("?q=c7") == ["ada@example.com"]
    assert list_emails("?q=YRO") == ["ada@example.com"]
    assert list_emails("?q=%25") == []
    assert list_emails("?q=ada+byron") == ["ada@example.com"]
    assert list_emails(f"?list={members.pk}") == ["ada@example.com"]
    assert list_emails("?list=999999") == ["ada@example.com", "bob@example.com"]


def test_contacts_come_in_pages_by_their_address_and_many_are_counted_afterwards(
    client, marketer, monkeypatch
):
    for number in range(102):
        ContactFactory(email=f"{number:03}@example.com")
    first = client.get("/contacts/")
    assert "102 contacts" in first.content.decode()
    monkeypatch.setattr(contacts, "COUNTED_AT_ONCE", 100)
    second = client.get("/contacts/", {"after": first.context["page"].after})
    assert [contact.email[:3] for contact in second.context["page"]] == [
        f"{each:03}" for each in range(50, 100)
    ]
    assert "More than 100 contacts" in second.content.decode()
    assert "102 contacts" in client.get("/contacts/?count=all").content.decode()
    part = client.get("/contacts/?count=all&q=example", **HTMX).content.decode()
    assert "102 contacts" in part
    assert "<html" not in part
    before = client.get("/contacts/", {"before": second.context["page"].before})
    assert before.context["page"].rows[0].email == "000@example.com"


def test_the_index_of_parts_of_words_is_of_the_text_that_is_searched():
    """A plain index of the same expression stands for the one of trigrams, which needs an extension."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"CREATE INDEX searched ON mailing_contact (({contact_search.SEARCHED}))")
    found = Contact.objects.alias(searched=contact_search.SearchedText()).filter(searched="ada").order_by()
    assert "Index Cond" in found.explain()


def test_the_index_of_parts_of_words_is_made_where_the_server_can():
    assert contact_search.make_index() == contact_search.is_indexed()
    if contact_search.is_indexed():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
        assert contact_search.INDEX in contacts.find_contacts("yron").order_by().explain()


def test_the_list_of_contacts_says_who_is_suppressed_in_few_queries(
    client, marketer, django_assert_num_queries
):
    SuppressionFactory(email=ContactFactory().email, reason="complaint")
    ContactFactory.create_batch(30)
    client.get("/contacts/")
    with django_assert_num_queries(8):
        text = page(client, "/contacts/")
    assert text.count("Suppressed: complaint") == 1
    assert text.count("Gets campaigns") == 30


def test_a_contact_shows_lists_suppression_and_mails(client, marketer):
    contact = ContactFactory()
    ContactListFactory(contacts=[contact])
    DeliveryFactory(contact=contact, campaign=EmailCampaignFactory(status="running", name="Winter letter"))
    contact.attributes = {"favourite": "<b>coffee</b>"}
    contact.save()
    SuppressionFactory(email=contact.email, reason="hard_bounce", detail="550 no such user")
    text = page(client, f"/contacts/{contact.pk}/")
    assert "&lt;b&gt;coffee&lt;/b&gt;" in text
    assert "550 no such user" in text
    assert str(contact.lists.get()) in text
    assert "Winter letter" in text


def test_contacts_of_a_segment_are_listed_and_handed_out(client, marketer):
    ContactFactory(email="kiel@example.com", city="Kiel", phone="+49 431 5", attributes={"note": "=1+1"})
    ContactFactory(email="bremen@example.com", city="Bremen")
    SuppressionFactory(email="kiel@example.com", reason="complaint")
    coast = SegmentFactory(tree={"field": "city", "op": "equals", "value": "Kiel"})
    listed = client.get(f"/contacts/?segment={coast.pk}").context["page"]
    assert [contact.email for contact in listed] == ["kiel@example.com"]
    response = client.get(f"/contacts/export.csv?segment={coast.pk}")
    lines = b"".join(response.streaming_content).decode().splitlines()
    assert lines == [
        "e-mail address,first name,last name,phone,city,country,score,customer number,language,time zone,"
        "suppressed,note",
        f"kiel@example.com,{Contact.objects.get(city='Kiel').first_name},"
        f"{Contact.objects.get(city='Kiel').last_name},+49 431 5,Kiel,,,,,,complaint,'=1+1",
    ]


def test_a_segment_that_cannot_be_used_says_so_in_the_list(client, marketer):
    broken = SegmentFactory(tree={"field": "city", "op": "resembles", "value": "Kiel"})
    assert "The segment cannot be used" in page(client, f"/contacts/?segment={broken.pk}")


def test_who_left_a_list_is_not_shown_in_it(client, marketer):
    members = ContactListFactory(contacts=ContactFactory.create_batch(2))
    Membership.objects.filter(contact=Contact.objects.first()).update(unsubscribed_at=timezone.now())
    assert list(client.get(f"/contacts/?list={members.pk}").context["page"]) == [Contact.objects.last()]


# ── editing ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def contact_form(**fields):
    return {"email": "ada@example.com"} | fields


def test_a_contact_is_made_by_hand(client, marketer):
    members = ContactListFactory()
    response = client.post(
        "/contacts/new/",
        contact_form(
            email="Ada@Example.COM",
            first_name="Ada",
            country="de",
            language="German",
            time_zone="Europe/Berlin",
            attribute_name=["points", "", ""],
            attribute_value=["12", "", ""],
            lists=[members.pk],
        ),
    )
    contact = Contact.objects.get()
    assert response.url == f"/contacts/{contact.pk}/"
    assert (contact.email, contact.country, contact.customer_id) == ("ada@example.com", "DE", None)
    assert (contact.language, contact.time_zone) == ("de", "Europe/Berlin")
    assert contact.attributes == {"points": 12}
    assert contact.memberships.get().list == members


def test_an_edit_changes_what_was_touched_and_keeps_the_rest_as_it_was(client, marketer):
    contact = ContactFactory(
        email="ada@example.com", attributes={"tags": ["a", "b"], "zip": "01234", "points": 1, "old": "x"}
    )
    text = page(client, f"/contacts/{contact.pk}/edit/")
    assert 'value="01234"' in text
    client.post(
        f"/contacts/{contact.pk}/edit/",
        contact_form(
            attribute_name=["tags", "zip", "points", "old", "new"],
            attribute_value=['["a", "b"]', "01234", "2", "", "y"],
        ),
    )
    assert Contact.objects.get().attributes == {"tags": ["a", "b"], "zip": "01234", "points": 2, "new": "y"}


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"email": "nonsense"}, "is not an e-mail address"),
        ({"email": "bob@example.com"}, "already exists"),
        ({"customer_id": "C1"}, "already exists"),
        ({"country": "Germany"}, "at most 2 characters"),
        ({"country": "1!"}, "Give the two letters of ISO 3166"),
        ({"language": "Klingonisch"}, "“Klingonisch” is not a language we know"),
        ({"time_zone": "Mars/Base"}, "Select a valid choice"),
        ({"attribute_name": ["my points"], "attribute_value": ["1"]}, "cannot be the name of an attribute"),
        ({"attribute_name": ["city"], "attribute_value": ["Kiel"]}, "it has a field of its own"),
        ({"attribute_name": [""], "attribute_value": ["1"]}, "Name the attribute whose value is “1”"),
        ({"attribute_name": ["a", "a"], "attribute_value": ["1", "2"]}, "“a” is there twice"),
    ],
)
def test_what_is_wrong_with_a_contact_is_said_and_nothing_saved(client, marketer, fields, sentence):
    ContactFactory(email="bob@example.com", customer_id="C1")
    contact = ContactFactory(email="ada@example.com", city="Rome")
    response = client.post(f"/contacts/{contact.pk}/edit/", contact_form(city="Oslo") | fields)
    assert response.status_code == 422
    assert sentence in response.content.decode()
    assert Contact.objects.get(pk=contact.pk).city == "Rome"


def test_lists_are_joined_left_and_joined_again_only_by_a_tick(client, marketer):
    contact = ContactFactory(email="ada@example.com")
    stays, goes, left = (ContactListFactory(contacts=[contact]) for _ in range(3))
    Membership.objects.filter(list=left).update(unsubscribed_at=timezone.now())
    text = page(client, f"/contacts/{contact.pk}/edit/")
    assert "(unsubscribed on" in text
    client.post(f"/contacts/{contact.pk}/edit/", contact_form(lists=[stays.pk]))
    assert not goes.memberships.exists()
    assert left.memberships.get().unsubscribed_at, "the evidence stays"
    client.post(f"/contacts/{contact.pk}/edit/", contact_form(lists=[stays.pk, left.pk]))
    assert left.memberships.get().unsubscribed_at is None
    assert contact.memberships.count() == 2


@pytest.mark.parametrize(
    ("reason", "changes"), [("unsubscribed", False), ("complaint", False), ("hard_bounce", True)]
)
def test_a_new_address_does_not_bring_back_who_asked_for_no_more_mail(client, marketer, reason, changes):
    contact = ContactFactory(email="ada@example.com", soft_bounces=3)
    SuppressionFactory(email="ada@example.com", reason=reason)
    response = client.post(f"/contacts/{contact.pk}/edit/", contact_form(email="ada@example.org"))
    assert response.status_code == (302 if changes else 422)
    contact.refresh_from_db()
    assert (contact.email == "ada@example.org", contact.soft_bounces == 0) == (changes, changes)
    if not changes:
        assert "the address cannot be changed" in response.content.decode()


def test_a_contact_is_deleted_after_a_question_and_the_ledger_and_the_suppression_stay(client, marketer):
    contact = ContactFactory(email="ada@example.com")
    ContactListFactory(contacts=[contact])
    DeliveryFactory(contact=contact, campaign=EmailCampaignFactory(status="running"))
    SuppressionFactory(email="ada@example.com")
    assert "The contact is deleted permanently" in page(client, f"/contacts/{contact.pk}/delete/")
    assert client.post(f"/contacts/{contact.pk}/delete/").url == "/contacts/"
    assert not Contact.objects.filter(pk=contact.pk).exists()
    assert Delivery.objects.get().email == "ada@example.com"
    assert Suppression.objects.filter(email="ada@example.com").exists()


def test_an_address_is_suppressed_from_the_contacts_page(client, marketer):
    contact = ContactFactory(email="ada+news@example.com")
    assert "/suppressions/new/?email=ada%2Bnews%40example.com" in page(client, f"/contacts/{contact.pk}/")
    assert 'value="ada+news@example.com"' in page(client, "/suppressions/new/?email=ada%2Bnews%40example.com")
    response = client.post("/suppressions/new/", {"email": "ada+news@example.com", "reason": "manual"})
    assert response.url == f"/contacts/{contact.pk}/"
    assert "This address gets no campaign" in page(client, response.url)


def test_the_evidence_of_an_unsubscription_is_shown(client, marketer):
    delivery = DeliveryFactory(campaign=EmailCampaignFactory(status="completed", name="Winter letter"))
    Event.objects.create(
        delivery=delivery,
        campaign=delivery.campaign,
        kind="unsubscribed",
        how="one-click",
        client="Gmail",
        basis="evidence",
    )
    text = page(client, f"/contacts/{delivery.contact_id}/")
    assert "The unsubscribe button of the mail program, Gmail" in text


# ── why ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_contact_page_says_why_they_get_a_campaign_or_not(client, marketer):
    contact, other = ContactFactory(), ContactFactory()
    campaign = EmailCampaignFactory(name="Winter letter")
    Target.objects.create(campaign=campaign, list=ContactListFactory(name="Members", contacts=[contact]))
    text = page(client, f"/contacts/{contact.pk}/?campaign={campaign.pk}")
    assert "Yes, as things stand they will get it." in text
    assert "They are in the list “Members”." in text
    text = page(client, f"/contacts/{other.pk}/why/?campaign={campaign.pk}", **HTMX)
    assert text.strip().startswith('<div id="why-answer"')
    assert "No, as things stand they will not get it." in text
    response = client.get(f"/contacts/{other.pk}/why/?campaign={campaign.pk}")
    assert response.url == f"/contacts/{other.pk}/?campaign={campaign.pk}#why"
    for nonsense in ("", "x", "9" * 30, "999999"):
        assert "as things stand" not in page(client, f"/contacts/{other.pk}/?campaign={nonsense}")


def test_contacts_are_suggested_by_address_first_and_then_by_name(client, marketer):
    ContactFactory(email="zoe@example.com", first_name="Ada", last_name="Ada")
    ContactFactory(email="ada@example.com", first_name="Zoë", last_name="Adams")
    ContactFactory(email="bob@example.com", first_name="Bob", last_name="Ross")
    text = page(client, "/contacts/suggestions/?contact=Ad")
    assert text.index("ada@example.com") < text.index("zoe@example.com")
    assert "bob@example.com" not in text
    assert "bob@example.com" in page(client, "/contacts/suggestions/")


def test_the_columns_of_the_table_are_chosen_and_remembered(admin_client):
    ContactFactory(email="ada@x.test", city="Oslo", phone="555", attributes={"plan": "Gold"})
    plain = admin_client.get("/contacts/").content.decode()
    assert '<th scope="col">City</th>' in plain
    assert "Gold" not in plain
    chosen = admin_client.get("/contacts/?choose=columns&column=phone&column=attribute:plan").content.decode()
    assert '<th scope="col">plan</th>' in chosen
    assert "Gold" in chosen
    assert '<th scope="col">City</th>' not in chosen
    assert "Gold" in admin_client.get("/contacts/").content.decode()
    bare = admin_client.get("/contacts/?choose=columns&column=%01&column=nonsense").content.decode()
    assert '<th scope="col">Address</th>' in bare


def test_a_contacts_page_shows_their_segments_and_the_coupons_they_used(admin_client):
    ada = ContactFactory(customer_id="C1", city="Oslo")
    at = [{"field": "city", "op": "equals", "value": "Oslo"}]
    Segment.objects.create(name="Norwegians", tree={"all": at})
    Segment.objects.create(name="Others", tree={"none": at})
    Segment.objects.create(name="Broken", tree={"all": [{"field": "city", "op": "nonsense"}]})
    coupon = CouponFactory(code="TEN")
    sale = SaleFactory(customer="C1")
    Redemption.objects.create(sale=sale, promotion=coupon.promotion, coupon=coupon, amount=250, uses=1)
    page = admin_client.get(f"/contacts/{ada.pk}/").content.decode()
    assert "TEN" in page
    assert "2.50" in page
    whole = admin_client.get(f"/contacts/{ada.pk}/segments/").content.decode()
    part = admin_client.get(f"/contacts/{ada.pk}/segments/", headers={"HX-Request": "true"}).content.decode()
    for shown in (whole, part):
        assert "Norwegians" in shown
        assert "Others" not in shown
    assert "<html" not in part


def test_what_one_person_bought_is_asked_about_them_alone_and_gives_what_a_count_gives(
    db, django_assert_num_queries
):
    people = [ContactFactory(customer_id=number) for number in ("C1", "C2", "C3", None)]
    for customer in ("C1", "C1", "C2", ""):
        SaleFactory(customer=customer)
    coupon = CouponFactory(code="TEN")
    used = SaleFactory(customer="C2")
    Redemption.objects.create(sale=used, promotion=coupon.promotion, coupon=coupon, amount=250, uses=1)
    bought = {"event": "bought"}
    redeemed = {"event": "redeemed", "of": {"code": "TEN"}}
    trees = [
        {"all": [bought]},
        {"all": [bought | {"times": 2}]},
        {"all": [bought | {"done": False}]},
        {"all": [{"event": "first_bought", "within": {"amount": 1, "unit": "day"}}]},
        {"any": [redeemed, bought | {"times": 3}]},
        {"none": [redeemed, bought | {"of": {"sku": "TEA"}}]},
    ]
    segments = [Segment.objects.create(name=f"S{place}", tree=tree) for place, tree in enumerate(trees)]
    chosen = {
        segment: {*Contact.objects.filter(pk__in=audience.contact_keys(segment.tree))} for segment in segments
    }
    assert len({frozenset(each) for each in chosen.values()}) > 3
    for contact in people:
        expected = [segment for segment in segments if contact in chosen[segment]]
        with django_assert_num_queries(2) as asked:
            assert audience.list_segments_of(contact) == expected
        assert asked.captured_queries[-1]["sql"].count("SELECT customer FROM asked") == 8
        assert [each for each in segments if audience.is_in_segment(each, contact)] == expected
