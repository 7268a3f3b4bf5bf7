"""Answers to tills: JSON, or a refusal with a code for programs and a sentence for people."""

from collections.abc import Callable, Mapping, Sequence

import msgspec
from django.utils.translation import gettext
from msgspec import Struct

from pos.api.schemas import Problem, Quote

NO_HEADERS: Mapping[str, str] = {}


class Answer(Struct, frozen=True):
    """An HTTP answer.

    Attributes:
        body: JSON.
    """

    status: int
    body: bytes
    headers: Mapping[str, str] = NO_HEADERS


def replay_answer(body: bytes) -> Answer:
    """Repeat the answer of a request that was done before."""
    return Answer(200, body, {"Idempotent-Replayed": "true"})


class RequestRefused(Exception):
    """A request that is refused. Nothing was changed.

    Args:
        status: of the HTTP answer.
        error: a code for programs.
        message: a sentence for people.
        fields: sentences by the path of the faulty value, such as `lines.0.quantity`.
        quote: what the basket gets now, for the error `quote_changed`.
        till: the other till, when it has the id already.
        same_body: whether that till sent the same content.
        headers: of the HTTP answer.
    """

    def __init__(
        self,
        status: int,
        error: str,
        message: str,
        *,
        fields: Mapping[str, Sequence[str]] | None = None,
        quote: Quote | None = None,
        till: str | None = None,
        same_body: bool | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status = status
        self.headers = headers or NO_HEADERS
        self.problem = Problem(
            error,
            message,
            {path: list(said) for path, said in (fields or {}).items()},
            quote,
            till,
            same_body,
        )
        super().__init__(message)

    @property
    def answer(self) -> Answer:
        return Answer(self.status, msgspec.json.encode(self.problem), self.headers)


# whole sentences: other languages put such words together in other ways
_TAKEN: Mapping[tuple[str, bool], Callable[[], str]] = {
    ("sale", True): lambda: gettext(
        "The till “%(till)s” of this location has sent the sale %(reference)s, with the same content: "
        "use another id for this sale."
    ),
    ("sale", False): lambda: gettext(
        "The till “%(till)s” of this location has sent the sale %(reference)s, with another content: "
        "use another id for this sale."
    ),
    ("return", True): lambda: gettext(
        "The till “%(till)s” of this location has sent the return %(reference)s, with the same content: "
        "use another id for this return."
    ),
    ("return", False): lambda: gettext(
        "The till “%(till)s” of this location has sent the return %(reference)s, with another content: "
        "use another id for this return."
    ),
}


def taken_id_refusal(kind: str, reference: str, till: str, *, same_body: bool) -> RequestRefused:
    """Build the 409 for an id that another till of the location has already. `kind` is "sale" or "return"."""
    return RequestRefused(
        409,
        f"{kind}_id_taken",
        _TAKEN[kind, same_body]() % {"till": till, "reference": reference},
        till=till,
        same_body=same_body,
    )


def invalid_values_refusal(fields: Mapping[str, Sequence[str]]) -> RequestRefused:
    """Build the 422 for values that cannot be, from sentences by the path of each value."""
    first = next(iter(fields))
    return RequestRefused(422, "invalid", f"{first}: {fields[first][0]}", fields=fields)
