"""The short way for tills."""

import logging
from collections.abc import Callable, Iterable
from functools import lru_cache
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import msgspec
from django.core.handlers.wsgi import WSGIRequest, get_path_info
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.urls.resolvers import RoutePattern, URLResolver

from pos.answers import Declined
from pos.schemas import MAX_BODY

logger = logging.getLogger(__name__)

PREFIX = "/pos/"
ADDRESSES = URLResolver(RoutePattern("/pos/v1/"), "pos.urls")  # from the root it is three times the work
view_of = lru_cache(maxsize=512)(ADDRESSES.resolve)  # quotes, which are most, are all at one address

JSON = "application/json"
Response = Callable[[HttpRequest], HttpResponse]


class Tills:
    """Answers /pos/ before any session, cookie or page middleware runs."""

    def __init__(self, get_response: Response) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return answer(request) if request.path_info.startswith(PREFIX) else self.get_response(request)


class TillRequest(WSGIRequest):
    """As much of a request as the views for tills look at, read straight from the server's environ."""

    def __init__(self, environ: WSGIEnvironment) -> None:
        self.environ = self.META = environ
        self.path_info = self.path = get_path_info(environ)
        self.method = environ["REQUEST_METHOD"]
        length = int(environ.get("CONTENT_LENGTH") or 0)
        # also where the request is refused unread: the server closes a connection with something left in it
        self._body = environ["wsgi.input"].read(length) if length <= MAX_BODY else b""


class Gateway:
    """Answers /pos/ before Django's handler, whose signals and wrapping are as much work as a till's whole SELECT.

    Nothing of them is missed: `promotions.statements` looks after the connection, and `answer` after every error.
    """

    def __init__(self, application: WSGIApplication) -> None:
        self.application = application

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if not environ["PATH_INFO"].startswith(PREFIX):
            return self.application(environ, start_response)
        response = answer(TillRequest(environ))
        start_response(f"{response.status_code} {response.reason_phrase}", [*response.items()])
        return [response.content]


def answer(request: HttpRequest) -> HttpResponse:
    """The answer to a till: always JSON, never a traceback."""
    try:
        view, args, kwargs = view_of(request.path_info)
        return view(request, *args, **kwargs)
    except Declined as declined:
        return refusal(declined)
    except Http404:
        return refusal(Declined(404, "not_found", f"There is nothing at {request.path_info}."))
    except (OperationalError, InterfaceError):
        logger.exception("The database is away")
        return refusal(
            Declined(
                503, "unavailable", "The database is away: send this again.", headers={"Retry-After": "1"}
            )
        )
    except Exception:
        logger.exception("A till's request failed: %s %s", request.method, request.path_info)
        return refusal(Declined(500, "failed", "This failed on our side; it is in the log."))


def refusal(declined: Declined) -> HttpResponse:
    return HttpResponse(
        msgspec.json.encode(declined.problem),
        content_type=JSON,
        status=declined.status,
        headers=declined.headers,
    )
