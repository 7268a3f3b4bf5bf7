"""Two real connections at one campaign: exactly one of two conflicting steps wins, and the history agrees."""

import threading
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.utils import timezone

from campaigns import accounts, clock
from campaigns.lifecycle import Locked, Refused, fire, open_for_edit
from campaigns.models import Campaign
from tests.campaigns.history import verbs
from tests.factories import EmailCampaignFactory, PromotionCampaignFactory, user_in

pytestmark = pytest.mark.django_db(transaction=True)


def run_at_once(*acts):
    """Run each of `acts` in a thread with a connection of its own, as nearly together as can be; their outcomes."""
    together, outcomes = threading.Barrier(len(acts)), [None] * len(acts)

    def run(number, act):
        try:
            together.wait(10)
            outcomes[number] = act()
        except Refused as refused:
            outcomes[number] = refused
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return outcomes


@pytest.mark.parametrize("factory", [EmailCampaignFactory, PromotionCampaignFactory])
@pytest.mark.parametrize("_", range(5))
def test_pause_against_cancel_both_kinds(factory, _):
    campaign = factory(status="running" if factory is EmailCampaignFactory else "active")
    paused, cancelled = run_at_once(lambda: fire(campaign.pk, "pause"), lambda: fire(campaign.pk, "cancel"))
    assert not isinstance(cancelled, Refused), "cancel is open from both states"
    if isinstance(paused, Refused):
        assert "is cancelled: it cannot pause" in str(paused)
        assert verbs(campaign) == ["cancel"]
    else:
        assert verbs(campaign) == ["pause", "cancel"]
    assert Campaign.objects.get(pk=campaign.pk).status == "cancelled"


@pytest.mark.parametrize("_", range(5))
def test_launch_against_launch(_):
    campaign = EmailCampaignFactory(launchable=True)
    outcomes = run_at_once(*[lambda: fire(campaign.pk, "launch")] * 4)
    assert sorted(isinstance(outcome, Refused) for outcome in outcomes) == [False, True, True, True]
    assert all("is running: it cannot launch" in str(o) for o in outcomes if isinstance(o, Refused))
    assert verbs(campaign) == ["launch"]


@pytest.mark.parametrize("_", range(5))
def test_the_clock_against_a_marketer(_):
    now = timezone.now()
    campaign = EmailCampaignFactory(status="scheduled", launchable=True, starts_at=now)
    _, person = run_at_once(lambda: clock.tick(now), lambda: fire(campaign.pk, "unschedule"))
    if isinstance(person, Refused):
        assert "is running: it cannot unschedule" in str(person)
        assert verbs(campaign) == ["launch"]
    else:
        assert verbs(campaign) == ["unschedule"]
        assert Campaign.objects.get(pk=campaign.pk).status == "draft"


@pytest.mark.parametrize("_", range(3))
def test_two_clocks_do_each_thing_once(_):
    now = timezone.now()
    emails = [EmailCampaignFactory(status="scheduled", launchable=True, starts_at=now) for _ in range(3)]
    starting = [PromotionCampaignFactory(status="scheduled", starts_at=now, ends_at=None) for _ in range(3)]
    ending = [PromotionCampaignFactory(status="active", ends_at=now) for _ in range(3)]
    run_at_once(lambda: clock.tick(now), lambda: clock.tick(now))
    clock.tick(now)  # what one clock passed over because the other held it is done by now
    assert [verbs(c) for c in emails] == [["launch"]] * 3
    assert [verbs(c) for c in starting] == [["activate"]] * 3
    assert [verbs(c) for c in ending] == [["expire"]] * 3


@pytest.mark.parametrize("_", range(5))
def test_an_edit_against_the_clock(_):
    """Either the edit comes first and the campaign is a draft again, or it has started and the edit is refused."""
    from django.db import transaction

    now = timezone.now()
    campaign = EmailCampaignFactory(status="scheduled", launchable=True, starts_at=now)

    def edit():
        with transaction.atomic():
            opened = open_for_edit(campaign.pk)
            opened.subject = "Edited"
            opened.save()

    _, edited = run_at_once(lambda: clock.tick(now + timedelta(seconds=1)), edit)
    stored = Campaign.objects.get(pk=campaign.pk).emailcampaign
    if isinstance(edited, Locked):
        assert (stored.status, verbs(campaign)) == ("running", ["launch"])
        assert stored.subject != "Edited"
    else:
        assert (stored.status, verbs(campaign), stored.subject) == ("draft", ["unschedule"], "Edited")


def test_two_administrators_who_switch_each_other_off_at_once_leave_one():
    for _ in range(5):
        first, second = user_in("Administrators"), user_in("Administrators")
        run_at_once(
            lambda first=first, second=second: accounts.switch_person(second, False, by=first),
            lambda first=first, second=second: accounts.switch_person(first, False, by=second),
        )
        left = User.objects.filter(pk__in=[first.pk, second.pk], is_active=True)
        assert left.count() == 1
        first, second = user_in("Administrators"), user_in("Administrators")
        run_at_once(
            lambda first=first, second=second: accounts.set_rights(second, by=first, roles=[], exports=False),
            lambda first=first, second=second: accounts.set_rights(first, by=second, roles=[], exports=False),
        )
        assert (
            Group.objects.get(name="Administrators").user_set.filter(pk__in=[first.pk, second.pk]).count()
            == 1
        )
