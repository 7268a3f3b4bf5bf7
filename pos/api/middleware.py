"""Answers tills before Django's handler or the middleware of pages runs."""

import logging
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from django.conf import settings
from django.core.handlers.wsgi import get_path_info
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.translation import gettext

from campaigns.languages import choose_language
from campaigns.waits import LIMITS, limit_waits
from pos.api.answers import Answer, RequestRefused
from pos.api.schemas import MAX_BODY
from pos.api.urls import urlpatterns
from pos.api.views import TillRequest, View, content_length

logger = logging.getLogger(__name__)

# how long a web server waits for a silent database: for all statements of a till's request together
TILL_WAIT_SECONDS = 2.0
# and for each statement of a page
PAGE_WAIT_SECONDS = 10.0

PREFIX = "/pos/"
VERSION = "/pos/v1/"
# Django's resolver would be a tenth of the whole work of a quote, for features that these eight addresses do not use
VIEWS: list[tuple[Any, View]] = [(address.pattern.regex, address.callback) for address in urlpatterns]

JSON = "application/json"
STATUS_LINES = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}
Response = Callable[[HttpRequest], HttpResponse]


class TillMiddleware:
    """Answers /pos/ before any session, cookie or page middleware runs."""

    def __init__(self, get_response: Response) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith(PREFIX):
            return self.get_response(request)
        body = request.body if content_length(request.META) <= MAX_BODY else b""
        found = answer_request(TillRequest(request.method or "", request.path_info, request.META, body))
        return HttpResponse(found.body, status=found.status, content_type=JSON, headers={**found.headers})


class Gateway:
    """Answers /pos/ before Django's handler, whose signals and wrapping cost as much as a till's whole SELECT.

    Tills do not need them: `promotions.database.statements` manages the connection, and `answer_request` handles every
    error.

    Args:
        application: answers every other address. None: nobody does. The front takes `/POS/` and `/x/../pos/` for
            addresses of tills too, and a page would keep the tills of this process waiting.
    """

    def __init__(self, application: WSGIApplication | None = None) -> None:
        self.application = application

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if self.application and not environ["PATH_INFO"].startswith(PREFIX):
            with limit_waits(each=PAGE_WAIT_SECONDS):
                return self.application(environ, start_response)
        LIMITS.left = TILL_WAIT_SECONDS  # `limit_waits` would cost more than the rest of this function
        try:
            # also when the request is refused: the server closes a connection with unread bytes
            body = read_body(environ)
            found = answer_request(
                TillRequest(environ["REQUEST_METHOD"], get_path_info(environ), environ, body)
            )
        except RequestRefused as cut_short:
            found = cut_short.answer
        finally:
            LIMITS.left = None
        start_response(STATUS_LINES[found.status], [("Content-Type", JSON), *found.headers.items()])
        return [found.body]


def read_body(environ: WSGIEnvironment) -> bytes:
    """Read the body of a request, and no more than one byte beyond MAX_BODY.

    Raises:
        RequestRefused: 400 when the body is shorter than announced.
    """
    if "CONTENT_LENGTH" in environ:
        size = content_length(environ)
        if size > MAX_BODY:
            return b""
        body: bytes = environ["wsgi.input"].read(size)
        if len(body) < size:  # what came may look whole, or like a request that needs no body
            raise RequestRefused(
                400,
                "cut_short",
                gettext("The body has %(count)s of the %(size)s bytes that were announced.")
                % {"count": len(body), "size": size},
            )
        return body
    if "HTTP_TRANSFER_ENCODING" not in environ:
        return b""
    # in chunks, which say nothing of the whole length; the server knows where they end
    body = b""
    while len(body) <= MAX_BODY and (piece := environ["wsgi.input"].read(MAX_BODY + 1 - len(body))):
        body += piece
    return body


def answer_request(request: TillRequest) -> Answer:
    """Answer a till: always with JSON, never with a traceback, and with sentences in the language it asks for."""
    asked = request.headers.get("HTTP_ACCEPT_LANGUAGE")
    language = choose_language(str(asked)) if asked else settings.DEFAULT_LANGUAGE
    if language == settings.LANGUAGE_CODE == translation.get_language():
        return _answer_request(request)
    with translation.override(language):
        return _answer_request(request)


def _answer_request(request: TillRequest) -> Answer:
    try:
        view, parts = find_view(request.path)
        return view(request, **parts)
    except RequestRefused as declined:
        return declined.answer
    except (OperationalError, InterfaceError) as error:
        # every request of every till may come here: log one line, no traceback
        logger.error("The database is away: %s", " ".join(str(error).split()))
        return RequestRefused(
            503,
            "unavailable",
            gettext("The database is away: send this again."),
            headers={"Retry-After": "1"},
        ).answer
    except Exception:
        logger.exception("A till's request failed: %s %s", request.method, request.path)
        return RequestRefused(500, "failed", gettext("This failed on our side; it is in the log.")).answer


def find_view(path: str) -> tuple[View, dict[str, str]]:
    """Find the view of an address, and the parts of the address that it takes.

    Raises:
        RequestRefused: 404 when there is none.
    """
    if path.startswith(VERSION):
        address = path.removeprefix(VERSION)
        for pattern, view in VIEWS:
            if found := pattern.match(address):
                return view, found.groupdict()
    raise RequestRefused(404, "not_found", gettext("There is nothing at %(path)s.") % {"path": path})
