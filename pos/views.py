"""The JSON views for tills, version 1: unpack, call one function, answer."""

from collections.abc import Callable
from typing import Any, TypeVar

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from pos import body, holds, keys, openapi, returns, rules, sale, schemas
from pos.answers import Answer, Declined, invalid
from pos.keys import Known
from pos.middleware import JSON
from pos.schemas import MAX_BODY, QuoteRequest, ReturnRequest, SaleRequest

View = Callable[..., HttpResponse]
Request = TypeVar("Request", QuoteRequest, SaleRequest, ReturnRequest)


def methods(**views: View) -> View:
    """One address: the view of each HTTP method; 405 for others."""

    def answer(request: HttpRequest, **kwargs: Any) -> HttpResponse:
        view = views.get(request.method or "")
        if view is None:
            raise Declined(
                405, "method", f"Use {' or '.join(views)} here.", headers={"Allow": ", ".join(views)}
            )
        return view(request, **kwargs)

    return answer


def till(request: HttpRequest) -> tuple[str, Known]:
    """The hash of the key the request carries, and what this process knows of it."""
    key_hash = keys.presented(request.META.get("HTTP_AUTHORIZATION"))
    return key_hash, keys.within_rate(key_hash)


def read(request: HttpRequest, kind: type[Request], key_hash: str) -> Request:
    """The checked body. What is wrong with it is told only to a till that is known."""
    try:
        if int(request.META.get("CONTENT_LENGTH") or 0) > MAX_BODY:
            raise Declined(413, "too_large", f"{MAX_BODY} bytes are taken at most.")
        return body.read(request.body, kind)
    except Declined:
        keys.check(key_hash, timezone.now())
        raise


def named(**references: str) -> None:
    """Refuse an id of a sale or a return that is none."""
    for name, reference in references.items():
        if not schemas.is_reference(reference):
            raise invalid(
                {
                    name: [
                        "An id is 1 to 64 letters, digits and . _ : ~ -, and begins with none of these signs."
                    ]
                }
            )


def respond(answer: Answer) -> HttpResponse:
    response = HttpResponse(answer.body, content_type=JSON, status=answer.status)
    if answer.is_replay:
        response["Idempotent-Replayed"] = "true"
    return response


def quote(request: HttpRequest) -> HttpResponse:
    key_hash, known = till(request)
    return respond(sale.quote(key_hash, known, read(request, QuoteRequest, key_hash)))


def commit(request: HttpRequest, sale_id: str) -> HttpResponse:
    key_hash, known = till(request)
    named(sale_id=sale_id)
    checked = read(request, SaleRequest, key_hash)
    return respond(sale.commit(key_hash, known, sale_id, checked, request.body))


def show(request: HttpRequest, sale_id: str) -> HttpResponse:
    return respond(holds.show(*till(request), sale_id))


def confirm(request: HttpRequest, sale_id: str) -> HttpResponse:
    return respond(holds.confirm(*till(request), sale_id))


def release(request: HttpRequest, sale_id: str) -> HttpResponse:
    return respond(holds.release(*till(request), sale_id))


def void(request: HttpRequest, sale_id: str) -> HttpResponse:
    return respond(holds.void(*till(request), sale_id))


def put_return(request: HttpRequest, sale_id: str, return_id: str) -> HttpResponse:
    key_hash, known = till(request)
    named(return_id=return_id)
    checked = read(request, ReturnRequest, key_hash)
    return respond(returns.put(key_hash, known, sale_id, return_id, checked))


def show_rules(request: HttpRequest) -> HttpResponse:
    published = rules.show(*till(request))
    if request.META.get("HTTP_IF_NONE_MATCH") == published.etag:
        response = HttpResponse(status=304)
    else:
        response = HttpResponse(published.body, content_type=JSON)
    response["ETag"] = published.etag
    response["Cache-Control"] = "private, no-cache"
    return response


def describe(request: HttpRequest) -> HttpResponse:
    return HttpResponse(openapi.document(), content_type=JSON)
