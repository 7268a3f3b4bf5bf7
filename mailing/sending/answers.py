"""Turns the answers to a run's messages into results for the ledger, and into campaigns that must pause."""

from collections.abc import Callable

from campaigns import database_time
from mailing.models import Delivery, Pace, SmtpConnection
from mailing.sending import breaker, outcome
from mailing.sending.claim import ClaimedDelivery, RunningCampaign
from mailing.sending.ledger import Ledger
from mailing.sending.pressure import Pressure
from mailing.sending.supply import Supply
from mailing.smtp.client import Connection, Outcome, Result, Server


class Answers:
    """The answers that one run has got.

    accepted: how many messages the server took. rates: its answers for each campaign. refused: campaigns to pause, with
    the reason. is_ending: the process is ending, so that an ended connection says nothing about the server. stop: ends
    the run.
    """

    def __init__(
        self, smtp: SmtpConnection, server: Server, pace: Pace, pressure: Pressure, stop: Callable[[], None]
    ) -> None:
        self.accepted = 0
        self.refused: dict[int, str] = {}
        self.is_ending = False
        self._pk = smtp.pk
        self._server = server
        self._pressure = pressure
        self._stop = stop
        self._has_failed = pace.failures > 0
        self.rates: dict[int, breaker.RefusalRate] = {}

    def settle(
        self,
        supply: Supply,
        ledger: Ledger,
        link: Connection,
        claimed: ClaimedDelivery,
        result: Result,
        *,
        is_alone: bool,
    ) -> None:
        """Record the fate of one message, and act on it. is_alone: no other connection is open."""
        retry_until = claimed.first_tried_at or database_time.now()
        if result.outcome is not Outcome.ACCEPTED:  # else nothing is tried again
            retry_until = claimed.campaign.find_end_of_tries(retry_until)
        fate = outcome.decide_fate(result, claimed.attempts, retry_until, claimed.tries)
        ledger.record(claimed, fate)
        if fate.status is Delivery.Status.ACCEPTED:
            self.accepted += 1
            self._pressure.note_accepted()
            if self._has_failed:
                self._has_failed = False
                ledger.note(breaker._NOTE_SUCCESS, [self._pk])
        elif fate.fault == "throttle":
            self._pressure.note_throttled(link, result, is_alone=is_alone)
        elif fate.fault == "connection" and not self.is_ending:
            self._pressure.note_dropped(self._server, link, result, fate)
        self._watch_rate(supply, claimed.campaign, fate)

    def _watch_rate(self, supply: Supply, campaign: RunningCampaign, fate: outcome.Fate) -> None:
        rate = self.rates.get(campaign.pk)
        if rate is None:
            before = campaign.recent_results.get(breaker.RefusalRate.NAME, "")
            rate = self.rates[campaign.pk] = breaker.RefusalRate(before)
        is_lost = fate.status is Delivery.Status.BOUNCED or fate.status is Delivery.Status.FAILED
        rate.add(is_refused=fate.fault == "policy", is_lost=is_lost)
        if (
            (is_lost or fate.fault == "policy")
            and (why := rate.verdict(f"“{fate.code or ''} {fate.text}”"))
            and campaign.pk not in self.refused
        ):
            self.refused[campaign.pk] = why
            supply.barred.add(campaign.pk)
            self._stop()
