"""What stands between the server and every page: unstorable text, sessions that have ended, parts that are no pages."""

import pytest
from django.test import Client
from django.urls import reverse

from campaigns import middleware
from mailing import launch
from tests.factories import ContactFactory, EmailCampaignFactory
from tests.hostile_input import list_refused_fields

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
HERE = "http://testserver"


@pytest.mark.parametrize(
    ("method", "path", "fields", "named"),
    [
        ("get", "/contacts/", {"q": "a\x00b"}, "The field “q” holds a sign that cannot be stored"),
        ("get", "/contacts/", {"a\x00b": "q"}, "The field “a�b” holds"),
        ("post", "/segments/count/", {"0-field": "a\x00"}, "The field “0-field” holds"),
        ("post", "/contacts/new/", {"attribute_value": ["x", "\x00"]}, "The field “attribute_value” holds"),
        ("get", "/t/o/a%00b", {}, "The address of this page holds"),
        ("post", "/login/", {"username": "ada\x00"}, "The field “username” holds"),
    ],
)
def test_text_that_no_column_can_hold_is_refused_at_the_door(client, marketer, method, path, fields, named):
    response = getattr(client, method)(path, fields)
    assert response.status_code == 400
    assert named in response.content.decode()


def test_a_cookie_that_no_column_can_hold_is_left_out(client):
    client.cookies.load('sessionid="' + "\\000" * 32 + '"')
    assert client.get("/")["Location"] == "/login/?next=/"


def test_a_part_asked_for_without_a_session_leads_the_whole_page_to_the_login():
    mail = EmailCampaignFactory(status="running")
    page = f"/campaigns/email/{mail.pk}/?contact=a%40x.test"
    answer = Client().get(
        f"/campaigns/email/{mail.pk}/progress/", headers={**HTMX, "HX-Current-URL": f"{HERE}{page}"}
    )
    assert answer.status_code == 200
    assert (
        answer["HX-Redirect"]
        # `next` is the page, not the part
        == (f"/login/?next=/campaigns/email/{mail.pk}/%3Fcontact%3Da%2540x.test")
    )
    assert answer.content == b""


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/campaigns/", "//evil.example", "", "javascript:1"]
)
def test_after_the_login_nobody_is_led_to_another_site(elsewhere):
    answer = Client().get("/campaigns/", headers={**HTMX, "HX-Current-URL": elsewhere})
    assert answer["HX-Redirect"] == "/login/?next=/"


def test_what_was_sent_without_a_session_leads_back_to_its_form():
    answer = Client().post("/contacts/5/delete/", headers={"Referer": f"{HERE}/contacts/5/"})
    assert (answer.status_code, answer["Location"]) == (302, "/login/?next=/contacts/5/")
    assert Client().get("/contacts/5/")["Location"] == "/login/?next=/contacts/5/"


@pytest.mark.parametrize("path", ["/contacts/", "/login/", "/campaigns/"])
def test_an_address_says_that_htmx_is_answered_otherwise(client, marketer, path):
    for headers in ({}, HTMX):
        assert "HX-Request" in client.get(path, headers=headers)["Vary"]


DOWNLOADS = (
    "mailing:contact_csv",
    "mailing:suppression_csv",
    "mailing:weeks_csv",
    "promotions:coupons_export",
    "promotions:promotion_report_csv",
)


@pytest.mark.parametrize("name", DOWNLOADS)
def test_no_cache_keeps_a_file_that_only_one_user_may_have(admin_client, name):
    """A cache in front may take an address that ends in .csv for a file of everybody's."""
    answer = admin_client.get(reverse(name))
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "private, no-store"


def test_the_files_of_a_contact_and_a_campaign_are_kept_nowhere(admin_client):
    contact, mail = ContactFactory(), EmailCampaignFactory(status="completed")
    for path in (
        reverse("mailing:contact_json", args=[contact.pk]),
        reverse("mailing:contact_data_csv", args=[contact.pk]),
        reverse("mailing:report_csv", args=[mail.pk]),
    ):
        assert admin_client.get(path)["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize("path", ["/", "/contacts/", "/contacts/a.css", "/login/", "/admin/"])
def test_pages_are_their_reader_s_own(admin_client, path):
    assert "private" in admin_client.get(path)["Cache-Control"]


UNSEEN = ["\u200b", "\u00ad\u2060\ufeff", " \u200e\u00a0\u2028", "\u3164", "\u2800 \ufe0f", "\x07\x1b"]


@pytest.mark.parametrize("name", UNSEEN, ids=ascii)
@pytest.mark.parametrize(
    "page",
    [
        "mailing:list_new", "mailing:segment_new", "mailing:template_new", "mailing:block_new",
        "mailing:connection_new", "mailing:mailbox_new", "mailing:campaign_new", "promotions:campaign_new",
        "promotions:promotion_new", "promotions:group_new", "admin:pos_location_add", "admin:pos_till_add",
        "admin:campaigns_tag_add", "admin:mailing_contactlist_add", "admin:auth_user_add", "admin:auth_group_add",
    ],
)  # fmt: skip
def test_a_name_that_nobody_sees_is_none(page, name, admin_client):
    """Of any form, as it counts before a form reads it."""
    field = "username" if page == "admin:auth_user_add" else "name"
    answer = admin_client.post(reverse(page), {field: name, "type": "items"})
    assert answer.status_code in (200, 422)
    assert field in [name.rpartition("-")[2] for name in list_refused_fields(answer.text)]


def test_what_can_be_seen_stays_as_it_was_typed(rf):
    typed = {"name": "Spring\u200b sale", "family": "👩\u200d👧", "blank": "  ", "word": "مرحبا\u200f"}
    request = rf.post("/", typed | {"several": ["a", "\u200b"]})
    middleware.empty_unseen(request)
    assert request.POST.dict() == typed | {"several": ""}
    assert request.POST.getlist("several") == ["a", ""]


@pytest.mark.parametrize("text", UNSEEN, ids=ascii)
def test_a_mail_whose_subject_or_sender_nobody_sees_is_not_launched(text):
    """Also where it came in before, or by another way."""
    campaign = EmailCampaignFactory(launchable=True)
    campaign.subject = campaign.from_name = text
    campaign.save()
    told = dict(launch.find_problems(campaign))
    assert told["subject"] == "The subject is missing."
    assert told["from_name"].startswith("The sender name is missing")
