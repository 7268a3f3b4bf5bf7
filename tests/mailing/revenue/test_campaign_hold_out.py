"""Hold-out: who is drawn, that they are never mailed, and what the two arms say."""

import random
import re

import pytest
from django.db import IntegrityError, connection
from django.utils import timezone

from benchmarks.lift import simulate
from campaigns import doctor, lifecycle
from mailing import campaign_hold_out, drafting, launch, lift, progress, recipient_reasons, reports, tallies
from mailing.models import EmailCampaign, Membership, SplitTest
from tests.factories import ContactFactory
from tests.mailing.revenue.shops import DAY, HOUR, fold, sell, void
from tests.mailing.running import draft, fresh, launch_campaign
from tests.outside import detectable_lift, rate_difference

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign():
    return launch_campaign(60, hold_out=25)


def held_out(campaign):
    return campaign.deliveries.filter(status="held_out")


def test_a_share_is_drawn_and_counted_in_the_funnel(campaign):
    held = held_out(campaign).count()
    assert 5 <= held <= 27
    assert campaign.funnel["held_out"] == held
    assert campaign.funnel["recipients"] == campaign.total == 60 - held
    figures = progress.read_figures(campaign)
    assert (figures.total, figures.waiting, figures.skipped) == (60 - held, 60 - held, 0)
    assert tallies.count_unfinished(campaign.pk) == 60 - held
    assert campaign.planned == {str(campaign.connection_id): 60 - held}
    assert list(doctor.find_breaches()) == []


def test_the_draw_is_the_same_again_and_another_one_for_another_campaign():
    people = ContactFactory.create_batch(40)
    first, second = (launch_campaign(people, hold_out=50) for _ in range(2))
    drawn = [set(held_out(each).values_list("contact", flat=True)) for each in (first, second)]
    assert drawn[0] != drawn[1]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT id FROM mailing_contact WHERE {campaign_hold_out.write_draw('id', first)}")
        assert {pk for (pk,) in cursor} == drawn[0]


def test_a_large_draw_is_near_its_share():
    campaign = EmailCampaign(pk=7, hold_out=10)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*) FROM generate_series(1, 100000) AS n WHERE {campaign_hold_out.write_draw('n', campaign)}"
        )
        assert abs(cursor.fetchone()[0] - 10_000) < 400  # more than four standard deviations


def test_nobody_is_held_out_unless_it_is_asked_for():
    campaign = launch_campaign(3)
    assert "held_out" not in campaign.funnel
    assert campaign.total == 3


def test_who_is_held_out_is_never_claimed_nor_reached_by_a_second_chance(campaign):
    held = set(held_out(campaign).values_list("contact", flat=True))
    campaign = lifecycle.fire(lifecycle.fire(campaign, "pause"), "resume")
    launch.prepare(campaign.pk)
    assert drafting.retry_failed(campaign) == drafting.resend_uncertain(campaign) == 0
    campaign = lifecycle.fire(campaign, "cancel")
    copy = drafting.duplicate_for_unreached(campaign)
    again = set(Membership.objects.filter(list__targets__campaign=copy).values_list("contact", flat=True))
    assert set(held_out(campaign).values_list("contact", flat=True)) == held
    assert not held & again
    assert not held_out(campaign).exclude(attempts=0).exists()


def test_the_database_refuses_to_send_to_who_is_held_out(campaign):
    with pytest.raises(IntegrityError, match="held_out_is_never_sent"):
        held_out(campaign).update(attempts=1)


def test_an_ab_test_is_drawn_from_those_who_are_mailed():
    campaign = draft(40, hold_out=50)
    SplitTest.objects.create(campaign=campaign, subjects=["Other"], share_percent=50)
    lifecycle.fire(campaign, "launch")
    launch.prepare(campaign.pk)
    campaign = fresh(campaign)
    assert campaign.deliveries.exclude(variant=None).count() == round(campaign.total / 2)
    assert not held_out(campaign).exclude(variant=None).exists()
    assert list(doctor.find_breaches()) == []


def test_the_page_of_a_contact_says_that_they_are_held_out(campaign):
    contact = held_out(campaign).first().contact
    assert recipient_reasons.explain_delivery(contact, campaign) == (
        False,
        ["They are held out, so that the effect of the mail can be measured."],
    )


def test_the_report_leaves_them_out_of_its_figures(campaign):
    answers = reports.count_answers(campaign)
    assert sum(each.amount for each in answers.replies) == campaign.total


def test_the_doctor_names_a_wrong_number_of_held_out(campaign):
    EmailCampaign.objects.filter(pk=campaign.pk).update(funnel=campaign.funnel | {"held_out": 1})
    told = [line for line in doctor.find_breaches() if "held out" in line]
    assert told == [
        f"Campaign {campaign.pk}: 1 were held out at its launch, the ledger has {held_out(campaign).count()}."
    ]


# ── lift ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_design_s_example_of_a_smallest_lift():
    assert round(detectable_lift(12_400, 10, 0.02), 2) == 0.59
    assert detectable_lift(100, 0, 0.02) == float("inf")
    low, high = rate_difference(258, 11_160, 21, 1_240)
    assert low < 258 / 11_160 - 21 / 1_240 < high


def test_the_arms_are_compared_as_they_were_drawn(campaign):
    for number, contact in enumerate(each.contact for each in campaign.deliveries.select_related("contact")):
        contact.customer_id = f"C{number}"
        contact.save()
    mailed = campaign.deliveries.exclude(status="held_out").order_by("pk")
    # is mailed all the same
    campaign.deliveries.filter(pk=mailed[0].pk).update(status="bounced", due_at=None)
    at = campaign.launched_at
    numbers = [each.contact.customer_id for each in mailed[:3]]
    sell(numbers[0], at + HOUR, 500)
    sell(numbers[0], at + 2 * HOUR, 500)  # one buyer
    sell(numbers[1], at - HOUR)  # before
    sell(numbers[2], at + 5 * DAY)  # after the window
    void(sell(numbers[1], at + HOUR))
    sell(held_out(campaign).first().contact.customer_id, at + HOUR, 300)
    sell("", at + HOUR)
    fold()
    measured = campaign_hold_out.measure_lift(campaign, at + DAY)
    assert (measured.mailed.people, measured.mailed.buyers, measured.mailed.net) == (campaign.total, 1, 1_000)
    assert (measured.held_out.people, measured.held_out.buyers, measured.held_out.net) == (
        60 - campaign.total,
        1,
        300,
    )
    assert (measured.is_over, measured.is_distinguishable, measured.revenue) == (False, False, None)
    assert campaign_hold_out.measure_lift(campaign, at + 5 * DAY).is_over
    assert campaign_hold_out.measure_lift(lifecycle.fire(campaign, "cancel"), at + DAY) is None


def test_revenue_is_compared_only_with_enough_buyers():
    many = lift.Arm(10_000, 300, 300_000, 300_000.0, 400_000_000.0)
    few = lift.Arm(10_000, 199, 199_000, 199_000.0, 300_000_000.0)
    assert lift.compare_revenue(many, few) is None
    mean, low, high = lift.compare_revenue(many, lift.Arm(10_000, 200, 200_000, 200_000.0, 300_000_000.0))
    assert mean == pytest.approx(10)
    assert low < mean < high


def test_intervals_cover_the_truth_as_often_as_they_say():
    """A small part of benchmarks/lift.py, which does it for many sizes."""
    runs = 1_000
    line = simulate(5_000, runs, random.Random(13))
    _, covered, called = re.findall(r"[\d,.]+", line)[:3]
    assert 93 <= float(covered) <= 97
    assert float(called) <= 6.5  # 5.5% and what a thousand runs may be off by


def test_before_the_launch_the_page_says_what_could_be_seen(client, marketer):
    people = [ContactFactory(customer_id=f"N{number}") for number in range(20)]
    campaign = draft(people, hold_out=50)
    url = f"/campaigns/email/{campaign.pk}/readiness/"
    assert "the smallest lift that would show is unknown" in client.get(url).content.decode()
    for number in range(4):
        sell(f"N{number}", timezone.now() - HOUR)
    fold()
    said = client.get(url).content.decode()
    assert "About 10 of them (50%) are held out" in said
    assert "20.0% of the recipients bought in the last 5 days: you would see a lift of 250% or more" in said
    assert "That is a large lift" in said
