"""Acts on bounces and complaints. Each function may be called again with the same event, and then changes nothing."""

from django.db import connection, transaction

from campaigns.sentences import keep
from mailing.addresses import normalise_address
from mailing.bounces import health
from mailing.bounces.verdicts import Failure, Severity, choose_mildest
from mailing.models import Suppression
from mailing.sending.ledger import SOFT_LIMIT
from mailing.suppressions import suppress

STAGE = "report"  # of what was answered long after the dialogue

# A delivery that has bounced stays bounced, whatever comes later or out of order. One that is being handed over at this
# moment has bounced before its acceptance was recorded. What waits to be sent keeps its place: the claim looks at the
# suppressions.
_RETURN = """
WITH returned AS (
    UPDATE mailing_delivery
    SET status = 'bounced', sent_at = coalesce(sent_at, now()), stage = %(stage)s, code = %(code)s,
        enhanced_code = %(enhanced)s, text = %(text)s
    WHERE id = %(pk)s AND status IN ('accepted', 'uncertain', 'in_data')
    RETURNING id, campaign_id, connection_id
)
INSERT INTO mailing_attempt (delivery_id, campaign_id, connection_id, at, status, stage, code, enhanced_code, text)
SELECT id, campaign_id, connection_id, now(), 'bounced', %(stage)s, %(code)s, %(enhanced)s, %(text)s FROM returned
RETURNING delivery_id
"""
# In a row: no mail that was sent after the last soft bounce was told of, and before this one, has arrived.
_COUNT_SOFT = """
UPDATE mailing_contact AS contact
SET soft_bounced_at = now(),
    soft_bounces = 1 + CASE WHEN contact.soft_bounced_at IS NOT NULL AND EXISTS (
        SELECT FROM mailing_delivery AS other
        WHERE other.contact_id = contact.id AND other.status = 'accepted'
          AND other.sent_at > contact.soft_bounced_at AND other.sent_at < delivery.sent_at
    ) THEN 0 ELSE contact.soft_bounces END
FROM mailing_delivery AS delivery
WHERE delivery.id = %s AND contact.email = delivery.email
RETURNING contact.soft_bounces
"""
_COMPLAIN = """
UPDATE mailing_delivery SET complained_at = now(),
    status = CASE WHEN status = 'uncertain' THEN 'accepted' ELSE status END,
    sent_at = CASE WHEN status = 'uncertain' THEN coalesce(sent_at, now()) ELSE sent_at END
WHERE id = %s AND complained_at IS NULL RETURNING campaign_id
"""
_FIND_ADDRESS = "SELECT email FROM mailing_delivery WHERE id = %s"


def find_address(delivery_id: int) -> str | None:
    """Return the address of a delivery; None when there is no such delivery any more."""
    with connection.cursor() as cursor:
        cursor.execute(_FIND_ADDRESS, [delivery_id])
        row = cursor.fetchone()
    return row[0] if row else None


def choose_failure(failures: list[Failure], address: str) -> Failure | None:
    """Return the failure of our recipient: of the address itself, else the mildest of those it was forwarded to."""
    itself = [failure for failure in failures if normalise_quietly(failure.address) == address]
    forwarded = [failure for failure in failures if normalise_quietly(failure.original) == address]
    return choose_mildest(itself or forwarded or failures) if failures else None


def is_spared(spared: list[Failure], address: str) -> bool:
    """Return whether a report that others failed says that our recipient, or one it was forwarded to, did not."""
    return any(
        address in (normalise_quietly(each.original), normalise_quietly(each.address)) for each in spared
    )


def normalise_quietly(address: str) -> str:
    """Return an address in its one spelling; "" for a text that is no address."""
    try:
        return normalise_address(address) if address else ""
    except ValueError:
        return ""


@transaction.atomic
def note_bounce(delivery_id: int, failure: Failure, source: Suppression.Source) -> bool:
    """Record that a mail came back, and suppress its address if that is due; return whether it was new."""
    address = find_address(delivery_id)
    if address is None:
        return False
    said: dict[str, int | str | None] = {
        "pk": delivery_id,
        "stage": STAGE,
        "code": failure.code,
        "enhanced": failure.enhanced[:12],
        "text": failure.text,
    }
    with connection.cursor() as cursor:
        cursor.execute(_RETURN, said)
        is_news = cursor.fetchone() is not None
        count = 0
        if is_news and failure.severity is Severity.SOFT:
            cursor.execute(_COUNT_SOFT, [delivery_id])
            count = (cursor.fetchone() or [0])[0]
    if failure.severity is Severity.HARD:
        return suppress(address, Suppression.Reason.HARD_BOUNCE, source, failure.text) or is_news
    if count >= SOFT_LIMIT:
        suppress(
            address,
            Suppression.Reason.SOFT_BOUNCE,
            source,
            keep("%(count)s in a row, the last: %(text)s", count=count, text=failure.text),
        )
    return is_news


def note_complaint(delivery_id: int, source: Suppression.Source, detail: str = "") -> bool:
    """Record a complaint: suppress the address, and pause the sender's campaigns if there are too many complaints.

    Returns whether it was new.
    """
    with transaction.atomic():
        address = find_address(delivery_id)
        if address is None:
            return False
        with connection.cursor() as cursor:
            cursor.execute(_COMPLAIN, [delivery_id])
            row = cursor.fetchone()
        is_new = suppress(address, Suppression.Reason.COMPLAINT, source, detail)
    if row:
        health.pause_if_complained(row[0])
    return is_new or row is not None
