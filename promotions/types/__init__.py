"""The eight ready-made kinds of promotion.

A marketer picks a kind and fills in its form. The engine knows only conditions, a target and a benefit.
`make_terms` turns the answers of a form into these, as the columns of `Promotion` keep them. `read_answers` turns them
back. The answers are a flat mapping with one entry for each field of the form. Money is an integer of minor units,
percent an integer of hundredths.
"""

import msgspec

from campaigns.annotations import Columns, JsonObject, Row, StoredValue
from promotions.engine import rules
from promotions.types.answers import (
    Answers,
    answers_of_condition,
    answers_of_stacking,
    answers_of_target,
    conditions_of,
    stacking_of,
    target_of,
)
from promotions.types.kinds import KINDS, Kind

__all__ = ["COLUMNS", "KINDS", "Answers", "Kind", "Terms", "is_same", "make_terms", "read_answers"]

Terms = Columns
"""`level`, `conditions`, `target`, `benefit`, `stacking` and `caps`, as JSON of `promotions.engine.rules`."""

COLUMNS = ("level", "conditions", "target", "benefit", "stacking", "caps")


def make_terms(type_: str, said: Answers) -> Terms:
    """Return the terms of a promotion of this type from the answers of its form (`said`).

    Raises:
        ValueError: answers contradict each other; it has a sentence. msgspec.ValidationError is one.
    """
    kind = KINDS[type_]
    target = target_of(said) if kind.has_items else rules.Target()
    return _check_terms(
        {
            "level": kind.level,
            "conditions": _json([*kind.always, *conditions_of(said, target.match)]),
            "target": _json(target),
            "benefit": _json(kind.benefit(said)),
            "stacking": _json(stacking_of(said)),
            "caps": _json(rules.Caps(said.get("max_amount"), said.get("max_applications"))),
        }
    )


def read_answers(type_: str, stored: Terms) -> tuple[Columns, bool]:
    """Return the answers that a form of this type shows for `stored`, and whether they say everything.

    Rules that were not made by the form may say more than it can show.
    """
    kind = KINDS[type_]
    said: JsonObject = {}
    target = msgspec.convert(stored["target"], rules.Target)
    if kind.has_items:
        said |= answers_of_target(target)
    said |= kind.read_benefit(msgspec.convert(stored["benefit"], rules.Benefit)) or {}
    for condition in msgspec.convert(stored["conditions"], tuple[rules.Condition, ...]):
        if condition not in kind.always:
            said |= answers_of_condition(condition, target.match if kind.has_items else None)
    said |= answers_of_stacking(msgspec.convert(stored["stacking"] or {"type": "stackable"}, rules.Stacking))
    caps = msgspec.convert(stored["caps"], rules.Caps)
    said |= {"max_amount": caps.max_amount, "max_applications": caps.max_applications}
    try:
        return said, is_same(make_terms(type_, said), stored)
    except (KeyError, ValueError):
        return said, False


def is_same(one: Terms, other: Terms) -> bool:
    """Return whether two mean the same, however they are written."""
    return _meaning_of(one) == _meaning_of(other)


def _json(value: StoredValue) -> StoredValue:
    """Return a struct, or a list of structs, as the JSON column returns it."""
    return msgspec.json.decode(msgspec.json.encode(value))


def _check_terms(made: Terms) -> Terms:
    """Return `made`, if the engine's checks accept every value."""
    msgspec.convert(made["conditions"], tuple[rules.Condition, ...])
    msgspec.convert(made["benefit"], rules.Benefit)
    msgspec.convert(made["target"], rules.Target)
    msgspec.convert(made["stacking"], rules.Stacking)
    msgspec.convert(made["caps"], rules.Caps)
    return made


def _meaning_of(stored: Terms) -> Row:
    """Return the meaning of `stored`, without the order of conditions and without explicit defaults."""
    return (
        stored["level"],
        frozenset(msgspec.convert(stored["conditions"], tuple[rules.Condition, ...])),
        msgspec.convert(stored["target"], rules.Target),
        msgspec.convert(stored["benefit"], rules.Benefit),
        msgspec.convert(stored["stacking"] or {"type": "stackable"}, rules.Stacking),
        msgspec.convert(stored["caps"], rules.Caps),
    )
