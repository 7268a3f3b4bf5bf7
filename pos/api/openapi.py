"""The OpenAPI 3.1 description of the JSON views, made from the structs that validate and encode."""

from functools import cache

import msgspec

from campaigns.annotations import JsonObject
from pos.api import examples, schemas

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
PROBLEMS: dict[str, tuple[str, tuple[str, ...]]] = {
    "400": (
        "Not JSON, a float, a key twice in one object, or a body that ended before its end.",
        ("not_json", "float", "repeated_key", "cut_short"),
    ),
    "401": ("No key, or none that is known.", ("no_key", "unknown_key")),
    "403": (
        "The key was revoked, or the till may not send sales made offline.",
        ("revoked_key", "offline_not_allowed"),
    ),
    "404": ("The location has no such sale.", ("no_such_sale",)),
    "405": ("Another method.", ("method",)),
    "413": (
        f"More than {schemas.MAX_BODY} bytes or {schemas.MAX_LINES} lines.",
        ("too_large", "too_many_lines"),
    ),
    "422": (
        "Values that cannot be, by their path in `fields`: also a line id twice, another currency than the location's, "
        f"a sale worth more than {schemas.MAX_SUBTOTAL}, an `offline_at` in the future, or longer ago than this till "
        "may send: an administrator can raise that, so keep the sale.",
        ("invalid",),
    ),
    "429": (
        "More requests a second than a till may send, or a sale made offline with a code that is not looked up now: "
        "come back after `Retry-After`.",
        ("too_fast", "coupon_throttled"),
    ),
    "503": (
        "The database is away, or the rules change all the time: send it again after `Retry-After`.",
        ("unavailable", "busy"),
    ),
}
"""What a refusal means, and the values of `error` that tell it; of 409 they differ by operation."""
CONFLICT = "Not possible as things stand; `error` says why. Nothing was changed."
STATUSES_TO_RETRY = ("429", "503")
INTRODUCTION = f"""
What a basket gets, and sales that are counted exactly once.

**Key.** Every request carries `Authorization: Bearer <till key>`. The key names the till, and so the location with its
currency and time zone. An administrator makes it; it is shown once.

**Money** is an integer in minor units of the currency: 2490 is 24.90 EUR. A float is refused, 2490.0 too. Weights are
texts.

**Send it again.** `sale_id` and `return_id` are the till's own. After a broken connection, a 429 or a 503 send the
very same request again: it is done once, and answered as it was, with `Idempotent-Replayed: true`. Another body under
a known id is a 409. A hold that is sent again once it is over, or was released or voided, is a 409 `hold_expired` or
`voided`: nothing is reserved any more. Its id stays taken, so commit the sale under another one. A committed sale that
is sent again is answered as at first, `committed`, also after it was voided or units of it came back: that is the
answer the till has missed, and it neither revives the sale nor counts it anew. Void it once more to learn its state.

**A code that is no good** is a status in the answer with a sentence for the customer (`message`), never an error: the
sale goes on. `coupon_throttled` says that this key tried more unknown codes in a minute than an administrator allows
it: codes it has not used before are not looked up for a while. Ask again a little later.

**Codes of the customer.** A quote that names its customer lists in `available` the codes that belong to them, were not
presented and could be used now: from mails that were sent to them, or made for their id. Send one in `coupons` to use
it. `min_subtotal` is the spend that the code asks for. A location can be set so that they are applied by themselves;
`coupons` then says which were. `CUPN:` before a code, as scanners read it, is no part of it.

**Ids.** Each till chooses ids that no other till of its location uses, as its own number with a running one. An id that
another till has sent is a 409 `sale_id_taken` or `return_id_taken`, which names that till. A device that replaces
another goes on with its till, and so with its ids: it gets a new key of the same till.

**Limits.** {schemas.MAX_LINES} lines, {schemas.MAX_BODY // 1024} KiB, and so many requests a second for each key as the
server's `TILL_RATE` says; more are a 429.
"""
CONDITIONAL_SCHEMAS = {
    "Line": {
        "if": {"properties": {"quantity": {"type": "string"}}, "required": ["quantity"]},
        "then": {"required": ["line_total"], "properties": {"line_total": {"type": "integer"}}},
    },
    "SaleRequest": {
        "allOf": [
            {
                "if": {"properties": {"ttl": {"type": "integer"}}, "required": ["ttl"]},
                "then": {"required": ["state"], "properties": {"state": {"const": "held"}}},
            },
            {
                "if": {"properties": {"offline_at": {"type": "string"}}, "required": ["offline_at"]},
                "then": {"properties": {"state": {"const": "committed"}}},
            },
        ]
    },
}
"""Rules between the values of one body, which no type can express. pos.api.body checks them."""
TAGS = {
    "Quotes": "What a basket would get.",
    "Sales": "Committing, holding and undoing sales.",
    "Rules": "For tills that must do without a connection.",
}


@cache
def encode_document() -> bytes:
    """Return the description as JSON."""
    return msgspec.json.encode(build_document())


def build_document() -> JsonObject:
    """Build the OpenAPI description of the till API."""
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
    for name, more in CONDITIONAL_SCHEMAS.items():
        components[name] |= more
    of = dict(zip(kinds, references, strict=True))
    sale, back = of[schemas.Sale], of[schemas.Return]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Fanfare for tills",
            "version": "1",
            "description": INTRODUCTION.strip(),
            "license": {"name": "See the repository", "identifier": "LicenseRef-Fanfare"},
        },
        "servers": [{"url": "/pos/v1"}],
        "security": [{"key": []}],
        "tags": [{"name": name, "description": said} for name, said in TAGS.items()],
        "paths": {
            "/quotes": {
                "post": describe_operation(
                    "quote",
                    "What a basket would get; nothing is written",
                    of,
                    tag="Quotes",
                    body=schemas.QuoteRequest,
                    answers={"200": ("The quote.", of[schemas.Quote], None)},
                )
            },
            "/sales/{sale_id}": {
                "parameters": [SALE_ID],
                "put": describe_operation(
                    "commit",
                    "Commit a sale, or hold it while the customer pays",
                    of,
                    body=schemas.SaleRequest,
                    answers={
                        "201": ("It was committed or is held.", sale, None),
                        "200": ("It had been sent before: the same answer.", sale, REPLAYED),
                    },
                    conflicts=(
                        "idempotency_mismatch",
                        "sale_id_taken",
                        "quote_changed",
                        "hold_expired",
                        "voided",
                    ),
                ),
                "get": describe_operation(
                    "show",
                    "A sale as it is stored",
                    of,
                    answers={"200": ("The sale.", sale, None)},
                    problems=("404",),
                ),
            },
            **{
                f"/sales/{{sale_id}}/{verb}": {
                    "parameters": [SALE_ID],
                    "post": describe_operation(
                        verb,
                        summary,
                        of,
                        answers={"200": ("The sale as it is now.", sale, REPLAYED)},
                        problems=("404",),
                        conflicts=conflicts,
                    ),
                }
                for verb, summary, conflicts in [
                    ("confirm", "Make a hold a sale; no limit can refuse it", ("hold_expired", "voided")),
                    ("release", "Give back what a hold reserves", ("already_committed",)),
                    ("void", "Give back all that is left of a sale or a hold", ()),
                ]
            },
            "/sales/{sale_id}/returns/{return_id}": {
                "parameters": [SALE_ID, RETURN_ID],
                "put": describe_operation(
                    "return",
                    "Take units of a sale back",
                    of,
                    body=schemas.ReturnRequest,
                    answers={
                        "201": ("They came back.", back, None),
                        "200": ("A dry run, or sent before: the same answer.", back, REPLAYED),
                    },
                    problems=("404",),
                    conflicts=(
                        "exceeds_sold",
                        "not_committed",
                        "voided",
                        "idempotency_mismatch",
                        "return_id_taken",
                    ),
                ),
            },
            "/rules": {
                "get": describe_operation(
                    "rules",
                    "The rules that hold at the till's location, to evaluate without a connection",
                    of,
                    tag="Rules",
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


def describe_operation(
    name: str,
    summary: str,
    of: dict[type, JsonObject],
    *,
    answers: dict[str, tuple[str, JsonObject | None, JsonObject | None]],
    tag: str = "Sales",
    body: type | None = None,
    problems: tuple[str, ...] = (),
    conflicts: tuple[str, ...] = (),
) -> JsonObject:
    """Describe one operation.

    Args:
        name: its operationId, and the key of its examples.
        summary: one line.
        of: the schema of each struct.
        answers: (description, schema, headers) by status.
        tag: the group in which it is shown.
        body: the struct of its request.
        problems: statuses that it may answer besides those that every operation may.
        conflicts: the values of `error` in its 409.
    """
    known = {"401", "403", "405", "429", "503", *problems, *({"400", "413", "422"} if body else ())}
    refusals = {status: PROBLEMS[status] for status in known}
    if conflicts:
        refusals["409"] = (CONFLICT, conflicts)
    described: JsonObject = {"operationId": name, "tags": [tag], "summary": summary, "responses": {}}
    if body is not None:
        described["requestBody"] = {
            "required": True,
            "content": {
                JSON: {
                    "schema": of[body],
                    "examples": {
                        title: {"summary": title, "value": value}
                        for title, value in examples.REQUESTS[name].items()
                    },
                }
            },
        }
    for status, (description, schema, headers) in answers.items():
        answer: JsonObject = {"description": description}
        if schema is not None:
            answer["content"] = {JSON: {"schema": schema, "example": examples.ANSWERS[name]}}
        if headers is not None:
            answer["headers"] = headers
        described["responses"][status] = answer
    for status, (description, errors) in sorted(refusals.items()):
        described["responses"][status] = {
            "description": description,
            "content": {
                JSON: {
                    "schema": of[schemas.Problem],
                    "examples": {
                        error: {"summary": error, "value": examples.refusal_example(error)}
                        for error in errors
                    },
                }
            },
        }
        if status in STATUSES_TO_RETRY:
            described["responses"][status]["headers"] = {
                "Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}
            }
    return described
