"""Saving drafts, test mails, second chances for those not reached (rows E1, E2, E3, E6, E7)."""

from email import message_from_bytes, policy

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from campaigns.lifecycle import Locked, Refused, fire
from mailing import connections, drafting, endings, launch
from mailing.models import Delivery, EmailCampaign, Event, Suppression, Target
from tests.factories import (
    ContactFactory,
    ContactListFactory,
    EmailCampaignFactory,
    SmtpConnectionFactory,
    user_in,
)
from tests.hostile_smtp import parse
from tests.mailing.running import counts, draft, fresh, launch_campaign, to

pytestmark = pytest.mark.django_db


def list_queued():
    return [(task.task["func"], task.task["args"]) for task in OrmQ.objects.order_by("pk")]


# ── saving ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_e1_a_draft_is_saved_with_its_targets_and_connections():
    marketer, people = user_in("Marketers"), ContactListFactory()
    one, two = SmtpConnectionFactory(), SmtpConnectionFactory()
    campaign = drafting.save_campaign(
        None,
        by=marketer,
        changes={"name": "New", "subject": "Hello", "sharing": "percentage"},
        targets=[Target(list=people, mode="include")],
        routes=[(two.pk, 70), (one.pk, 30)],
    )
    assert (campaign.status, campaign.created_by) == ("draft", marketer)
    assert [target.list for target in campaign.targets.all()] == [people]
    assert campaign.shares() == [(two, 70), (one, 30)]
    drafting.save_campaign(campaign, by=marketer, changes={"subject": "Again"}, targets=[])
    campaign = fresh(campaign)
    assert (campaign.subject, campaign.targets.count(), campaign.routes.count()) == ("Again", 0, 2)


def test_e1_a_test_mail_is_sent_while_it_is_a_draft_and_in_no_other_state():
    for status in ("scheduled", "running", "paused", "completed"):
        campaign = EmailCampaignFactory(launchable=True, status=status)
        with pytest.raises(Refused, match=f"is {status}: test mails are sent while it is a draft"):
            drafting.send_test(campaign, ["me@example.com"])


def test_e2_saving_a_scheduled_campaign_puts_it_back_to_draft():
    campaign = EmailCampaignFactory(launchable=True, status="scheduled")
    drafting.save_campaign(campaign, changes={"subject": "Edited {{ first_name }}"})
    assert fresh(campaign).status == "draft"
    assert campaign.history.first().verb == "unschedule"


@pytest.mark.parametrize("status", ["running", "paused", "completed", "failed", "cancelled"])
def test_e3_a_locked_campaign_is_not_saved(status):
    campaign = EmailCampaignFactory(launchable=True, status=status)
    for changes, rows in (({"subject": "No"}, {}), ({}, {"targets": []}), ({}, {"routes": []})):
        with pytest.raises(Locked):
            drafting.save_campaign(campaign, changes=changes, **rows)
    assert fresh(campaign).subject == campaign.subject
    assert campaign.targets.count() == 1


def test_nobody_saves_what_is_the_systems_or_without_the_right():
    with pytest.raises(ValueError, match="total"):
        drafting.save_campaign(draft(), changes={"total": 5})
    with pytest.raises(Refused, match="may not"):
        drafting.save_campaign(None, by=user_in("Analysts"), changes={"name": "No"})
    with pytest.raises(Refused, match="may not"):
        drafting.save_campaign(draft(), by=user_in("Analysts"), changes={"name": "No"})


# ── test mails ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_e1_a_test_mail_is_marked_tracks_nothing_and_passes_over_suppressions(
    server, django_capture_on_commit_callbacks
):
    server.settings.keep_every = 1
    Suppression.objects.create(email="tester@example.com")
    campaign = draft([ContactFactory(first_name="Ada")], connection=to(server))
    with django_capture_on_commit_callbacks(execute=True):
        drafting.send_test(campaign, ["tester@example.com", " Boss@Example.com "], by=user_in("Marketers"))
    ((task, arguments),) = list_queued()
    assert task == "mailing.tasks.send_test"
    assert drafting.deliver_test(*arguments) == 2
    assert [message.recipient for message in server.accepted] == ["tester@example.com", "boss@example.com"]
    assert not Delivery.objects.exists()
    assert not Event.objects.exists()
    assert fresh(campaign).status == "draft"


def test_a_test_mail_says_that_it_is_one_and_has_plain_links():
    campaign = draft([ContactFactory(first_name="Ada")])
    compiled = drafting.content.compile(drafting.content.mark_as_test(launch.build_source(campaign)))
    mail = compiled.render(
        launch.build_recipient(ContactFactory(first_name="Ada"), message_id="x"),
        drafting.content.Links("http://here", "tok"),
    ).decode()
    assert "Subject: [TEST] News for Ada" in mail
    assert "https://shop.example/news" in mail
    assert "/t/c/" not in mail
    assert "/t/o/" not in mail


@pytest.mark.parametrize(
    ("changes", "addresses", "words"),
    [
        ({}, [], "Enter 1 to 10 addresses"),
        ({}, [f"a{n}@example.com" for n in range(11)], "Enter 1 to 10 addresses"),
        ({}, ["nobody"], "not an e-mail address"),
        ({"body": "{{ broken"}, ["a@example.com"], "cannot be made"),
        ({"connection": None}, ["a@example.com"], "Choose an SMTP connection"),
    ],
)
def test_a_test_mail_that_cannot_be_is_refused_with_a_sentence(changes, addresses, words):
    campaign = draft()
    EmailCampaign.objects.filter(pk=campaign.pk).update(**changes)
    with pytest.raises(Refused, match=words):
        drafting.send_test(fresh(campaign), addresses)
    assert list_queued() == []


def test_test_mails_are_sent_while_it_is_a_draft():
    with pytest.raises(Refused, match="is running"):
        drafting.send_test(launch_campaign(), ["a@example.com"])


# ── second chances ───────────────────────────────────────────────────────────────────────────────────────────────────


def with_states(status="running", **numbers):
    """A campaign with so many deliveries of each state."""
    campaign = launch_campaign(sum(numbers.values()))
    keys = iter(campaign.deliveries.order_by("pk").values_list("pk", flat=True))
    for state, number in numbers.items():
        chosen = [next(keys) for _ in range(number)]
        due = timezone.now() if state in ("pending", "deferred") else None
        Delivery.objects.filter(pk__in=chosen).update(status=state, due_at=due)
    if status != "running":
        fire(campaign, {"paused": "pause", "cancelled": "cancel", "failed": "fail"}[status])
    return fresh(campaign)


@pytest.mark.parametrize("status", ["running", "paused"])
def test_failed_and_uncertain_go_back_while_it_is_running_or_paused(status):
    campaign = with_states(status, failed=2, uncertain=3, accepted=1, bounced=1)
    assert drafting.retry_failed(campaign, by=user_in("Marketers")) == 2
    chosen = campaign.deliveries.filter(status="uncertain").first()
    assert drafting.resend_uncertain(campaign, [chosen.pk]) == 1
    assert counts(campaign) == {"pending": 3, "uncertain": 2, "accepted": 1, "bounced": 1}
    assert drafting.resend_uncertain(campaign) == 2
    assert campaign.deliveries.filter(status="pending", due_at=None).count() == 0


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_e6_e7_a_final_campaign_gives_nobody_a_second_chance(status):
    campaign = with_states(status, failed=1, uncertain=1)
    for again in (drafting.retry_failed, drafting.resend_uncertain):
        with pytest.raises(Refused, match="Duplicate it"):
            again(campaign)
    assert counts(campaign) == {"failed": 1, "uncertain": 1}


def test_only_who_may_operate_puts_back():
    with pytest.raises(Refused, match="may not"):
        drafting.retry_failed(with_states(failed=1), by=user_in("Analysts"))


@pytest.mark.parametrize(("with_uncertain", "reached"), [(False, 5), (True, 6)])
def test_e6_e7_a_duplicate_for_those_not_reached(with_uncertain, reached):
    campaign = with_states(
        "cancelled", accepted=1, bounced=1, uncertain=1, failed=1, pending=2, deferred=1, skipped=2
    )
    endings.close_campaign(campaign.pk)
    suppressed = campaign.deliveries.filter(status="skipped", reason="").first()
    Delivery.objects.filter(pk=suppressed.pk).update(reason="unsubscribed")
    copy = drafting.duplicate_for_unreached(campaign, with_uncertain=with_uncertain, by=user_in("Marketers"))
    assert copy.status == "draft"
    (target,) = copy.targets.all()
    assert target.list.contacts.count() == reached
    not_again = campaign.deliveries.filter(status__in=["accepted", "bounced"]).values("contact")
    assert not target.list.contacts.filter(pk__in=not_again).exists()
    assert not target.list.contacts.filter(pk=suppressed.contact_id).exists()


def test_what_still_runs_is_not_duplicated_for_the_others():
    with pytest.raises(Refused, match="has ended"):
        drafting.duplicate_for_unreached(launch_campaign())


# ── the test of a connection ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_connection_that_works_says_so_and_one_mail_arrives(server):
    verdict = connections.check_connection(to(server), "Me@Example.com")
    assert (verdict.works, verdict.name) == (True, "")
    assert [message.recipient for message in server.accepted] == ["me@example.com"]


def test_the_mail_of_a_test_bears_the_name_of_its_sender_whatever_letters_it_has(server):
    server.settings.keep_every = 1
    smtp = to(server, from_name="Zoë’s „Café“, Köln", from_email="zoe@shop.example")
    assert connections.check_connection(smtp, "me@example.com").works
    (raw,) = server.kept.values()
    mail = message_from_bytes(raw, policy=policy.default)
    assert mail["From"].addresses[0].display_name == "Zoë’s „Café“, Köln"
    assert mail["From"].addresses[0].addr_spec == "zoe@shop.example"
    assert mail["Subject"] == "[TEST] This connection works"


@pytest.mark.parametrize(
    ("rules", "fields", "name", "words"),
    [
        ([], {"port": 1}, "host not reached", "Check the host name"),
        ([], {"host": "host.invalid"}, "host not reached", "no host named"),
        ([], {"tls": "starttls"}, "encryption not possible", "Choose the encryption"),
        (["mail 550 5.7.1 Sender not allowed"], {}, "sender not accepted", "Use a sender address"),
        (["rcpt 550 5.1.1 Unknown"], {}, "recipient not accepted", "Try another address"),
        (["dot 554 5.7.1 Spam"], {}, "message refused", "does not take our mail"),
        (["connect 421 4.7.0 Busy"], {}, "throttled", "Wait"),
        (["rcpt 451 4.7.1 Too fast"], {}, "throttled", "Wait"),
        (
            ["mail 553 5.7.1 <a@b>: Sender address rejected: not owned by user shop"],
            {},
            "sender not accepted",
            "Use a",
        ),
        (
            ["rcpt 553 5.7.1 <a@b>: Sender address rejected: not owned by user shop"],
            {},
            "sender not accepted",
            "Use a",
        ),
        (["dot 554 5.2.252 SendAsDenied; not allowed to send as a@b"], {}, "sender not accepted", "Use a"),
        (
            ["rcpt 450 4.2.0 <x@y>: Greylisted, see http://postgrey"],
            {},
            "put off by greylisting",
            "some minutes",
        ),
        (["ehlo 504 5.5.2 <shop>: rejected"], {}, "name in EHLO not accepted", "full host name"),
        (
            ["rcpt 504 5.5.2 <shop>: Helo command rejected: need fully-qualified hostname"],
            {},
            "name in EHLO not accepted",
            "full host name",
        ),
        (["rcpt 554 5.7.1 <x@y>: Relay access denied"], {}, "relaying refused", "user name and password"),
        (["rcpt 530 5.7.0 Authentication required"], {}, "login refused", "Check user name"),
        (
            ["rcpt 554 5.7.1 blocked using zen.spamhaus.org"],
            {},
            "our server is refused",
            "list that is named",
        ),
        (
            ["dot 550 5.4.5 Daily user sending limit exceeded"],
            {},
            "limit of the account reached",
            "Wait until",
        ),
        (
            ["mail 530 5.7.0 Must issue a STARTTLS command first"],
            {},
            "encryption not possible",
            "Choose the encryption",
        ),
    ],
)
def test_a_connection_that_does_not_work_says_what_to_do(server, rules, fields, name, words):
    server.settings.rules = parse(*rules)
    verdict = connections.check_connection(to(server, **fields), "me@example.com")
    assert (verdict.works, verdict.name) == (False, name)
    assert words in verdict.sentence


def test_a_test_that_is_put_off_does_not_ask_for_another_address(server):
    server.settings.rules = parse("rcpt 450 4.2.0 Greylisted, try again in 300 seconds")
    assert "Try another" not in connections.check_connection(to(server), "me@example.com").sentence


def test_a_refused_login_is_named(server):
    server.settings.login = "shop:right"
    verdict = connections.check_connection(to(server, username="shop", password="hunter2"), "me@example.com")
    assert (verdict.works, verdict.name) == (False, "login refused")
    assert "hunter2" not in verdict.sentence


def test_an_address_that_is_none_is_said_before_anything_is_sent(server):
    assert connections.check_connection(to(server), "nobody").name == "no address"
    assert not server.stats().get("connections")
