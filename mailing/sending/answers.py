"""Turns the answers to a run's messages into results for the ledger, and into campaigns that must pause."""

from collections.abc import Callable

from campaigns import database_time
from mailing.models import Delivery, Pace, SmtpConnection
from mailing.sending import breaker
from mailing.sending.claim import ClaimedDelivery, RunningCampaign
from mailing.sending.delivery_results import DeliveryResult, decide_result
from mailing.sending.ledger import Ledger
from mailing.sending.server_capacity import ServerCapacity
from mailing.sending.supply import Supply
from mailing.smtp.client import Connection, Outcome, Result, Server


class Answers:
    """The answers that one run has got.

    accepted: how many messages the server took. rates: its answers for each campaign. refused: campaigns to pause, with
    the reason. is_ending: the process is ending, so that an ended connection says nothing about the server. stop: ends
    the run.
    """

    def __init__(
        self,
        smtp: SmtpConnection,
        server: Server,
        pace: Pace,
        capacity: ServerCapacity,
        stop: Callable[[], None],
    ) -> None:
        self.accepted = 0
        self.refused: dict[int, str] = {}
        self.is_ending = False
        self._pk = smtp.pk
        self._server = server
        self._capacity = capacity
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
        """Record the delivery_result of one message, and act on it. is_alone: no other connection is open."""
        retry_until = claimed.first_tried_at or database_time.now()
        if result.outcome is not Outcome.ACCEPTED:  # else nothing is tried again
            retry_until = claimed.campaign.find_end_of_tries(retry_until)
        delivery_result = decide_result(result, claimed.attempts, retry_until, claimed.tries)
        ledger.record(claimed, delivery_result)
        if delivery_result.status is Delivery.Status.ACCEPTED:
            self.accepted += 1
            self._capacity.note_accepted()
            if self._has_failed:
                self._has_failed = False
                ledger.note(breaker._NOTE_SUCCESS, [self._pk])
        elif delivery_result.fault == "throttle":
            self._capacity.note_throttled(link, result, is_alone=is_alone)
        elif delivery_result.fault == "connection" and not self.is_ending:
            self._capacity.note_dropped(self._server, link, result, delivery_result)
        self._watch_rate(supply, claimed.campaign, delivery_result)

    def _watch_rate(self, supply: Supply, campaign: RunningCampaign, delivery_result: DeliveryResult) -> None:
        rate = self.rates.get(campaign.pk)
        if rate is None:
            before = campaign.recent_results.get(breaker.RefusalRate.NAME, "")
            rate = self.rates[campaign.pk] = breaker.RefusalRate(before)
        is_lost = (
            delivery_result.status is Delivery.Status.BOUNCED
            or delivery_result.status is Delivery.Status.FAILED
        )
        rate.add(is_refused=delivery_result.fault == "policy", is_lost=is_lost)
        if (
            (is_lost or delivery_result.fault == "policy")
            and (why := rate.verdict(f"“{delivery_result.code or ''} {delivery_result.text}”"))
            and campaign.pk not in self.refused
        ):
            self.refused[campaign.pk] = why
            supply.barred.add(campaign.pk)
            self._stop()
