"""What needs the sales of all recipients of a large campaign: measured by the queue, kept, shown with its moment."""

import pytest
from django.db.models import F
from django_q.models import OrmQ

from campaigns import database_time
from mailing import stored_revenue, tasks
from mailing.kept_figures import FRESH_SECONDS
from mailing.models import RevenueFigures
from tests.factories import ContactFactory
from tests.mailing.revenue.shops import DAY, HOUR, NOW, click, fold, sell, send_campaign
from tests.mailing.revenue.test_pages import text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign(monkeypatch):
    """Of which nobody is held out, and one recipient bought; it counts as large."""
    monkeypatch.setattr(stored_revenue, "COUNTED_AT_ONCE", 0)
    campaign, (mail,) = send_campaign(ContactFactory(customer_id="A"), at=NOW - 3 * DAY)
    click(mail, NOW - 2 * DAY)
    sell("A", NOW - 2 * DAY + HOUR, total=700)
    fold()
    return campaign


def test_a_large_campaign_is_measured_by_the_queue_once(client, admin_client, campaign):
    now = database_time.now()
    assert stored_revenue.read_measured_revenue(campaign, now).is_awaited
    assert stored_revenue.read_measured_revenue(campaign, now).is_awaited
    (queued,) = OrmQ.objects.all()
    assert (queued.task["func"], queued.task["args"]) == ("mailing.tasks.measure_revenue", (campaign.pk,))
    path = f"/campaigns/email/{campaign.pk}/revenue/"
    assert "are being measured; look again" in admin_client.get(path).content.decode()
    tasks.measure_revenue(campaign.pk)
    measured = stored_revenue.read_measured_revenue(campaign, now)
    assert [(row.sku, row.net) for row in measured.articles] == [("TEA", 700)]
    assert measured.median_wait == 25 * 3_600
    page = admin_client.get(path).content.decode()
    assert "the median time to a sale are of" in page
    assert "TEA" in page


def test_old_figures_are_shown_and_measured_anew(campaign):
    tasks.measure_revenue(campaign.pk)
    old = database_time.now() - (FRESH_SECONDS + 1) * (HOUR / 3_600)
    RevenueFigures.objects.update(counted_at=old, asked_at=F("counted_at"))
    RevenueFigures.objects.update(asked_at=old)
    assert stored_revenue.read_measured_revenue(campaign, database_time.now()).at == old
    assert OrmQ.objects.count() == 1


def test_a_measure_that_ends_late_does_not_hide_a_newer_one(campaign):
    tasks.measure_revenue(campaign.pk)
    newer = database_time.now() + HOUR
    RevenueFigures.objects.update(counted_at=newer, figures=None)
    tasks.measure_revenue(campaign.pk)
    assert RevenueFigures.objects.get().figures is None


def test_a_verdict_is_final_only_if_it_was_measured_after_the_days(campaign):
    campaign.funnel = campaign.funnel | {"held_out": 10}
    campaign.attribution = campaign.attribution | {"days": 3}
    type(campaign).objects.filter(pk=campaign.pk).update(
        funnel=campaign.funnel, attribution=campaign.attribution
    )
    tasks.measure_revenue(campaign.pk)
    assert stored_revenue.read_measured_revenue(campaign, NOW).lift.is_over
    RevenueFigures.objects.update(counted_at=NOW - DAY)
    assert not stored_revenue.read_measured_revenue(campaign, NOW + 9 * DAY).lift.is_over


@pytest.mark.parametrize(
    ("buyers", "said"),
    [
        (
            500,
            "proved €7.00 1 sale Total €7.00 €7.00 of it (100%) came through mails whose effect a hold-out",
        ),
        (200, "No hold-out has proved the effect"),
        (100, "No hold-out has proved the effect"),
    ],
)
def test_the_dashboard_says_how_much_came_through_mails_that_a_hold_out_has_proved(
    admin_client, campaign, buyers, said
):
    type(campaign).objects.filter(pk=campaign.pk).update(funnel=campaign.funnel | {"held_out": 1_000})
    tasks.measure_revenue(campaign.pk)
    figures = RevenueFigures.objects.get().figures
    mailed, held_out = (
        {"people": people, "buyers": bought} for people, bought in ((9_000, buyers), (1_000, 20))
    )
    RevenueFigures.objects.update(figures=figures | {"arms": [mailed, held_out]})
    assert said in text_of(admin_client.get("/revenue/lately/"))
