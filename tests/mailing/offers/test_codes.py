"""The codes of an offer: who gets one, and what becomes of it."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from campaigns.lifecycle import Refused, duplicate, fire
from mailing import audience, clock, codes, endings, launch, recipient_reasons
from mailing.models import Delivery
from promotions.codes import ALPHABET, find_check_letter
from promotions.models import Coupon
from tests.factories import ContactFactory, CouponFactory
from tests.mailing.offers.carrying import draft_mail, launch_mail, make_offer
from tests.mailing.running import fresh

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


def test_each_recipient_gets_a_code_of_their_own_good_once_with_its_check_letter():
    ends_at = timezone.now() + 10 * DAY
    campaign = launch_mail(40, code_prefix="autumn-", code_ends_at=ends_at)
    made = {delivery.coupon for delivery in campaign.deliveries.select_related("coupon")}
    assert len(made) == 40
    for coupon in made:
        assert re.fullmatch(f"AUTUMN-[{ALPHABET}]{{9}}", coupon.code)
        assert find_check_letter(coupon.code[7:15]) == coupon.code[15]
        assert coupon.key == coupon.code.lower()
    coupon = campaign.deliveries.first().coupon
    assert (coupon.kind, coupon.customer, coupon.promotion_id, coupon.ends_at, coupon.active) == (
        *("one_time", "", campaign.offer_id),
        *(ends_at, True),
    )
    assert set(campaign.deliveries.values_list("contact_id", flat=True)) == {each.made_for for each in made}


def test_a_launch_that_is_prepared_twice_or_paused_and_resumed_keeps_the_codes():
    campaign = launch_mail()
    before = dict(campaign.deliveries.values_list("pk", "coupon__code"))
    launch.prepare(campaign.pk)
    fire(campaign, "pause")
    fire(fresh(campaign), "resume")
    launch.prepare(campaign.pk)
    assert dict(campaign.deliveries.values_list("pk", "coupon__code")) == before
    assert Coupon.objects.count() == 3


def test_a_recipient_whose_code_exists_already_gets_another_one():
    campaign = launch_mail(5)
    kept = campaign.deliveries.order_by("pk").last()
    Delivery.objects.filter(campaign=campaign).exclude(pk=kept.pk).update(coupon=None)
    Coupon.objects.exclude(pk=kept.coupon_id).delete()
    codes.refill_codes(campaign)
    assert campaign.deliveries.filter(coupon=None).count() == 0
    assert Coupon.objects.count() == 5
    assert campaign.deliveries.get(pk=kept.pk).coupon_id == kept.coupon_id


def test_a_duplicate_makes_codes_of_its_own():
    campaign = launch_mail()
    fire(campaign, "cancel")
    copy = duplicate(fresh(campaign))
    assert (copy.offer_id, copy.offer_stopped_at) == (campaign.offer_id, None)
    fire(copy, "launch")
    launch.prepare(copy.pk)
    assert Coupon.objects.count() == 6
    assert copy.deliveries.filter(coupon__in=campaign.deliveries.values("coupon")).count() == 0


def test_a_shared_code_is_one_for_everybody():
    campaign = launch_mail(code_kind="shared", code_prefix="AUTUMN25")
    coupon = Coupon.objects.get()
    assert (coupon.code, coupon.kind, coupon.made_for) == ("AUTUMN25", "multi_use", None)
    assert set(campaign.deliveries.values_list("coupon", flat=True)) == {coupon.pk}


def test_a_shared_code_that_nobody_typed_is_drawn():
    launch_mail(code_kind="shared")
    code = Coupon.objects.get().code
    assert find_check_letter(code[:8]) == code[8:]


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"code_days": 3}, "code_days", "one end"),
        ({"code_is_bound": True}, "code_is_bound", "cannot be bound"),
        ({"code_prefix": "TAKEN1"}, "code_prefix", "“TAKEN1” exists already, for the promotion “Other”"),
    ],
)
def test_what_a_shared_code_cannot_be_is_said(fields, field, words):
    CouponFactory(code="TAKEN1", promotion__name="Other")
    contact = ContactFactory(customer_id="C1")
    with pytest.raises(Refused) as refused:
        fire(draft_mail([contact], code_kind="shared", **fields), "launch")
    ((said, sentence),) = refused.value.reasons
    assert (said, words in sentence) == (field, True)


def test_a_bound_code_is_good_for_its_customer_and_nobody_without_a_number_gets_the_mail():
    known, unknown = ContactFactory(customer_id="C7"), ContactFactory()
    campaign = draft_mail([known, unknown], code_is_bound=True)
    funnel = audience.estimate(audience.read_selection_of(campaign))
    assert (funnel.without_customer, funnel.recipients) == (1, 1)
    assert recipient_reasons.explain_delivery(unknown, campaign)[0] is False
    fire(campaign, "launch")
    launch.prepare(campaign.pk)
    delivery = campaign.deliveries.get()
    assert (delivery.contact_id, delivery.coupon.customer) == (known.pk, "C7")
    assert fresh(campaign).funnel["without_customer"] == 1


def test_a_mail_without_an_offer_makes_no_codes_and_leaves_out_nobody():
    campaign = launch_mail(
        offer=None, body="Hello\n\n[Unsubscribe]({{ unsubscribe_url }})", code_is_bound=True
    )
    assert (campaign.total, Coupon.objects.count()) == (3, 0)


def test_of_a_cancelled_campaign_the_codes_that_were_sent_stay_good_and_the_others_are_switched_off():
    campaign = launch_mail(4)
    sent, doubtful, bounced, _ = campaign.deliveries.order_by("pk")
    Delivery.objects.filter(pk=sent.pk).update(status="accepted", sent_at=timezone.now(), due_at=None)
    Delivery.objects.filter(pk=doubtful.pk).update(status="uncertain", due_at=None)
    Delivery.objects.filter(pk=bounced.pk).update(status="bounced", due_at=None)
    fire(campaign, "cancel")
    endings.close_campaign(campaign.pk)
    good = Coupon.objects.filter(active=True).values_list("pk", flat=True)
    assert set(good) == {sent.coupon_id, doubtful.coupon_id}


@pytest.mark.parametrize("ends", ["cancel", "fail"])
def test_codes_of_recipients_given_back_after_the_end_are_switched_off_however_late_the_clock_comes(ends):
    campaign = launch_mail(2)
    held, sent = campaign.deliveries.order_by("pk")
    Delivery.objects.filter(pk=held.pk).update(status="claimed", due_at=None)
    Delivery.objects.filter(pk=sent.pk).update(status="accepted", sent_at=timezone.now(), due_at=None)
    fire(campaign, ends, **({"why": "It can never go on."} if ends == "fail" else {}))
    endings.close_campaign(campaign.pk)
    assert fresh(campaign).settled_at is None, "a run holds one"
    Delivery.objects.filter(pk=held.pk).update(status="skipped", reason="cancelled")
    clock.close_ended_campaigns(timezone.now() + 400 * DAY)
    assert fresh(campaign).settled_at is not None
    assert set(Coupon.objects.filter(active=True)) == {sent.coupon}
    assert clock.list_unsettled() == []


def test_sql_and_python_write_the_same_check_letter():
    coupons = launch_mail(60)
    for code in coupons.deliveries.values_list("coupon__code", flat=True):
        assert code == f"{code[:8]}{find_check_letter(code[:8])}"


def test_the_random_letters_are_spread_evenly():
    """Each of the 23 letters at each of 8 places: 20,000 draws differ by far less than a tenth."""
    sql = f"WITH recipients AS (SELECT n AS contact_id FROM generate_series(1, 20000) AS n),{codes._DRAW}".rstrip(
        ","
    )
    with connection.cursor() as cursor:
        cursor.execute(f"{sql} SELECT letters FROM lettered")
        drawn = [row[0] for row in cursor]
    assert len(set(drawn)) == 20_000
    for place in range(8):
        counted = [sum(code[place] == letter for code in drawn) for letter in ALPHABET]
        assert min(counted) > 700
        assert max(counted) < 1_040


def test_a_promotion_that_a_mail_carries_is_hidden_and_not_deleted():
    from promotions import publish

    promotion, _ = make_offer()
    draft_mail(offer=promotion)
    publish.delete_promotion(promotion)
    promotion.refresh_from_db()
    assert promotion.deleted_at is not None
