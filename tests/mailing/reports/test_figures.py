"""The figures and rates of a campaign: sums of the ledger, and never 0 for what nobody can know."""

import re

import pytest
from django.utils import timezone

from campaigns import doctor
from campaigns.lifecycle import fire
from mailing import endings, progress, reports
from mailing.models import Delivery, EventCount, TrackingPolicy
from mailing.reports import figures as wording
from tests.factories import EmailCampaignFactory
from tests.mailing.pages import page
from tests.mailing.reports.ledgers import accept, click, launch, open_mail

pytestmark = pytest.mark.django_db


def read_figures(campaign):
    answers = reports.count_answers(campaign)
    unnamed = reports.UnnamedEvents(answers.unnamed_opens, answers.unnamed_clicks)
    counted = progress.read_figures(campaign)
    return reports.list_figures(campaign, counted, campaign.mode, unnamed)


def path(campaign):
    return f"/campaigns/email/{campaign.pk}/report/"


def set_mode(mode):
    TrackingPolicy.objects.update_or_create(pk=1, defaults={"mode": mode})


def count_nameless(campaign, kind="opened", amount=7, **fields):
    at = timezone.now().replace(minute=0, second=0, microsecond=0)
    return EventCount.objects.create(
        campaign=campaign, kind=kind, origin="human", at=at, amount=amount, **fields
    )


def test_every_figure_and_rate_is_that_of_the_ledger(client, marketer):
    campaign = launch(10)
    accept(campaign)
    rows = list(campaign.deliveries.order_by("pk"))
    Delivery.objects.filter(pk=rows[0].pk).update(status="bounced", sent_at=None, code=550)
    Delivery.objects.filter(pk=rows[1].pk).update(status="bounced", code=550)  # after it was taken
    Delivery.objects.filter(pk=rows[2].pk).update(complained_at=timezone.now())
    Delivery.objects.filter(pk=rows[3].pk).update(unsubscribed_at=timezone.now())
    for row in rows[4:7]:
        open_mail(row)
    click(rows[4])
    found = read_figures(campaign)
    assert {figure.key: figure.amount for figure in found} == {
        "recipients": 10,
        "sent": 9,
        "delivered": 8,
        "opened": 3,
        "clicked": 1,
        "bounced": 2,
        "complained": 1,
        "unsubscribed": 1,
    }
    rates = {figure.rate.label: figure.rate.percent for figure in found if figure.rate}
    assert rates == {
        "Sent": "90.0%",
        "Delivery rate": "88.9%",
        "Open rate": "33.3%",
        "Click rate": "11.1%",
        "Bounce rate": "20.0%",  # of 10 that were attempted
        "Complaint rate": "11.1%",
        "Unsubscribe rate": "11.1%",
    }
    assert reports.rate_clicks_to_opens(found).percent == "33.3%"
    assert list(doctor.find_breaches()) == []
    text = page(client, path(campaign))
    for figure in found:
        assert figure.meaning in text
        assert not figure.rate or figure.rate.meaning in text


@pytest.mark.parametrize("mode", ["none", "aggregate", "hygiene"])
def test_without_names_the_page_says_so_instead_of_zero(client, marketer, mode):
    set_mode(mode)
    campaign = launch(2)
    accept(campaign)
    if mode != "none":
        count_nameless(campaign)
    found = {figure.key: figure for figure in read_figures(campaign)}
    reason = str(wording.NO_TRACKING if mode == "none" else wording.TOTALS_ONLY)
    for key in ("opened", "clicked"):
        assert (found[key].amount, found[key].absence, found[key].rate.percent) == (None, reason, "")
    text = page(client, path(campaign))
    assert reason in text
    assert not re.search(r"<dt[^>]*>(Opened|Clicked)</dt>\s*<dd>0", text)
    assert ("7 anonymous opens beside." in text) is (mode != "none")
    text = page(client, f"/campaigns/email/{campaign.pk}/progress/")
    assert reason in text
    assert not re.search(r"<dt[^>]*>(Opened|Clicked)</dt>\s*<dd>0", text)


def test_where_nobody_may_be_named_the_figure_is_not_zero():
    campaign = launch(2)
    count_nameless(campaign, amount=1)
    opened, clicked = read_figures(campaign)[3:5]
    assert (opened.amount, opened.absence, opened.note) == (
        None,
        wording.NAMELESS,
        "1 anonymous open beside.",
    )
    assert (clicked.amount, clicked.absence) == (0, "")


def test_what_is_not_tracked_is_not_zero_and_what_was_noted_before_stays():
    campaign = launch(2, track_opens=False, track_clicks=False)
    opened, clicked = read_figures(campaign)[3:5]
    assert (opened.absence, clicked.absence) == (
        wording.NOT_TRACKED["opened"],
        wording.NOT_TRACKED["clicked"],
    )
    open_mail(campaign.deliveries.first())
    set_mode("aggregate")
    assert read_figures(campaign)[3].amount == 1


def test_a_draft_says_what_to_do_next(client, marketer):
    campaign = EmailCampaignFactory()
    text = page(client, path(campaign))
    assert "It has not been launched." in text
    assert f'href="{campaign.get_absolute_url()}">Open the campaign' in text


@pytest.mark.parametrize("status", ["failed", "cancelled", "paused"])
def test_a_report_is_partial_or_live_where_it_is_and_says_so(client, marketer, status):
    campaign = launch(3)
    campaign.deliveries.filter(pk=campaign.deliveries.first().pk).update(status="accepted", due_at=None)
    verb = {"failed": "fail", "cancelled": "cancel", "paused": "pause"}[status]
    fire(campaign, verb, why="Enough.")
    endings.close_campaign(campaign.pk)
    text = page(client, path(campaign))
    if status == "paused":
        assert "the figures will still change" in text
    else:
        assert "This report is partial" in text
        assert "1 of 3 mails had been sent" in text


def test_a_running_one_looks_again_by_itself(client, marketer):
    campaign = launch(1)
    assert 'hx-select="#report-figures" hx-trigger="every 10s"' in page(client, path(campaign))
    headers = {"HX-Request": "true", "HX-Target": "report-figures"}
    text = page(client, path(campaign), headers=headers)
    assert text.lstrip().startswith('<section class="card" id="report-figures"')
    accept(campaign)
    fire(campaign, "complete")
    assert "every 10s" not in page(client, path(campaign))


def test_the_funnel_goes_from_those_targeted_to_those_who_clicked(client, marketer):
    campaign = launch(4)
    accept(campaign)
    click(campaign.deliveries.first())
    funnel = reports.build_funnel(campaign, read_figures(campaign))
    assert [(row.label, row.amount, row.width) for row in funnel] == [
        ("Targeted", 4, "100"),
        ("Recipients", 4, "100"),
        ("Sent", 4, "100"),
        ("Delivered", 4, "100"),
        ("Opened", 1, "25"),
        ("Clicked", 1, "25"),
    ]
    set_mode("aggregate")
    Delivery.objects.update(opened_at=None, clicked_at=None)
    assert [row.label for row in reports.build_funnel(campaign, read_figures(campaign))][-1] == "Delivered"
