"""A mail never promises a dead discount: judged at the launch, at the claim and at the mark, in their statements."""

from datetime import timedelta
from email import message_from_bytes, policy

import pytest
from django.utils import timezone

from campaigns import clock
from campaigns.lifecycle import Refused, fire
from mailing import offers
from mailing.models import Delivery
from mailing.sending import runs
from promotions import publish
from promotions.models import Counter, Coupon, Promotion
from promotions.offers import find_fault
from tests.factories import PromotionFactory
from tests.hostile_smtp import parse
from tests.mailing.offers.carrying import draft_mail, launch_mail, link, make_offer
from tests.mailing.running import SEPARATE, counts, fresh, in_thread, send, to
from tests.waiting import wait_for

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def count(campaign, **figures):
    """A counter of a campaign with these figures."""
    return Counter.objects.create(
        campaign=campaign, is_open=True, **{"ceiling": figures.get("budget")} | figures
    )


# ── what is dead ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("active", ""),
        ("scheduled", ""),
        ("draft", "is a draft"),
        ("paused", "is paused"),
        ("cancelled", "was cancelled"),
        ("expired", "is over"),
    ],
)
def test_an_offer_lives_with_its_campaign_and_one_that_only_begins_later_is_alive(status, words):
    promotion, _ = make_offer(status)
    fault = find_fault(promotion, timezone.now())
    assert words in fault.sentence if words else fault is None


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("figures", "words"),
    [
        ({"budget": 1000, "spent": 999}, ""),
        ({"budget": 1000, "spent": 400, "held": 600}, ""),
        ({"budget": 1000, "spent": 1000}, "budget of “Autumn at the till” is spent"),
        ({"max_uses": 5, "uses": 5}, "maximum of uses"),
    ],
)
def test_a_spent_budget_and_no_uses_left_are_dead_and_a_budget_that_is_only_held_is_not(figures, words):
    promotion, campaign = make_offer()
    count(campaign, **figures)
    fault = find_fault(promotion, timezone.now())
    assert words in fault.sentence if words else fault is None


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"status": "inactive"}, "switched off"),
        ({"trigger": "automatic"}, "without a coupon"),
        ({"ends_at": timezone.now() - HOUR}, "is over"),
        ({"deleted_at": timezone.now()}, "was deleted"),
    ],
)
def test_a_promotion_of_its_own_can_be_dead(fields, words):
    promotion, _ = make_offer(**fields)
    assert words in find_fault(promotion, timezone.now()).sentence


@pytest.mark.django_db
def test_one_living_campaign_is_enough_and_a_standalone_promotion_needs_none():
    promotion, _ = make_offer("paused")
    link(promotion, "active")
    assert find_fault(promotion, timezone.now()) is None
    assert find_fault(PromotionFactory(trigger="coupon", standalone=True), timezone.now()) is None
    assert "in no campaign" in find_fault(PromotionFactory(trigger="coupon"), timezone.now()).sentence


# ── launch and schedule ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.django_db
def test_launch_and_schedule_are_refused_while_the_offer_is_dead_or_over_when_the_mail_goes():
    promotion, campaign = make_offer("paused")
    mail = draft_mail(offer=promotion)
    with pytest.raises(Refused, match="“Autumn at the till” is paused"):
        fire(mail, "launch")
    fire(campaign, "resume")
    with pytest.raises(Refused, match="When the mail is sent, no code would be valid"):
        fire(mail, "schedule", at=campaign.ends_at + HOUR)
    assert fire(mail, "schedule", at=campaign.ends_at - HOUR).status == "scheduled"


@pytest.mark.django_db
def test_codes_that_end_before_the_mail_goes_are_refused():
    mail = draft_mail(code_ends_at=timezone.now() + HOUR)
    with pytest.raises(Refused, match="The codes ended"):
        fire(mail, "schedule", at=timezone.now() + 2 * HOUR)


@pytest.mark.django_db
def test_e2_a_due_launch_with_a_dead_offer_goes_back_to_draft_with_the_reason():
    promotion, campaign = make_offer()
    mail = fire(draft_mail(offer=promotion), "schedule", at=timezone.now() + HOUR)
    fire(campaign, "pause")
    clock.tick(timezone.now() + 2 * HOUR)
    assert fresh(mail).status == "draft"
    assert "is paused" in mail.history.first().why


# ── pausing and resuming ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.django_db
def test_e4_a_mail_pauses_itself_with_its_offer_and_says_why_and_what_brings_it_back():
    promotion, campaign = make_offer()
    mail = launch_mail(offer=promotion)
    fire(campaign, "pause")
    offers.follow_offers(timezone.now())
    row = mail.history.first()
    assert (fresh(mail).status, row.verb, row.by) == ("paused", "pause", None)
    assert "“Autumn at the till” is paused" in row.why
    assert "Resume it after that." in row.why
    with pytest.raises(Refused, match="is paused"):
        fire(fresh(mail), "resume")
    fire(campaign, "resume")
    offers.follow_offers(timezone.now())
    assert fresh(mail).status == "paused", "a person resumes it"
    assert fire(fresh(mail), "resume").status == "running"
    assert fresh(mail).offer_stopped_at is None


@pytest.mark.django_db
def test_e4_a_mail_that_is_set_so_resumes_by_itself_once_its_offer_is_alive_again():
    promotion, _ = make_offer()
    mail = launch_mail(offer=promotion, resumes_with_offer=True)
    publish.switch_promotion(promotion, False)
    offers.follow_offers(timezone.now())
    assert "It resumes automatically" in mail.history.first().why
    offers.follow_offers(timezone.now())
    assert fresh(mail).status == "paused"
    publish.switch_promotion(promotion, True)
    offers.follow_offers(timezone.now())
    row = mail.history.first()
    assert (fresh(mail).status, row.verb, row.by) == ("running", "resume", None)


@pytest.mark.django_db
def test_e4_a_mail_that_a_person_paused_is_not_resumed_by_the_system():
    promotion, campaign = make_offer()
    mail = launch_mail(offer=promotion, resumes_with_offer=True)
    fire(mail, "pause")
    fire(campaign, "pause")
    fire(campaign, "resume")
    offers.follow_offers(timezone.now())
    assert fresh(mail).status == "paused"


# ── in the statements that send ──────────────────────────────────────────────────────────────────────────────────────


@SEPARATE
@pytest.mark.usefixtures("short_waits")
@pytest.mark.parametrize("stops", ["pause", "budget", "held", "off", "over"])
def test_no_claim_takes_a_recipient_while_the_offer_is_dead_or_its_budget_only_held(server, stops):
    promotion, campaign = make_offer()
    mail = launch_mail(20, offer=promotion, connection=to(server), code_ends_at=timezone.now() + DAY)
    if stops == "pause":
        fire(campaign, "pause")
    elif stops == "budget":
        count(campaign, budget=1000, spent=1000)
    elif stops == "held":
        count(campaign, budget=1000, held=1000)
    elif stops == "off":
        Promotion.objects.update(status="inactive")
    else:
        mail = launch_mail(
            20, offer=promotion, connection=to(server), code_ends_at=timezone.now() + timedelta(seconds=1)
        )
        wait_for(lambda: fresh(mail).code_ends_at <= timezone.now())
    assert runs.run_lane(mail.connection_id, 0) == 0
    assert counts(mail) == {"pending": 20}
    assert fresh(mail).status == "running", "the clock pauses it, and not for a budget that is only held"
    offers.follow_offers(timezone.now())
    assert fresh(mail).status == ("running" if stops == "held" else "paused")


@SEPARATE
@pytest.mark.usefixtures("short_waits", "sound_books")
def test_a_recipient_whose_code_was_switched_off_gets_no_mail(server):
    mail = launch_mail(3, connection=to(server))
    off = mail.deliveries.first()
    Coupon.objects.filter(pk=off.coupon_id).update(active=False)
    assert send(mail).status == "completed"
    assert counts(mail) == {"accepted": 2, "skipped": 1}
    assert mail.deliveries.get(status="skipped").reason == "no_code"


@SEPARATE
@pytest.mark.usefixtures("short_waits")
def test_of_a_promotion_paused_at_full_rate_no_mail_leaves_whose_mark_began_after_the_pause_answered(server):
    """What a claim had taken before is refused at the mark: at most one mail of each open connection comes after."""
    server.settings.rules = parse("dot delay 0.02")
    promotion, campaign = make_offer()
    mail = launch_mail(300, offer=promotion, connection=to(server, max_connections=4))
    with in_thread(lambda: runs.run_lane(mail.connection_id, 0)):
        wait_for(lambda: len(server.accepted) > 20)
        fire(campaign, "pause")
        before = len(server.accepted)
        marked = Delivery.objects.filter(campaign=mail, status="in_data").count()
    after = len(server.accepted) - before
    assert after <= 4
    assert after <= marked + 1, "a mark that was under way when the pause answered"
    assert counts(mail) == {"accepted": before + after, "pending": 300 - before - after}


@SEPARATE
@pytest.mark.usefixtures("short_waits", "sound_books")
def test_a_mail_bears_its_code_and_one_that_counts_days_ends_with_the_last_of_them(server, settings):
    server.settings.keep_every = 1
    mail = launch_mail(1, connection=to(server), code_days=3)
    (coupon,) = Coupon.objects.all()
    assert coupon.ends_at is None
    now = timezone.localtime()
    send(mail)
    coupon.refresh_from_db()
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + 4 * DAY
    assert coupon.ends_at in (midnight, midnight + DAY), "or it was midnight meanwhile"
    (content,) = server.kept.values()
    text = message_from_bytes(content, policy=policy.default).get_body(("plain",)).get_content()
    assert f"your code is {coupon.code}, good until {(coupon.ends_at - DAY).date()}." in text
