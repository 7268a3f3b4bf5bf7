"""The page of the visual builder and what it saves: who may, which drafts, under which policy."""

import json
import re

import pytest

from mailing.library.reusable import save_reusable
from mailing.models import Block, CampaignVersion, EmailCampaign
from tests.factories import EmailCampaignFactory, SmtpConnectionFactory, user_in

pytestmark = pytest.mark.django_db
BODY = (
    "<mjml><mj-body><mj-section><mj-column><mj-text>Hello</mj-text></mj-column></mj-section></mj-body></mjml>"
)


def make_draft(**values) -> EmailCampaign:
    return EmailCampaignFactory(**{"body": BODY, "body_format": "mjml"} | values)


def address(campaign: EmailCampaign, more: str = "") -> str:
    return f"/campaigns/email/{campaign.pk}/builder/{more}"


def read_seen(page: str) -> str:
    return re.search(r'name="seen"[^>]*value="([^"]*)"', page)[1].replace("&quot;", '"')


def test_the_builder_shows_a_draft_and_may_set_styles_but_run_no_strange_script(client, marketer):
    save_reusable(Block(name="Our header", body="<mj-section></mj-section>", body_format="mjml"))
    save_reusable(Block(name="In Markdown", body="Hi", body_format="markdown"))
    response = client.get(address(make_draft()))
    page = response.content.decode()
    assert "&lt;mj-text&gt;Hello&lt;/mj-text&gt;" in page
    data = json.loads(re.search(r'<script id="builder-data" type="application/json">(.*?)</script>', page)[1])
    assert "Our header" in {block["name"] for block in data["blocks"]}
    assert "In Markdown" not in {block["name"] for block in data["blocks"]}
    policy = response["Content-Security-Policy"]
    assert "style-src 'self' 'unsafe-inline'" in policy
    assert "script-src 'self';" in f"{policy};"
    assert "unsafe-inline" not in client.get("/campaigns/")["Content-Security-Policy"]


def test_what_is_built_is_saved_as_a_version_and_nothing_else_is_touched(client, marketer):
    campaign = make_draft(subject="As it was")
    seen = read_seen(client.get(address(campaign)).content.decode())
    changed = BODY.replace("Hello", "Good day")
    response = client.post(address(campaign, "save/"), {"body": changed, "seen": seen})
    assert response.status_code == 200
    assert json.loads(response["HX-Trigger"]) == {
        "editor-saved": {"address": address(campaign), "isWhole": True}
    }
    campaign.refresh_from_db()
    assert (campaign.body, campaign.subject) == (changed, "As it was")
    assert CampaignVersion.objects.filter(campaign=campaign, is_automatic=True).exists()


def test_nothing_that_somebody_else_saved_is_overwritten(client, marketer):
    campaign = make_draft()
    seen = read_seen(client.get(address(campaign)).content.decode())
    client.post(address(campaign, "save/"), {"body": BODY.replace("Hello", "Theirs"), "seen": seen})
    response = client.post(address(campaign, "save/"), {"body": BODY.replace("Hello", "Mine"), "seen": seen})
    assert "Not saved:" in response.content.decode()
    assert "HX-Trigger" not in response
    campaign.refresh_from_db()
    assert "Theirs" in campaign.body


def test_an_empty_draft_of_any_format_can_be_built_and_becomes_mjml(client, marketer):
    campaign = make_draft(body="", body_format="markdown")
    seen = read_seen(client.get(address(campaign)).content.decode())
    client.post(address(campaign, "save/"), {"body": BODY, "seen": seen})
    campaign.refresh_from_db()
    assert (campaign.body, campaign.body_format) == (BODY, "mjml")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"body": "# Hi", "body_format": "markdown"}, "this mail is written in Markdown"),
        ({"status": "scheduled"}, "It is scheduled."),
    ],
)
def test_what_cannot_be_built_says_why_and_is_not_saved(client, marketer, values, said):
    campaign = make_draft(**values)
    response = client.get(address(campaign))
    assert response.status_code == 409
    assert said in response.content.decode()
    assert said in client.post(address(campaign, "save/"), {"body": BODY}).content.decode()
    before = campaign.body
    campaign.refresh_from_db()
    assert campaign.body == before


def test_a_running_campaign_is_refused(client, marketer):
    campaign = make_draft(status="running", connection=SmtpConnectionFactory())
    assert client.get(address(campaign)).status_code == 409


def test_only_those_who_may_change_mails_may_build(client):
    client.force_login(user_in("Analysts"))
    campaign = make_draft()
    assert client.get(address(campaign)).status_code == 403
    assert client.post(address(campaign, "save/"), {"body": BODY}).status_code == 403
