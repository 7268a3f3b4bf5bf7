"""Releases held recipients: gives them a variant and the time when they are due.

A keyed hash of the address decides who gets which variant. So nobody can foresee it, and a step that is taken twice
draws the same.
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
),
released AS (
    UPDATE mailing_delivery AS delivery SET variant = part.variant, due_at = {{due_at}}
    FROM picked JOIN part ON picked.place > part.after AND picked.place <= part.upto
    {_OF_CONTACT} {{join}}
    WHERE delivery.id = picked.id
    RETURNING delivery.id, delivery.due_at
)
SELECT count(*), max(due_at), max(id) FROM released
"""

RELEASE_REST = f"""
WITH picked AS (
    SELECT id, contact_id FROM mailing_delivery WHERE {_HELD} AND id > %(after)s
    ORDER BY id LIMIT %(most)s FOR NO KEY UPDATE SKIP LOCKED
),
released AS (
    UPDATE mailing_delivery AS delivery SET variant = %(winner)s, due_at = {{due_at}}
    FROM picked {_OF_CONTACT} {{join}}
    WHERE delivery.id = picked.id
    RETURNING delivery.id, delivery.due_at
)
SELECT count(*), max(due_at), max(id) FROM released
"""


def release_drawn(campaign: EmailCampaign, amounts: Sequence[int], since: datetime) -> int:
    """Draw `amounts` recipients for each variant from those who are held, and release them; return how many."""
    released, _ = _release(
        RELEASE_DRAWN,
        campaign,
        since,
        amounts=list(amounts),
        most=sum(amounts),
        seed=make_seed(campaign.pk),
    )
    return released


def release_rest(campaign: EmailCampaign, since: datetime) -> int:
    """Release some of those still held, for the winner; return how many.

    Each call begins where the last one ended, so that all together go through the ledger once; one that finds too few
    lets the next begin anew, for those that somebody had locked.
    """
    after = campaign.released_upto or 0
    released, upto = _release(RELEASE_REST, campaign, since, winner=campaign.winner, most=SLICE, after=after)
    campaign.released_upto = upto if released == SLICE else None
    EmailCampaign.objects.filter(pk=campaign.pk).update(released_upto=campaign.released_upto)
    return released


def make_seed(campaign_id: int) -> int:
    """Make the key of a campaign's draw, of 64 bits with a sign; it is secret."""
    key = blake2b(f"split test {campaign_id}".encode(), key=settings.SECRET_KEY.encode()[:64], digest_size=8)
    return int.from_bytes(key.digest(), signed=True)


def _release(
    statement: str, campaign: EmailCampaign, since: datetime, **params: Argument
) -> tuple[int, int | None]:
    """Release with a statement; return how many, and the last one's key."""
    due = deliveries.write_due_times(campaign, since)
    with connection.cursor() as cursor:
        cursor.execute(
            statement.format(due_at=due.due_at, join=due.join),
            {"campaign": campaign.pk, **params, **due.params},
        )
        released, last_due_at, last_key = cursor.fetchone()
    if released and campaign.local_time is not None:
        deliveries.note_last_due(campaign.pk, last_due_at)
    return released, last_key
