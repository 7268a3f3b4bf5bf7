"""The mail with the clicks of each link beside it."""

import re

import pytest

from mailing import audience, content, reports
from mailing.models import Content
from mailing.views.mail_frames import POLICY
from tests.factories import EmailCampaignFactory
from tests.mailing.pages import page
from tests.mailing.reports.ledgers import BODY, accept, click, launch

pytestmark = pytest.mark.django_db


def draw(campaign):
    return reports.draw_click_map(campaign, reports.count_answers(campaign), audience.find_preview_reader())


def test_each_place_of_a_link_has_its_clicks_and_share_and_leads_nowhere(client, marketer):
    campaign = launch(4)
    accept(campaign)
    rows = list(campaign.deliveries.all())
    for row in rows[:3]:
        click(row, 0)
    click(rows[3], 1)
    click(rows[3], 1, origin="machine")
    drawn = draw(campaign)
    links = re.findall(r'<a [^>]*href="([^"]*)"[^>]*>(.*?)</a>', drawn, re.DOTALL)
    texts = [re.sub(r"<[^>]*>", "", inside) for _, inside in links]
    assert texts[:4] == ["News3 · 75.0%", "1 · 25.0%", "News again3 · 75.0%", "Unsubscribe"]
    assert {address for address, _ in links} == {"#"}
    response = client.get(f"/campaigns/email/{campaign.pk}/report/click-map/")
    assert response["Content-Security-Policy"] == POLICY
    assert response.content.decode() == draw(campaign)
    text = page(client, f"/campaigns/email/{campaign.pk}/report/")
    assert re.search(r'<iframe [^>]*sandbox [^>]*src="[^"]*/report/click-map/"', text)
    assert "counted by its address: each place shows the clicks on both" in text


@pytest.mark.parametrize("body_format", ["html", "markdown", "mjml"])
def test_the_honeypot_link_has_no_badge_in_any_format(body_format):
    body = {
        "html": BODY,
        "markdown": "[News](https://shop.example/news) [Leave]({{ unsubscribe_url }})",
        "mjml": "<mjml><mj-body><mj-section><mj-column><mj-button href='https://shop.example/news'>News</mj-button>"
        "<mj-text><a href='{{ unsubscribe_url }}'>Leave</a></mj-text></mj-column></mj-section></mj-body></mjml>",
    }[body_format]
    campaign = launch(1, body=body, body_format=body_format)
    click(campaign.deliveries.get())
    drawn = draw(campaign)
    assert str(content.TRAP) not in drawn
    assert drawn.count("1 · 100.0%</span>") == (2 if body_format == "html" else 1)


def test_a_mail_that_cannot_be_shown_says_why(client, marketer):
    text = client.get(f"/campaigns/email/{EmailCampaignFactory().pk}/report/click-map/").content.decode()
    assert "has not been launched" in text
    campaign = EmailCampaignFactory(status="completed", launchable=True)
    Content.objects.create(campaign=campaign, compiled=b"nonsense")
    text = client.get(f"/campaigns/email/{campaign.pk}/report/click-map/").content.decode()
    assert "cannot be read" in text
    assert "cannot be read" in page(client, f"/campaigns/email/{campaign.pk}/report/")
