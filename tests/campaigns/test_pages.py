"""The buttons of a campaign and what they do, as a browser without JavaScript and htmx see them."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from campaigns.lifecycle import fire
from campaigns.models import Campaign
from tests.campaigns.matrix import BY_SYSTEM, EMAIL, PROMOTION
from tests.campaigns.pages import FACTORIES, get_page
from tests.factories import EmailCampaignFactory, PromotionCampaignFactory, UserFactory, user_in

pytestmark = pytest.mark.django_db

TABLES = {"email": EMAIL, "promotion": PROMOTION}
EVERY_STATE = [(kind, state) for kind, table in TABLES.items() for state in table]
DELETABLE = {("email", "draft"), ("promotion", "draft"), ("promotion", "scheduled")}
EDITABLE = {("email", "draft"), ("email", "scheduled")} | {
    ("promotion", state) for state in ("draft", "scheduled", "active", "paused")
}
HTMX = {"HTTP_HX_REQUEST": "true"}


def buttons(page: str, campaign) -> set[str]:
    """The words of every form of the page that leads to a step of this campaign."""
    return set(re.findall(rf'action="/campaigns/{campaign.pk}/(\w+)/"', page))


# ── buttons ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("kind", "state"), EVERY_STATE)
def test_a_marketer_sees_exactly_the_buttons_the_state_allows(client, marketer, kind, state):
    campaign = FACTORIES[kind](status=state, created_by=marketer)
    page = get_page(client, campaign)
    expected = {verb for verb in TABLES[kind][state] if verb not in BY_SYSTEM} | {"duplicate"}
    if (kind, state) in DELETABLE:
        expected.add("delete")
    assert buttons(page, campaign) == expected
    assert (f'href="{campaign.get_absolute_url()}edit/"' in page) == ((kind, state) in EDITABLE)


@pytest.mark.parametrize(("kind", "state"), EVERY_STATE)
def test_an_analyst_sees_the_page_without_a_button(client, kind, state):
    client.force_login(user_in("Analysts"))
    campaign = FACTORIES[kind](status=state)
    page = get_page(client, campaign)
    assert buttons(page, campaign) == set()
    assert "edit/" not in page


@pytest.mark.parametrize("kind", FACTORIES)
def test_a_draft_of_somebody_else_is_deleted_by_administrators_only(client, marketer, kind):
    campaign = FACTORIES[kind](created_by=UserFactory())
    assert "delete" not in buttons(get_page(client, campaign), campaign)
    assert client.post(f"/campaigns/{campaign.pk}/delete/").status_code == 403
    client.force_login(user_in("Administrators"))
    assert "delete" in buttons(get_page(client, campaign), campaign)
    assert client.post(f"/campaigns/{campaign.pk}/delete/").status_code == 302
    assert not Campaign.objects.filter(pk=campaign.pk).exists()


def test_an_archived_campaign_can_be_unarchived_and_not_archived_again(client, marketer):
    campaign = EmailCampaignFactory(status="completed", archived_at=timezone.now())
    assert buttons(get_page(client, campaign), campaign) == {"unarchive", "duplicate"}


def test_end_early_stands_before_cancel(client, marketer):
    campaign = PromotionCampaignFactory(status="active")
    page = get_page(client, campaign)
    assert page.index(f"/campaigns/{campaign.pk}/end_early/") < page.index(
        f"/campaigns/{campaign.pk}/cancel/"
    )


def test_the_dialog_of_cancel_offers_end_early(client, marketer):
    campaign = PromotionCampaignFactory(status="active")
    page = client.get(f"/campaigns/{campaign.pk}/cancel/").content.decode()
    assert f'href="/campaigns/{campaign.pk}/end_early/"' in page
    paused = PromotionCampaignFactory(status="paused")
    assert "end_early" not in client.get(f"/campaigns/{paused.pk}/cancel/").content.decode()


# ── steps ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("kind", "state", "verb", "to"), [
    ("email", "running", "pause", "paused"),
    ("email", "scheduled", "unschedule", "draft"),
    ("email", "paused", "cancel", "cancelled"),
    ("promotion", "active", "pause", "paused"),
    ("promotion", "paused", "resume", "active"),
    ("promotion", "active", "end_early", "expired"),
    ("promotion", "draft", "schedule", "scheduled"),
])  # fmt: skip
def test_a_post_takes_the_step_and_leads_back_to_the_campaign(client, marketer, kind, state, verb, to):
    campaign = FACTORIES[kind](status=state)
    response = client.post(f"/campaigns/{campaign.pk}/{verb}/", {"why": "because"})
    assert response.status_code == 302
    assert response.url == campaign.get_absolute_url()
    assert Campaign.objects.get(pk=campaign.pk).status == to
    step = campaign.history.first()
    assert (step.verb, step.by, step.why) == (verb, marketer, "because")


def test_htmx_gets_the_partial_with_the_new_state(client, marketer):
    campaign = EmailCampaignFactory(status="running")
    response = client.post(f"/campaigns/{campaign.pk}/pause/", **HTMX)
    page = response.content.decode()
    assert response.status_code == 200
    assert page.strip().startswith('<section class="card" id="campaign-status"')
    assert 'data-status="paused"' in page
    assert "resume" in buttons(page, campaign)
    assert "campaign-fired" in response["HX-Trigger"]


@pytest.mark.parametrize("htmx", [{}, HTMX])
def test_a_step_that_is_not_open_is_409_with_the_sentence(client, marketer, htmx):
    campaign = PromotionCampaignFactory(status="expired", name="Coffee weeks")
    response = client.post(f"/campaigns/{campaign.pk}/pause/", **htmx)
    assert response.status_code == 409
    page = response.content.decode()
    assert "“Coffee weeks” is expired: it cannot pause." in page
    assert ("<html" in page) == (not htmx)
    assert not campaign.history.exists()


def test_a_verb_of_the_other_kind_is_409(client, marketer):
    campaign = EmailCampaignFactory(status="running")
    response = client.post(f"/campaigns/{campaign.pk}/end_early/")
    assert response.status_code == 409
    assert "is not a step of an e-mail campaign" in response.content.decode()


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_word_that_is_no_verb_is_404(client, marketer, method):
    campaign = EmailCampaignFactory()
    for word in ("explode", "save", "status"):
        assert getattr(client, method)(f"/campaigns/{campaign.pk}/{word}/").status_code == 404
    assert getattr(client, method)("/campaigns/999999/pause/").status_code == 404


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("verb", ["pause", "cancel", "duplicate", "delete"])
def test_an_analyst_gets_403_for_every_step(client, method, verb):
    client.force_login(user_in("Analysts"))
    campaign = EmailCampaignFactory(status="running")
    assert getattr(client, method)(f"/campaigns/{campaign.pk}/{verb}/").status_code == 403
    assert not campaign.history.exists()


@pytest.mark.parametrize("verb", ["complete", "fail"])
def test_the_steps_of_the_system_are_closed_to_everybody(client, verb):
    client.force_login(user_in("Administrators"))
    campaign = EmailCampaignFactory(status="running")
    assert client.post(f"/campaigns/{campaign.pk}/{verb}/").status_code == 403
    assert Campaign.objects.get(pk=campaign.pk).status == "running"


def test_who_may_not_look_at_a_campaign_may_not_ask_about_it(client):
    client.force_login(UserFactory())
    campaign = EmailCampaignFactory(status="running")
    for path in ("", "pause/", "delete/"):
        assert client.get(f"/campaigns/{campaign.pk}/{path}").status_code == 403


def test_every_page_asks_for_a_login(client):
    for path in ("/", "/campaigns/", "/campaigns/1/", "/campaigns/1/pause/"):
        assert client.get(path).url == f"/login/?next={path}"


def test_a_post_without_its_token_is_refused(django_user_model):
    from django.test import Client

    client = Client(enforce_csrf_checks=True)
    client.force_login(user_in("Marketers"))
    campaign = EmailCampaignFactory(status="running")
    assert client.post(f"/campaigns/{campaign.pk}/pause/").status_code == 403
    assert Campaign.objects.get(pk=campaign.pk).status == "running"


# ── the question before a step ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("kind", "state", "verb"), [
    ("email", "running", "cancel"),
    ("email", "draft", "delete"),
    ("promotion", "active", "end_early"),
    ("promotion", "active", "cancel"),
    ("promotion", "draft", "delete"),
    ("promotion", "active", "pause"),
    ("email", "completed", "archive"),
    ("email", "completed", "duplicate"),
])  # fmt: skip
def test_a_get_asks_and_changes_nothing(client, marketer, kind, state, verb):
    campaign = FACTORIES[kind](status=state, created_by=marketer)
    response = client.get(f"/campaigns/{campaign.pk}/{verb}/")
    page = response.content.decode()
    assert response.status_code == 200
    assert f'<form method="post" action="/campaigns/{campaign.pk}/{verb}/"' in page
    assert "hx-post" not in page.partition("<main")[2]
    assert Campaign.objects.get(pk=campaign.pk).status == state


@pytest.mark.parametrize(("kind", "state", "verb"), [
    ("email", "running", "cancel"),
    ("promotion", "active", "end_early"),
    ("promotion", "active", "cancel"),
    ("email", "draft", "delete"),
    ("email", "draft", "launch"),
])  # fmt: skip
def test_a_step_with_consequences_asks_first_even_without_javascript(client, marketer, kind, state, verb):
    campaign = FACTORIES[kind](status=state, created_by=marketer)
    page = get_page(client, campaign)
    assert f'<form method="get" action="/campaigns/{campaign.pk}/{verb}/"' in page


def test_the_dialog_is_the_same_question_without_its_page(client, marketer):
    campaign = EmailCampaignFactory(status="running")
    page = client.get(f"/campaigns/{campaign.pk}/cancel/", **HTMX).content.decode()
    assert "<html" not in page
    assert 'id="ask-title"' in page
    assert f'hx-post="/campaigns/{campaign.pk}/cancel/"' in page


def test_the_question_of_a_closed_step_is_409(client, marketer):
    campaign = EmailCampaignFactory(status="completed", created_by=marketer)
    for verb in ("pause", "delete"):
        response = client.get(f"/campaigns/{campaign.pk}/{verb}/")
        assert response.status_code == 409
        assert "is completed" in response.content.decode()


def test_a_launch_that_cannot_be_says_what_is_missing_each_linked_to_its_field(client, marketer):
    campaign = EmailCampaignFactory()
    page = client.get(f"/campaigns/{campaign.pk}/launch/").content.decode()
    for field in ("subject", "from_email", "body", "targets", "connection"):
        assert f'href="/campaigns/email/{campaign.pk}/edit/#id_{field}"' in page
    refused = client.post(f"/campaigns/{campaign.pk}/launch/")
    assert refused.status_code == 409
    assert "The subject is missing." in refused.content.decode()


def test_the_question_of_a_launch_says_how_many_get_the_mail(client, marketer):
    campaign = EmailCampaignFactory(launchable=True)
    assert "3 recipients" in client.get(f"/campaigns/{campaign.pk}/launch/").content.decode()


def test_a_resume_past_the_end_asks_first_and_says_that_it_ends_at_once(client, marketer):
    now = timezone.now()
    over = PromotionCampaignFactory(
        status="paused", starts_at=now - timedelta(days=2), ends_at=now - timedelta(days=1)
    )
    page = get_page(client, over)
    assert f'<form method="get" action="/campaigns/{over.pk}/resume/"' in page
    assert "Its end has passed" in page
    assert "expires at once" in client.get(f"/campaigns/{over.pk}/resume/").content.decode()
    assert client.post(f"/campaigns/{over.pk}/resume/").status_code == 302
    assert [step.verb for step in over.history.all()] == ["expire", "resume"]
    open_ = PromotionCampaignFactory(status="paused")
    assert f'<form method="post" action="/campaigns/{open_.pk}/resume/"' in get_page(client, open_)


# ── schedule ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_mail_is_scheduled_in_the_zone_of_the_site(client, marketer, settings):
    settings.TIME_ZONE = "Europe/Berlin"
    campaign = EmailCampaignFactory(launchable=True)
    response = client.post(f"/campaigns/{campaign.pk}/schedule/", {"at": "2099-07-01T10:00"})
    assert response.status_code == 302
    assert Campaign.objects.get(pk=campaign.pk).starts_at.isoformat() == "2099-07-01T08:00:00+00:00"


@pytest.mark.parametrize(("at", "sentence"), [
    ("2001-01-01T10:00", "must be in the future"),
    ("", "Choose when to send it."),
    ("tomorrow", "Enter a valid date/time."),
])  # fmt: skip
def test_a_time_that_cannot_be_is_refused_with_the_sentence(client, marketer, at, sentence):
    campaign = EmailCampaignFactory(launchable=True)
    response = client.post(f"/campaigns/{campaign.pk}/schedule/", {"at": at})
    assert response.status_code == 409
    assert sentence in response.content.decode()
    assert Campaign.objects.get(pk=campaign.pk).status == "draft"


# ── duplicate and delete ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", FACTORIES)
def test_a_duplicate_leads_to_the_copy(client, marketer, kind):
    campaign = FACTORIES[kind](status="cancelled", name="Spring")
    response = client.post(f"/campaigns/{campaign.pk}/duplicate/")
    copy = Campaign.objects.get(name="Spring (copy)")
    assert response.url == f"/campaigns/{kind}/{copy.pk}/"
    assert client.post(f"/campaigns/{campaign.pk}/duplicate/", **HTMX)["HX-Redirect"].startswith(
        f"/campaigns/{kind}/"
    )


def test_what_is_past_a_draft_is_not_deleted(client, marketer):
    campaign = EmailCampaignFactory(status="running", created_by=marketer)
    response = client.post(f"/campaigns/{campaign.pk}/delete/")
    assert response.status_code == 409
    assert "it cannot be deleted any more" in response.content.decode()


def test_after_a_delete_comes_the_list(client, marketer):
    campaign = EmailCampaignFactory(created_by=marketer, name="Never mind")
    response = client.post(f"/campaigns/{campaign.pk}/delete/", follow=True)
    assert response.redirect_chain == [("/campaigns/", 302)]
    assert "“Never mind” is deleted." in response.content.decode()


# ── history and reasons ──────────────────────────────────────────────────────────────────────────────────────────────


def test_the_page_tells_who_did_what_when_and_why(client, marketer, settings):
    settings.TIME_ZONE = "Europe/Berlin"
    campaign = EmailCampaignFactory(status="running")
    fire(
        campaign,
        "pause",
        why="The server refused the login.",
        now=datetime(2026, 7, 1, 8, tzinfo=UTC),
    )
    page = get_page(client, campaign)
    assert "Paused" in page
    assert "1 Jul 2026, 10:00" in page
    assert "by the system" in page
    assert page.count("The server refused the login.") == 2  # at the top and in the history


@pytest.mark.parametrize(
    ("at", "said"),
    [
        ("2027-03-28T02:30", "02:30 does not exist on 28 Mar 2027: the clocks are put forward."),
        ("2027-10-31T02:30", "02:30 happens twice on 31 Oct 2027: the clocks are put back."),
    ],
)
def test_a_time_that_the_clocks_skip_or_repeat_is_named(client, marketer, settings, at, said):
    settings.TIME_ZONE = "Europe/Berlin"
    campaign = EmailCampaignFactory(launchable=True)
    response = client.post(f"/campaigns/{campaign.pk}/schedule/", {"at": at})
    assert response.status_code == 409
    assert said in response.content.decode()
    assert Campaign.objects.get(pk=campaign.pk).status == "draft"
