"""What a till is answered: JSON, or why its request is refused, with a code for programs and a sentence for people."""

from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Struct

from pos.schemas import Problem, Quote

NONE: Mapping[str, str] = {}


class Answer(Struct, frozen=True):
    """The HTTP answer. `body`: JSON."""

    status: int
    body: bytes
    headers: Mapping[str, str] = NONE


def replayed(body: bytes) -> Answer:
    """A request that had been done before, answered as it was then."""
    return Answer(200, body, {"Idempotent-Replayed": "true"})


class Declined(Exception):
    """A request that is refused; nothing was changed.

    `fields`: sentences by the path of what is wrong, as `lines.0.quantity`. `quote`: what the basket gets now, with
    `quote_changed`. `headers`: of the HTTP answer.
    """

    def __init__(
        self,
        status: int,
        error: str,
        message: str,
        *,
        fields: Mapping[str, Sequence[str]] | None = None,
        quote: Quote | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status = status
        self.headers = headers or NONE
        self.problem = Problem(
            error, message, {path: list(said) for path, said in (fields or {}).items()}, quote
        )
        super().__init__(message)

    @property
    def answer(self) -> Answer:
        return Answer(self.status, msgspec.json.encode(self.problem), self.headers)


def invalid(fields: Mapping[str, Sequence[str]]) -> Declined:
    """422: values that cannot be, by their path."""
    first = next(iter(fields))
    return Declined(422, "invalid", f"{first}: {fields[first][0]}", fields=fields)
