"""Giving held recipients a variant and the moment they are due.

Who gets which variant is drawn by a keyed hash of the address: nobody can foresee it, and it is the same again when a
step is taken twice.
"""

from collections.abc import Sequence
from datetime import datetime
from hashlib import blake2b

from django.conf import settings
from django.db import connection

from campaigns.annotations import Argument
from mailing import deliveries
from mailing.models import EmailCampaign

SLICE = 50_000  # recipients of the rest that one step of the clock releases

_HELD = "campaign_id = %(campaign)s AND status = 'pending' AND due_at IS NULL AND variant IS NULL"
_OF_CONTACT = "LEFT JOIN mailing_contact AS contact ON contact.id = picked.contact_id"

RELEASE_DRAWN = f"""
WITH picked AS (
    SELECT id, contact_id, row_number() OVER (ORDER BY draw, id) AS place FROM (
        SELECT id, contact_id, hashtextextended(email, %(seed)s) AS draw FROM mailing_delivery WHERE {_HELD}
        ORDER BY draw, id LIMIT %(most)s
    ) AS drawn
),
part AS (
    SELECT variant - 1 AS variant, sum(amount) OVER (ORDER BY variant) - amount AS after,
           sum(amount) OVER (ORDER BY variant) AS upto
    FROM unnest(%(amounts)s::bigint[]) WITH ORDINALITY AS given (amount, variant)
)
UPDATE mailing_delivery AS delivery SET variant = part.variant, due_at = {{due_at}}
FROM picked JOIN part ON picked.place > part.after AND picked.place <= part.upto
{_OF_CONTACT} {{join}}
WHERE delivery.id = picked.id
"""

RELEASE_REST = f"""
WITH picked AS (
    SELECT id, contact_id FROM mailing_delivery WHERE {_HELD} ORDER BY id LIMIT %(most)s FOR UPDATE SKIP LOCKED
)
UPDATE mailing_delivery AS delivery SET variant = %(winner)s, due_at = {{due_at}}
FROM picked {_OF_CONTACT} {{join}}
WHERE delivery.id = picked.id
"""


def release_drawn(campaign: EmailCampaign, amounts: Sequence[int], since: datetime) -> int:
    """Release so many recipients for each variant, drawn from those who are held; return how many."""
    return _release(
        RELEASE_DRAWN,
        campaign,
        since,
        amounts=list(amounts),
        most=sum(amounts),
        seed=make_seed(campaign.pk),
    )


def release_rest(campaign: EmailCampaign, since: datetime, most: int = SLICE) -> int:
    """Release up to `most` of those still held, for the winner; return how many."""
    return _release(RELEASE_REST, campaign, since, winner=campaign.winner, most=most)


def make_seed(campaign_id: int) -> int:
    """Make the key of a campaign's draw, of 64 bits with a sign; it is secret."""
    key = blake2b(f"split test {campaign_id}".encode(), key=settings.SECRET_KEY.encode()[:64], digest_size=8)
    return int.from_bytes(key.digest(), signed=True)


def _release(statement: str, campaign: EmailCampaign, since: datetime, **params: Argument) -> int:
    due = deliveries.write_due_times(campaign, since)
    with connection.cursor() as cursor:
        cursor.execute(
            statement.format(due_at=due.due_at, join=due.join),
            {"campaign": campaign.pk, **params, **due.params},
        )
        released: int = cursor.rowcount
    if released and campaign.local_time is not None:
        deliveries.note_last_due(campaign.pk)
    return released
