"""A piece of rows into the database: by COPY into a table of the transaction, judged there, and taken."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
from django.db import connection, transaction
from django.utils import timezone

from mailing.models import ContactImport

from .rows import OWN, Row

STAYS_SUPPRESSED = "Suppressed, and stays so."

INCOMING = """
CREATE TEMPORARY TABLE incoming (
    line int, email text, first_name text, last_name text, phone text, city text, country text, score int,
    customer_id text, attributes jsonb, lists bigint[], verdict text, detail text
) ON COMMIT DROP
"""
COPY = f"COPY incoming (line, email, {', '.join(OWN)}, attributes, lists, verdict, detail) FROM STDIN"

# Of rows with the same address, or the same customer number, the last counts.
JUDGE = f"""
UPDATE incoming SET
    verdict = CASE WHEN seen.last_of_address > incoming.line THEN 'repeated'
                   WHEN seen.owner IS NOT NULL OR seen.last_of_number > incoming.line THEN 'invalid'
                   WHEN seen.contact_id IS NOT NULL THEN 'updated' ELSE 'created' END,
    detail = CASE WHEN seen.last_of_address > incoming.line THEN 'Row ' || seen.last_of_address || ' counts.'
                  WHEN seen.owner IS NOT NULL THEN 'Its customer number belongs to ' || seen.owner || '.'
                  WHEN seen.last_of_number > incoming.line
                  THEN 'Row ' || seen.last_of_number || ' has the same customer number.'
                  WHEN seen.suppression_id IS NOT NULL THEN '{STAYS_SUPPRESSED}' ELSE '' END
FROM (
    SELECT row.line, contact.id AS contact_id, owner.email AS owner, suppression.id AS suppression_id,
           max(row.line) OVER (PARTITION BY row.email) AS last_of_address,
           CASE WHEN row.customer_id IS NOT NULL
                THEN max(row.line) FILTER (WHERE owner.id IS NULL) OVER (PARTITION BY row.customer_id) END
               AS last_of_number
    FROM incoming AS row
    LEFT JOIN mailing_contact AS contact ON contact.email = row.email
    LEFT JOIN mailing_contact AS owner ON owner.customer_id = row.customer_id AND owner.email <> row.email
    LEFT JOIN mailing_suppression AS suppression ON suppression.email = row.email
    WHERE row.verdict IS NULL
) AS seen
WHERE seen.line = incoming.line
"""

UPSERT = """
INSERT INTO mailing_contact (email, first_name, last_name, phone, city, country, score, customer_id, attributes,
                             created_at, updated_at)
SELECT email, coalesce(first_name, ''), coalesce(last_name, ''), coalesce(phone, ''), coalesce(city, ''),
       coalesce(country, ''), score, customer_id, attributes, now(), now()
FROM incoming WHERE verdict IN ('created', 'updated')
ORDER BY email
ON CONFLICT (email) DO UPDATE SET
    first_name = coalesce(nullif(EXCLUDED.first_name, ''), mailing_contact.first_name),
    last_name = coalesce(nullif(EXCLUDED.last_name, ''), mailing_contact.last_name),
    phone = coalesce(nullif(EXCLUDED.phone, ''), mailing_contact.phone),
    city = coalesce(nullif(EXCLUDED.city, ''), mailing_contact.city),
    country = coalesce(nullif(EXCLUDED.country, ''), mailing_contact.country),
    score = coalesce(EXCLUDED.score, mailing_contact.score),
    customer_id = coalesce(EXCLUDED.customer_id, mailing_contact.customer_id),
    attributes = mailing_contact.attributes || EXCLUDED.attributes,
    updated_at = now()
RETURNING id
"""

# Whoever left a list stays out of it: their row is there already.
UPSERT_INTO_LIST = f"""
WITH taken AS ({UPSERT})
INSERT INTO mailing_membership (list_id, contact_id, joined_at) SELECT list.id, taken.id, now()
FROM taken JOIN mailing_contactlist AS list ON list.id = %s
ON CONFLICT (list_id, contact_id) DO NOTHING
"""
JOIN_NAMED = """
INSERT INTO mailing_membership (list_id, contact_id, joined_at)
SELECT DISTINCT list.id, contact.id, now()
FROM incoming CROSS JOIN unnest(incoming.lists) AS named (id)
JOIN mailing_contactlist AS list ON list.id = named.id
JOIN mailing_contact AS contact ON contact.email = incoming.email
WHERE incoming.verdict IN ('created', 'updated')
ON CONFLICT (list_id, contact_id) DO NOTHING
"""

VERDICTS = """
INSERT INTO mailing_importrow (upload_id, line, email, verdict, detail, cells)
SELECT %s, line, left(email, 254), verdict, left(detail, 300), rejected.cells
FROM incoming LEFT JOIN unnest(%s::int[], %s::jsonb[]) AS rejected (line, cells) USING (line) ORDER BY line
"""
COUNTS = f"""
SELECT count(*) FILTER (WHERE verdict = 'created'), count(*) FILTER (WHERE verdict = 'updated'),
       count(*) FILTER (WHERE verdict = 'repeated'), count(*) FILTER (WHERE verdict = 'invalid'),
       count(*) FILTER (WHERE detail = '{STAYS_SUPPRESSED}')
FROM incoming
"""


def take(upload_id: int, rows: Sequence[Row]) -> bool:
    """Judge and take one piece, as far as nobody has; return whether anything of it was left."""
    with transaction.atomic(), connection.cursor() as cursor:
        upload = ContactImport.objects.select_for_update().get(pk=upload_id)
        rows = [row for row in rows if row.line > upload.done]
        if not rows or upload.status != ContactImport.Status.RUNNING:
            return False
        cursor.execute(INCOMING)
        with cursor.copy(COPY) as copy:
            for values in _copied(rows):
                copy.write_row(values)
        cursor.execute("ANALYZE incoming (line, email, customer_id, verdict)")  # what JUDGE joins by
        cursor.execute(JUDGE)
        if not upload.is_trial:
            cursor.execute(UPSERT_INTO_LIST, [upload.list_id])
            upload.joined += cursor.rowcount
            if any(row.lists for row in rows):
                cursor.execute(JOIN_NAMED)
                upload.joined += cursor.rowcount
        _keep_verdicts(cursor, upload_id, rows)
        cursor.execute(COUNTS)
        created, updated, repeated, invalid, suppressed = cursor.fetchone()
        upload.created += created
        upload.updated += updated
        upload.repeated += repeated
        upload.invalid += invalid
        upload.suppressed += suppressed
        upload.done = rows[-1].line
        upload.moved_at = timezone.now()
        upload.save()
        cursor.execute("DROP TABLE incoming")
    return True


def _copied(rows: Iterable[Row]) -> Iterator[list[Any]]:
    for row in rows:
        yield [
            row.line,
            row.email.replace("\0", ""),
            *[row.values.get(name) for name in OWN],
            msgspec.json.encode(row.attributes).decode(),
            row.lists or None,
            "invalid" if row.problem else None,
            row.problem,
        ]


def _keep_verdicts(cursor: Any, upload_id: int, rows: Sequence[Row]) -> None:
    """A verdict for each row; those not taken keep their cells, to be mended and imported again."""
    cursor.execute("SELECT line FROM incoming WHERE verdict = 'invalid'")
    invalid = {line for (line,) in cursor}
    rejected = [row for row in rows if row.line in invalid]
    cells = [msgspec.json.encode([cell.replace("\0", "") for cell in row.cells]).decode() for row in rejected]
    cursor.execute(VERDICTS, [upload_id, [row.line for row in rejected], cells])
