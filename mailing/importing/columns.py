"""Guesses what each column of a file is: a field of a contact, an attribute, lists, or nothing."""

import re
from collections.abc import Sequence

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from mailing import segments

from .headings import (
    ACCEPTS,
    DECLINES,
    LEFT_OUT,
    LIST,
    find_consent,
    is_of_consent,
    is_of_other_ways,
    is_yes_or_no,
    meaning_of,
    normalise_heading,
)

__all__ = [
    "ACCEPTS",
    "CONSENT",
    "DECLINES",
    "FIELDS",
    "LEFT_OUT",
    "LIST",
    "find_column_problems",
    "guess_columns",
    "label_of",
]

FIELDS = segments.FIELDS | {"email": gettext_lazy("E-mail address")}
CONSENT = {ACCEPTS: gettext_lazy("Consent to mail"), DECLINES: gettext_lazy("Opt-out from mail")}
ATTRIBUTE_NAMED = "attribute"  # in forms: its name is given beside
RESERVED = {*FIELDS, *segments.WORKED_OUT, LIST, *CONSENT}  # no names of attributes

_attribute = re.compile(r"[^\W\d]\w{0,63}").fullmatch
_not_in_names = re.compile(r"\W+")
_whole = re.compile(r"-?\d{1,10}(?:[.,]0+)?").fullmatch


def label_of(taken: str) -> str:
    """Return the meaning of a column in the words of the pages."""
    return str(CONSENT.get(taken, taken))


def names_an_address(names: Sequence[str]) -> bool:
    """Return whether these cells are names of columns, with one for e-mail addresses."""
    return any(meaning_of(name) == "email" for name in names) and not any("@" in name for name in names)


def guess_columns(header: Sequence[str], samples: Sequence[Sequence[str]]) -> list[str]:
    """Guess what each column is: a key of FIELDS or CONSENT, LIST, LEFT_OUT or the name of an attribute.

    Only the keys of CONSENT may come twice. Of several columns with one meaning the one with most values in `samples`
    counts, of columns for addresses the one with most addresses. If no name means an address, the first column that
    holds mostly addresses counts.
    """
    taken = [_guess(name, values) for name, values in zip(header, samples, strict=True)]
    if "first_name" in taken and "last_name" not in taken:  # beside a first name, “Name” is the other one
        taken = ["last_name" if each == "name" else each for each in taken]
    if "email" not in taken:
        of_addresses = [place for place, values in enumerate(samples) if _are_addresses(values)]
        if of_addresses:
            taken[of_addresses[0]] = "email"
    for each in [*taken]:
        rivals = [rival for rival, other in enumerate(taken) if other == each]
        if each in CONSENT or each == LEFT_OUT or len(rivals) < 2:
            continue
        best = max(rivals, key=lambda rival: _count_values(each, samples[rival]))
        for rival in rivals:
            if rival != best:
                own = _make_attribute_name(header[rival])
                is_free = each in FIELDS and each != "email" and own not in RESERVED and own not in taken
                taken[rival] = own if is_free and _attribute(own) else LEFT_OUT
    return taken


def _count_values(taken: str, values: Sequence[str]) -> int:
    return sum("@" in value for value in values) if taken == "email" else len(values)


def _are_addresses(values: Sequence[str]) -> bool:
    return bool(values) and 2 * sum("@" in value for value in values) >= len(values)


def _guess(name: str, values: Sequence[str]) -> str:
    meaning = meaning_of(name)
    if meaning is None and is_yes_or_no(values):
        meaning = find_consent(name)
    if meaning == DECLINES:
        return DECLINES
    if not is_of_other_ways(name) and is_of_consent(values, named=meaning == ACCEPTS):
        return ACCEPTS
    if meaning == "score" and 2 * sum(map(bool, map(_whole, values))) < len(values):
        return "score_as_written"
    return _make_attribute_name(name) if meaning is None or meaning == ACCEPTS else meaning


def _make_attribute_name(name: str) -> str:
    """Return the name of an attribute for a column of this name."""
    word = _not_in_names.sub("_", name.strip().lower()).strip("_")
    if word[:1].isdigit() or word in segments.WORKED_OUT:
        word = f"_{word}"
    return word[:64]


def holds_marked_text(name: str, taken: str) -> bool:
    """Return whether an apostrophe before its values only marks text. Shops write it before values with a leading 0."""
    return taken in ("phone", "customer_id") or any(
        word in normalise_heading(name)
        for word in ("zip", "postal", "postcode", "postleitzahl", "plz", "phone")
    )


def find_column_problems(taken: Sequence[str]) -> list[tuple[int, str]]:
    """Return (place, sentence) for each column that cannot have its chosen meaning; [] when all is well.

    The place is -1 when the sentence is about no single column.
    """
    wrong = [
        (
            place,
            _("“%(name)s” cannot be the name of an attribute: use letters, digits and _, a letter first.")
            % {"name": name},
        )
        for place, name in enumerate(taken)
        if name and (name in segments.WORKED_OUT or (name not in RESERVED and not _attribute(name)))
    ]
    wrong += [
        (place, _("“%(get)s” is taken from another column already.") % {"get": FIELDS.get(name, name)})
        for place, name in enumerate(taken)
        if name and name not in CONSENT and name in taken[:place]
    ]
    if "email" not in taken:
        wrong.append((-1, _("Say which column holds the e-mail addresses.")))
    return wrong
