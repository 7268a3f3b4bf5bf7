"""Which sales count for which campaign: the rule, what changes it afterwards, and that nothing is counted twice."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from campaigns import doctor
from mailing import attribution, contact_history
from mailing.models import Conversion, ConversionTally, DueAttribution, Event, TrackingConsent
from pos import folding
from pos.models import UnfoldedSale
from tests.factories import ContactFactory, CouponFactory, EmailCampaignFactory
from tests.mailing.revenue.shops import (
    DAY,
    HOUR,
    NOW,
    click,
    fold,
    give_back,
    redeem,
    sell,
    send_campaign,
    void,
)
from tests.pos.tills import run_at_once

pytestmark = pytest.mark.django_db
SECOND = timedelta(seconds=1)


@pytest.fixture
def ada():
    return ContactFactory(customer_id="A")


def read_conversions():
    """Return (sale, campaign, how, net) of each conversion."""
    rows = Conversion.objects.order_by("sale_id").values_list("sale", "campaign", "how", "net")
    return [tuple(row) for row in rows]


def test_a_sale_counts_within_days_of_the_last_click_of_a_person(ada):
    campaign, (mail,) = send_campaign(ada)
    clicked = NOW - 9 * DAY
    click(mail, clicked - 3 * DAY)
    click(mail, clicked)
    click(mail, clicked + DAY, Event.Origin.MACHINE, link=1)
    sell("A", clicked - 4 * DAY)  # before any click
    first = sell("A", clicked + 5 * DAY, 700)  # counted from the last click
    sell("A", clicked + 5 * DAY + SECOND)
    sell("B", clicked + DAY)  # somebody else
    sell("", clicked + DAY)  # nobody knows who
    fold()
    assert read_conversions() == [(first.pk, campaign.pk, "click", 700)]
    assert Conversion.objects.get().touched_at == clicked


def test_the_last_click_over_campaigns_wins_and_a_sale_counts_once(ada):
    _, (one,) = send_campaign(ada)
    campaign, (other,) = send_campaign(ada)
    click(other, NOW - 5 * DAY)
    click(one, NOW - 6 * DAY)
    sale = sell("A", NOW - 4 * DAY)
    fold()
    assert read_conversions() == [(sale.pk, campaign.pk, "click", 1_000)]


@pytest.mark.parametrize(
    ("rule", "refuses", "counts"),
    [
        ({}, False, False),
        ({"after_acceptance": True}, False, False),  # a click would be known
        ({"after_acceptance": True}, True, True),
        ({"after_acceptance": True, "names_clicks": False}, False, True),
        ({"after_acceptance": True, "consent": "opt-in"}, False, True),
        ({"after_acceptance": True, "names_clicks": False, "days": 2}, False, False),
    ],
)
def test_a_sale_after_acceptance_counts_only_where_nobody_can_know_of_clicks(ada, rule, refuses, counts):
    campaign, _ = send_campaign(ada, at=NOW - 3 * DAY, **rule)
    if refuses:
        TrackingConsent.objects.create(contact=ada, is_granted=False, how="hand")
        with connection.cursor() as cursor:
            cursor.execute("SET session_replication_role = replica")
            cursor.execute("UPDATE mailing_trackingconsent SET at = %s", [NOW - 20 * DAY])
            cursor.execute("SET session_replication_role = origin")
    sale = sell("A", NOW - HOUR)
    fold()
    assert read_conversions() == ([(sale.pk, campaign.pk, "sent", 1_000)] if counts else [])


def test_voids_and_returns_move_the_amount_whenever_they_come(ada):
    campaign, (mail,) = send_campaign(ada)
    click(mail, NOW - 5 * DAY)
    kept, gone = sell("A", NOW - 4 * DAY, 900, discount=100), sell("A", NOW - 4 * DAY + HOUR)
    fold()
    assert [row.is_first for row in Conversion.objects.order_by("sale_id")] == [True, False]
    give_back(kept, 400, discount=40)
    fold()
    void(gone)
    fold()
    row = Conversion.objects.get()
    assert (row.sale_id, row.net, row.discount, row.is_first) == (kept.pk, 500, 60, True)
    tally = ConversionTally.objects.get(orders__gt=0)
    assert (tally.campaign_id, tally.orders, tally.first_orders, tally.net, tally.discount) == (
        campaign.pk, 1, 1, 500, 60,
    )  # fmt: skip


def test_a_void_makes_the_next_sale_the_first_purchase(ada):
    _, (mail,) = send_campaign(ada)
    click(mail, NOW - 5 * DAY)
    first, second = sell("A", NOW - 4 * DAY), sell("A", NOW - 3 * DAY)
    fold()
    void(first)
    fold()
    assert [(row.sale_id, row.is_first) for row in Conversion.objects.all()] == [(second.pk, True)]


def test_sales_of_before_a_contact_got_its_number_are_found(ada):
    bob = ContactFactory()
    campaign, (mail,) = send_campaign(bob)
    click(mail, NOW - 5 * DAY)
    sale = sell("B", NOW - 4 * DAY)
    fold()
    assert read_conversions() == []
    bob.customer_id = "B"
    bob.save()
    fold()
    assert read_conversions() == [(sale.pk, campaign.pk, "click", 1_000)]
    bob.customer_id = "C"
    bob.save()
    fold()
    assert read_conversions() == []
    assert not DueAttribution.objects.exists()


def test_a_click_that_is_written_after_the_sale_was_folded_counts(ada):
    campaign, (mail,) = send_campaign(ada)
    sale = sell("A", NOW - 4 * DAY)
    fold()
    assert read_conversions() == []
    click(mail, NOW - 5 * DAY)  # it waited on disk
    fold()
    assert read_conversions() == [(sale.pk, campaign.pk, "click", 1_000)]
    Event.objects.update(origin=Event.Origin.MACHINE)  # a burst proved it
    fold()
    assert read_conversions() == []


def test_what_an_erased_contact_bought_stays_counted_and_is_still_net(ada):
    campaign, (mail,) = send_campaign(ada)
    click(mail, NOW - 5 * DAY)
    sale = sell("A", NOW - 4 * DAY)
    fold()
    ada.delete()
    give_back(sale, 300)
    sell("A", NOW - 3 * DAY)
    fold()
    assert read_conversions() == [(sale.pk, campaign.pk, "click", 700)]
    assert list(attribution.list_breaches()) == []


def test_a_conversion_outlives_the_click_that_is_forgotten(ada, settings):
    campaign, (mail,) = send_campaign(ada, at=NOW - 200 * DAY)
    click(mail, NOW - 199 * DAY)
    sale = sell("A", NOW - 198 * DAY)
    fold()
    settings.TRACKING_MONTHS = 3
    Event.objects.all().delete()
    give_back(sale, 300)
    fold()
    assert read_conversions() == [(sale.pk, campaign.pk, "click", 700)]


def test_the_rule_is_fixed_at_the_launch(settings):
    settings.ATTRIBUTION_DAYS = 7
    campaign = EmailCampaignFactory(track_clicks=True)
    assert attribution.fix_rule(campaign) == {
        "days": 7, "after_acceptance": False, "names_clicks": True, "consent": "opt-out",
    }  # fmt: skip
    campaign.attribution_days, campaign.after_acceptance, campaign.track_clicks = 0, "yes", False
    assert attribution.fix_rule(campaign) == {
        "days": 0, "after_acceptance": True, "names_clicks": False, "consent": "opt-out",
    }  # fmt: skip


def test_the_doctor_names_a_sale_that_counts_against_the_rule_and_wrong_tallies(ada):
    campaign, (mail,) = send_campaign(ada)
    click(mail, NOW - 5 * DAY)
    sale = sell("A", NOW - 4 * DAY)
    fold()
    assert list(attribution.list_breaches()) == []
    ConversionTally.objects.update(net=1)
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("UPDATE mailing_conversion SET net = 5")
        cursor.execute("SET session_replication_role = origin")
    told = [line for line in doctor.find_breaches() if "counts for" in line or "tallied" in line]
    assert told == [
        f"Sale {sale.pk} counts for campaign {campaign.pk} with 5; by the rule for {campaign.pk} with 1000.",
        f"Campaign {campaign.pk}: 1 sales with 1 are tallied as its conversions, there are 1 with 5.",
    ]


def test_a_fold_takes_a_fixed_number_of_statements(ada):
    _, (mail,) = send_campaign(ada)
    click(mail, NOW - 5 * DAY)
    fold()
    with CaptureQueriesContext(
        connection,
    ) as idle:
        folding.fold_sales()
    amounts = []
    for sales in (1, 30):
        for number in range(sales):
            sell("A", NOW - 4 * DAY + number * SECOND)
        with CaptureQueriesContext(connection) as busy:
            folding.fold_sales()
        amounts.append(len(busy))
    assert len(idle) <= 5  # a savepoint, the lock, the two queues
    assert amounts[0] - 2 <= amounts[1] <= amounts[0]  # the first makes the partition of its month


def test_only_a_sale_that_may_change_the_first_has_all_sales_of_its_customer_looked_at():
    """Once the fold fell minutes behind where each customer had a dozen sales: it went through them all each time."""
    first, *_, latest = [sell("A", NOW - 4 * DAY + place * SECOND) for place in range(5)]
    earlier, voided = sell("B", NOW - 3 * DAY), sell("C", NOW - 2 * DAY)
    void(voided)

    def list_buyers(*sales):
        with connection.cursor() as cursor:
            cursor.execute(attribution.BUYERS_WITH_ANOTHER_FIRST, {"sales": [sale.pk for sale in sales]})
            return sorted(buyer for (buyer,) in cursor)

    assert list_buyers(latest) == []
    assert list_buyers(first) == ["A"]
    assert list_buyers(latest, earlier, voided, sell("", NOW)) == ["B", "C"]


@pytest.mark.django_db(transaction=True)
def test_folds_at_once_count_each_sale_once(ada):
    campaign, (mail,) = send_campaign(ada)
    click(mail, NOW - 5 * DAY)
    first_at = (NOW - 4 * DAY).replace(minute=0, second=0)  # all within the quarter of an hour of one tally
    for number in range(40):
        sell("A", first_at + number * SECOND)

    def work(number):
        while UnfoldedSale.objects.exists():
            folding.fold_sales(7)

    run_at_once(3, work)
    assert [*ConversionTally.objects.values_list("campaign", "orders", "net")] == [(campaign.pk, 40, 40_000)]


@pytest.mark.django_db(transaction=True)
def test_a_fold_that_fails_in_the_middle_has_done_nothing(ada, monkeypatch):
    _, (mail,) = send_campaign(ada)
    click(mail, NOW - 5 * DAY)
    sell("A", NOW - 4 * DAY)
    monkeypatch.setattr(attribution, "MARK_FIRST", "SELECT 1 / 0 AS sales WHERE %(sales)s IS NOT NULL")
    with pytest.raises(Exception, match="zero"):
        folding.fold_sales()
    assert read_conversions() == []
    assert UnfoldedSale.objects.count() == 1
    assert not ConversionTally.objects.exists()
    monkeypatch.undo()
    with transaction.atomic():  # held open over a fold
        sell("A", NOW - 3 * DAY)
        run_at_once(1, lambda _: call_command("fold"))
        assert len(read_conversions()) == 1
    call_command("fold")
    assert len(read_conversions()) == 2


def give_code(delivery, **fields):
    """Let a mail have borne a code; return the code."""
    coupon = CouponFactory(**fields)
    kind = "personal" if coupon.made_for else "shared"
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(
            "UPDATE mailing_emailcampaign SET offer_id = %s, code_kind = %s WHERE campaign_ptr_id = %s",
            [coupon.promotion_id, kind, delivery.campaign_id],
        )
        cursor.execute(
            "UPDATE mailing_delivery SET coupon_id = %s WHERE campaign_id = %s",
            [coupon.pk, delivery.campaign_id],
        )
        cursor.execute("SET session_replication_role = origin")
    return coupon


def test_a_code_wins_over_a_later_click_and_knows_no_window(ada):
    campaign, (mail,) = send_campaign(ada, at=NOW - 60 * DAY)
    _, (other,) = send_campaign(ada)
    coupon = give_code(mail, made_for=ada.pk)
    click(other, NOW - 5 * DAY)
    sale = sell("A", NOW - 4 * DAY)
    redeem(sale, coupon)
    unnamed = sell("", NOW - 4 * DAY)
    redeem(unnamed, coupon)
    fold()
    assert read_conversions() == [(each.pk, campaign.pk, "code", 1_000) for each in (sale, unnamed)]
    assert {row.delivery_id for row in Conversion.objects.all()} == {mail.pk}
    void(unnamed)
    fold()
    assert [row.sale_id for row in Conversion.objects.all()] == [sale.pk]


@pytest.mark.parametrize("tells", [True, False, None])
def test_a_code_tells_who_bought_where_the_site_lets_it(ada, tells):
    campaign, (mail,) = send_campaign(ada, **({} if tells is None else {"codes_tell": tells}))
    coupon = give_code(mail, made_for=ada.pk)
    named, unnamed = sell("A", NOW - 4 * DAY), sell("", NOW - 4 * DAY)
    for sale in (named, unnamed):
        redeem(sale, coupon)
    fold()
    assert [row.campaign_id for row in Conversion.objects.all()] == [campaign.pk] * 2, (
        "it counts for the mail"
    )
    assert Conversion.objects.get(sale=named).delivery_id == mail.pk
    assert Conversion.objects.get(sale=unnamed).delivery_id == (None if tells is False else mail.pk)
    sales = [each for each in contact_history.list_entries(ada, with_sales=True) if each.is_sale]
    assert len(sales) == (1 if tells is False else 2)
    assert list(attribution.list_breaches()) == []


def test_a_launch_fixes_whether_codes_tell_who_bought(settings):
    assert "codes_tell" not in attribution.fix_rule(EmailCampaignFactory())
    settings.CODES_TELL_WHO = False
    assert attribution.fix_rule(EmailCampaignFactory())["codes_tell"] is False


def test_two_contacts_never_share_a_sale(ada):
    bob = ContactFactory()
    campaign, (mail,) = send_campaign(ada)
    sale = sell("B", NOW - 4 * DAY)
    redeem(sale, give_code(mail, made_for=ada.pk))
    fold()
    assert Conversion.objects.get().delivery_id == mail.pk, "nobody has the number"
    bob.customer_id = "B"
    bob.save()
    fold()
    row = Conversion.objects.get()
    assert (row.campaign_id, row.delivery_id) == (campaign.pk, None)
    told = [
        len([each for each in contact_history.list_entries(person, with_sales=True) if each.is_sale])
        for person in (ada, bob)
    ]
    assert told == [0, 1]


def test_a_code_that_many_have_counts_for_the_customers_mail_or_the_last_one(ada):
    first, (mail,) = send_campaign(ada, at=NOW - 20 * DAY)
    coupon = give_code(mail)
    last, (other,) = send_campaign(ContactFactory(customer_id="B"))
    give_code(other)
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("UPDATE mailing_delivery SET coupon_id = %s", [coupon.pk])
        cursor.execute("UPDATE mailing_emailcampaign SET offer_id = %s", [coupon.promotion_id])
        cursor.execute("SET session_replication_role = origin")
    sales = [sell(name, NOW - 4 * DAY) for name in ("A", "B", "", "C")]
    for sale in sales:
        redeem(sale, coupon)
    fold()
    rows = [(row.campaign_id, row.delivery_id) for row in Conversion.objects.order_by("sale_id")]
    assert rows == [(first.pk, mail.pk), (last.pk, other.pk), (last.pk, None), (last.pk, None)]
