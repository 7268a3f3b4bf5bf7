"""What a till may send of sales that it made without a connection.

Such a sale is over: it is judged by the rules of its time, and no pause, budget or one-time code refuses it. So a till
needs the right to send one, and there is an age past which none is taken until an administrator raises it for the till.
Nothing is lost by that: the till keeps the sale and sends it again.
"""

from datetime import datetime, timedelta

from django.conf import settings

from pos.api.answers import Declined
from pos.sales.facts import TillFacts
from promotions.engine import Outcome
from promotions.statements import run


class RefusedSale(Declined):
    """A sale made offline that this till may not send. `till`: its id, for `note_refusal`."""

    def __init__(self, status: int, error: str, sentence: str, till: int) -> None:
        super().__init__(status, error, f"offline_at: {sentence}", fields={"offline_at": [sentence]})
        self.till_id = till
        self.sentence = sentence


def refuse_offline_sale(made_at: datetime | None, facts: TillFacts, now: datetime) -> None:
    """Refuse a sale made at `made_at` without a connection, None for any other, where this till may not send it.

    Raises: RefusedSale: 403 the till has no right to; 422 the sale is too old.
    """
    if made_at is None:
        return
    if not facts.may_send_offline:
        sentence = "This till may not send sales made offline: an administrator can allow it."
        raise RefusedSale(403, "offline_not_allowed", sentence, facts.till)
    days = settings.OFFLINE_DAYS if facts.offline_days is None else facts.offline_days
    if now - made_at > timedelta(days=days):
        sentence = (
            f"This sale is {(now - made_at).days} days old; this till sends none older than {days} days. "
            "An administrator can raise that: then send it again."
        )
        raise RefusedSale(422, "invalid", sentence, facts.till)


def refuse_throttled(outcome: Outcome) -> None:
    """Have a till wait whose sale made offline has a code that is not looked up now: it would be recorded without it.

    Raises: Declined: 429.
    """
    if any(coupon.status == "coupon_throttled" for coupon in outcome.coupons):
        raise Declined(
            429,
            "coupon_throttled",
            "This till tried too many unknown codes: send this sale again in a minute.",
            headers={"Retry-After": "60"},
        )


NOTE = """
    UPDATE pos_till SET offline_refused_at = %(now)s::timestamptz, offline_refused_why = %(why)s
    WHERE id = %(till)s::bigint
"""


def note_refusal(refused: RefusedSale, now: datetime) -> None:
    """Write at the till what it was refused, for the dashboard: the till itself may have nobody who reads it."""
    run(NOTE, {"now": now.isoformat(), "why": refused.sentence, "till": str(refused.till_id)})
