"""The pages both kinds share, as a browser without JavaScript and htmx see them."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse
from django.utils import timezone

from campaigns.lifecycle import fire
from campaigns.models import Campaign, Transition
from tests.campaigns.matrix import BY_SYSTEM, EMAIL, PROMOTION
from tests.factories import EmailCampaignFactory, PromotionCampaignFactory, UserFactory, user_in

pytestmark = pytest.mark.django_db

FACTORIES = {"email": EmailCampaignFactory, "promotion": PromotionCampaignFactory}
TABLES = {"email": EMAIL, "promotion": PROMOTION}
EVERY_STATE = [(kind, state) for kind, table in TABLES.items() for state in table]
DELETABLE = {("email", "draft"), ("promotion", "draft"), ("promotion", "scheduled")}
EDITABLE = {("email", "draft"), ("email", "scheduled")} | {
    ("promotion", state) for state in ("draft", "scheduled", "active", "paused")
}
HTMX = {"HTTP_HX_REQUEST": "true"}


@pytest.fixture
def marketer(client):
    user = user_in("Marketers", username="mara")
    client.force_login(user)
    return user


def buttons(page: str, campaign) -> set[str]:
    """The words of every form of the page that leads to a step of this campaign."""
    return set(re.findall(rf'action="/campaigns/{campaign.pk}/(\w+)/"', page))


def shown(client, campaign) -> str:
    response = client.get(campaign.get_absolute_url())
    assert response.status_code == 200
    return response.content.decode()


# ── buttons ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("kind", "state"), EVERY_STATE)
def test_a_marketer_sees_exactly_the_buttons_the_state_allows(client, marketer, kind, state):
    campaign = FACTORIES[kind](status=state, created_by=marketer)
    page = shown(client, campaign)
    expected = {verb for verb in TABLES[kind][state] if verb not in BY_SYSTEM} | {"duplicate"}
    if (kind, state) in DELETABLE:
        expected.add("delete")
    assert buttons(page, campaign) == expected
    assert (f'href="{campaign.get_absolute_url()}edit/"' in page) == ((kind, state) in EDITABLE)


@pytest.mark.parametrize(("kind", "state"), EVERY_STATE)
def test_an_analyst_sees_the_page_without_a_button(client, kind, state):
    client.force_login(user_in("Analysts"))
    campaign = FACTORIES[kind](status=state)
    page = shown(client, campaign)
    assert buttons(page, campaign) == set()
    assert "edit/" not in page


@pytest.mark.parametrize("kind", FACTORIES)
def test_a_draft_of_somebody_else_is_deleted_by_administrators_only(client, marketer, kind):
    campaign = FACTORIES[kind](created_by=UserFactory())
    assert "delete" not in buttons(shown(client, campaign), campaign)
    assert client.post(f"/campaigns/{campaign.pk}/delete/").status_code == 403
    client.force_login(user_in("Administrators"))
    assert "delete" in buttons(shown(client, campaign), campaign)
    assert client.post(f"/campaigns/{campaign.pk}/delete/").status_code == 302
    assert not Campaign.objects.filter(pk=campaign.pk).exists()


def test_an_archived_campaign_can_be_unarchived_and_not_archived_again(client, marketer):
    campaign = EmailCampaignFactory(status="completed", archived_at=timezone.now())
    assert buttons(shown(client, campaign), campaign) == {"unarchive", "duplicate"}


def test_end_early_stands_before_cancel(client, marketer):
    campaign = PromotionCampaignFactory(status="active")
    page = shown(client, campaign)
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
    page = shown(client, campaign)
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
    page = shown(client, over)
    assert f'<form method="get" action="/campaigns/{over.pk}/resume/"' in page
    assert "Its end has passed" in page
    assert "expires at once" in client.get(f"/campaigns/{over.pk}/resume/").content.decode()
    assert client.post(f"/campaigns/{over.pk}/resume/").status_code == 302
    assert [step.verb for step in over.history.all()] == ["expire", "resume"]
    open_ = PromotionCampaignFactory(status="paused")
    assert f'<form method="post" action="/campaigns/{open_.pk}/resume/"' in shown(client, open_)


# ── schedule ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_mail_is_scheduled_in_the_zone_of_the_site(client, marketer, settings):
    settings.TIME_ZONE = "Europe/Berlin"
    campaign = EmailCampaignFactory(launchable=True)
    response = client.post(f"/campaigns/{campaign.pk}/schedule/", {"at": "2099-07-01T10:00"})
    assert response.status_code == 302
    assert Campaign.objects.get(pk=campaign.pk).starts_at.isoformat() == "2099-07-01T08:00:00+00:00"


@pytest.mark.parametrize(("at", "sentence"), [
    ("2001-01-01T10:00", "must lie in the future"),
    ("", "Say when it is to be sent."),
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
    assert "only a draft can be deleted" in response.content.decode()


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
    page = shown(client, campaign)
    assert "Paused" in page
    assert "1 Jul 2026, 10:00" in page
    assert "by the system" in page
    assert page.count("The server refused the login.") == 2  # at the top and in the history


# ── the list ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def names(client, query=""):
    response = client.get(f"/campaigns/{query}")
    assert response.status_code == 200
    return {campaign.name for campaign in response.context["page"]}


def test_the_list_holds_both_kinds_and_filters_them(client, marketer):
    EmailCampaignFactory(name="Winter letter", status="running")
    PromotionCampaignFactory(name="Winter sale", status="active")
    PromotionCampaignFactory(name="Old sale", status="cancelled", archived_at=timezone.now())
    assert names(client) == {"Winter letter", "Winter sale"}
    assert names(client, "?kind=email") == {"Winter letter"}
    assert names(client, "?status=active") == {"Winter sale"}
    assert names(client, "?q=winter+sale") == {"Winter sale"}
    assert names(client, "?archived=1") == {"Old sale"}
    assert names(client, "?kind=nonsense&status=nonsense&page=99") == {"Winter letter", "Winter sale"}


def test_a_name_cannot_write_into_the_page(client, marketer):
    campaign = EmailCampaignFactory(name="<script>alert(1)</script>")
    for page in (client.get("/campaigns/").content.decode(), shown(client, campaign)):
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert" in page


def test_the_list_takes_as_many_queries_for_fifty_campaigns_as_for_two(
    client, marketer, django_assert_num_queries
):
    EmailCampaignFactory(created_by=marketer)
    PromotionCampaignFactory(created_by=marketer)
    client.get("/campaigns/")
    with django_assert_num_queries(6) as few:  # session, user, two of permissions, count, rows
        client.get("/campaigns/")
    EmailCampaignFactory.create_batch(24, created_by=UserFactory())
    PromotionCampaignFactory.create_batch(24, created_by=UserFactory())
    with django_assert_num_queries(len(few)):
        assert client.get("/campaigns/").content.decode().count("<tr>") == 26


def test_an_empty_list_says_what_to_do_next(client, marketer):
    page = client.get("/campaigns/").content.decode()
    assert reverse("mailing:campaign_new") in page
    assert reverse("promotions:campaign_new") in page
    client.force_login(user_in("Analysts"))
    assert reverse("mailing:campaign_new") not in client.get("/campaigns/").content.decode()


def test_a_campaign_of_the_list_leads_to_the_page_of_its_kind(client, marketer):
    for kind, factory in FACTORIES.items():
        campaign = factory()
        assert client.get(f"/campaigns/{campaign.pk}/").url == f"/campaigns/{kind}/{campaign.pk}/"


# ── dashboard ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_dashboard_of_a_fresh_house_shows_the_first_steps(client, marketer):
    page = client.get("/").content.decode()
    assert "Welcome to Fanfare" in page
    assert reverse("mailing:contact_import") in page or reverse("mailing:contacts") in page


def test_the_dashboard_shows_what_runs_what_comes_and_what_needs_attention(client, marketer):
    EmailCampaignFactory(name="On its way", status="running", total=200)
    PromotionCampaignFactory(name="At the till", status="active", budget=100_00)
    EmailCampaignFactory(name="Tomorrow", status="scheduled")
    stopped = EmailCampaignFactory(name="Stopped", status="running")
    fire(stopped, "pause", why="The server refused the login.")
    by_hand = EmailCampaignFactory(name="By hand", status="running")
    fire(by_hand, "pause", by=marketer)
    broken = EmailCampaignFactory(name="Broken", status="running")
    fire(broken, "fail", why="The content does not compile.")
    sent_back = EmailCampaignFactory(name="Sent back", status="scheduled")
    fire(sent_back, "unschedule", why="It could not be launched. The subject is missing.")
    response = client.get("/")
    attention = {campaign.name: campaign.last_why for campaign in response.context["attention"]}
    assert attention == {
        "Stopped": "The server refused the login.",
        "Broken": "The content does not compile.",
        "Sent back": "It could not be launched. The subject is missing.",
    }
    assert {campaign.name for campaign in response.context["under_way"]} == {
        "On its way", "At the till", "Stopped", "By hand",
    }  # fmt: skip
    assert {campaign.name for campaign in response.context["coming"]} == {"Tomorrow"}
    page = response.content.decode()
    assert "€0.00 of €100.00" in page
    assert page.count("<progress") >= 2


def test_an_old_failure_leaves_the_dashboard(client, marketer):
    campaign = EmailCampaignFactory(status="failed")
    Transition.objects.create(
        campaign=campaign, verb="fail", was="running", now="failed", at=timezone.now() - timedelta(days=15)
    )
    assert not client.get("/").context["attention"]


def test_somebody_without_a_role_is_told_so(client):
    client.force_login(UserFactory())
    assert "You have no role yet" in client.get("/").content.decode()
    assert client.get("/campaigns/").status_code == 403


def test_the_menu_holds_only_what_one_may_open(client):
    viewer = UserFactory()
    viewer.user_permissions.add(Permission.objects.get(codename="view_campaign"))
    client.force_login(viewer)
    page = client.get("/campaigns/").content.decode()
    assert 'href="/campaigns/"' in page
    assert 'href="/contacts/"' not in page
    assert 'href="/admin/"' not in page


# ── signing in and out, policy, health ───────────────────────────────────────────────────────────────────────────────


def test_signing_in_leads_to_the_page_asked_for_and_signing_out_ends_it(client):
    UserFactory(username="mara", password="a long enough password")
    response = client.post(
        "/login/?next=/campaigns/",
        {"username": "mara", "password": "a long enough password", "next": "/campaigns/"},
    )
    assert response.url == "/campaigns/"
    assert client.get("/logout/").status_code == 405
    assert client.post("/logout/").url == "/login/"
    assert client.get("/").url == "/login/?next=/"


def test_no_page_carries_a_script_or_style_of_its_own(client, marketer):
    campaign = EmailCampaignFactory(status="running", launchable=True)
    for path in (
        "/",
        "/campaigns/",
        campaign.get_absolute_url(),
        f"/campaigns/{campaign.pk}/cancel/",
        "/login/",
    ):
        response = client.get(path, follow=True)
        page = response.content.decode()
        assert not re.search(r"<script(?![^>]*\bsrc=)", page)
        assert not re.search(r"<style|\sstyle=|\son\w+=", page)
        assert "script-src 'self';" in response["Content-Security-Policy"]


def test_health_needs_no_login(client):
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ok"}


def test_readyz_names_what_is_wrong(client, monkeypatch):
    from django_q.brokers.orm import ORM

    def unreachable(self):
        raise ConnectionError("connection refused")

    monkeypatch.setattr(ORM, "queue_size", unreachable)
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["problems"] == ["The queue cannot be reached: connection refused"]


def test_readyz_names_migrations_that_are_missing(client):
    from django.db.migrations.recorder import MigrationRecorder

    MigrationRecorder.Migration.objects.filter(app="campaigns").order_by("-pk").first().delete()
    response = client.get("/readyz")
    assert response.status_code == 503
    assert "not applied" in response.json()["problems"][0]
