"""What a person is told when something cannot be done now."""

from collections.abc import Iterable


class Refused(Exception):
    """A step that is not open now, or not to this person; nothing was changed.

    `reasons` is a list of (field, sentence), the field empty where the reason belongs to none. `str()` gives one
    sentence for a page.
    """

    def __init__(self, reasons: str | Iterable[tuple[str, str]]) -> None:
        self.reasons = [("", reasons)] if isinstance(reasons, str) else list(reasons)
        super().__init__(" ".join(sentence for _, sentence in self.reasons))


class Locked(Refused):
    """A campaign, or what belongs to it, that can no longer be edited or deleted."""
