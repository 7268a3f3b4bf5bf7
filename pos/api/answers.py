"""What a till is answered: JSON, or why its request is refused, with a code for programs and a sentence for people."""

from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Struct

from pos.api.schemas import Problem, Quote

NO_HEADERS: Mapping[str, str] = {}


class Answer(Struct, frozen=True):
    """The HTTP answer. `body`: JSON."""

    status: int
    body: bytes
    headers: Mapping[str, str] = NO_HEADERS


def replay_answer(body: bytes) -> Answer:
    """A request that had been done before, answered as it was then."""
    return Answer(200, body, {"Idempotent-Replayed": "true"})


class Declined(Exception):
    """A request that is refused; nothing was changed.

    `fields`: sentences by the path of what is wrong, as `lines.0.quantity`. `quote`: what the basket gets now, with
    `quote_changed`. `till`, `same_body`: the other till, and whether it sent the same, with an id that is taken.
    `headers`: of the HTTP answer.
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


def taken_id_refusal(kind: str, reference: str, till: str, *, same_body: bool) -> Declined:
    """409: another till of the location has the id already, so this is no repetition. `kind`: sale or return."""
    content = "the same content" if same_body else "another content"
    return Declined(
        409,
        f"{kind}_id_taken",
        f"The till “{till}” of this location has sent the {kind} {reference}, with {content}: "
        f"use another id for this {kind}.",
        till=till,
        same_body=same_body,
    )


def invalid_values_refusal(fields: Mapping[str, Sequence[str]]) -> Declined:
    """422: values that cannot be, by their path."""
    first = next(iter(fields))
    return Declined(422, "invalid", f"{first}: {fields[first][0]}", fields=fields)
