"""The section Review of the editor, the funnel of its audience, and its start in words."""

import pytest

from mailing.forms import sections
from mailing.models import EmailCampaign, Membership
from tests.factories import ContactFactory, ContactListFactory, EmailCampaignFactory, user_in
from tests.mailing.pages import page
from tests.mailing.test_pages import DRAFT

pytestmark = pytest.mark.django_db
REVIEW, FUNNEL, START = "/campaigns/email/review/", "/campaigns/email/funnel/", "/campaigns/email/start/"


def test_what_a_launch_lacks_leads_to_the_section_and_the_field(client, marketer):
    campaign = EmailCampaignFactory()
    text = page(client, f"{REVIEW}?campaign={campaign.pk}")
    for section, field in (("content", "subject"), ("audience", "targets"), ("delivery", "connection")):
        assert f'href="?section={section}#id_{field}"' in text
        assert f'id="step-note-{section}" hx-swap-oob="true" data-state="lacks"' in text
    assert 'id="step-note-offer" hx-swap-oob="true" data-state="unused"' in text
    assert "things are still to do" in text


def test_a_campaign_that_lacks_nothing_is_launched_scheduled_and_tested_from_there(client, marketer):
    campaign = EmailCampaignFactory(launchable=True)
    text = page(client, f"{REVIEW}?campaign={campaign.pk}")
    assert "Ready to send." in text
    for step in ("launch", "schedule"):
        assert f'hx-get="/campaigns/{campaign.pk}/{step}/?next={campaign.get_absolute_url()}"' in text
    assert "Send the test" in text
    assert text.count('data-state="done"') == len(sections.SECTIONS) - 1
    figures = page(client, f"/campaigns/email/{campaign.pk}/review/figures/")
    assert "Recipients" in figures
    assert str(campaign.connection) in figures


def test_a_campaign_without_a_name_is_not_checked_and_a_launched_one_is_left(client, marketer):
    assert "Give the campaign a" in page(client, REVIEW)
    campaign = EmailCampaignFactory(status="running")
    assert client.get(f"{REVIEW}?campaign={campaign.pk}")["HX-Redirect"] == campaign.get_absolute_url()
    page(client, f"{REVIEW}?campaign=999", 404)


def test_the_funnel_follows_the_lists_as_they_are_chosen(client, marketer):
    members = ContactListFactory()
    for contact in ContactFactory.create_batch(3):
        Membership.objects.create(list=members, contact=contact)
    said = client.post(FUNNEL, DRAFT).content.decode()
    assert "Include a list or a segment" in said
    said = client.post(FUNNEL, DRAFT | {f"target_list_{members.pk}": "include"}).content.decode()
    assert "<dd>3</dd>" in said
    assert 'href=""' not in said, "a campaign that is not saved has no pages of its own"
    campaign = EmailCampaignFactory()
    typed = DRAFT | {f"target_list_{members.pk}": "include", "campaign": campaign.pk}
    assert f"/campaigns/email/{campaign.pk}/people/" in client.post(FUNNEL, typed).content.decode()
    assert EmailCampaign.objects.count() == 1


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "Times are in Berlin time."),
        ("soon", "Enter a valid date/time."),
        ("2020-07-01T10:00", "is over."),
        ("2098-07-01T10:00", "in Berlin time (UTC+2)."),
        ("2098-12-01T10:00", "in Berlin time (UTC+1)."),
    ],
)
def test_the_start_is_said_in_words(client, marketer, settings, typed, said):
    settings.TIME_ZONE = "Europe/Berlin"
    text = client.post(START, {"starts_at": typed, "starts_at_zone": "Europe/Berlin"}).content.decode()
    assert said in text
    assert ("The clocks there go" in text) == typed.startswith("2098")


def test_only_those_who_may_edit_see_the_review(client):
    client.force_login(user_in("Analysts"))
    campaign = EmailCampaignFactory()
    page(client, f"{REVIEW}?campaign={campaign.pk}", 403)
    page(client, f"/campaigns/email/{campaign.pk}/review/figures/", 403)
    assert client.post(FUNNEL, DRAFT).status_code == 403
    assert client.post(START, {}).status_code == 403


def test_a_review_asks_few_queries(client, marketer, django_assert_max_num_queries):
    campaign = EmailCampaignFactory(launchable=True)
    page(client, f"{REVIEW}?campaign={campaign.pk}")
    with django_assert_max_num_queries(45):
        page(client, f"{REVIEW}?campaign={campaign.pk}")
    with django_assert_max_num_queries(30):
        page(client, f"/campaigns/email/{campaign.pk}/review/figures/")


def test_a_start_that_is_past_is_refused_in_the_dialog_of_the_editor(client, marketer):
    campaign = EmailCampaignFactory(launchable=True)
    back = campaign.get_absolute_url()
    address = f"/campaigns/{campaign.pk}/schedule/"
    asked = client.get(f"{address}?next={back}", HTTP_HX_REQUEST="true").content.decode()
    assert f'hx-post="{address}" hx-target="#ask"' in asked
    typed = {"next": back, "at": "2021-05-01T09:00"}
    refused = client.post(address, typed, HTTP_HX_REQUEST="true")
    assert refused.status_code == 409
    assert refused["HX-Retarget"] == "#ask"
    again = refused.content.decode()
    assert 'value="2021-05-01T09:00"' in again
    assert 'class="invalid-feedback"' in again or "errorlist" in again
    assert f'name="next" value="{back}"' in again
    taken = client.post(address, typed | {"at": "2099-05-01T09:00"}, HTTP_HX_REQUEST="true")
    assert taken["HX-Redirect"] == back
    assert EmailCampaign.objects.get().status == "scheduled"


def test_a_step_that_is_no_longer_open_is_refused_in_the_dialog_of_the_page_that_asked(client, marketer):
    campaign = EmailCampaignFactory(status="running")
    typed = {"next": campaign.get_absolute_url(), "at": "2099-05-01T09:00"}
    refused = client.post(f"/campaigns/{campaign.pk}/schedule/", typed, HTTP_HX_REQUEST="true")
    assert refused.status_code == 409
    assert refused["HX-Retarget"] == "#ask"
    assert "This cannot be done now" in refused.content.decode()
