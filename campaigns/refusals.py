"""Refusals: what a person is told when something cannot be done now."""

from collections.abc import Iterable

from django.contrib.auth.models import User
from django.utils.translation import gettext

from campaigns.stored_sentences import translate_stored


class Refused(Exception):
    """Something is not possible now, or not for this user. Nothing was changed.

    `reasons` is a list of (field, sentence), the field empty where the reason belongs to none. `str()` gives one
    sentence for a page. Sentences that were kept in English are translated here, for whoever asked.
    """

    def __init__(self, reasons: str | Iterable[tuple[str, str]]) -> None:
        listed = [("", reasons)] if isinstance(reasons, str) else reasons
        self.reasons = [(field, translate_stored(str(sentence))) for field, sentence in listed]
        super().__init__(" ".join(sentence for _, sentence in self.reasons))


class Locked(Refused):
    """A campaign, or a row that belongs to it, can no longer be edited or deleted."""


def require(user: User | None, permission: str, what: str) -> None:
    """Refuse users who lack a right.

    Args:
        user: the user who asks; None is the system, which may do everything.
        permission: as Django names it, `promotions.add_coupon`.
        what: what was asked for, as it goes on after "You may not": "add coupons".

    Raises:
        Refused: the user lacks the right.
    """
    if user is not None and not user.has_perm(permission):
        raise Refused(say_not_allowed(what))


def say_not_allowed(what: str) -> str:
    """Return the sentence for a user who lacks the right to `what`."""
    return gettext("You may not %(what)s: ask an administrator for permission.") % {"what": what}
