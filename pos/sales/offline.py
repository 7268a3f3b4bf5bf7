"""Decides which sales made without a connection a till may send.

Such a sale has happened already: it is judged by the rules of its time, and no pause, budget or one-time code refuses
it. So a till needs the right to send one, and older sales than a limit are refused until an administrator raises the
limit for the till. Nothing is lost: the till keeps the sale and sends it again.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.utils.translation import gettext

from campaigns.sentences import keep
from campaigns.stored_sentences import translate_stored
from pos.api.answers import RequestRefused
from pos.sales.till_facts import TillFacts
from promotions.database.statements import run
from promotions.engine import Outcome


class RefusedSale(RequestRefused):
    """A sale made offline that this till may not send.

    Attributes:
        till_id: for `note_refusal`.
        sentence: why, in English: it is stored.
    """

    def __init__(self, status: int, error: str, sentence: str, till: int) -> None:
        said = translate_stored(sentence)
        super().__init__(status, error, f"offline_at: {said}", fields={"offline_at": [said]})
        self.till_id = till
        self.sentence = sentence


def refuse_offline_sale(made_at: datetime | None, facts: TillFacts, now: datetime) -> None:
    """Refuse a sale made without a connection when this till may not send it.

    Args:
        made_at: when it was made offline; None for any other sale, which passes.
        facts: of the till.
        now: aware.

    Raises:
        RefusedSale: 403 when the till may not send such sales, 422 when the sale is too old.
    """
    if made_at is None:
        return
    if not facts.may_send_offline:
        sentence = keep("This till may not send sales made offline: an administrator can allow it.")
        raise RefusedSale(403, "offline_not_allowed", sentence, facts.till)
    days = settings.OFFLINE_DAYS if facts.offline_days is None else facts.offline_days
    if now - made_at > timedelta(days=days):
        sentence = keep(
            "This sale is %(days)s days old; this till sends none older than %(most)s days. "
            "An administrator can raise that: then send it again.",
            days=(now - made_at).days,
            most=days,
        )
        raise RefusedSale(422, "invalid", sentence, facts.till)


def refuse_throttled(outcome: Outcome) -> None:
    """Refuse a sale made offline when one of its codes is throttled: it would be recorded without that coupon.

    Raises:
        RequestRefused: 429; the till sends the sale again later.
    """
    if any(coupon.status == "coupon_throttled" for coupon in outcome.coupons):
        raise RequestRefused(
            429,
            "coupon_throttled",
            gettext("This till tried too many unknown codes: send this sale again in a minute."),
            headers={"Retry-After": "60"},
        )


NOTE = """
    UPDATE pos_till SET offline_refused_at = %(now)s::timestamptz, offline_refused_why = %(why)s
    WHERE id = %(till)s::bigint
"""


def note_refusal(refused: RefusedSale, now: datetime) -> None:
    """Store the refusal at the till, so that the dashboard shows it."""
    run(NOTE, {"now": now.isoformat(), "why": refused.sentence, "till": str(refused.till_id)})
