"""The OpenAPI 3.1 description of the JSON views, made from the structs that validate and encode."""

from functools import cache
from typing import Any

import msgspec

from pos import schemas

JSON = "application/json"
KEY = {
    "type": "http",
    "scheme": "bearer",
    "description": "The till's key: it names the till, and so its location.",
}
SALE_ID = {
    "name": "sale_id",
    "in": "path",
    "required": True,
    "description": "The till's own id of the sale, unique at its location.",
    "schema": {"type": "string", "pattern": schemas.REFERENCE},
}
RETURN_ID = SALE_ID | {
    "name": "return_id",
    "description": "The till's own id of the return, unique within the sale.",
}
REPLAYED = {
    "Idempotent-Replayed": {
        "description": "`true`: this had been done before, and is answered as it was then.",
        "schema": {"type": "string", "enum": ["true"]},
    }
}
PROBLEMS = {
    "400": "Not JSON, a float, or a key twice in one object.",
    "401": "No key, or none that is known.",
    "403": "The key was revoked.",
    "404": "The location has no such sale.",
    "405": "Another method.",
    "409": "Not possible as things stand; `error` says why.",
    "413": f"More than {schemas.MAX_BODY} bytes or {schemas.MAX_LINES} lines.",
    "422": "Values that cannot be, by their path in `fields`.",
    "429": "More requests a second than a till may send: come back after `Retry-After`.",
    "503": "The database is away, or the rules change all the time: send it again.",
}
RETRIED = ("429", "503")


@cache
def document() -> bytes:
    """The description as JSON."""
    return msgspec.json.encode(described())


def described() -> dict[str, Any]:
    kinds: list[type] = [
        schemas.QuoteRequest,
        schemas.SaleRequest,
        schemas.ReturnRequest,
        schemas.Quote,
        schemas.Sale,
        schemas.Return,
        schemas.Rules,
        schemas.Problem,
    ]
    references, components = msgspec.json.schema_components(kinds, ref_template="#/components/schemas/{name}")
    of = dict(zip(kinds, references, strict=True))
    sale, back = of[schemas.Sale], of[schemas.Return]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Fanfare for tills",
            "version": "1",
            "description": (schemas.__doc__ or "").strip(),
            "license": {"name": "See the repository", "identifier": "LicenseRef-Fanfare"},
        },
        "servers": [{"url": "/pos/v1"}],
        "security": [{"key": []}],
        "paths": {
            "/quotes": {
                "post": operation(
                    "quote",
                    "What a basket would get; nothing is written.",
                    of,
                    body=schemas.QuoteRequest,
                    answers={"200": ("The quote.", of[schemas.Quote], None)},
                )
            },
            "/sales/{sale_id}": {
                "parameters": [SALE_ID],
                "put": operation(
                    "commit",
                    "Commit a sale, or hold it while the customer pays.",
                    of,
                    body=schemas.SaleRequest,
                    answers={
                        "201": ("It was committed or is held.", sale, None),
                        "200": ("It had been sent before: the same answer.", sale, REPLAYED),
                    },
                    problems=("409",),
                ),
                "get": operation(
                    "show",
                    "A sale as it is stored.",
                    of,
                    answers={"200": ("The sale.", sale, None)},
                    problems=("404",),
                ),
            },
            **{
                f"/sales/{{sale_id}}/{verb}": {
                    "parameters": [SALE_ID],
                    "post": operation(
                        verb,
                        summary,
                        of,
                        answers={"200": ("The sale as it is now.", sale, REPLAYED)},
                        problems=("404", "409"),
                    ),
                }
                for verb, summary in [
                    ("confirm", "Make a hold a sale; no limit can refuse it."),
                    ("release", "Give back what a hold reserves."),
                    ("void", "Give back all that is left of a sale or a hold."),
                ]
            },
            "/sales/{sale_id}/returns/{return_id}": {
                "parameters": [SALE_ID, RETURN_ID],
                "put": operation(
                    "return",
                    "Take units of a sale back.",
                    of,
                    body=schemas.ReturnRequest,
                    answers={
                        "201": ("They came back.", back, None),
                        "200": ("A dry run, or sent before: the same answer.", back, REPLAYED),
                    },
                    problems=("404", "409"),
                ),
            },
            "/rules": {
                "get": operation(
                    "rules",
                    "The rules that hold at the till's location, to evaluate without a connection.",
                    of,
                    answers={
                        "200": ("The rules of the latest version.", of[schemas.Rules], ETAG),
                        "304": ("`If-None-Match` names the latest version.", None, ETAG),
                    },
                )
            },
        },
        "components": {"schemas": components, "securitySchemes": {"key": KEY}},
    }


ETAG = {"ETag": {"description": "Names this version of the rules.", "schema": {"type": "string"}}}


def operation(
    name: str,
    summary: str,
    of: dict[type, dict[str, Any]],
    *,
    answers: dict[str, tuple[str, dict[str, Any] | None, dict[str, Any] | None]],
    body: type | None = None,
    problems: tuple[str, ...] = (),
) -> dict[str, Any]:
    """One operation. `answers`: (description, schema, headers) by status; `problems`: those beside what all may get."""
    known = {"401", "403", "405", "429", "503", *problems, *({"400", "413", "422"} if body else ())}
    described: dict[str, Any] = {"operationId": name, "summary": summary, "responses": {}}
    if body is not None:
        described["requestBody"] = {"required": True, "content": {JSON: {"schema": of[body]}}}
    for status, (description, schema, headers) in answers.items():
        answer: dict[str, Any] = {"description": description}
        if schema is not None:
            answer["content"] = {JSON: {"schema": schema}}
        if headers is not None:
            answer["headers"] = headers
        described["responses"][status] = answer
    for status in sorted(known):
        described["responses"][status] = {
            "description": PROBLEMS[status],
            "content": {JSON: {"schema": of[schemas.Problem]}},
        }
        if status in RETRIED:
            described["responses"][status]["headers"] = {
                "Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}
            }
    return described
