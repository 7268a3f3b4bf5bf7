"""The pages of a campaign on its way and after: progress, second chances, report."""

import csv
import io
import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from campaigns.lifecycle import fire
from mailing import endings, launch
from mailing.models import (
    Attempt,
    Delivery,
    EmailCampaign,
    Event,
    Pace,
    Target,
)
from tests.factories import (
    ContactFactory,
    ContactListFactory,
    EmailCampaignFactory,
)
from tests.mailing.pages import page
from tests.mailing.running import launch_campaign

pytestmark = pytest.mark.django_db


@pytest.fixture
def launched_campaign(marketer):
    """A campaign with a ledger of three, as a launch makes it."""
    campaign = EmailCampaignFactory(launchable=True, name="Winter letter", created_by=marketer)
    fire(campaign, "launch", by=marketer)
    launch.prepare(campaign.pk)
    return EmailCampaign.objects.get(pk=campaign.pk)


# ── progress ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_running_campaign_is_asked_every_two_seconds_and_a_final_one_never_again(
    client, marketer, launched_campaign
):
    path = f"/campaigns/email/{launched_campaign.pk}/progress/"
    text = page(client, path)
    assert 'hx-trigger="every 2s"' in text
    assert "0 of 3 sent" in text
    assert '<rect class="waiting" x="0" width="100"' in text
    fire(launched_campaign, "cancel", by=marketer)
    text = page(client, path)
    assert "hx-trigger" not in text
    assert f'hx-get="{path}' not in text


def test_the_page_renews_itself_once_the_campaign_has_moved(client, marketer, launched_campaign):
    path = f"/campaigns/email/{launched_campaign.pk}/progress/"
    assert "HX-Trigger" not in client.get(f"{path}?seen=running")
    fire(launched_campaign, "pause")
    assert "campaign-moved" in client.get(f"{path}?seen=running")["HX-Trigger"]


def test_the_progress_shows_the_counts_of_the_ledger(client, marketer, launched_campaign):
    first, second, _ = launched_campaign.deliveries.all()
    Delivery.objects.filter(pk=first.pk).update(status="accepted", due_at=None, sent_at=timezone.now())
    Delivery.objects.filter(pk=second.pk).update(status="bounced", due_at=None)
    Attempt.objects.create(
        delivery=second,
        campaign=launched_campaign,
        status="bounced",
        stage="rcpt",
        code=550,
        text="no such user",
    )
    text = page(client, f"/campaigns/email/{launched_campaign.pk}/progress/")
    figures = dict(re.findall(r"<dt[^>]*>(\w+)</dt><dd>(\d+)", text))
    assert figures == {"Recipients": "3", "Sent": "1", "Delivered": "1", "Bounced": "1", "Waiting": "1"} | {
        "Opened": "0",
        "Clicked": "0",
        "Unsubscribed": "0",
    }
    assert "66.7%" in text
    assert "no such user" in text


def test_the_figures_of_a_completed_campaign_move_by_themselves_for_two_weeks(
    client, marketer, launched_campaign
):
    launched_campaign.deliveries.update(status="accepted", due_at=None, sent_at=timezone.now())
    fire(launched_campaign, "complete")
    path = f"/campaigns/email/{launched_campaign.pk}/progress/"
    assert re.search(rf'hx-get="{path}[^"]*" hx-trigger="every 15s"', page(client, path))
    first = launched_campaign.deliveries.first()
    Delivery.objects.filter(pk=first.pk).update(status="bounced", opened_at=timezone.now())
    text = client.get(path, headers={"HX-Request": "true"}).content.decode()
    assert 'id="campaign-timeline"' in text
    assert "hx-swap-oob" in text
    assert "1 opened" in text
    assert re.search(r"<dt[^>]*>Bounced</dt><dd>1</dd>", text)
    assert re.search(r"<dt[^>]*>Opened</dt><dd>1</dd>", text)
    long_ago = timezone.now() - timedelta(days=15)
    EmailCampaign.objects.filter(pk=launched_campaign.pk).update(finished_at=long_ago)
    assert "hx-trigger" not in page(client, path)


def test_bounces_are_told_in_percent_of_what_was_attempted_not_of_all_recipients(
    client, marketer, launched_campaign
):
    first, second, _ = launched_campaign.deliveries.all()
    Delivery.objects.filter(pk=first.pk).update(status="accepted", due_at=None, sent_at=timezone.now())
    Delivery.objects.filter(pk=second.pk).update(status="bounced", due_at=None)
    text = page(client, f"/campaigns/email/{launched_campaign.pk}/progress/")
    row = re.search(r"Bounced</dt>.*?</div>", text[text.index("steps-down") :], re.DOTALL)[0]
    assert "50.0% of attempted" in row
    assert "33.3%" not in re.search(r'<dl class="split-key">.*?</dl>', text, re.DOTALL)[0]


def test_each_bar_is_drawn_against_what_its_label_says(client, marketer, launched_campaign):
    first, second, _ = launched_campaign.deliveries.all()
    for delivery in (first, second):
        Delivery.objects.filter(pk=delivery.pk).update(status="accepted", due_at=None, sent_at=timezone.now())
    Delivery.objects.filter(pk=first.pk).update(opened_at=timezone.now())
    fire(launched_campaign, "pause")
    text = page(client, f"/campaigns/email/{launched_campaign.pk}/progress/")
    row = re.search(r"Opened</dt>.*?</div>", text, re.DOTALL)[0]
    assert "50.0% of sent" in row
    assert 'width="50"' in row


def test_what_a_connection_has_done_is_told_in_percent_of_the_recipients(client, marketer, launched_campaign):
    first = launched_campaign.deliveries.first()
    Delivery.objects.filter(pk=first.pk).update(status="accepted", due_at=None, sent_at=timezone.now())
    text = page(client, f"/campaigns/email/{launched_campaign.pk}/progress/")
    done = re.search(r'data-label="Done".*?</td>', text, re.DOTALL)[0]
    assert "33.3%" in done
    assert "100.0%" not in done


def test_the_page_says_what_is_waited_for_and_since_when(client, marketer, launched_campaign, settings):
    since = timezone.now() - timedelta(minutes=3)
    Pace.objects.create(
        connection=launched_campaign.connection,
        failures=7,
        failing_since=since,
        down_since=since,
        held_until=timezone.now() + timedelta(seconds=20),
        trouble="mail.example:25 cannot be reached.",
    )
    text = page(client, f"/campaigns/email/{launched_campaign.pk}/progress/")
    assert "mail.example:25 cannot be reached." in text
    waits = re.sub(r"<[^>]*>", "", re.search(r"No answer since.*?</div>", text, re.DOTALL)[0])
    pauses = since + timedelta(minutes=settings.OUTAGE_MINUTES)
    assert f"since {timezone.localtime(since):%-d %b %Y, %H:%M}; the next try is at" in waits
    assert f"pauses {timezone.localtime(pauses):%-d %b %Y, %H:%M}" in waits


def test_a_campaign_that_waits_for_its_time_is_watched_too(client, marketer):
    campaign = EmailCampaignFactory(status="scheduled")
    assert 'hx-trigger="every 10s"' in page(client, f"/campaigns/email/{campaign.pk}/")


def test_the_dashboard_polls_while_something_is_under_way(client, marketer, launched_campaign):
    text = page(client, "/under-way/")
    assert "0 of 3 sent" in text
    assert "every 5s" in text
    fire(launched_campaign, "cancel")
    assert "every 5s" not in page(client, "/under-way/")


def test_a_poll_of_the_dashboard_takes_as_many_queries_for_five_campaigns_as_for_one(client, marketer):
    queries = []
    for more in (1, 4):
        for campaign in [launch_campaign(2, per_minute=1) for _ in range(more)]:
            first = Delivery.objects.filter(pk=campaign.deliveries.first().pk)
            first.update(status="accepted", sent_at=timezone.now(), due_at=None)
        with CaptureQueriesContext(connection) as captured:
            text = page(client, "/under-way/")
        queries.append(len(captured))
    assert queries[0] == queries[1]
    assert len(re.findall(r"1 of 2 sent · \d\.\d a second · 1 min( \d s)? left", text)) == 5


# ── second chances ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_failed_are_tried_again(client, marketer, launched_campaign):
    launched_campaign.deliveries.update(status="failed", due_at=None)
    assert "Retry failed" in page(client, f"/campaigns/email/{launched_campaign.pk}/")
    assert client.post(f"/campaigns/email/{launched_campaign.pk}/retry/").status_code == 302
    assert set(launched_campaign.deliveries.values_list("status", flat=True)) == {"pending"}


def test_the_uncertain_are_sent_to_again_after_a_question(client, marketer, launched_campaign):
    launched_campaign.deliveries.update(status="uncertain", due_at=None)
    path = f"/campaigns/email/{launched_campaign.pk}/resend/"
    assert "3 mails were handed over" in page(client, path)
    assert set(launched_campaign.deliveries.values_list("status", flat=True)) == {"uncertain"}
    client.post(path)
    assert set(launched_campaign.deliveries.values_list("status", flat=True)) == {"pending"}


def test_a_final_campaign_is_not_resumed_by_the_back_door(client, marketer, launched_campaign):
    fire(launched_campaign, "cancel")
    for path in ("retry", "resend"):
        assert client.post(f"/campaigns/email/{launched_campaign.pk}/{path}/").status_code == 409


def test_a_final_campaign_is_duplicated_for_those_not_reached(client, marketer, launched_campaign):
    fire(launched_campaign, "cancel")
    endings.close_campaign(launched_campaign.pk)
    path = f"/campaigns/email/{launched_campaign.pk}/unreached/"
    assert path in page(client, f"/campaigns/email/{launched_campaign.pk}/")
    response = client.post(path)
    copy = EmailCampaign.objects.exclude(pk=launched_campaign.pk).get()
    assert response.url == f"/campaigns/email/{copy.pk}/"
    assert copy.targets.get().list.contacts.count() == 3


# ── report ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_report_lists_recipients_with_state_and_attempts(client, marketer, launched_campaign):
    first, second, third = launched_campaign.deliveries.all()
    Delivery.objects.filter(pk=second.pk).update(
        status="bounced", due_at=None, attempts=1, text="no such user"
    )
    Attempt.objects.create(
        delivery=second, campaign=launched_campaign, status="bounced", stage="rcpt", code=550, text="gone"
    )
    text = page(client, f"/campaigns/email/{launched_campaign.pk}/report/")
    assert all(row.email in text for row in (first, second, third))
    assert "rcpt: 550 gone" in text
    text = page(client, f"/campaigns/email/{launched_campaign.pk}/report/?status=bounced")
    assert second.email in text
    assert first.email not in text
    assert first.email in page(client, f"/campaigns/email/{launched_campaign.pk}/report/?q={first.email}")


def test_the_report_counts_clicks_by_link(client, marketer, launched_campaign):
    first, second, _ = launched_campaign.deliveries.all()
    for delivery in (first, first, second):
        Event.objects.create(
            delivery=delivery, campaign=launched_campaign, kind="clicked", link=0, basis="interest"
        )
    text = page(client, f"/campaigns/email/{launched_campaign.pk}/report/")
    row = re.search(r"https://shop.example/news.*?</tr>", text, re.DOTALL)[0]
    assert re.findall(r'class="number">(\d+)<', row) == ["3", "2"]


def test_the_csv_holds_every_recipient_and_no_formula(client, marketer, launched_campaign):
    first = launched_campaign.deliveries.first()
    Delivery.objects.filter(pk=first.pk).update(text='=HYPERLINK("http://evil.example")')
    response = client.get(f"/campaigns/email/{launched_campaign.pk}/report.csv")
    rows = list(csv.DictReader(io.StringIO(b"".join(response.streaming_content).decode())))
    assert [row["address"] for row in rows] == list(
        launched_campaign.deliveries.order_by("pk").values_list("email", flat=True)
    )
    assert rows[0]["answer"] == '\'=HYPERLINK("http://evil.example")'
    assert (
        response["Content-Disposition"] == f'attachment; filename="winter-letter-{launched_campaign.pk}.csv"'
    )


def test_the_report_takes_no_more_queries_for_more_recipients(client, marketer, django_assert_num_queries):
    def report(count):
        campaign = EmailCampaignFactory(launchable=True)
        everybody = ContactListFactory(contacts=ContactFactory.create_batch(count))
        Target.objects.create(campaign=campaign, list=everybody)
        fire(campaign, "launch")
        launch.prepare(campaign.pk)
        return f"/campaigns/email/{campaign.pk}/report/"

    small, large = report(1), report(30)
    client.get(small)
    with django_assert_num_queries(14) as few:
        client.get(small)
    with django_assert_num_queries(len(few)):
        client.get(large)
