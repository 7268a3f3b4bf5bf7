"""What the editor saves while somebody types, what it does not, and who else has it open."""

import re
from datetime import timedelta

import pytest

from campaigns.lifecycle import fire
from campaigns.models import Edit
from mailing import drafting, presence
from mailing.models import CampaignVersion, EditorVisit, EmailCampaign
from mailing.models.email import STORED_LETTERS
from tests.factories import ContactListFactory, EmailCampaignFactory, SmtpConnectionFactory, user_in
from tests.mailing.pages import page
from tests.mailing.test_pages import DRAFT

pytestmark = pytest.mark.django_db
AUTOSAVE, PRESENCE = "/campaigns/email/autosave/", "/campaigns/email/presence/"


@pytest.fixture
def ada():
    return user_in("Marketers", first_name="Ada", last_name="Author")


def read_edition(text: str) -> str:
    return re.search(r'name="seen"[^>]*value="([^"]*)"', text)[1].replace("&quot;", '"')


def save(client, status=200, **typed):
    response = client.post(AUTOSAVE, DRAFT | typed, HTTP_HX_REQUEST="true")
    assert response.status_code == status
    return response


def words(response) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def test_a_new_campaign_becomes_a_draft_once_it_has_a_name(client, marketer):
    assert "Not saved: Name : This field is required." in words(save(client, name=""))
    assert not EmailCampaign.objects.exists()
    answer = save(client, name="Tea")
    campaign = EmailCampaign.objects.get()
    assert re.match(r"Saved \d\d:\d\d ", words(answer))
    assert f'"address": "/campaigns/email/{campaign.pk}/edit/", "isWhole": true' in answer["HX-Trigger"]
    assert f'id="id_campaign" value="{campaign.pk}"' in answer.content.decode()
    save(client, name="Tea again", campaign=campaign.pk, seen=read_edition(answer.content.decode()))
    assert EmailCampaign.objects.get().name == "Tea again"


def test_a_field_that_is_wrong_keeps_what_is_stored_and_the_others_are_saved(client, marketer):
    members, smtp = ContactListFactory(), SmtpConnectionFactory()
    campaign = EmailCampaignFactory(from_email="a@shop.example", per_hour=5)
    answer = save(
        client,
        campaign=campaign.pk,
        subject="New",
        from_email="nobody",
        per_hour="-1",
        has_offer="on",
        code_prefix="TEA",
        window_from="09:00",
        window_until="late",
        **{
            f"target_list_{members.pk}": "include",
            f"share_{smtp.pk}": "much",
            "ab-is_on": "on",
            "ab-wait": "x",
        },
    )
    said = words(answer)
    for label in ("Sender address", "Maximum per hour", "Promotion", "Send until", "Share of", "Wait"):
        assert label in said
    assert "but not all of it" in said
    assert '"isWhole": false' in answer["HX-Trigger"]
    stored = EmailCampaign.objects.get()
    assert (stored.subject, stored.from_email, stored.per_hour) == ("New", "a@shop.example", 5)
    assert (stored.code_prefix, stored.window_from) == ("", None), (
        "saved together with a wrong one or not at all"
    )
    assert stored.targets.count() == 1
    assert not stored.routes.exists()


def test_what_somebody_else_saved_meanwhile_is_not_overwritten(client, marketer, ada):
    campaign = EmailCampaignFactory(name="Winter letter", subject="As it was")
    seen = read_edition(page(client, f"/campaigns/email/{campaign.pk}/edit/"))
    drafting.save_campaign(campaign, by=ada, changes={"subject": "By Ada"})
    answer = save(client, campaign=campaign.pk, seen=seen, subject="Mine")
    assert "Edited by Ada Author on" in words(answer)
    assert "HX-Trigger" not in answer
    assert EmailCampaign.objects.get().subject == "By Ada"
    # whoever was told may put theirs in place of it, with the button
    overtaken = re.search(r'name="overtaken"[^>]*value="([^"]*)"', answer.content.decode())[1]
    typed = DRAFT | {"seen": seen, "overtaken": overtaken.replace("&quot;", '"'), "subject": "Mine"}
    assert client.post(f"/campaigns/email/{campaign.pk}/edit/", typed).status_code == 302
    assert EmailCampaign.objects.get().subject == "Mine"


def test_a_scheduled_campaign_is_not_saved_as_it_is_typed(client, marketer):
    campaign = EmailCampaignFactory(launchable=True, status="scheduled", subject="As it was")
    assert 'hx-trigger="autosave"' not in page(client, f"/campaigns/email/{campaign.pk}/edit/")
    assert "saved only when you press Save" in words(save(client, campaign=campaign.pk))
    stored = EmailCampaign.objects.get()
    assert (stored.status, stored.subject) == ("scheduled", "As it was")


def test_a_launched_campaign_is_not_saved(client, marketer):
    campaign = EmailCampaignFactory(launchable=True)
    fire(campaign, "launch")
    assert "is running: it cannot be edited" in words(save(client, campaign=campaign.pk, subject="Late"))
    assert EmailCampaign.objects.get().subject != "Late"


def test_what_changes_nothing_is_not_written(client, marketer):
    save(client)
    campaign = EmailCampaign.objects.get()
    save(client, campaign=campaign.pk)
    assert EmailCampaign.objects.get().updated_at == campaign.updated_at
    assert not Edit.objects.exists()


def test_edits_of_one_person_within_minutes_are_one_and_those_of_two_are_two(client, marketer, ada):
    campaign = EmailCampaignFactory(subject="One")
    for subject in ("Two", "Three"):
        save(client, campaign=campaign.pk, subject=subject)
    edit = Edit.objects.get()
    assert edit.detail["Subject"] == ["One", "Three"]
    drafting.save_campaign(campaign, by=ada, changes={"subject": "Four"})
    save(client, campaign=campaign.pk, subject="Five")
    assert Edit.objects.count() == 3


def test_only_those_who_may_edit_save_and_are_shown(client):
    client.force_login(user_in("Analysts"))
    campaign = EmailCampaignFactory()
    save(client, status=403)
    save(client, status=403, campaign=campaign.pk)
    assert client.post(PRESENCE, {"campaign": campaign.pk}).status_code == 403


def test_a_campaign_that_is_gone_answers_404(client, marketer):
    save(client, status=404, campaign=999)
    assert client.post(PRESENCE, {"campaign": 999}).status_code == 404
    save(client, status=404, campaign="nonsense", name="")
    assert not EmailCampaign.objects.exists()


def test_saving_asks_few_queries(client, marketer, django_assert_max_num_queries):
    campaign = EmailCampaignFactory()
    ContactListFactory.create_batch(20)
    save(client, campaign=campaign.pk)
    with django_assert_max_num_queries(70):
        save(client, campaign=campaign.pk, subject="New")


# ── who else is there ────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_others_who_have_the_editor_open_are_named_until_they_stop(client, marketer, ada):
    campaign = EmailCampaignFactory()
    assert client.post(PRESENCE, {"campaign": ""}).content == b""
    assert words(client.post(PRESENCE, {"campaign": campaign.pk})) == ""
    presence.note_visit(campaign, ada)
    assert words(client.post(PRESENCE, {"campaign": campaign.pk})) == "Ada Author is editing"
    presence.note_visit(EmailCampaignFactory(), user_in("Marketers", first_name="Ben", last_name="Other"))
    assert words(client.post(PRESENCE, {"campaign": campaign.pk})) == "Ada Author is editing"
    EditorVisit.objects.filter(user=ada).update(
        seen_at=EditorVisit.objects.get(user=ada).seen_at - presence.FORGOTTEN_AFTER - timedelta(seconds=1)
    )
    assert words(client.post(PRESENCE, {"campaign": campaign.pk})) == ""
    assert not EditorVisit.objects.filter(user=ada).exists()


# ── versions ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_one_person_types_is_one_version_and_a_click_on_save_another(client, marketer, ada):
    campaign = EmailCampaignFactory(subject="First")
    for subject in ("Second", "Third"):
        save(client, campaign=campaign.pk, subject=subject)
    subjects = [version.values["columns"]["subject"] for version in campaign.versions.all()]
    assert subjects == ["Third", "First"]
    drafting.save_campaign(campaign, by=ada, changes={"subject": "By Ada"}, is_automatic=True)
    save(client, campaign=campaign.pk, subject="Mine")
    client.post(f"/campaigns/email/{campaign.pk}/edit/", DRAFT | {"subject": "With Save"})
    subjects = [version.values["columns"]["subject"] for version in campaign.versions.all()]
    assert subjects == ["With Save", "Mine", "By Ada", "Third", "First"]


def test_the_oldest_versions_go(monkeypatch, marketer):
    monkeypatch.setattr("mailing.versions.MOST_VERSIONS", 3)
    campaign = EmailCampaignFactory(subject="0")
    for number in range(1, 6):
        drafting.save_campaign(campaign, by=marketer, changes={"subject": str(number)})
    assert [version.values["columns"]["subject"] for version in campaign.versions.all()] == ["5", "4", "3"]


def test_a_version_is_compared_and_brought_back(client, marketer, settings):
    settings.TIME_ZONE = "Europe/Berlin"
    members, guests, smtp = ContactListFactory(name="Members"), ContactListFactory(), SmtpConnectionFactory()
    client.post(
        "/campaigns/email/new/",
        DRAFT
        | {
            "body": "Hello\n\nTea is here.\n\nBye",
            "starts_at": "2099-07-01T10:00",
            "window_from": "09:00",
            "window_until": "17:30",
            f"target_list_{members.pk}": "include",
            "sharing": "percentage",
            f"share_{smtp.pk}": "100",
            "ab-is_on": "on",
            "ab-subjects": "Other",
            "ab-share_percent": "20",
            "ab-split": "even",
            "ab-wait": "4",
            "ab-wait_unit": "hours",
            "ab-winner_by": "clicks",
            "ab-when_undecided": "best",
        },
    )
    campaign = EmailCampaign.objects.get()
    first = campaign.versions.get()
    before = EmailCampaign.objects.filter(pk=campaign.pk).values().get()
    client.post(
        f"/campaigns/email/{campaign.pk}/edit/",
        DRAFT | {"body": "Hello\n\nCoffee is here.\n\nBye", f"target_list_{guests.pk}": "exclude"},
    )
    path = f"/campaigns/email/{campaign.pk}/versions/"
    listed = page(client, path)
    assert listed.count("With Save") == 2
    shown = page(client, f"{path}{first.pk}/")
    assert "− Tea is here.</del>" in shown
    assert "+ Coffee is here.</ins>" in shown
    assert "Bye" in shown
    assert "Include Members" in shown
    answer = client.post(f"{path}{first.pk}/", {"seen": read_edition(shown)}, follow=True)
    assert "is again as it was on" in answer.content.decode()
    assert "Brought back from" in answer.content.decode()
    after = EmailCampaign.objects.filter(pk=campaign.pk).values().get()
    assert {**after, "updated_at": None} == {**before, "updated_at": None}
    assert [target.list for target in campaign.targets.all()] == [members]
    assert [route.connection for route in campaign.routes.all()] == [smtp]
    assert campaign.split_test.subjects == ["Other"]
    assert "Nothing: the campaign is the same now." in page(client, f"{path}{first.pk}/")
    assert CampaignVersion.objects.count() == 3, "what it was until now stays"


def test_what_was_deleted_since_does_not_come_back_and_is_named(client, marketer):
    gone = ContactListFactory(name="Members of old")
    campaign = EmailCampaignFactory()
    client.post(
        f"/campaigns/email/{campaign.pk}/edit/",
        DRAFT | {f"target_list_{gone.pk}": "include", "subject": "Old"},
    )
    client.post(f"/campaigns/email/{campaign.pk}/edit/", DRAFT)
    version = campaign.versions.all()[1]
    gone.delete()
    path = f"/campaigns/email/{campaign.pk}/versions/{version.pk}/"
    assert "they do not come back: Members of old." in page(client, path)
    assert client.post(path, {}).status_code == 302
    assert not campaign.targets.exists()
    assert EmailCampaign.objects.get().subject == "Old"


def test_a_version_is_not_brought_back_over_what_was_saved_meanwhile_or_into_a_locked_campaign(
    client, marketer, ada
):
    campaign = EmailCampaignFactory(launchable=True)
    drafting.save_campaign(campaign, by=ada, changes={"description": "New"})
    version = campaign.versions.last()
    path = f"/campaigns/email/{campaign.pk}/versions/{version.pk}/"
    seen = read_edition(page(client, path))
    drafting.save_campaign(campaign, by=ada, changes={"description": "Newer"})
    refused = client.post(path, {"seen": seen})
    assert refused.status_code == 409
    assert "Edited by Ada Author" in refused.content.decode()
    fire(campaign, "launch")
    assert client.post(path, {"seen": ""}).status_code == 409
    assert "Bring this version back" not in page(client, path)
    assert EmailCampaign.objects.get().description == "Newer"


def test_versions_of_another_campaign_are_not_found_and_analysts_see_none(client, marketer):
    campaign, other = EmailCampaignFactory(), EmailCampaignFactory()
    drafting.save_campaign(campaign, by=marketer, changes={"subject": "New"})
    version = campaign.versions.first()
    page(client, f"/campaigns/email/{other.pk}/versions/{version.pk}/", 404)
    client.force_login(user_in("Analysts"))
    page(client, f"/campaigns/email/{campaign.pk}/versions/", 403)
    page(client, f"/campaigns/email/{campaign.pk}/versions/{version.pk}/", 403)


def test_the_list_of_versions_asks_few_queries(client, marketer, ada, django_assert_max_num_queries):
    campaign = EmailCampaignFactory()
    for number in range(10):
        drafting.save_campaign(campaign, by=ada, changes={"subject": str(number)})
    with django_assert_max_num_queries(20):
        page(client, f"/campaigns/email/{campaign.pk}/versions/")


@pytest.mark.parametrize("campaign", ["-1", "x", "9" * 30, "1.0", " 1"])
def test_what_names_no_campaign_makes_no_new_one(client, marketer, campaign):
    save(client, status=404, campaign=campaign)
    assert not EmailCampaign.objects.exists()


@pytest.mark.parametrize("field", ["body", "text", "ab-bodies"])
def test_what_is_too_long_to_be_sent_is_stored_up_to_a_million_letters(client, marketer, field):
    campaign = EmailCampaignFactory(from_email="a@shop.example", subject="Old")
    extra = {"ab-is_on": "on"} if field.startswith("ab-") else {}
    answer = save(client, campaign=campaign.pk, **extra, **{field: "x" * (STORED_LETTERS + 1)})
    assert "1000000" in words(answer).replace(",", "")
    assert '"isWhole": false' in answer["HX-Trigger"]
    campaign.refresh_from_db()
    assert len(campaign.body) + len(campaign.text) < 1_000
    seen = read_edition(answer.content.decode())
    answer = save(client, campaign=campaign.pk, seen=seen, **extra, **{field: "x" * STORED_LETTERS})
    assert '"isWhole": true' in answer["HX-Trigger"]
