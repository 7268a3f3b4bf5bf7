"""When mails went out and were opened and clicked: sums over the tallies, drawn."""

from datetime import timedelta

import pytest
from django.utils import timezone

from mailing.models import EmailCampaign, Tally
from mailing.timeline import build_timeline
from tests.factories import EmailCampaignFactory

pytestmark = pytest.mark.django_db

LAUNCHED = timezone.now().replace(hour=9, minute=30, second=0, microsecond=0) - timedelta(days=9)


def make_launched_campaign(status="running", **tallies: list[tuple[float, int]]) -> EmailCampaign:
    """A campaign with so many of each measure so many hours after its launch."""
    campaign = EmailCampaignFactory(status=status, launched_at=LAUNCHED)
    Tally.objects.bulk_create(
        Tally(campaign=campaign, measure=measure, amount=amount, at=LAUNCHED + timedelta(hours=hours))
        for measure, amounts in tallies.items()
        for hours, amount in amounts
    )
    return campaign


def rows(campaign, hours=240.0) -> list[tuple[int, ...]]:
    found = build_timeline(campaign, LAUNCHED + timedelta(hours=hours))
    assert found is not None
    return [column.point.values for column in found.sent.columns]


def test_nothing_is_drawn_before_anything_was_sent():
    assert build_timeline(EmailCampaignFactory(), timezone.now()) is None
    assert build_timeline(make_launched_campaign(pending=[(0, 500)]), LAUNCHED + timedelta(hours=1)) is None


def test_a_young_campaign_is_told_by_quarters_of_an_hour_up_to_now():
    campaign = make_launched_campaign(accepted=[(0.01, 40), (0.3, 2)], opened=[(0.3, 7)])
    found = build_timeline(campaign, LAUNCHED + timedelta(hours=1))
    assert found is not None
    assert not found.is_by_hour
    assert rows(campaign, hours=1) == [(40,), (2,), (0,), (0,)]
    assert [column.point.values for column in found.answers.columns] == [(0, 0), (7, 0), (0, 0), (0, 0)]


def test_an_older_one_is_told_by_hours_and_no_further_than_its_second_day():
    campaign = make_launched_campaign(accepted=[(0, 40), (2, 3), (50, 9)])
    found = build_timeline(campaign, LAUNCHED + timedelta(days=9))
    assert found is not None
    assert found.is_by_hour
    drawn = rows(campaign)
    assert drawn[:3] == [(40,), (0,), (3,)]
    assert sum(value for (value,) in drawn) == 43
    assert len(drawn) == 49  # it began at half past


def test_a_final_one_is_told_to_the_last_thing_that_happened():
    assert rows(make_launched_campaign("completed", accepted=[(0, 40)], clicked=[(3, 1)])) == [
        (40,),
        (0,),
        (0,),
        (0,),
    ]


def test_what_bounced_later_was_sent_all_the_same():
    campaign = make_launched_campaign(
        "completed", accepted=[(0, 5), (2, -1)], returned=[(2, 1)], opened=[(2, 1)]
    )
    assert rows(campaign) == [(5,), (0,), (0,)]


def test_the_table_beside_the_drawing_has_only_the_hours_in_which_something_happened():
    found = build_timeline(
        make_launched_campaign("completed", accepted=[(0, 1_200)], clicked=[(3, 1)]), timezone.now()
    )
    assert found is not None
    assert found.table.heads == ("Sent", "Opened", "Clicked")
    assert [column.point.cells for column in found.table.columns] == [("1,200", "0", "0"), ("0", "0", "1")]


def test_page_and_report_show_it(client, marketer):
    campaign = make_launched_campaign("completed", accepted=[(0, 40)], clicked=[(3, 1)])
    for path in ("", "report/"):
        page = client.get(f"{campaign.get_absolute_url()}{path}").content.decode()
        assert "Hour by hour" in page
        assert "40 sent" in page
        assert "1 clicked" in page
    assert "hx-trigger" not in client.get(f"{campaign.get_absolute_url()}timeline/").content.decode()
