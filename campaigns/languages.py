"""The language in which people see the pages: the one they chose, else their browser's, else the site's.

What is stored, logged, hashed or sent to customers never depends on who looks: see `campaigns.stored_sentences`.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from django.conf import settings
from django.contrib.auth.models import AbstractUser, AnonymousUser
from django.core.exceptions import ObjectDoesNotExist
from django.http import HttpRequest
from django.utils import translation
from django.utils.translation.trans_real import parse_accept_lang_header


def find_chosen_language(user: AbstractUser | AnonymousUser | None) -> str:
    """Return the language that a user chose; "" when they chose none."""
    try:
        chosen = user.settings.language  # type: ignore[union-attr]
    except (AttributeError, ObjectDoesNotExist):
        return ""
    return chosen if chosen in dict(settings.LANGUAGES) else ""


def choose_language(accepted: str) -> str:
    """Return the first language of an Accept-Language header that Fanfare has, else the site's."""
    for tag, _ in parse_accept_lang_header(accepted.lower()):
        with suppress(LookupError):
            return translation.get_supported_language_variant(tag)
    return settings.DEFAULT_LANGUAGE


def activate_language_of(request: HttpRequest) -> None:
    """Show the rest of this request in the language of who is signed in, if they chose one."""
    if chosen := find_chosen_language(getattr(request, "user", None)):
        translation.activate(chosen)


@contextmanager
def use_language_of(user: AbstractUser) -> Iterator[None]:
    """Write what is in this block for a user, such as a mail: in the language they chose, else the site's."""
    with translation.override(find_chosen_language(user) or settings.DEFAULT_LANGUAGE):
        yield


@contextmanager
def use_stored_language() -> Iterator[None]:
    """Write what is in this block to be stored, so that it never depends on who looks."""
    with translation.override(settings.LANGUAGE_CODE):
        yield
