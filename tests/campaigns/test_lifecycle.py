"""The lifecycle of both kinds: every state × verb, the history, permissions, and what the clock owes."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from campaigns import lifecycle
from campaigns.lifecycle import Refused, fire
from campaigns.models import Campaign
from tests.campaigns.history import verbs
from tests.campaigns.matrix import BY_SYSTEM, EMAIL, PROMOTION, pairs
from tests.factories import (
    EmailCampaignFactory,
    PromotionCampaignFactory,
    UserFactory,
    user_in,
)

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def email(status):
    """An e-mail campaign every step of whose state is open: fit to launch, or prepared and with nobody left."""
    return EmailCampaignFactory(status=status, launchable=status in ("draft", "scheduled"))


def arguments(verb):
    return {"at": timezone.now() + HOUR} if verb == "schedule" else {}


@pytest.mark.parametrize(("status", "verb", "leads_to"), pairs(EMAIL))
def test_an_email_campaign_takes_exactly_the_steps_of_its_table(status, verb, leads_to):
    """E1, E2, E3, E4, E5, E6, E7, E8, E9"""
    campaign = email(status)
    assert_takes(campaign, verb, leads_to, **arguments(verb))


@pytest.mark.parametrize(("status", "verb", "leads_to"), pairs(PROMOTION))
def test_a_promotion_campaign_takes_exactly_the_steps_of_its_table(status, verb, leads_to):
    """P1, P2, P3, P4, P5, P6, P7"""
    campaign = PromotionCampaignFactory(status=status, discounting=True)
    assert_takes(campaign, verb, leads_to)


def assert_takes(campaign, verb, leads_to, **arguments):
    was = campaign.status
    if leads_to is None:
        said = verb.replace("_", " ")
        with pytest.raises(Refused, match=f"is {was}: it cannot {said}"):
            fire(campaign, verb, **arguments)
        assert Campaign.objects.get(pk=campaign.pk).status == was
        assert not campaign.history.exists()
    else:
        fired = fire(campaign, verb, why="because", **arguments)
        assert type(fired) is type(campaign)
        assert fired.status == Campaign.objects.get(pk=campaign.pk).status == leads_to
        row = campaign.history.get()
        assert (row.verb, row.was, row.now, row.why, row.by) == (verb, was, leads_to, "because", None)


@pytest.mark.parametrize(
    ("kind", "table"), [(EmailCampaignFactory, EMAIL), (PromotionCampaignFactory, PROMOTION)]
)
def test_the_model_declares_the_table_and_nothing_more(kind, table):
    model = kind._meta.model
    declared = {
        (source, verb, step.target or source)
        for verb, meta in lifecycle.steps(model(kind=model.KIND)).items()
        for source, step in meta.transitions.items()
        if verb != "unarchive" and source in model.STATES  # the parent declares archive for both kinds
    }
    assert declared == {(state, verb, to) for state, verb, to in pairs(table) if to}
    assert set(model.VERBS) == {verb for _, verb, _ in declared} | {"unarchive"}
    assert set(model.STATES) == set(table)


@pytest.mark.parametrize("verb", ["launched", "activate", "", "save", "delete", "status"])
def test_a_word_that_is_no_step_of_the_kind_is_refused_with_a_sentence(verb):
    campaign = EmailCampaignFactory()
    with pytest.raises(Refused, match="is not a step of an e-mail campaign") as refused:
        fire(campaign, verb)
    assert refused.value.reasons == [("", str(refused.value))]


def test_any_instance_of_the_family_and_a_primary_key_will_do():
    campaign = PromotionCampaignFactory(status="active")
    assert fire(Campaign.objects.get(pk=campaign.pk), "pause").status == "paused"
    assert fire(campaign.pk, "resume").status == "active"
    assert type(fire(campaign.pk, "pause")) is type(campaign)


def test_a_refusal_names_the_state_and_what_would_help():
    campaign = PromotionCampaignFactory(status="paused", name="Spring")
    with pytest.raises(Refused) as refused:
        fire(campaign, "pause")
    assert str(refused.value) == "“Spring” is paused: it cannot pause. What it can do now: resume, cancel."
    over = EmailCampaignFactory(status="failed", name="News")
    with pytest.raises(Refused, match=r"“News” is failed: it cannot resume\. That is final"):
        fire(over, "resume")


# ── who may ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("status", "verb", "leads_to"), [row for row in pairs(PROMOTION) + pairs(EMAIL) if row[2]]
)
def test_people_take_the_steps_their_role_allows_and_the_history_names_them(status, verb, leads_to):
    kind = email if (status, verb, leads_to) in pairs(EMAIL) else None
    campaign = kind(status) if kind else PromotionCampaignFactory(status=status)
    analyst, marketer = user_in("Analysts"), user_in("Marketers")
    at = arguments(verb) if kind else {}
    with pytest.raises(Refused, match=r"Only the system|You may not"):
        fire(campaign, verb, by=analyst, **at)
    if verb in BY_SYSTEM:
        with pytest.raises(Refused, match=f"Only the system can {verb}"):
            fire(campaign, verb, by=marketer, **at)
        assert not campaign.history.exists()
    else:
        assert fire(campaign, verb, by=marketer, **at).status == leads_to
        assert campaign.history.get().by == marketer


def test_a_superuser_does_not_take_the_steps_of_the_system():
    campaign = EmailCampaignFactory(status="running")
    with pytest.raises(Refused, match="Only the system can complete"):
        fire(campaign, "complete", by=UserFactory(is_superuser=True))


def test_people_are_not_deleted_with_a_history_of_theirs():
    user = user_in("Marketers")
    fire(PromotionCampaignFactory(status="active"), "pause", by=user)
    with pytest.raises(IntegrityError), transaction.atomic():
        user.delete()


# ── times ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("at", "sentence"),
    [
        (None, "Choose when"),
        (timezone.now().replace(tzinfo=None) + HOUR, "needs a time zone"),
        (timezone.now() - HOUR, "must be in the future"),
    ],
)
def test_an_email_campaign_is_scheduled_for_an_aware_time_in_the_future(at, sentence):
    """E2"""
    campaign = EmailCampaignFactory(launchable=True)
    with pytest.raises(Refused, match=sentence) as refused:
        fire(campaign, "schedule", at=at)
    assert [field for field, _ in refused.value.reasons] == ["at"]


def test_scheduling_and_launching_need_a_campaign_that_is_fit():
    """E9"""
    campaign = EmailCampaignFactory()
    for verb, at in [("launch", {}), ("schedule", {"at": timezone.now() + HOUR})]:
        with pytest.raises(Refused) as refused:
            fire(campaign, verb, **at)
        assert {field for field, _ in refused.value.reasons} >= {
            "subject",
            "from_email",
            "body",
            "targets",
            "connection",
        }
    assert not campaign.history.exists()


def test_schedule_sets_the_time_and_unschedule_keeps_it_as_a_proposal():
    """E2"""
    at = timezone.now() + HOUR
    campaign = fire(EmailCampaignFactory(launchable=True), "schedule", at=at)
    assert (campaign.status, campaign.starts_at) == ("scheduled", at)
    assert fire(campaign, "unschedule").starts_at == at


@pytest.mark.parametrize(("starts", "ends", "field"), [
    (None, None, "starts_at"),
    (-1, None, "starts_at"),
    (0, 1, "starts_at"),
    (2, 1, "ends_at"),
    (2, 2, "ends_at"),
])  # fmt: skip
def test_a_promotion_campaign_is_scheduled_for_a_window_in_the_future(starts, ends, field):
    """P2"""
    now = timezone.now()
    campaign = PromotionCampaignFactory(
        starts_at=None if starts is None else now + starts * HOUR,
        ends_at=None if ends is None else now + ends * HOUR,
    )
    with pytest.raises(Refused) as refused:
        fire(campaign, "schedule", now=now)
    assert [name for name, _ in refused.value.reasons] == [field]


@pytest.mark.parametrize("hours", [None, 1, -1])
def test_activation_by_hand_starts_now_unless_the_start_has_passed(hours):
    """P2"""
    now = timezone.now()
    start = now + hours * HOUR if hours else None
    campaign = fire(PromotionCampaignFactory(starts_at=start, ends_at=None), "activate", now=now)
    assert campaign.starts_at == (start if hours == -1 else now)


def test_ending_early_ends_now_and_is_final():
    """P6"""
    now = timezone.now()
    campaign = fire(PromotionCampaignFactory(status="active"), "end_early", now=now)
    assert (campaign.status, campaign.ends_at) == ("expired", now)
    assert (
        fire(PromotionCampaignFactory(status="active", starts_at=now + HOUR), "end_early", now=now).ends_at
        == now + HOUR
    )


def test_what_the_clock_owes_is_written_before_the_verb_is_judged():
    """P2"""
    now = timezone.now()
    campaign = PromotionCampaignFactory(status="scheduled", starts_at=now - HOUR, ends_at=None)
    assert fire(campaign, "pause", now=now).status == "paused"
    assert verbs(campaign) == ["activate", "pause"]


def test_what_the_clock_owed_stays_written_when_the_verb_is_refused():
    """P3"""
    now = timezone.now()
    campaign = PromotionCampaignFactory(status="active", ends_at=now)
    with pytest.raises(Refused, match="is expired: it cannot pause"):
        fire(campaign, "pause", now=now)
    assert Campaign.objects.get(pk=campaign.pk).status == "expired"
    assert verbs(campaign) == ["expire"]


def test_a_scheduled_campaign_whose_window_is_over_becomes_active_and_then_expired():
    """P2"""
    now = timezone.now()
    campaign = PromotionCampaignFactory(status="scheduled", starts_at=now - 2 * HOUR, ends_at=now - HOUR)
    assert lifecycle.write_owed_steps(campaign, now) == ["activate", "expire"]
    assert lifecycle.write_owed_steps(campaign, now) == []
    assert verbs(campaign) == ["activate", "expire"]


def test_resuming_past_the_end_makes_it_active_and_at_once_expired():
    """P5"""
    now = timezone.now()
    campaign = PromotionCampaignFactory(status="paused", ends_at=now - HOUR)
    assert lifecycle.write_owed_steps(campaign, now) == [], (
        "a paused campaign whose end has passed stays paused"
    )
    assert fire(campaign, "resume", now=now).status == "expired"
    assert verbs(campaign) == ["resume", "expire"]
