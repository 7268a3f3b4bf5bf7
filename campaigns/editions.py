"""Two people at one form: the second to save is told what the first one changed, and no input is lost.

A form carries the edition it showed: a digest of each fact of its row. Saving reads the facts again under the row's
lock and compares. So every change counts, one by an import too, not only changes by forms. What a form changed is kept
as an Edit, with the fields before and after.

Facts are what people may change of a row: the name of each field and its value, both as people read them. Of a secret
the fact is a keyed digest, so that a changed one counts too; nobody is shown it.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from django.contrib.auth.models import User
from django.db import models, transaction
from django.utils.translation import gettext

from campaigns import database_time, dates
from campaigns.annotations import Argument, ColumnValue
from campaigns.formats import person
from campaigns.languages import use_stored_language
from campaigns.models import Edit
from campaigns.models.edit import HIDDEN, write_value
from campaigns.refusals import Refused
from campaigns.stored_sentences import translate_stored

MAX_LETTERS_TOLD = 200  # letters of a value; of a longer one it is only said that it changed
EDITS_SHOWN = 20
MAX_EDITION_LETTERS = 100_000
FOLDED_WITHIN = timedelta(minutes=10)
FormFacts = Mapping[str, str]
Row = TypeVar("Row", bound=models.Model)


class HiddenFact(str):
    """The keyed digest of a secret: compared, and never shown."""

    __slots__ = ()


class EditConflict(Refused):
    """The row was edited after the form was shown. `latest`: the edition that the form would overwrite now."""

    def __init__(self, told: str, latest: Argument) -> None:
        super().__init__(
            told + " " + gettext("What you typed is still here: save once more to put it in place of that.")
        )
        self.latest = latest


def edition_of(facts: FormFacts) -> str:
    """Return the edition of these facts, which a form that shows them carries."""
    return json.dumps({name: _digest(value) for name, value in facts.items()}, separators=(",", ":"))


def _digest(value: str) -> str:
    return hashlib.sha256(value.encode("utf-8", "replace")).hexdigest()[:12]


def edition_of_row(row: models.Model, columns: Sequence[str]) -> str:
    """Return the edition of these columns of a row as it was read; a new one has no facts yet."""
    return edition_of(column_facts(row, columns) if row.pk else {})


def refuse_edit_conflict(row: models.Model, facts: FormFacts, seen: str | None) -> None:
    """Refuse to overwrite what was changed since a form was shown.

    Args:
        facts: of the row as it is now, which is locked.
        seen: the edition that the form showed; None or any other text overwrites whatever there is.

    Raises:
        EditConflict: it says what was changed, and by whom where a form did it.
    """
    before = _parse_edition(seen)
    if before is None:
        return
    now = {name: _digest(value) for name, value in facts.items()}
    changed = [
        name for name in {**now, **before} if now.get(name, _digest("")) != before.get(name, _digest(""))
    ]
    if changed:
        raise EditConflict(_describe_changes(row, facts, changed), edition_of(facts))


def _parse_edition(seen: str | None) -> dict[str, str] | None:
    try:
        read = json.loads(seen) if seen and len(seen) <= MAX_EDITION_LETTERS else None
    except (ValueError, RecursionError):  # no edition of ours; a thousand brackets are none either
        return None
    return read if isinstance(read, dict) else None


def _describe_changes(row: models.Model, facts: FormFacts, changed: Iterable[str]) -> str:
    left = list(changed)
    sentences = []
    for edit in edits_of(row)[:EDITS_SHOWN]:
        its = [
            name
            for name in left
            if name in edit.detail and edit.detail[name][1] == _shorten(facts.get(name, ""))
        ]
        if its:
            lines = "; ".join(edit.line(name) for name in its)
            at = dates.write_moment(edit.at)
            sentences.append(
                gettext("Edited by %(name)s on %(at)s, while this form was open (%(lines)s).")
                % {"name": person(edit.by) or gettext("the system"), "at": at, "lines": lines}
            )
            left = [name for name in left if name not in its]
    if left:
        lines = "; ".join(
            gettext("%(field)s is now %(value)s")
            % {"field": translate_stored(name), "value": write_value(_shorten(facts.get(name, "")))}
            for name in left
        )
        sentences.append(gettext("Changed while this form was open: %(lines)s.") % {"lines": lines})
    return " ".join(sentences)


def _shorten(value: str) -> str:
    if isinstance(value, HiddenFact):
        return HIDDEN
    return value if len(value) <= MAX_LETTERS_TOLD else f"{value[:MAX_LETTERS_TOLD]}…"


def save_row(row: Row, columns: Sequence[str], *, by: User | None = None, seen: str | None = None) -> Row:
    """Save a new or changed row of which `columns` are all that people may change.

    Args:
        seen: the edition that the form showed; None overwrites whatever there is.

    Raises:
        EditConflict: it was changed since.
    """
    with transaction.atomic():
        stored = type(row)._default_manager.select_for_update(no_key=True).filter(pk=row.pk) if row.pk else ()
        was = next(iter(stored), None)
        before = column_facts(was, columns) if was else None
        if was and before:
            refuse_edit_conflict(was, before, seen)
        row.save()
        record_edit(row, before, column_facts(row, columns), by=by)
    return row


def record_edit(
    row: models.Model,
    before: FormFacts | None,
    after: FormFacts,
    *,
    by: User | None = None,
    folds: bool = False,
) -> None:
    """Keep what a form changed, if it changed anything.

    Args:
        before: None for a new row.
        folds: it joins the latest edit of the row, when that is one of the same person a few minutes ago.
    """
    detail: dict[str, list[str]] = {}
    for name in {**(before or {}), **after}:
        was, now = (before or {}).get(name, ""), after.get(name, "")
        if before is not None and was != now:
            detail[name] = [_shorten(was), _shorten(now)]
    if before is not None and folds and (latest := _find_fresh_edit(row, by)):
        for name, (was, now) in detail.items():
            latest.detail[name] = [latest.detail.get(name, [was])[0], now]
        latest.save(update_fields=["detail"])
    elif before is None or detail:
        Edit.objects.create(
            thing=row._meta.label_lower, key=row.pk, by=by, is_new=before is None, detail=detail
        )


def _find_fresh_edit(row: models.Model, by: User | None) -> Edit | None:
    latest = edits_of(row).first()
    is_fresh = latest is not None and latest.at > database_time.now() - FOLDED_WITHIN
    return latest if latest and is_fresh and latest.by == by and not latest.is_new else None


def edits_of(row: models.Model) -> models.QuerySet[Edit]:
    """Return the edits of a row, the latest first."""
    return Edit.objects.about(row).select_related("by")


def column_facts(row: models.Model, fields: Iterable[str]) -> dict[str, str]:
    """Return these fields of a row as facts."""
    facts = {}
    with use_stored_language():  # they are stored, and compared with those that somebody else saw
        for name in fields:
            field = row._meta.get_field(name)
            assert isinstance(field, models.Field), "a fact stands in a column"
            value = getattr(row, name)
            if field.many_to_many:
                value = ", ".join(sorted(map(str, value.select_related())))
            elif field.choices:
                value = dict(field.flatchoices).get(value, value)
            label = str(field.verbose_name)
            # a field of secrets tells them apart without showing them
            identify = getattr(field, "identify_secret", None)
            told = HiddenFact(identify(value)) if identify and identify(value) else _write_value(value)
            facts[label[:1].upper() + label[1:]] = told
    return facts


def _write_value(value: ColumnValue) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()  # people see it in zones of their own: dates.write_kept
    return str(value)
