"""The phases of a campaign with an A/B test, inside its state running: testing, waiting, sending the rest.

Each step between them runs under the campaign's row lock and writes a row of its history. A trigger lets no phase go
back. The clock takes the steps one after the other, and takes a step again after a process died in the middle of it. A
paused campaign stays in its phase, but a person may still choose the winner.
"""

from datetime import datetime, timedelta
from functools import partial

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from campaigns import database_time, lifecycle, refusals
from campaigns.clock import run_for_each
from campaigns.formats import in_sentence
from campaigns.models import Campaign
from campaigns.refusals import Refused
from campaigns.sentences import keep, mark
from mailing import endings
from mailing.models import EmailCampaign, SplitTest
from mailing.sending import lanes
from mailing.variants import figures, judging, releasing, shares
from mailing.variants.definitions import find_test, list_variants

Phase = EmailCampaign.Phase

ROUNDS = 10  # of Thompson sampling, at even distances over the wait


def begin_test(campaign: EmailCampaign, test: SplitTest, recipients: int) -> None:
    """Begin the test of a campaign whose recipients have just been made, in the same transaction."""
    amount = len(list_variants(campaign, test))
    size = find_test_size(test, recipients, amount)
    _move(
        campaign,
        Phase.TESTING,
        "begin_test",
        why=keep(
            "%(amount)s variants go to %(size)s of %(recipients)s.",
            amount=amount,
            size=size,
            recipients=recipients,
        ),
    )
    if test.split == SplitTest.Split.THOMPSON:
        size = _find_round_size(size, amount)
    weights = test.weights if test.split == SplitTest.Split.WEIGHTED else [1] * amount
    releasing.release_drawn(
        campaign, shares.share_out(size, weights), campaign.launched_at or campaign.created_at
    )


def find_test_size(test: SplitTest, recipients: int, variants: int) -> int:
    """Return how many recipients are in the test: its share of them, and at least one for each variant."""
    share = round(recipients * test.share_percent / 100) if test.share_number is None else test.share_number
    return min(recipients, max(share, variants))


def find_wait(test: SplitTest) -> timedelta:
    """Return how long the test waits for answers."""
    return timedelta(**{test.wait_unit: test.wait})


def find_choice_time(campaign: EmailCampaign, test: SplitTest) -> datetime | None:
    """Return when the clock chooses the winner; None before the whole test is sent, and when a person chooses."""
    if campaign.phase != Phase.WAITING or campaign.phase_at is None:
        return None
    return None if test.winner_by == SplitTest.Criterion.HAND else campaign.phase_at + find_wait(test)


def advance_all(now: datetime) -> None:
    """Take the due step of each running campaign with a test."""
    tested = EmailCampaign.objects.filter(status=Campaign.Status.RUNNING, prepared_at__isnull=False)
    run_for_each(
        list(tested.exclude(phase="").values_list("pk", flat=True)),
        partial(_advance_and_count_errors, now=now),
    )


def _advance_and_count_errors(campaign_id: int, now: datetime) -> None:
    with endings.counting_errors(lambda: [campaign_id]):
        advance_campaign(campaign_id, now)


def advance_campaign(campaign_id: int, now: datetime) -> None:
    """Take the due step of one campaign; do nothing while another process is taking it."""
    with transaction.atomic():
        found = EmailCampaign.objects.select_for_update(skip_locked=True, of=("self",), no_key=True)
        campaign = found.filter(pk=campaign_id, status=Campaign.Status.RUNNING).first()
        test = find_test(campaign) if campaign else None
        if campaign is None or test is None:
            return
        counted = figures.read_test_figures(campaign, test)
        if not counted.held:  # nobody is left to send the winner to
            return
        if campaign.phase == Phase.TESTING:
            _advance_test(campaign, test, counted, now)
        elif campaign.phase == Phase.WAITING:
            _find_winner(campaign, test, counted, now)
        else:
            _release_rest(campaign)


def choose_winner(campaign: EmailCampaign, number: int, *, by: User | None = None) -> EmailCampaign:
    """Choose the variant with this number as the winner and send it to the rest, whatever the figures say.

    Raises:
        Refused: it may not be chosen now, or not by `by`.
    """
    with transaction.atomic():
        campaign = lifecycle.lock_row(campaign)
        refusals.require(by, campaign.OPERATE, _("choose the winner of an A/B test"))
        counted = refuse_choice(campaign, find_test(campaign), number)
        chosen = counted.variants[number]
        why = keep(
            "Variant %(letter)s was chosen by hand. %(counted)s",
            letter=chosen.variant.letter,
            counted=describe_rates(counted),
        )
        _choose(campaign, number, why, by=by)
    return campaign


def refuse_choice(campaign: EmailCampaign, test: SplitTest | None, number: int) -> figures.TestFigures:
    """Return the figures of a test, if this variant may be chosen as the winner now.

    Raises:
        Refused: it may not.
    """
    if campaign.status not in (Campaign.Status.RUNNING, Campaign.Status.PAUSED):
        raise Refused(
            _("“%(campaign)s” is %(status)s: no winner can be chosen.")
            % {"campaign": campaign, "status": in_sentence(campaign.get_status_display())}
        )
    if test is None or not campaign.phase:
        raise Refused(_("“%(campaign)s” has no A/B test under way.") % {"campaign": campaign})
    if campaign.winner is not None:
        letter = list_variants(campaign, test)[campaign.winner].letter
        raise Refused(
            _("The winner of “%(campaign)s” is chosen already: variant %(letter)s.")
            % {"campaign": campaign, "letter": letter}
        )
    counted = figures.read_test_figures(campaign, test)
    if number not in range(len(counted.variants)):
        raise Refused(_("“%(campaign)s” has no such variant.") % {"campaign": campaign})
    if not counted.held:
        raise Refused(_("Nobody is left of “%(campaign)s” to send a winner to.") % {"campaign": campaign})
    return counted


def describe_rates(counted: figures.TestFigures) -> str:
    """Write the rates of each variant by now: "A: 4.0% of 50 clicked, 20.0% opened", and sales where they decide."""
    return " ".join(
        keep(
            "%(letter)s: %(clicks)s of %(sent)s clicked, %(opens)s opened%(each)s.",
            letter=each.variant.letter,
            clicks=figures.write_percent(each.clicks),
            sent=each.sent,
            opens=figures.write_percent(each.opens),
            each=_describe_sales(each),
        )
        for each in counted.variants
    )


def _describe_sales(each: figures.VariantFigures) -> str:
    if not each.redemptions.hits and not each.sales.buyers:
        return ""
    redeemed = figures.write_percent(each.redemptions)
    return keep(
        ", %(redeemed)s redeemed, %(each)s for each recipient",
        redeemed=redeemed,
        each=judging.write_revenue(each),
    )


# ── the steps ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _advance_test(
    campaign: EmailCampaign, test: SplitTest, counted: figures.TestFigures, now: datetime
) -> None:
    """Begin the next round or the wait, once everything that was released has been tried."""
    if counted.under_way:
        return
    amount = len(counted.variants)
    size = find_test_size(test, campaign.total, amount)
    left = min(counted.held, size - (campaign.total - counted.held))
    if test.split != SplitTest.Split.THOMPSON or left <= 0:
        _move(
            campaign,
            Phase.WAITING,
            "begin_waiting",
            why=keep("The test is sent. It waits for %(test)s.", test=_write_wait(test)),
        )
    elif now >= (campaign.phase_at or now) + find_wait(test) / ROUNDS:
        results = [(rate.hits, rate.people) for rate in (e.rate_of(test.winner_by) for e in counted.variants)]
        chances = shares.find_chances(results, releasing.make_seed(campaign.pk) + counted.held)
        round_size = min(left, _find_round_size(size, amount))
        releasing.release_drawn(campaign, shares.share_out(round_size, chances), now)
        EmailCampaign.objects.filter(pk=campaign.pk).update(phase_at=now)
        transaction.on_commit(partial(lanes.wake_campaign, campaign.pk))


def _find_winner(
    campaign: EmailCampaign, test: SplitTest, counted: figures.TestFigures, now: datetime
) -> None:
    due = find_choice_time(campaign, test)
    if due is None or now < due:
        return
    verdict = judging.judge_variants(counted.variants, test.winner_by)
    if verdict.best and (verdict.is_sure or test.when_undecided == SplitTest.Undecided.BEST):
        note = "" if verdict.is_sure else mark(" It goes to the rest all the same, as the test says.")
        _choose(campaign, verdict.best.variant.number, f"{verdict.sentence}{note}")
    elif test.when_undecided == SplitTest.Undecided.BEST:  # nothing was sent, or everything bounced
        _choose(campaign, 0, mark("No variant was delivered to anybody: the first one goes to the rest."))


def _choose(campaign: EmailCampaign, winner: int, why: str, by: User | None = None) -> None:
    _move(campaign, Phase.REST, "choose_winner", why=why, by=by, winner=winner)
    _release_rest(campaign)


def _release_rest(campaign: EmailCampaign) -> None:
    """Release a part of the rest. Local times count from the choice, not from the beat that releases a recipient."""
    assert campaign.phase_at is not None  # the choice has set it
    releasing.release_rest(campaign, campaign.phase_at)
    if campaign.status == Campaign.Status.RUNNING:
        transaction.on_commit(partial(lanes.wake_campaign, campaign.pk))


def _move(
    campaign: EmailCampaign,
    phase: str,
    verb: str,
    *,
    why: str,
    by: User | None = None,
    winner: int | None = None,
) -> None:
    """Write the new phase and its row of the history. The caller has locked the campaign's row."""
    now = database_time.now()
    campaign.phase, campaign.phase_at, campaign.winner = phase, now, winner
    EmailCampaign.objects.filter(pk=campaign.pk).update(phase=phase, phase_at=now, winner=winner)
    campaign.history.create(verb=verb, was=campaign.status, now=campaign.status, by=by, why=why, at=now)


def _find_round_size(size: int, variants: int) -> int:
    return min(size, max(variants, -(-size // ROUNDS)))


def _write_wait(test: SplitTest) -> str:
    if test.winner_by == SplitTest.Criterion.HAND:
        return mark("your choice")
    unit = test.wait_unit.removesuffix("s") if test.wait == 1 else test.wait_unit
    return f"{test.wait} {unit}"
