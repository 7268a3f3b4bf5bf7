"""Test mails: who sends them, to whom, and what their answer says."""

import html
import re

import pytest
from django.utils import timezone
from django_q.models import OrmQ, Task

from campaigns.lifecycle import fire
from mailing import tasks
from mailing.models import (
    EmailCampaign,
)
from tests.factories import (
    EmailCampaignFactory,
    SmtpConnectionFactory,
)
from tests.hostile_smtp import Settings, hostile_smtp
from tests.mailing.pages import page

pytestmark = pytest.mark.django_db
HTMX = {"HTTP_HX_REQUEST": "true"}


def list_queued() -> list[str]:
    """The names of the tasks in the queue."""
    return [task.func() for task in OrmQ.objects.order_by("pk")]


def test_a_test_mail_is_queued(client, marketer, django_capture_on_commit_callbacks):
    campaign = EmailCampaignFactory(launchable=True)
    with django_capture_on_commit_callbacks(execute=True):
        response = client.post(
            f"/campaigns/email/{campaign.pk}/test/", {"to": "a@shop.example, b@shop.example"}
        )
    assert response.url == f"/campaigns/email/{campaign.pk}/"
    assert list_queued() == ["mailing.tasks.send_test"]


@pytest.mark.parametrize(("rule", "sentence"), [
    ("dot 250 2.0.0 Ok", "The server took it: a@shop.example."),
    ("rcpt 550 5.1.1 no such user", "550 5.1.1 no such user"),
    ("mail 553 5.7.1 not owned by user", "553 5.7.1 not owned by user"),
    ("connect 554 go away", "554 go away"),
])  # fmt: skip
def test_the_answer_to_a_test_mail_comes_to_the_page(
    client, marketer, django_capture_on_commit_callbacks, rule, sentence
):
    with hostile_smtp(Settings(rules=[] if rule.startswith("dot 2") else [rule])) as server:
        campaign = EmailCampaignFactory(
            launchable=True, connection=SmtpConnectionFactory(host="127.0.0.1", port=server.port)
        )
        path = f"/campaigns/email/{campaign.pk}/"
        with django_capture_on_commit_callbacks(execute=True):
            client.post(f"{path}test/", {"to": "a@shop.example"})
        waiting = client.get(f"{path}test/answer/").content.decode()
        assert "is being sent" in waiting
        assert 'hx-trigger="every 2s"' in waiting
        assert "is being sent" in client.get(path).content.decode()
        queued_task = OrmQ.objects.get().task
        result = tasks.send_test(*queued_task["args"])
    Task.objects.create(
        id=queued_task["id"], name=queued_task["name"], func=queued_task["func"], args=queued_task["args"],
        result=result, success=True, started=timezone.now(), stopped=timezone.now(),
    )  # fmt: skip
    answer = client.get(f"{path}test/answer/").content.decode()
    assert sentence in answer
    assert "hx-trigger" not in answer
    assert ("did not go out" in answer) != rule.startswith("dot 2")
    other = EmailCampaignFactory(launchable=True)
    assert sentence not in client.get(f"/campaigns/email/{other.pk}/test/answer/").content.decode()


@pytest.mark.parametrize(("to", "sentence"), [
    (", ".join(f"p{n}@shop.example" for n in range(11)), "at most 10 are allowed"),
    ("nobody", "is not an e-mail address"),
])  # fmt: skip
def test_wrong_addresses_of_a_test_mail_are_said(client, marketer, to, sentence):
    campaign = EmailCampaignFactory(launchable=True)
    response = client.post(f"/campaigns/email/{campaign.pk}/test/", {"to": to})
    assert response.status_code == 422
    assert sentence in response.content.decode()


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["whole page", "htmx"])
def test_a_wrong_address_of_a_test_mail_is_said_where_it_was_typed(client, marketer, headers):
    campaign = EmailCampaignFactory(launchable=True)
    path = f"/campaigns/email/{campaign.pk}/test/"
    response = client.post(path, {"to": "ada@shop.example, nobody"}, **headers)
    text = response.content.decode()
    assert response.status_code == 422
    assert ("<html" in text) != bool(headers)
    card = text[text.index('id="test"') :]
    assert "“nobody” is not an e-mail address" in html.unescape(card)
    assert 'value="ada@shop.example, nobody"' in card
    assert f'action="{path}#test"' in card, "without JavaScript the page comes back at this card"


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["whole page", "htmx"])
def test_a_test_mail_without_a_sender_is_refused_on_the_page(client, marketer, headers):
    campaign = EmailCampaignFactory(launchable=True, from_email="")
    response = client.post(f"/campaigns/email/{campaign.pk}/test/", {"to": "ada@shop.example"}, **headers)
    text = response.content.decode()
    assert response.status_code == 409
    assert ("<html" in text) != bool(headers)
    card = text[text.index('id="test"') :]
    assert f'href="/campaigns/email/{campaign.pk}/edit/#id_from_email"' in card
    assert 'value="ada@shop.example"' in card


def test_a_test_mail_by_htmx_is_answered_in_its_card(client, marketer):
    campaign = EmailCampaignFactory(launchable=True)
    path = f"/campaigns/email/{campaign.pk}/test/"
    text = client.post(path, {"to": "ada@shop.example"}, **HTMX).content.decode()
    assert text.lstrip().startswith("<section")
    assert "The test mail to ada@shop.example is being sent" in text
    EmailCampaign.objects.filter(pk=campaign.pk).update(status="running")
    late = client.post(path, {"to": "ada@shop.example"}, **HTMX)
    assert (late.status_code, late["HX-Retarget"]) == (409, "#campaign-status")


@pytest.mark.parametrize("query", ["", "?pictures=on"])
def test_pictures_of_other_servers_are_shown_when_somebody_asks(client, marketer, query):
    campaign = EmailCampaignFactory(launchable=True)
    path = f"/campaigns/email/{campaign.pk}/"
    may_load = "https:" in client.get(f"{path}preview/{query}")["Content-Security-Policy"]
    assert may_load == bool(query)
    text = page(client, path + query)
    assert ("pictures=on" in re.search(r'<iframe[^>]* src="([^"]*)"', text)[1]) == bool(query)
    typed = {"body": "x", "body_format": "html", **({"pictures": "on"} if query else {})}
    policy = client.post("/campaigns/email/preview/", typed)["Content-Security-Policy"]
    assert ("https:" in policy) == bool(query)


def test_the_page_of_a_draft_notices_that_somebody_else_launched_it(client, marketer):
    campaign = EmailCampaignFactory(launchable=True)
    path = f"/campaigns/email/{campaign.pk}/"
    assert f'hx-get="{path}progress/?seen=draft"' in page(client, path)
    fire(campaign, "launch", by=marketer)
    assert "campaign-moved" in client.get(f"{path}progress/?seen=draft", **HTMX)["HX-Trigger"]
    late = client.get(f"{path}readiness/", **HTMX)
    assert (late.content, "campaign-moved" in late["HX-Trigger"]) == (b"", True)
    assert client.get(f"{path}readiness/").url == path
    assert "Ready to launch?" not in page(client, path)


def test_a_running_campaign_sends_no_test_mail(client, marketer):
    campaign = EmailCampaignFactory(launchable=True, status="running")
    response = client.post(f"/campaigns/email/{campaign.pk}/test/", {"to": "a@shop.example"})
    assert response.status_code == 409
    assert "test mails are sent while it is a draft" in response.content.decode()
    assert "Send a test mail" not in page(client, f"/campaigns/email/{campaign.pk}/")
