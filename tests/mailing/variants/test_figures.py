"""Figures of variants: from totals, of people alone, and adding up to those of the campaign."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from mailing import content, progress, retention
from mailing.models import EventCount, TrackingPolicy
from mailing.sending import tokens
from mailing.variants import figures
from tests.mailing.variants.testing import accept, advance, click, launch_tested
from tests.mailing.visits import get

database = pytest.mark.django_db
HOUR = timedelta(hours=1)


@database
@pytest.mark.parametrize("mode", ["aggregate", "hygiene"])
def test_where_only_totals_are_kept_they_are_kept_by_variant(mode):
    TrackingPolicy.objects.update_or_create(pk=1, defaults={"mode": mode})
    campaign = launch_tested(40, test={"share_percent": 50})
    accept(campaign)
    for delivery in campaign.deliveries.filter(variant=1)[:8]:
        token = tokens.sign_tokens([delivery.pk], campaign.pk)[0]
        get(f"/t/o/{token.open}")
        get(f"/t/c/{token.click}/0")
    assert set(EventCount.objects.values_list("variant", flat=True)) == {1}
    counted = figures.read_test_figures(campaign)
    assert [(each.opens.hits, each.clicks.hits) for each in counted.variants] == [(0, 0), (8, 8)]
    assert counted.are_totals
    campaign = advance(campaign)
    assert advance(campaign, 5 * HOUR).winner == 1


@database
def test_what_machines_did_decides_nothing():
    campaign = launch_tested(40, test={"share_percent": 50})
    accept(campaign)
    delivery = campaign.deliveries.filter(variant=1).first()
    click_token = tokens.sign_tokens([delivery.pk], campaign.pk)[0].click
    for link in (0, content.TRAP):  # who follows the link that nobody sees is a machine
        get(f"/t/c/{click_token}/{link}")
    counted = figures.read_test_figures(campaign)
    assert [each.clicks.hits for each in counted.variants] == [0, 0]


@database
def test_figures_of_variants_add_up_to_those_of_the_campaign():
    campaign = launch_tested(40, test={"share_percent": 50})
    accept(campaign)
    click(campaign, 0, 3)
    counted = figures.read_test_figures(campaign)
    whole = progress.read_figures(campaign)
    assert sum(each.sent for each in counted.variants) == whole.sent
    assert sum(each.clicks.hits for each in counted.variants) == whole.clicked == 3
    assert counted.held == 20
    assert whole.seconds_left is None


@database
def test_figures_stay_when_old_clicks_become_counts():
    campaign = launch_tested(40, test={"share_percent": 50})
    accept(campaign)
    for delivery in campaign.deliveries.filter(variant=0)[:3]:
        get(f"/t/c/{tokens.sign_tokens([delivery.pk], campaign.pk)[0].click}/0")
    before = figures.read_test_figures(campaign)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE mailing_event SET at = at - interval '500 days'")
        cursor.execute(
            "UPDATE mailing_delivery SET opened_at = opened_at - interval '500 days', "
            "clicked_at = clicked_at - interval '500 days'"
        )
    assert retention.forget_old_events(timezone.now()) > 0
    after = figures.read_test_figures(campaign)
    assert after == before
    assert [each.clicks.hits for each in after.variants] == [3, 0]
