"""The pages of an e-mail campaign, and who may open which page, as a browser without JavaScript sees them."""

import re

import pytest

from campaigns.lifecycle import fire
from mailing import connections
from mailing.content.merge_tag_reader import TagReader
from mailing.models import (
    Contact,
    ContactList,
    EmailCampaign,
    Route,
)
from mailing.views.mail_frames import POLICY
from tests.factories import (
    ContactFactory,
    ContactListFactory,
    EmailCampaignFactory,
    HeldReportFactory,
    SegmentFactory,
    SmtpConnectionFactory,
    SuppressionFactory,
    UserFactory,
    user_in,
)
from tests.mailing.pages import page

pytestmark = pytest.mark.django_db
HTMX = {"HTTP_HX_REQUEST": "true"}
FRAME = "default-src 'none'; img-src data: cid:; style-src 'unsafe-inline'; sandbox"


# ── who may open what ────────────────────────────────────────────────────────────────────────────────────────────────

OPEN_TO = {  # path: the roles it opens to
    "/campaigns/email/new/": "MA",
    "/campaigns/email/{campaign}/": "AnMA",
    "/campaigns/email/{campaign}/edit/": "MA",
    "/campaigns/email/{campaign}/versions/": "MA",
    "/campaigns/email/{campaign}/progress/": "AnMA",
    "/campaigns/email/{campaign}/test/answer/": "MA",
    "/campaigns/email/{campaign}/timeline/": "AnMA",
    "/campaigns/email/{campaign}/readiness/": "AnMA",
    "/campaigns/email/{campaign}/people/recipients/": "AnMA",
    "/campaigns/email/{campaign}/preview/": "AnMA",
    "/campaigns/email/{campaign}/report/": "AnMA",
    "/campaigns/email/{campaign}/report/click-map/": "AnMA",
    "/campaigns/email/{campaign}/report.csv": "MA",
    "/reports/email/": "AnMA",
    "/reports/email/weeks.csv": "AnMA",
    "/campaigns/email/{campaign}/resend/": "MA",
    "/campaigns/email/{campaign}/unreached/": "MA",
    "/contacts/": "AnMA",
    "/contacts/{contact}/": "AnMA",
    "/contacts/new/": "MA",
    "/contacts/{contact}/edit/": "MA",
    "/contacts/{contact}/delete/": "MA",
    "/contacts/export.csv": "MA",
    "/contacts/suggestions/": "AnMA",
    "/contacts/import/": "MA",
    "/lists/": "AnMA",
    "/lists/new/": "MA",
    "/lists/{list}/edit/": "MA",
    "/lists/{list}/delete/": "MA",
    "/segments/": "AnMA",
    "/segments/new/": "MA",
    "/segments/{segment}/": "AnMA",
    "/segments/{segment}/delete/": "MA",
    "/suppressions/": "AnMA",
    "/suppressions/export.csv": "MA",
    "/suppressions/new/": "MA",
    "/suppressions/import/": "MA",
    "/suppressions/{suppression}/delete/": "MA",
    "/held-reports/": "AnMA",
    "/held-reports/{held}/": "AnMA",
    "/held-reports/{held}/mail/": "AnMA",
    "/connections/": "AnMA",
    "/connections/new/": "A",
    "/connections/{connection}/": "AnMA",
    "/connections/{connection}/edit/": "A",
    "/connections/{connection}/delete/": "A",
    "/outbox/": "AnMA",
}
ROLES = {"An": "Analysts", "M": "Marketers", "A": "Administrators", "": None}


@pytest.mark.parametrize(("short", "role"), ROLES.items())
def test_a_page_opens_to_its_roles_only(client, short, role, settings, tmp_path):
    settings.VAR_DIR = tmp_path
    client.force_login(user_in(role) if role else UserFactory())
    campaign = EmailCampaignFactory(launchable=True)
    keys = {
        "campaign": campaign.pk,
        "contact": Contact.objects.first().pk,
        "list": ContactList.objects.first().pk,
        "segment": SegmentFactory().pk,
        "suppression": SuppressionFactory().pk,
        "held": HeldReportFactory().pk,
        "connection": campaign.connection_id,
    }
    for path, roles in OPEN_TO.items():
        opens = bool(short) and short in re.findall(r"An|M|A", roles)
        assert client.get(path.format(**keys)).status_code == (200 if opens else 403), path


def test_no_page_opens_without_a_login(client):
    for pattern in OPEN_TO:
        path = re.sub(r"\{\w+\}", "1", pattern)
        assert client.get(path).url == f"/login/?next={path}"


# ── the editor ───────────────────────────────────────────────────────────────────────────────────────────────────────

DRAFT = {
    "name": "Winter letter",
    "subject": "News for {{ first_name }}",
    "body_format": "markdown",
    "body": "Hello",
    "sharing": "single",
    "retry_hours": "48",
}


def test_a_new_campaign_is_a_draft_with_what_was_typed(client, marketer, settings):
    settings.TIME_ZONE = "Europe/Berlin"
    smtp = SmtpConnectionFactory(from_email="news@shop.example", from_name="The Shop")
    members, gone = ContactListFactory(name="Members"), ContactListFactory(name="Gone")
    segment = SegmentFactory()
    response = client.post(
        "/campaigns/email/new/",
        DRAFT
        | {
            "connection": smtp.pk,
            "starts_at": "2099-07-01T10:00",
            "track_opens": "on",
            f"target_list_{members.pk}": "include",
            f"target_list_{gone.pk}": "exclude",
            f"target_segment_{segment.pk}": "include",
        },
    )
    campaign = EmailCampaign.objects.get()
    assert response.url == f"/campaigns/email/{campaign.pk}/"
    assert (campaign.status, campaign.created_by, campaign.subject) == (
        "draft",
        marketer,
        "News for {{ first_name }}",
    )
    assert campaign.starts_at.isoformat() == "2099-07-01T08:00:00+00:00"
    assert (campaign.track_opens, campaign.track_clicks) == (True, False)
    assert {(str(target.list or target.segment), target.mode) for target in campaign.targets.all()} == {
        ("Members", "include"),
        ("Gone", "exclude"),
        (segment.name, "include"),
    }
    # a sender left empty is the connection's
    assert (campaign.from_email, campaign.from_name) == ("news@shop.example", "The Shop")


def test_only_the_name_is_needed_for_a_draft(client, marketer):
    response = client.post("/campaigns/email/new/", {"name": "", "body_format": "html", "sharing": "single"})
    assert response.status_code == 422
    assert set(response.context["form"].errors) == {"name", "retry_hours"}
    client.post("/campaigns/email/new/", DRAFT | {"subject": "", "body": ""})
    assert EmailCampaign.objects.get().name == "Winter letter"


def test_the_shares_of_several_connections_are_kept_in_their_order(client, marketer):
    first, second, third = SmtpConnectionFactory.create_batch(3)
    client.post(
        "/campaigns/email/new/",
        DRAFT
        | {
            "sharing": "percentage",
            f"share_{first.pk}": "70",
            f"position_{first.pk}": "2",
            f"share_{second.pk}": "30",
            f"position_{second.pk}": "1",
            f"share_{third.pk}": "",
        },
    )
    assert list(Route.objects.values_list("connection", "share")) == [(second.pk, 30), (first.pk, 70)]


def test_the_editor_shows_what_is_stored(client, marketer):
    campaign = EmailCampaignFactory(launchable=True, name="Winter letter")
    shown = client.get(f"/campaigns/email/{campaign.pk}/edit/").context["form"]
    target = campaign.targets.get()
    assert shown["name"].value() == "Winter letter"
    assert shown[f"target_list_{target.list_id}"].value() == "include"


def test_an_address_that_is_none_is_refused_at_its_field(client, marketer):
    response = client.post("/campaigns/email/new/", DRAFT | {"from_email": "not an address"})
    assert response.status_code == 422
    text = response.content.decode()
    assert "is not an e-mail address" in text
    assert 'href="#id_from_email"' in text


def test_saving_a_scheduled_campaign_puts_it_back_to_draft_and_says_so_before_and_after(client, marketer):
    campaign = EmailCampaignFactory(launchable=True, status="scheduled", name="Winter letter")
    path = f"/campaigns/email/{campaign.pk}/edit/"
    assert "Saving puts it back to draft" in page(client, path)
    response = client.post(path, DRAFT | {"name": "Winter letter"}, follow=True)
    assert "a draft again: schedule it again" in response.content.decode()
    campaign = EmailCampaign.objects.get()
    assert campaign.status == "draft"
    assert not campaign.targets.exists()
    assert campaign.history.get().verb == "unschedule"


@pytest.mark.parametrize("state", ["running", "paused", "completed", "failed", "cancelled"])
def test_a_locked_campaign_answers_409_with_the_sentence(client, marketer, state):
    campaign = EmailCampaignFactory(status=state, name="Winter letter", subject="As it was")
    path = f"/campaigns/email/{campaign.pk}/edit/"
    for response in (client.get(path), client.post(path, DRAFT)):
        assert response.status_code == 409
        assert f"“Winter letter” is {state}: it cannot be edited." in response.content.decode()
    assert EmailCampaign.objects.get().subject == "As it was"


def test_a_campaign_launched_while_its_form_was_open_is_not_overwritten(client, marketer, monkeypatch):
    campaign = EmailCampaignFactory(launchable=True)
    path = f"/campaigns/email/{campaign.pk}/edit/"
    stale = EmailCampaign.objects.get()
    fire(campaign, "launch")
    monkeypatch.setattr("mailing.views.editor.get_object_or_404", lambda *args, **kwargs: stale)
    response = client.post(path, DRAFT | {"subject": "Too late"})
    assert response.status_code == 409
    assert "is running: it cannot be edited" in response.content.decode()
    assert EmailCampaign.objects.get().subject != "Too late"


# ── a mail in its frame ──────────────────────────────────────────────────────────────────────────────────────────────


def test_the_preview_has_an_address_of_its_own_where_it_can_run_nothing(client, marketer):
    assert POLICY == FRAME
    campaign = EmailCampaignFactory(launchable=True)
    ContactFactory(email="ada@example.com", first_name="Ada")
    response = client.get(f"/campaigns/email/{campaign.pk}/preview/?contact=ada@example.com")
    assert response["Content-Security-Policy"] == FRAME
    assert response["X-Frame-Options"] == "SAMEORIGIN"
    assert response["Content-Type"] == "text/html; charset=utf-8"
    assert "Hello Ada" in response.content.decode()
    text = client.get(f"/campaigns/email/{campaign.pk}/preview/?contact=ada@example.com&part=text")
    assert text["Content-Type"] == "text/plain; charset=utf-8"
    assert "Hello Ada" in text.content.decode()


def test_the_page_frames_the_preview_and_shows_the_subject_as_the_contact_reads_it(client, marketer):
    campaign = EmailCampaignFactory(launchable=True)
    ContactFactory(email="ada@example.com", first_name="Ada")
    text = page(client, f"/campaigns/email/{campaign.pk}/?contact=ada@example.com")
    assert "News for Ada" in text
    frame = (
        f'src="/campaigns/email/{campaign.pk}/preview/?contact=ada%40example.com&amp;part=html&amp;variant=0"'
    )
    assert re.search(rf"<iframe[^>]* sandbox [^>]*{re.escape(frame)}", text)


def test_content_that_does_not_compile_says_why_instead(client, marketer):
    campaign = EmailCampaignFactory(launchable=True, body="{% if %}")
    assert "It cannot be shown" in page(client, f"/campaigns/email/{campaign.pk}/preview/")
    assert "It cannot be shown yet" in page(client, f"/campaigns/email/{campaign.pk}/")


def test_the_editor_previews_what_is_typed_without_saving_it(client, marketer):
    response = client.post("/campaigns/email/preview/", DRAFT | {"body": "# Typed just now"})
    assert response["Content-Security-Policy"] == FRAME
    assert "Typed just now</h1>" in response.content.decode()
    assert not EmailCampaign.objects.exists()


def head(client, **typed):
    response = client.post("/campaigns/email/preview/head/", DRAFT | typed, **HTMX)
    assert response.status_code == 200
    return response.content.decode()


def test_merge_tags_of_another_program_are_converted_only_when_asked_for(client, marketer):
    typed = {"subject": "Hi *|FNAME|*", "body": "{{#if city}}x{{/if}} *|FNAME|*", "body_format": "html"}
    text = head(client, **typed)
    assert "{{ first_name }}" in text
    assert "{% if city %}" in text
    assert "Convert" not in head(client, body="Hi {{ first_name }}")
    converted = client.post("/campaigns/email/convert/", DRAFT | typed, **HTMX)
    assert converted["HX-Trigger-After-Settle"] == "converted"
    text = converted.content.decode()
    assert "{% if city %}x{% endif %} {{ first_name }}</textarea>" in text
    assert 'value="Hi {{ first_name }}"' in text
    assert text.count('hx-swap-oob="true"') == 2
    assert not EmailCampaign.objects.exists()


def test_a_body_that_is_longer_than_can_be_read_is_not_searched_for_merge_tags(client, marketer, monkeypatch):
    def read_tag(_, match):
        assert match[0] != "*|FNAME|*"
        return match[0]

    monkeypatch.setattr(TagReader, "read_tag", read_tag)
    typed = DRAFT | {"body": "*|FNAME|*" * 60_000}
    assert "more than the 500,000 that can be read" in head(client, **typed)
    assert client.post("/campaigns/email/convert/", typed, **HTMX).status_code == 200


def test_the_editor_shows_subject_sender_and_preheader_as_the_chosen_contact_reads_them(client, marketer):
    ContactFactory(email="ada@example.com", first_name="Ada")
    ContactFactory(email="bob@example.com", first_name="Bob")
    typed = {"from_name": "The {a|a} Shop", "preheader": "Only for {{ first_name | upcase }}"}
    text = head(client, contact="Bob@example.com", **typed)
    assert "News for Bob" in text
    assert "The a Shop" in text
    assert "Only for BOB" in text
    text = head(client, contact="nobody@example.com", **typed)
    assert "News for Ada" in text
    assert "No contact has the address “nobody@example.com”" in text
    assert not EmailCampaign.objects.exists()


@pytest.mark.parametrize(
    ("typed", "sentence", "field"),
    [
        ({"body": "Hello\n\n{{ first_name | shout }}"}, "Body, line 3: there is no filter shout.", "body"),
        ({"subject": "{{ first_name"}, "Subject", "subject"),
        (
            {"body_format": "mjml", "body": "<mjml>\n<mj-body>\n<mj-section>\n</mj-body></mjml>"},
            "line 3: &lt;mj-section&gt; is not closed before &lt;/mj-body&gt;.",
            "body",
        ),
    ],
)
def test_what_is_wrong_with_what_is_typed_is_said_with_its_line(client, marketer, typed, sentence, field):
    text = head(client, **typed)
    assert sentence in text
    assert "data-trouble" in text
    assert f'href="#id_{field}"' in text


# ── readiness ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_missing_is_listed_each_linked_to_its_field(client, marketer):
    campaign = EmailCampaignFactory()
    text = page(client, f"/campaigns/email/{campaign.pk}/readiness/", **HTMX)
    assert "<html" not in text
    for field in ("subject", "body", "from_email", "targets", "connection"):
        assert f'href="/campaigns/email/{campaign.pk}/edit/#id_{field}"' in text
    editor = page(client, f"/campaigns/email/{campaign.pk}/edit/")
    for field in ("subject", "body", "from_email", "targets", "connection", "routes"):
        assert f'id="id_{field}"' in editor


def test_a_connection_that_does_not_answer_is_a_warning_and_no_obstacle(client, marketer, monkeypatch):
    campaign = EmailCampaignFactory(launchable=True)
    path = f"/campaigns/email/{campaign.pk}/reach/"
    assert f'hx-get="{path}"' in page(client, f"/campaigns/{campaign.pk}/launch/", **HTMX)
    verdict = connections.ConnectionTest(False, "login refused", "Look at the password.")
    monkeypatch.setattr(connections, "reach_connection", lambda smtp: verdict)
    assert "login refused.</strong> Look at the password." in page(client, path, **HTMX)
    assert client.post(f"/campaigns/{campaign.pk}/launch/").status_code == 302


def test_the_page_says_why_a_contact_gets_it_or_not(client, marketer):
    campaign = EmailCampaignFactory(launchable=True)
    named, stranger = Contact.objects.first(), ContactFactory(email="stranger@example.com")
    path = f"/campaigns/email/{campaign.pk}/?contact="
    assert f"{named.email} will get it." in page(client, path + named.email)
    text = page(client, path + stranger.email)
    assert "stranger@example.com will not get it." in text
    assert "They are in none of its lists and segments." in text
