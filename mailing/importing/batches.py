"""Imports a piece of rows: copies it into a temporary table, judges it by what is stored, and writes it."""

from collections.abc import Iterable, Mapping

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from campaigns import database_time
from campaigns.sentences import keep, mark
from mailing.models import Suppression, Upload

from . import stored_verdicts
from .rows import OWN_COLUMNS, RowBatch
from .stored_verdicts import Block, Verdict

STAYS_SUPPRESSED = mark("Suppressed, and stays so.")
SUPPRESSED_NOW = mark("Imported, and suppressed.")

INCOMING = """
CREATE TEMPORARY TABLE incoming (
    place int, email text, first_name text, last_name text, phone text, city text, country text, language text,
    time_zone text, score int, customer_id text, attributes jsonb
) ON COMMIT DROP
"""
COPY = f"COPY incoming (place, email, {', '.join(OWN_COLUMNS)}, attributes) FROM STDIN (FORMAT csv)"

# Of each row that is not simply new: whether its contact is known, who else has its customer number, and why its
# address is suppressed.
FOUND = """
SELECT incoming.place, contact.id IS NOT NULL, coalesce(owner.email, ''), coalesce(suppression.reason, '')
FROM incoming
LEFT JOIN mailing_contact AS contact ON contact.email = incoming.email
LEFT JOIN mailing_contact AS owner ON owner.customer_id = incoming.customer_id AND owner.email <> incoming.email
LEFT JOIN mailing_suppression AS suppression ON suppression.email = incoming.email
WHERE contact.id IS NOT NULL OR owner.id IS NOT NULL OR suppression.id IS NOT NULL
"""
SUPPRESSED = "SELECT place, reason FROM incoming JOIN mailing_suppression USING (email)"
DROP_INVALID = "DELETE FROM incoming WHERE place = ANY(%s)"

# Rows go in and are locked in the lock order of docs/architecture.md, so that nobody waits for an import that waits
# for them.
UPSERT = """
INSERT INTO mailing_contact (email, first_name, last_name, phone, city, country, language, time_zone, score,
                             customer_id, attributes, created_at, updated_at)
SELECT email, coalesce(first_name, ''), coalesce(last_name, ''), coalesce(phone, ''), coalesce(city, ''),
       coalesce(country, ''), coalesce(language, ''), coalesce(time_zone, ''), score, customer_id, attributes,
       now(), now()
FROM incoming ORDER BY email COLLATE "C"
ON CONFLICT (email) DO UPDATE SET
    first_name = coalesce(nullif(EXCLUDED.first_name, ''), mailing_contact.first_name),
    last_name = coalesce(nullif(EXCLUDED.last_name, ''), mailing_contact.last_name),
    phone = coalesce(nullif(EXCLUDED.phone, ''), mailing_contact.phone),
    city = coalesce(nullif(EXCLUDED.city, ''), mailing_contact.city),
    country = coalesce(nullif(EXCLUDED.country, ''), mailing_contact.country),
    language = coalesce(nullif(EXCLUDED.language, ''), mailing_contact.language),
    time_zone = coalesce(nullif(EXCLUDED.time_zone, ''), mailing_contact.time_zone),
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
FROM unnest(%s::int[], %s::bigint[]) AS named (place, list_id) JOIN incoming USING (place)
JOIN mailing_contactlist AS list ON list.id = named.list_id
JOIN mailing_contact AS contact ON contact.email = incoming.email
ON CONFLICT (list_id, contact_id) DO NOTHING
"""
SUPPRESS = """
INSERT INTO mailing_suppression (email, reason, source, detail, created_at)
SELECT email, %s, %s, %s, now() FROM incoming ORDER BY email COLLATE "C"
ON CONFLICT (email) DO NOTHING
"""


SUPPRESS_DECLINED = """
INSERT INTO mailing_suppression (email, reason, source, detail, created_at)
SELECT incoming.email, named.reason, %s, %s, now()
FROM unnest(%s::int[], %s::text[]) AS named (place, reason) JOIN incoming USING (place)
ORDER BY incoming.email COLLATE "C"
ON CONFLICT (email) DO NOTHING
"""


def import_batch(begun: Upload, piece: RowBatch) -> bool:
    """Judge and import one piece; return False, and do nothing, when it is not its turn.

    It is not when the upload differs from `begun`, what it was when the piece was read: it has other columns, was
    stopped, or another process is further.
    """
    block = piece.block
    with transaction.atomic(), connection.cursor() as cursor:
        upload = Upload.objects.select_for_update(no_key=True).get(pk=begun.pk)
        expected = (Upload.Status.RUNNING, block.first - 1, begun.columns)
        if (upload.status, upload.done, upload.columns) != expected:
            return False
        cursor.execute(INCOMING)
        with cursor.copy(COPY) as copy:
            copy.write(piece.lines)
        if upload.kind == Upload.Kind.CONTACTS:
            upload.suppressed += _judge_contacts(cursor, piece)
            upload.declined += _judge_declined(piece)
            if not upload.is_trial:
                upload.joined += _write_contacts(cursor, piece, upload.list_id)
                _suppress_declined(cursor, piece, upload)
        else:
            _judge_suppressions(cursor, block)
            if not upload.is_trial:
                cursor.execute(SUPPRESS, [upload.reason, Suppression.Source.CSV_IMPORT, upload.detail])
        cursor.execute("DROP TABLE incoming")
        block.cells = {
            place: [*piece.cells[place][: len(upload.columns)]]
            for place, verdict in enumerate(block.verdicts)
            if verdict is Verdict.INVALID
        }
        counts = stored_verdicts.store_block(upload.pk, block)
        for verdict, amount in counts.items():
            setattr(upload, verdict, getattr(upload, verdict) + amount)
        upload.done += len(block.emails)
        upload.moved_at = database_time.now()
        upload.save()
    return True


def _judge_contacts(cursor: CursorWrapper, piece: RowBatch) -> int:
    """Judge each row by what is stored; return how many of the rows to import have a suppressed address."""
    block = piece.block
    cursor.execute(FOUND)
    refused, suppressed = set(), set()
    for place, is_known, owner, reason in cursor:
        if owner:
            refused.add(place)
            block.verdicts[place] = Verdict.INVALID
            block.details[place] = keep("Its customer number belongs to %(owner)s.", owner=owner)
            continue
        if is_known:
            block.verdicts[place] = Verdict.UPDATED
        if reason:
            suppressed.add(place)
            piece.declined.pop(place, None)
            block.note(place, STAYS_SUPPRESSED)
    refused |= _refuse_repeated_customer_numbers(piece)
    if refused:
        cursor.execute(DROP_INVALID, [[*refused]])
    return len(suppressed - refused)


def _judge_declined(piece: RowBatch) -> int:
    """Add a note to the rows of people who want no mail; return how many rows."""
    block, taken = piece.block, 0
    for place in piece.declined:
        if block.verdicts[place] in (Verdict.CREATED, Verdict.UPDATED):
            block.note(place, SUPPRESSED_NOW)
            taken += 1
    return taken


def _suppress_declined(cursor: CursorWrapper, piece: RowBatch, upload: Upload) -> None:
    if piece.declined:
        detail = keep("Opted out, according to the file “%(upload)s”.", upload=upload)
        places, reasons = [*piece.declined], [*piece.declined.values()]
        cursor.execute(SUPPRESS_DECLINED, [Suppression.Source.CSV_IMPORT, detail, places, reasons])


def _refuse_repeated_customer_numbers(piece: RowBatch) -> set[int]:
    """Refuse all but the last row with the same customer number; return their places."""
    block, refused = piece.block, set()
    for places in piece.numbers.values():
        taken = [place for place in places if block.verdicts[place] in (Verdict.CREATED, Verdict.UPDATED)]
        for place in taken[:-1]:
            refused.add(place)
            block.verdicts[place] = Verdict.INVALID
            block.details[place] = keep(
                "Row %(first)s has the same customer number.", first=block.first + taken[-1]
            )
    return refused


def _write_contacts(cursor: CursorWrapper, piece: RowBatch, list_id: int | None) -> int:
    """Write the contacts of the table `incoming`; return how many places in lists that made."""
    cursor.execute(UPSERT_INTO_LIST, [list_id])
    joined: int = cursor.rowcount
    if piece.lists:
        cursor.execute(JOIN_NAMED, [*_list_pairs(piece.lists)])
        joined += cursor.rowcount
    return joined


def _list_pairs(lists: Mapping[int, Iterable[int]]) -> tuple[list[int], list[int]]:
    pairs = [(place, pk) for place, named in lists.items() for pk in named]
    return [place for place, _ in pairs], [pk for _, pk in pairs]


def _judge_suppressions(cursor: CursorWrapper, block: Block) -> None:
    cursor.execute(SUPPRESSED)
    for place, reason in cursor:
        block.verdicts[place] = Verdict.UPDATED
        block.details[place] = keep(
            "Suppressed already: %(label)s.", label=str(Suppression.Reason(reason).label).lower()
        )
