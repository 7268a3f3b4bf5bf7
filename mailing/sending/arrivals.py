"""What proves that a mail whose answer never came was taken: it is uncertain no more, and nobody sends it again."""

from datetime import datetime

from django.db import connection

# Of a delivery: what only comes of a mail that a server took. `delivery` is its row.
ARRIVED = (
    "coalesce(delivery.delivered_at, delivery.opened_at, delivery.clicked_at, delivery.unsubscribed_at,"
    " delivery.complained_at) IS NOT NULL"
)

# One that a person has put back in line, and that no run has taken since, need not be sent once more.
_SETTLED = """
    status = CASE WHEN status IN ('uncertain', 'pending', 'deferred') THEN 'accepted' ELSE status END,
    sent_at = CASE WHEN status IN ('uncertain', 'pending', 'deferred') THEN coalesce(sent_at, now()) ELSE sent_at END,
    due_at = CASE WHEN status IN ('uncertain', 'pending', 'deferred') THEN NULL ELSE due_at END
"""
_NOTE_DELIVERED = f"""
UPDATE mailing_delivery SET delivered_at = coalesce(delivered_at, least(coalesce(%(at)s, now()), now())), {_SETTLED}
WHERE id = %(pk)s AND ((status IN ('accepted', 'in_data') AND delivered_at IS NULL) OR status = 'uncertain'
    OR (status IN ('pending', 'deferred') AND run IS NOT NULL))
RETURNING id
"""
_NOTE_TAKEN = (
    f"UPDATE mailing_delivery SET {_SETTLED} WHERE id = %(pk)s AND status = 'uncertain' RETURNING id"
)


def note_delivered(delivery_id: int, at: datetime | None = None) -> bool:
    """Note that the recipient's server took a mail; return whether that was news. A bounced one stays bounced."""
    return _execute(_NOTE_DELIVERED, {"pk": delivery_id, "at": at})


def note_taken(delivery_id: int) -> bool:
    """Note that some server took a mail, wherever it is now; return whether it was uncertain until then."""
    return _execute(_NOTE_TAKEN, {"pk": delivery_id})


def _execute(statement: str, values: dict[str, int | datetime | None]) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchone() is not None
