"""Decides the fate of a delivery from the result of its message."""

import random
from datetime import datetime

import msgspec

from campaigns import database_time
from campaigns.annotations import JsonObject
from mailing.models import Delivery
from mailing.smtp.client import Outcome, Result
from mailing.smtp.verdicts import Kind

# before the first further try, and between late ones
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 60.0, 7200.0
# the same where the server put a mail off because we sent too fast
BRIEF_WAIT_SECONDS, LONGEST_BRIEF_WAIT_SECONDS = 5.0, 30.0
# before the first further try after greylisting, which mostly lasts one to five minutes
GREYLISTED_WAIT_SECONDS = 120.0
WAIT_ON_OUR_FAULT_SECONDS = 900.0  # seconds, after our server or sender was refused
JITTER = 0.2  # so that those put off together do not come back together

S = Delivery.Status


class DeliveryResult(msgspec.Struct, frozen=True):
    """What is written about one try.

    wait: seconds until the next try, None when there is none. spent: 1 when the try counts. suppress: never mail again.
    soft: given up although the address may be good; several in a row suppress it. fault: "recipient", "policy" (ours),
    "throttle", "connection", or "" for nobody's.
    """

    status: Delivery.Status
    wait: float | None = None
    spent: int = 1
    suppress: bool = False
    soft: bool = False
    fault: str = ""
    stage: str = ""
    code: int | None = None
    enhanced_code: str = ""
    text: str = ""


def decide_result(result: Result, attempts: int, retry_until: datetime, tries: int = 0) -> DeliveryResult:
    """Return the fate that a result of the SMTP client means.

    Args:
        attempts: tries that counted before this one.
        retry_until: until when the campaign tries again.
        tries: all tries before this one, also those that did not count.
    """
    code, enhanced, text = result.reply or (None, "", result.sentence)
    text = text[:1000].replace("\0", " ")  # no text of PostgreSQL's holds a NUL
    if result.outcome is Outcome.ACCEPTED:
        return DeliveryResult(S.ACCEPTED, stage=result.stage, code=code, enhanced_code=enhanced, text=text)
    said: JsonObject = {"stage": result.stage, "code": code, "enhanced_code": enhanced, "text": text}
    if result.uncertain:
        return DeliveryResult(S.UNCERTAIN, fault="connection", **said)
    if result.verdict is None:  # the connection ended before the message was handed over
        return DeliveryResult(
            S.PENDING, wait=add_jitter(BRIEF_WAIT_SECONDS), spent=0, fault="connection", **said
        )
    kind, suppress, spends, asked, starts_session = result.verdict
    if starts_session:  # the next connection takes it
        return DeliveryResult(S.PENDING, wait=0.0, spent=0, **said)
    is_over = database_time.now() >= retry_until
    if kind is Kind.HARD:
        return DeliveryResult(S.BOUNCED, suppress=suppress, fault="recipient", **said)
    if (kind is Kind.POLICY and spends) or (kind in (Kind.POLICY, Kind.CONNECTION) and is_over):
        return DeliveryResult(S.FAILED, fault=str(kind), **said)
    if kind is Kind.POLICY:  # our server or sender is refused, the same for everybody: nobody is spent
        return DeliveryResult(
            S.DEFERRED, wait=add_jitter(WAIT_ON_OUR_FAULT_SECONDS), spent=0, fault="policy", **said
        )
    if kind is Kind.CONNECTION:
        return DeliveryResult(
            S.PENDING, wait=add_jitter(BRIEF_WAIT_SECONDS), spent=0, fault="connection", **said
        )
    fault = "throttle" if kind is Kind.THROTTLE else "recipient"
    if is_over:
        if fault == "throttle":
            return DeliveryResult(S.FAILED, fault=fault, **said)
        return DeliveryResult(S.BOUNCED, soft=True, fault=fault, **said)
    if asked is not None:
        wait = asked * random.uniform(1, 1 + JITTER)  # not before, or it is refused again
    elif spends:
        wait = add_jitter(backoff_seconds(attempts))
    elif kind is Kind.SOFT:
        wait = add_jitter(backoff_seconds(tries, GREYLISTED_WAIT_SECONDS))
    else:
        wait = add_jitter(min(BRIEF_WAIT_SECONDS * 2 ** min(tries, 10), LONGEST_BRIEF_WAIT_SECONDS))
    return DeliveryResult(S.DEFERRED, wait=wait, spent=int(spends), fault=fault, **said)


def make_unsendable(sentence: str) -> DeliveryResult:
    """Return the fate of a delivery whose message cannot be made."""
    return DeliveryResult(S.FAILED, stage="content", text=sentence[:1000], fault="policy")


def backoff_seconds(attempts: int, first: float | None = None) -> float:
    """Return seconds to wait after `attempts` tries and one more: doubling from the `first`, up to two hours."""
    return min(
        (FIRST_WAIT_SECONDS if first is None else first) * 2 ** float(min(attempts, 10)), LONGEST_WAIT_SECONDS
    )


def add_jitter(seconds: float) -> float:
    """Make a delay longer or shorter by chance, so that retries do not come all at once."""
    return seconds * random.uniform(1 - JITTER, 1 + JITTER)
