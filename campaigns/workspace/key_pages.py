"""Pages of a list by the place of their last row, so that a late page takes no longer than the first.

A page names the place after which the next one begins: what its last row is sorted by, as JSON. So rows that come or
go meanwhile move nobody's place.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic, NamedTuple, TypeVar

from django.db.models import DateTimeField, F, Model, Q, QuerySet, Value
from django.db.models.expressions import Combinable

from campaigns import instants, texts
from campaigns.annotations import Columns
from campaigns.models.work_order import FAR_FUTURE

Row = TypeVar("Row", bound=Model)
SortValue = int | str | datetime

FAR_PAST = Value(datetime(1, 1, 2, tzinfo=UTC), output_field=DateTimeField())  # before every instant of ours
LONGEST_PLACE = 2000  # letters of a place
LARGEST_NUMBER = 2**63 - 1


class SortKey(NamedTuple):
    """One of the expressions that rows are sorted by, which is never NULL. The last one of a list is unique."""

    expression: F | Combinable
    type: type[SortValue]
    is_backwards: bool = False


@dataclass(frozen=True)
class KeyPage(Generic[Row]):
    """The rows of a page. before, after: the places where the pages beside it begin; "" where there is none."""

    rows: Sequence[Row]
    before: str
    after: str

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)


def read_key_page(
    found: QuerySet[Row], keys: Sequence[SortKey], size: int, *, after: str = "", before: str = ""
) -> KeyPage[Row]:
    """Return the page of `found` after or before a place; the first one when neither names a place."""
    annotated = found.annotate(**{f"key_{number}": key.expression for number, key in enumerate(keys)})
    start, is_back = _read_place(after, keys), False
    if start is None and (start := _read_place(before, keys)) is not None:
        is_back = True
    if start is not None:
        annotated = annotated.filter(_lie_beyond(start, keys, is_back))
    order = [
        f"{'-' if key.is_backwards is not is_back else ''}key_{number}" for number, key in enumerate(keys)
    ]
    rows = list(annotated.order_by(*order)[: size + 1])
    is_more = len(rows) > size
    rows = rows[:size]
    if is_back:
        rows.reverse()
    is_before, is_after = (is_more, True) if is_back else (start is not None, is_more)
    return KeyPage(
        rows,
        before=_write_place(rows[0], keys) if rows and is_before else "",
        after=_write_place(rows[-1], keys) if rows and is_after else "",
    )


def _lie_beyond(place: list[SortValue], keys: Sequence[SortKey], is_back: bool) -> Q:
    """Return the condition that a row comes after a place, or before it."""
    beyond = Q()
    equal: Columns = {}
    for number, (key, value) in enumerate(zip(keys, place, strict=True)):
        sign = "lt" if key.is_backwards is not is_back else "gt"
        beyond |= Q(**equal, **{f"key_{number}__{sign}": value})
        equal[f"key_{number}"] = value
    return beyond


def _write_place(row: Model, keys: Sequence[SortKey]) -> str:
    values = [getattr(row, f"key_{number}") for number in range(len(keys))]
    return json.dumps(
        [value.isoformat() if isinstance(value, datetime) else value for value in values],
        ensure_ascii=False,
        separators=(",", ":"),
    )


def _read_place(text: str, keys: Sequence[SortKey]) -> list[SortValue] | None:
    """Read a place that `_write_place` wrote; None for anything else."""
    if not text or len(text) > LONGEST_PLACE or not texts.is_storable(text):
        return None
    try:
        values = json.loads(text)
        if not isinstance(values, list) or len(values) != len(keys) or not texts.is_storable(values):
            return None
        return [_read_value(value, key.type) for value, key in zip(values, keys, strict=True)]
    except (ValueError, RecursionError, OverflowError):
        return None


def _read_value(value: object, wanted: type[SortValue]) -> SortValue:
    if wanted is datetime and isinstance(value, str):
        moment = datetime.fromisoformat(value).astimezone(UTC)
        if not instants.is_possible(moment) and moment not in (FAR_FUTURE.value, FAR_PAST.value):
            raise ValueError("no moment of a row")
        return moment
    if wanted is int and type(value) is int and abs(value) <= LARGEST_NUMBER:
        return value
    if wanted is str and isinstance(value, str):
        return value
    raise ValueError("not what the list is sorted by")
