"""What each column of a file is taken for: a field of a contact, an attribute of their own, lists, or nothing."""

import re
from collections.abc import Sequence

from mailing import segments

FIELDS = segments.FIELDS | {"email": "E-mail address"}
LIST = "list"  # the names of lists the contact joins
LEFT_OUT = ""
ATTRIBUTE_NAMED = "attribute"  # in forms: its name is given beside

# How else people call them; a column of any other name is an attribute of that name.
SYNONYMS = {
    "e_mail": "email",
    "mail": "email",
    "email_address": "email",
    "e_mail_address": "email",
    "firstname": "first_name",
    "given_name": "first_name",
    "forename": "first_name",
    "lastname": "last_name",
    "surname": "last_name",
    "family_name": "last_name",
    "telephone": "phone",
    "phone_number": "phone",
    "mobile": "phone",
    "town": "city",
    "country_code": "country",
    "customer": "customer_id",
    "customer_no": "customer_id",
    "customer_number": "customer_id",
    "lists": LIST,
    "suppressed": LEFT_OUT,  # as in our own export: an import neither suppresses nor lifts
}

_attribute = re.compile(r"[^\W\d]\w{0,63}").fullmatch
_not_in_names = re.compile(r"\W+")


def guessed(header: Sequence[str], examples: Sequence[Sequence[str]]) -> list[str]:
    """What each column seems to be: a key of FIELDS, LIST, LEFT_OUT or the name of an attribute; none twice.

    Where no column is called an address, the first that holds mostly such is taken for it.
    """
    taken = [_guess(name) for name in header]
    of_addresses = [place for place, values in enumerate(examples) if _are_addresses(values)]
    if "email" not in taken and of_addresses:
        taken[of_addresses[0]] = "email"
    return [LEFT_OUT if each in taken[:place] else each for place, each in enumerate(taken)]


def _are_addresses(values: Sequence[str]) -> bool:
    return bool(values) and 2 * sum("@" in value for value in values) >= len(values)


def _guess(name: str) -> str:
    word = _not_in_names.sub("_", name.strip().lower()).strip("_")
    if word[:1].isdigit():
        word = f"_{word}"
    return SYNONYMS.get(word, word)[:64]


def checked(taken: Sequence[str]) -> list[tuple[int, str]]:
    """(place, sentence) for each column that cannot be taken for what it is said to be; [] when all is well.

    The place is -1 when the sentence is about no single column.
    """
    wrong = [
        (place, f"“{name}” cannot be the name of an attribute: use letters, digits and _, a letter first.")
        for place, name in enumerate(taken)
        if name and name not in FIELDS and name != LIST and not _attribute(name)
    ]
    wrong += [
        (place, f"“{FIELDS.get(name, name)}” is taken from another column already.")
        for place, name in enumerate(taken)
        if name and name in taken[:place]
    ]
    if "email" not in taken:
        wrong.append((-1, "Say which column holds the e-mail addresses."))
    return wrong
