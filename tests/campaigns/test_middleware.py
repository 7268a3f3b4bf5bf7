"""What stands between the server and every page: unstorable text, sessions that have ended, parts that are no pages."""

import pytest
from django.test import Client
from django.urls import reverse

from tests.factories import ContactFactory, EmailCampaignFactory

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
