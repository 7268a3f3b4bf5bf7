"""Pages whose policy lets a library set styles of its own; other pages allow files only. Scripts stay forbidden."""

from collections.abc import Callable
from typing import TypeVar, cast

from csp.constants import NONCE, UNSAFE_INLINE, Nonce
from csp.decorators import csp_update
from django.http import HttpResponse

from campaigns.annotations import Argument

View = TypeVar("View", bound=Callable[..., HttpResponse])


def allow_styles(source: str | Nonce) -> Callable[[View], View]:
    """Return a decorator that lets the page of a view take styles from one more `source` of the policy."""

    def widen(view: View) -> View:
        widened: Argument = csp_update({"style-src": [source]})
        return cast("View", widened(view))

    return widen


# the page tells the source editor the nonce
with_styles_of_source_editor = allow_styles(NONCE)
# The builder sets them on its elements, and on those of the mail that it draws. The frame that it draws in has no
# address of its own, so the policy of the page holds in it, too.
with_styles_of_builder = allow_styles(UNSAFE_INLINE)
