"""The JSON views for tills, version 1: unpack, call one function, answer."""

from collections.abc import Callable, Mapping
from typing import Any

from django.utils.translation import gettext
from msgspec import Struct

from campaigns import database_time
from campaigns.annotations import ColumnValue
from pos.api import body, openapi, schemas
from pos.api.answers import Answer, RequestRefused, invalid_values_refusal
from pos.api.body import Request
from pos.api.schemas import MAX_BODY, QuoteRequest, ReturnRequest, SaleRequest
from pos.sales import callers, commits, holds, past_rules, quotes, returns, stored, voids
from pos.sales.callers import Caller
from pos.sales.till_facts import FactsQuery


class TillRequest(Struct, frozen=True):
    """What a till sent.

    Attributes:
        headers: by their names in WSGI, such as HTTP_AUTHORIZATION.
        body: empty when it is too long.
    """

    method: str
    path: str
    headers: Mapping[str, ColumnValue]
    body: bytes


View = Callable[..., Answer]
"""Takes a TillRequest and the parts of the address, by name."""


def allow_methods(**views: View) -> Callable[..., Any]:  # what Django's path() lets pass
    """Combine the views of one address, by HTTP method. Other methods get a 405."""

    def answer(request: TillRequest, **parts: str) -> Answer:
        view = views.get(request.method)
        if view is None:
            raise RequestRefused(
                405,
                "method",
                gettext("Use %(methods)s here.") % {"methods": f" {gettext('or')} ".join(views)},
                headers={"Allow": ", ".join(views)},
            )
        return view(request, **parts)

    return answer


def identify_caller(request: TillRequest) -> Caller:
    """Find the till whose key a request has.

    Raises:
        RequestRefused: no till has the key, or it was revoked.
    """
    return callers.identify_caller(request.headers.get("HTTP_AUTHORIZATION"))


def content_length(headers: Mapping[str, ColumnValue]) -> int:
    """Return how many bytes the body has, as the request says."""
    return int(headers.get("CONTENT_LENGTH") or 0)


def read_checked(request: TillRequest, kind: type[Request], till: Caller) -> Request:
    """Return the checked body. Only a till with a valid key learns what is wrong with it."""
    try:
        if content_length(request.headers) > MAX_BODY:
            raise RequestRefused(
                413, "too_large", gettext("%(most)s bytes are accepted at most.") % {"most": MAX_BODY}
            )
        return body.read_request(request.body, kind)
    except RequestRefused:
        till.read_facts(FactsQuery(database_time.now_at_till()))
        raise


def check_ids(**references: str) -> None:
    """Refuse a malformed id of a sale or a return."""
    for name, reference in references.items():
        if not schemas.is_reference(reference):
            raise invalid_values_refusal(
                {
                    name: [
                        gettext(
                            "An id is 1 to 64 letters, digits and . _ : ~ -, and begins with none of these signs."
                        )
                    ]
                }
            )


def quote(request: TillRequest) -> Answer:
    """Answer what a basket would get; write nothing."""
    till = identify_caller(request)
    return quotes.quote(till, read_checked(request, QuoteRequest, till))


def commit(request: TillRequest, sale_id: str) -> Answer:
    """Commit or hold a sale."""
    till = identify_caller(request)
    check_ids(sale_id=sale_id)
    checked = read_checked(request, SaleRequest, till)
    return commits.commit(till, sale_id, checked, request.body)


def show(request: TillRequest, sale_id: str) -> Answer:
    """Answer with a stored sale."""
    return stored.show_sale(identify_caller(request), sale_id)


def confirm(request: TillRequest, sale_id: str) -> Answer:
    """Commit a held sale."""
    return holds.confirm(identify_caller(request), sale_id)


def release(request: TillRequest, sale_id: str) -> Answer:
    """Release a held sale."""
    return holds.release(identify_caller(request), sale_id)


def void(request: TillRequest, sale_id: str) -> Answer:
    """Void a committed sale."""
    return voids.void(identify_caller(request), sale_id)


def put_return(request: TillRequest, sale_id: str, return_id: str) -> Answer:
    """Take back units of a sale."""
    till = identify_caller(request)
    check_ids(return_id=return_id)
    checked = read_checked(request, ReturnRequest, till)
    return returns.put_return(till, sale_id, return_id, checked)


def show_rules(request: TillRequest) -> Answer:
    """Answer with the published rules of the till's location; 304 when it has them."""
    published = past_rules.show_rules(identify_caller(request))
    headers = {"ETag": published.etag, "Cache-Control": "private, no-cache"}
    if request.headers.get("HTTP_IF_NONE_MATCH") == published.etag:
        return Answer(304, b"", headers)
    return Answer(200, published.body, headers)


def describe(request: TillRequest) -> Answer:
    """Answer with the OpenAPI description."""
    return Answer(200, openapi.encode_document())
