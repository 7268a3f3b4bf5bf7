"""Checks whether text can be stored: PostgreSQL takes no NUL and no half of a surrogate pair."""

import re

from campaigns.annotations import Json

# PostgreSQL stores no NUL; half a surrogate pair is no character and cannot be written as UTF-8
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
SENTENCE = "This holds a sign that is no character: type it anew."


def make_storable(text: str) -> str:
    """Return what others wrote as it can be stored: a space for each NUL, "?" for each half of a surrogate pair."""
    return text.replace("\0", " ").encode(errors="replace").decode()


def is_storable(value: Json) -> bool:
    """Return whether the texts in `value`, a text or plain JSON, can be stored."""
    if isinstance(value, str):
        return UNSTORABLE.search(value) is None
    if isinstance(value, dict):
        return all(is_storable(name) and is_storable(part) for name, part in value.items())
    if isinstance(value, list | tuple):
        return all(map(is_storable, value))
    return True
