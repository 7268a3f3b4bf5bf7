"""The global hold-out: contacts who get no mail of any campaign for a quarter, and what all mails were worth."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django_q.models import OrmQ

from campaigns import database_time, doctor
from mailing import (
    audience,
    campaign_hold_out,
    drafting,
    global_hold_out,
    mail_tests,
    recipient_reasons,
    tasks,
)
from mailing.models import Contact, Delivery, GlobalHoldOut, Suppression
from tests.factories import ContactFactory, SuppressionFactory, user_in
from tests.mailing.revenue.shops import DAY, HOUR, NOW, fold, sell, send_campaign
from tests.mailing.revenue.test_pages import text_of
from tests.mailing.running import SEPARATE, draft, fresh, launch_campaign, send, to
from tests.outside import rate_difference

database = pytest.mark.django_db


def hold_out(percent=20, begins=None, lasts=30 * DAY):
    begins = begins or database_time.now() - DAY
    return GlobalHoldOut.objects.create(
        begins_at=begins, ends_at=begins + lasts, percent=percent, seed=global_hold_out.make_seed("a test")
    )


def list_drawn(period):
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT id FROM mailing_contact WHERE {global_hold_out.write_draw_of('id', period)}")
        return {pk for (pk,) in cursor}


@pytest.fixture
def people():
    return ContactFactory.create_batch(60)


@database
def test_the_launch_leaves_them_out_for_a_reason_of_its_own(people):
    held = list_drawn(hold_out())
    assert 2 <= len(held) <= 25
    campaign = launch_campaign(people, hold_out=50)
    mine = set(campaign.deliveries.filter(status="held_out").values_list("contact", flat=True))
    assert campaign.funnel["held_out_of_all"] == len(held)
    assert campaign.total + campaign.funnel["held_out"] + len(held) == 60
    assert campaign.funnel["held_out"] == len(mine)
    assert not held & set(campaign.deliveries.values_list("contact", flat=True)), (
        "neither mailed nor its control"
    )
    assert list(doctor.find_breaches()) == []


@database
def test_a_copy_for_those_who_were_not_reached_leaves_out_the_same_people(people):
    held = list_drawn(hold_out())
    campaign = launch_campaign(people)
    campaign.deliveries.update(status="failed", due_at=None, attempts=1)
    type(campaign).objects.filter(pk=campaign.pk).update(status="completed")
    copy = drafting.duplicate_for_unreached(fresh(campaign), by=user_in("Marketers"))
    copy.targets.update(list=campaign.targets.get().list)
    chosen = audience.read_selection_of(copy)
    assert {each.pk for each in audience.list_stage_contacts(chosen, "held_out_of_all")} == held
    assert audience.estimate(chosen).recipients == 60 - len(held)


@database
def test_every_place_that_counts_recipients_leaves_them_out(marketer, client, people):
    held = list_drawn(hold_out())
    campaign = draft(people, hold_out=10)
    chosen = audience.read_selection_of(campaign)
    funnel = audience.estimate(chosen)
    assert (funnel.recipients, funnel.held_out_of_all) == (60 - len(held), len(held))
    assert campaign_hold_out.forecast_lift(campaign, chosen, funnel.recipients).people == 60 - len(held)
    assert audience.count_at_domains(chosen, ["example.com"]) == 60 - len(held)
    page = text_of(client.get(f"/campaigns/email/{campaign.pk}/readiness/"))
    assert f"Held out of all mails − {len(held)} " in page
    listed = text_of(client.get(f"/campaigns/email/{campaign.pk}/people/held_out_of_all/"))
    assert all(each.email in listed for each in Contact.objects.filter(pk__in=held))


@database
@pytest.mark.parametrize("is_launched", [False, True])
def test_pages_say_of_a_contact_that_they_are_held_out_of_all_mails(marketer, client, people, is_launched):
    held = list_drawn(hold_out())
    campaign = launch_campaign(people) if is_launched else draft(people)
    contact = Contact.objects.get(pk=min(held))
    gets_it, (reason,) = recipient_reasons.explain_delivery(contact, campaign)
    assert not gets_it
    assert reason.startswith("They are held out of all mails from ")
    assert "Held out of all mails until" in text_of(client.get(contact.get_absolute_url()))
    other = next(each for each in people if each.pk not in held)
    assert recipient_reasons.explain_delivery(other, campaign)[0]
    assert "Held out of all mails" not in text_of(client.get(other.get_absolute_url()))


@SEPARATE
def test_who_is_held_out_since_the_launch_is_skipped_and_test_mails_reach_everybody(
    server, sound_books, settings
):
    settings.GLOBAL_HOLD_OUT = 50
    people = ContactFactory.create_batch(20)
    campaign = launch_campaign(people, connection=to(server))
    period = hold_out(50, begins=database_time.now() - timedelta(seconds=1))
    held = list_drawn(period)
    campaign = send(campaign)
    skipped = campaign.deliveries.filter(status="skipped", reason="held_out")
    assert set(skipped.values_list("contact", flat=True)) == held != set()
    assert campaign.deliveries.filter(status="accepted").count() == 20 - len(held)
    address = Contact.objects.get(pk=min(held)).email
    mail_tests.send_test_mails(campaign.pk, [address])
    assert [each.recipient for each in server.accepted].count(address) == 1


@database
def test_the_doctor_names_a_campaign_that_wrote_to_somebody_held_out(people):
    held = list_drawn(hold_out(begins=NOW - 3 * DAY))
    inside = Contact.objects.get(pk=min(held))
    send_campaign(inside, at=NOW - 4 * DAY)
    late, _ = send_campaign(inside, at=NOW - 2 * DAY)
    Delivery.objects.update(connection=None)
    assert global_hold_out.list_breaches() == [
        f"Campaign {late.pk}: 1 of its recipients were held out of all mails then."
    ]


# ── periods ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@database
def test_the_clock_keeps_a_period_for_each_quarter_and_makes_the_next_one_ahead(settings):
    settings.GLOBAL_HOLD_OUT, settings.TIME_ZONE = 5, "Europe/Berlin"
    begun = datetime(2027, 11, 5, 12, tzinfo=UTC)
    end = datetime(2027, 12, 31, 23, tzinfo=UTC)  # midnight in Berlin
    for now in (begun, begun + HOUR, begun + DAY):
        global_hold_out.keep_periods(now)
    period = GlobalHoldOut.objects.get()
    assert (period.begins_at, period.ends_at, period.percent) == (begun, end, 5)
    settings.GLOBAL_HOLD_OUT = 10
    for now in (end - HOUR, end, end + HOUR):
        global_hold_out.keep_periods(now)
    following, first = GlobalHoldOut.objects.all()
    assert (following.begins_at, following.percent, first.percent) == (end, 10, 5)
    assert following.ends_at == datetime(2028, 3, 31, 22, tzinfo=UTC)
    assert following.seed != first.seed
    assert global_hold_out.find_period(end) == following


@database
def test_none_ends_it_at_once_and_the_same_quarter_draws_the_same_people_again(settings):
    settings.GLOBAL_HOLD_OUT = 5
    begun = datetime(2027, 12, 31, 12, tzinfo=UTC)
    global_hold_out.keep_periods(begun)
    assert GlobalHoldOut.objects.count() == 2
    settings.GLOBAL_HOLD_OUT = 0
    global_hold_out.keep_periods(begun + HOUR)
    assert GlobalHoldOut.objects.get().ends_at == begun + HOUR
    assert global_hold_out.find_period(begun + HOUR) is None
    settings.GLOBAL_HOLD_OUT = 2
    global_hold_out.keep_periods(begun + 2 * HOUR)
    assert len(set(GlobalHoldOut.objects.filter(begins_at__lt=begun + DAY / 2).values_list("seed"))) == 1


@database
def test_a_share_of_many_is_drawn():
    period = GlobalHoldOut(percent=10, seed=global_hold_out.make_seed("many"))
    with connection.cursor() as cursor:
        draw = global_hold_out.write_draw_of("n", period)
        cursor.execute(f"SELECT count(*) FROM generate_series(1, 100000) AS n WHERE {draw}")
        assert abs(cursor.fetchone()[0] - 10_000) < 400  # more than four standard deviations


# ── what all mails were worth ────────────────────────────────────────────────────────────────────────────────────────

BY_HAND = """
SELECT contact.id = ANY(%(held)s), count(DISTINCT contact.id), count(DISTINCT sale.customer),
       coalesce(sum(sale.total), 0)
FROM mailing_contact AS contact
LEFT JOIN pos_sale AS sale ON sale.customer = contact.customer_id AND sale.state = 'committed'
    AND sale.at >= greatest(%(begins)s, contact.created_at) AND sale.at < %(until)s
WHERE contact.email <> ALL (%(suppressed)s)
GROUP BY 1 ORDER BY 1
"""


@pytest.fixture
def quarter(people):
    """A period that has ended, in which every third contact bought."""
    period = hold_out(begins=NOW - 40 * DAY)
    for number, each in enumerate(people):
        Contact.objects.filter(pk=each.pk).update(customer_id=f"C{number}", created_at=NOW - 90 * DAY)
        if number % 3 == 0:
            sell(f"C{number}", NOW - 20 * DAY, total=100 + number)
        sell(f"C{number}", NOW - 41 * DAY, total=50)
        sell(f"C{number}", NOW - 9 * DAY, total=70)
    fold()
    return period


@database
def test_both_groups_equal_sql_by_hand(people, quarter):
    before, since = people[0], people[3]
    for each, days in ((before, 50), (since, 39)):
        SuppressionFactory(email=each.email)
        Suppression.objects.filter(email=each.email).update(created_at=NOW - days * DAY)
    Contact.objects.filter(customer_id="C6").update(created_at=NOW - 19 * DAY)  # came after they bought
    arms = global_hold_out.count_arms(quarter)
    params = {
        "held": list(list_drawn(quarter)),
        "begins": quarter.begins_at,
        "until": quarter.ends_at,
        "suppressed": [before.email],
    }
    with connection.cursor() as cursor:
        cursor.execute(BY_HAND, params)
        assert [(arm.people, arm.buyers, arm.net) for arm in arms] == [tuple(row[1:]) for row in cursor]
    assert sum(arm.people for arm in arms) == 59
    assert sum(arm.buyers for arm in arms) == 18
    lift = global_hold_out.judge_arms(quarter, arms, NOW)
    assert lift.is_over
    assert lift.revenue is None, "with 200 buyers of each group only"
    mailed, held = arms
    assert lift.interval == rate_difference(mailed.buyers, mailed.people, held.buyers, held.people)


@database
def test_the_page_of_reports_shows_it_once_the_queue_has_counted(marketer, client, quarter):
    assert "Being measured: look again in a moment." in text_of(client.get("/reports/email/"))
    client.get("/reports/email/")
    (queued,) = OrmQ.objects.filter()
    assert (queued.task["func"], queued.task["args"]) == ("mailing.tasks.measure_hold_out", (quarter.pk,))
    tasks.measure_hold_out(quarter.pk)
    page = text_of(client.get("/reports/email/"))
    mailed, held = global_hold_out.count_arms(quarter)
    assert f"Could be mailed {mailed.people} {mailed.buyers} " in page
    assert f"Held out of all mails {held.people} {held.buyers} " in page
    assert "its 95% interval is" in page
