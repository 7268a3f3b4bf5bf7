"""A/B tests through their phases: who gets what, and that nobody is lost or mailed twice."""

from datetime import timedelta
from email import message_from_bytes, policy

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from campaigns import doctor, lifecycle
from campaigns.refusals import Locked, Refused
from mailing import clock, content, endings, launch, plain_targets
from mailing.models import (
    Delivery,
    EmailCampaign,
    SplitTest,
    VariantContent,
)
from mailing.sending import tokens
from mailing.variants import phases, releasing
from tests.factories import ContactFactory, user_in
from tests.mailing.running import SEPARATE, addresses, counts, draft, fresh, send, to
from tests.mailing.variants.testing import (
    accept,
    advance,
    click,
    count_variants,
    launch_tested,
    list_steps,
)
from tests.mailing.visits import get

database = pytest.mark.django_db
HOUR = timedelta(hours=1)
BODIES = [
    "One: [shop](https://shop.example/one) [same](https://shop.example/same) [leave]({{ unsubscribe_url }})",
    "Two: [same](https://shop.example/same) [shop](https://shop.example/two) [leave]({{ unsubscribe_url }})",
]


# ── who gets which variant ───────────────────────────────────────────────────────────────────────────────────────────


@database
@pytest.mark.parametrize(
    ("recipients", "test", "sizes"),
    [
        (50, {}, {0: 5, 1: 5, None: 40}),
        (50, {"subjects": ["2", "3"]}, {0: 4, 1: 3, 2: 3, None: 40}),
        (50, {"share_percent": 100}, {0: 25, 1: 25}),
        (50, {"share_number": 8}, {0: 4, 1: 4, None: 42}),
        (50, {"split": "weighted", "weights": [70, 30]}, {0: 7, 1: 3, None: 40}),
        (3, {"share_percent": 1}, {0: 1, 1: 1, None: 1}),
        (1, {}, {0: 1}),
        (100, {"split": "thompson", "share_percent": 50}, {0: 3, 1: 2, None: 95}),
    ],
)
def test_the_launch_gives_exact_shares_and_holds_the_rest(recipients, test, sizes):
    campaign = launch_tested(recipients, test=test)
    assert count_variants(campaign) == sizes
    assert count_variants(campaign, due_at=None) == {key: size for key, size in sizes.items() if key is None}
    assert campaign.total == recipients
    assert (campaign.phase, list_steps(campaign)) == ("testing", ["launch", "begin_test"])
    assert list(doctor.find_breaches()) == []


@database
def test_the_draw_is_by_chance_and_another_one_for_each_campaign():
    people = ContactFactory.create_batch(40)
    first, second = (launch_tested(people, test={"share_percent": 50}) for _ in range(2))
    drawn = [
        list(campaign.deliveries.order_by("contact").values_list("variant", flat=True))
        for campaign in (first, second)
    ]
    assert drawn[0] != drawn[1]
    assert drawn[0] != sorted(drawn[0], key=lambda variant: (variant is None, variant))


@database
def test_an_address_has_one_number_in_all_contents_and_leads_to_its_own_page():
    test = {"subjects": [], "bodies": BODIES[1:], "share_percent": 100}
    campaign = launch_tested(4, test=test, body=BODIES[0], utm_medium="", utm_campaign="a")
    second = content.load(bytes(VariantContent.objects.get(campaign=campaign).compiled))
    assert [url.rpartition("/")[2] for url in second.links] == ["one", "same", "two"]
    targets = [f"https://shop.example/{page}?utm_campaign=a" for page in ("one", "same", "two")]
    assert plain_targets.read_targets(campaign.pk) == targets
    delivery = campaign.deliveries.filter(variant=1).first()
    token = tokens.sign_tokens([delivery.pk], campaign.pk)[0]
    links = content.Links("https://m.test", "t", click_token=token.click)
    mail = second.render(content.Recipient("x@y.test", message_id="m"), links).decode().replace("=\r\n", "")
    assert f"/t/c/{token.click}/2" in mail
    assert f'/t/c/{token.click}/0"' not in mail
    assert get(f"/t/c/{token.click}/2")["Location"] == targets[2]


# ── the way through ──────────────────────────────────────────────────────────────────────────────────────────────────


@SEPARATE
@pytest.mark.usefixtures("short_waits", "sound_books")
def test_the_winner_goes_to_the_rest_and_everybody_gets_one_mail(server):
    server.settings.keep_every = 1
    campaign = launch_tested(
        40,
        connection=to(server),
        body=BODIES[0],
        test={"subjects": [], "bodies": BODIES[1:], "share_percent": 50, "wait": 3},
    )
    campaign = send(campaign, until=lambda campaign: campaign.phase == "waiting")
    assert count_variants(campaign, status="accepted") == {0: 10, 1: 10}
    assert len(server.accepted) == 20
    click(campaign, 1, 9)
    assert advance(campaign, 2 * HOUR).phase == "waiting"
    campaign = advance(campaign, 3 * HOUR + timedelta(seconds=5))
    assert (campaign.phase, campaign.winner) == ("rest", 1)
    assert send(campaign).status == "completed"
    assert set(addresses(server).values()) == {1}
    assert len(server.accepted) == 40
    bodies = [b"shop.example/two" in mail or b"Two:" in mail for mail in server.kept.values()]
    assert bodies.count(True) == 30
    assert count_variants(campaign) == {0: 10, 1: 30}
    assert list_steps(campaign) == ["launch", "begin_test", "begin_waiting", "choose_winner", "complete"]
    why = campaign.history.get(verb="choose_winner").why
    assert "The best is B: 90.0% of its 10 recipients clicked" in why


@database
@pytest.mark.parametrize(
    ("test", "clicks", "outcome"),
    [
        ({"when_undecided": "best"}, (2, 1), ("rest", 0)),
        ({"when_undecided": "best"}, (0, 1), ("rest", 1)),
        ({"when_undecided": "ask"}, (2, 1), ("waiting", None)),
        ({"when_undecided": "ask"}, (0, 9), ("rest", 1)),
        ({"when_undecided": "ask"}, (0, 0), ("waiting", None)),
        ({"when_undecided": "best"}, (0, 0), ("rest", 0)),
        ({"winner_by": "hand"}, (0, 9), ("waiting", None)),
    ],
)
def test_what_happens_after_the_wait(test, clicks, outcome):
    campaign = launch_tested(50, test={"share_percent": 40, **test})
    accept(campaign)
    campaign = advance(campaign)
    assert campaign.phase == "waiting"
    for variant, amount in enumerate(clicks):
        click(campaign, variant, amount)
    campaign = advance(campaign, 5 * HOUR)
    assert (campaign.phase, campaign.winner) == outcome
    if campaign.winner is not None and test.get("when_undecided") == "best":
        why = campaign.history.get(verb="choose_winner").why
        assert "Too early to tell" in why
        assert "goes to the rest" in why
    assert list(doctor.find_breaches()) == []


@database
def test_the_wait_begins_once_all_of_the_test_was_tried():
    campaign = launch_tested(50, test={"share_percent": 40})
    last = campaign.deliveries.filter(variant=1).first()
    accept(campaign)
    Delivery.objects.filter(pk=last.pk).update(status="pending", due_at=timezone.now(), sent_at=None)
    assert advance(campaign, 9 * HOUR).phase == "testing"
    Delivery.objects.filter(pk=last.pk).update(status="deferred")
    assert advance(campaign).phase == "waiting"


@database
def test_thompson_sampling_sends_the_test_in_rounds_and_more_of_what_does_well():
    campaign = launch_tested(400, test={"split": "thompson", "share_percent": 50, "wait": 10})
    released = [sum(count_variants(campaign, due_at__isnull=False).values())]
    for turn in range(1, 10):
        accept(campaign)
        assert advance(campaign).phase == "testing", "the next round is not due yet"
        click(campaign, 1, 8)
        EmailCampaign.objects.filter(pk=campaign.pk).update(phase_at=timezone.now() - HOUR)
        campaign = advance(campaign, timedelta(seconds=1))
        released.append(sum(count_variants(campaign, due_at__isnull=False).values()))
        assert list_steps(campaign) == ["launch", "begin_test"], turn
    assert released == [20] * 10
    sizes = count_variants(campaign)
    assert sizes[0] + sizes[1] == 200
    assert sizes[1] > 2 * sizes[0]
    accept(campaign)
    assert advance(campaign).phase == "waiting"
    assert list(doctor.find_breaches()) == []


@database
def test_a_test_of_everybody_completes_without_a_winner():
    campaign = launch_tested(10, test={"share_percent": 100})
    accept(campaign)
    campaign = advance(campaign, 9 * HOUR)
    assert campaign.phase == "testing"
    assert endings.complete_campaign(campaign.pk)
    assert fresh(campaign).winner is None


@database
def test_it_does_not_complete_while_the_rest_is_held():
    campaign = launch_tested(10)
    accept(campaign)
    assert not endings.complete_campaign(campaign.pk)
    assert "8 recipients left" in str(endings.find_unfinished(campaign))


@database
def test_local_times_count_from_the_release():
    people = [ContactFactory(time_zone=zone) for zone in ("Asia/Tokyo", "America/New_York") * 5]
    campaign = launch_tested(people, local_time=(timezone.now() - HOUR).time(), test={"share_percent": 20})
    assert campaign.deliveries.filter(due_at__isnull=False).count() == 2
    assert campaign.last_due_at is not None
    phases.choose_winner(campaign, 0)
    now = timezone.now()
    due = list(Delivery.objects.filter(campaign=campaign, variant=0).values_list("due_at", flat=True))
    assert all(now < at < now + 26 * HOUR for at in due)
    assert fresh(campaign).last_due_at == max(campaign.deliveries.values_list("due_at", flat=True))


@database
def test_each_recipient_sees_the_sender_of_the_mail_they_got():
    campaign = launch_tested(
        4,
        from_name="The Shop",
        test={"subjects": [], "from_names": ["Nora of the Shop"], "share_percent": 100},
    )
    frozen = {0: campaign.content, 1: VariantContent.objects.get(campaign=campaign)}
    for delivery in campaign.deliveries.all():
        name = ["The Shop", "Nora of the Shop"][delivery.variant]
        own = tokens.sign_tokens([delivery.pk])[0]
        for path in (f"/u/{own.unsubscribe}", f"/p/{own.preferences}"):
            assert f">{name}</p>" in get(path).content.decode()
        mail = content.load(bytes(frozen[delivery.variant].compiled)).render(
            launch.build_recipient(delivery.contact, message_id="m"),
            content.Links("https://m.shop.test", "tok"),
        )
        assert message_from_bytes(mail, policy=policy.default)["From"].addresses[0].display_name == name
    assert set(count_variants(campaign)) == {0, 1}


@database
def test_the_rest_is_released_in_steps_that_go_through_the_ledger_once(monkeypatch):
    monkeypatch.setattr(releasing, "SLICE", 5)
    campaign = launch_tested(20)
    held = list(campaign.deliveries.filter(variant=None).order_by("pk").values_list("pk", flat=True))
    campaign = phases.choose_winner(campaign, 0)
    for step in (1, 2, 3):
        now_at = fresh(campaign).released_upto
        assert now_at == held[5 * step - 1]
        assert campaign.deliveries.filter(variant=None).count() == len(held) - 5 * step
        campaign = advance(campaign)
    assert fresh(campaign).released_upto is None, "one that finds too few lets the next begin anew"
    assert not campaign.deliveries.filter(variant=None).exists()


# ── pause, resume, cancel, by hand ───────────────────────────────────────────────────────────────────────────────────


def bring_to(campaign, phase):
    if phase != "testing":
        accept(campaign)
        advance(campaign)
    if phase == "rest":
        phases.choose_winner(campaign, 1)
    return fresh(campaign)


@database
@pytest.mark.parametrize("phase", ["testing", "waiting", "rest"])
def test_a_pause_keeps_the_phase_and_a_resume_goes_on(phase):
    campaign = bring_to(launch_tested(20), phase)
    before = count_variants(campaign)
    lifecycle.fire(campaign, "pause")
    clock.tick(timezone.now() + 9 * HOUR)
    paused = advance(campaign, 9 * HOUR)
    assert (paused.status, paused.phase, count_variants(paused)) == ("paused", phase, before)
    lifecycle.fire(paused, "resume")
    accept(campaign)
    for _ in range(3):
        accept(campaign)
        campaign = advance(campaign, 9 * HOUR)
    accept(campaign)
    assert endings.complete_campaign(campaign.pk)
    assert counts(campaign) == {"accepted": 20}
    assert list(doctor.find_breaches()) == []


@database
@pytest.mark.parametrize("phase", ["testing", "waiting", "rest"])
@pytest.mark.parametrize("verb", ["cancel", "fail"])
def test_an_end_in_any_phase_gives_the_rest_up(phase, verb):
    campaign = bring_to(launch_tested(20), phase)
    lifecycle.fire(campaign, verb, why="Enough.")
    endings.close_campaign(campaign.pk)
    campaign = advance(campaign, 9 * HOUR)
    assert campaign.phase == phase
    assert set(counts(campaign)) <= {"accepted", "skipped"}
    assert list(doctor.find_breaches()) == []
    with pytest.raises(Refused, match="no winner can be chosen"):
        phases.choose_winner(campaign, 0)


@database
@pytest.mark.parametrize("phase", ["testing", "waiting"])
def test_a_person_chooses_the_winner_at_any_time_also_while_it_is_paused(phase):
    campaign = bring_to(launch_tested(20), phase)
    lifecycle.fire(campaign, "pause")
    marketer = user_in("Marketers")
    campaign = phases.choose_winner(campaign, 1, by=marketer)
    step = campaign.history.first()
    assert (step.verb, step.by, step.was, step.now) == ("choose_winner", marketer, "paused", "paused")
    assert "Variant B was chosen by hand" in step.why
    assert count_variants(campaign)[1] == 18
    with pytest.raises(Refused, match="chosen already: variant B"):
        phases.choose_winner(campaign, 0, by=marketer)
    assert list(doctor.find_breaches()) == []


@database
def test_a_choice_that_makes_no_sense_is_refused_with_a_sentence():
    campaign = launch_tested(20)
    for number in (2, -1):
        with pytest.raises(Refused, match="no such variant"):
            phases.choose_winner(campaign, number)
    with pytest.raises(Refused, match="may not"):
        phases.choose_winner(campaign, 0, by=user_in("Analysts"))
    with pytest.raises(Refused, match="no A/B test under way"):
        phases.choose_winner(lifecycle.fire(draft(2), "launch"), 0)
    everybody = launch_tested(4, test={"share_percent": 100})
    with pytest.raises(Refused, match="Nobody is left"):
        phases.choose_winner(everybody, 0)


# ── the net, and the figures ─────────────────────────────────────────────────────────────────────────────────────────


@database
def test_no_sql_takes_a_phase_back_or_edits_a_test_under_way():
    campaign = bring_to(launch_tested(20), "waiting")
    for change in ({"phase": "testing"}, {"phase": ""}, {"winner": 1}, {"phase": "rest"}):
        with pytest.raises(DatabaseError), transaction.atomic():
            EmailCampaign.objects.filter(pk=campaign.pk).update(**change)
    with pytest.raises(DatabaseError, match="cannot be edited"), transaction.atomic():
        SplitTest.objects.filter(campaign=campaign).update(wait=1)
    with pytest.raises(Locked):
        campaign.split_test.save()
    with pytest.raises(DatabaseError, match="frozen"), transaction.atomic():
        VariantContent.objects.filter(campaign=campaign).update(compiled=b"")


@database
def test_a_copy_has_the_same_test_and_nothing_of_its_past():
    campaign = bring_to(launch_tested(20, test={"winner_by": "opens", "bodies": BODIES}), "rest")
    copy = lifecycle.duplicate(campaign)
    assert (copy.phase, copy.phase_at, copy.winner) == ("", None, None)
    assert copy.split_test.winner_by == "opens"
    assert copy.split_test.bodies == BODIES
    assert SplitTest.objects.count() == 2
