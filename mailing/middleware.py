"""Answers the pixel and clicks before Django's handler and the middleware of pages, which cost more than their work."""

from collections.abc import Callable, Iterable
from functools import lru_cache
from http import HTTPStatus
from typing import NamedTuple
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from django.core.exceptions import DisallowedRedirect
from django.core.handlers.wsgi import get_path_info
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from campaigns.waits import limit_waits
from mailing import tracking
from mailing.views.tracking import DATABASE_SECONDS, PIXEL, trim_index, trim_token
from mailing.visitors import read_visitor

PREFIX, OPEN, CLICK = "/t/", "/t/o/", "/t/c/"
METHODS = ("GET", "HEAD")
HEADERS = [
    ("Cache-Control", "max-age=0, no-cache, no-store, must-revalidate, private"),
    ("X-Content-Type-Options", "nosniff"),
]
Response = Callable[[HttpRequest], HttpResponse]


class Answer(NamedTuple):
    """What is answered, without session, cookie or header of pages."""

    status: HTTPStatus
    headers: list[tuple[str, str]]
    body: bytes = b""


PICTURE = Answer(HTTPStatus.OK, [("Content-Type", "image/gif"), *HEADERS], PIXEL)


class TrackingGateway:
    """Answers what it can before Django's handler; its signals and wrapping are for pages.

    `promotions.database.statements` manages the connection.
    """

    def __init__(self, application: WSGIApplication) -> None:
        self.application = application

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"].startswith(PREFIX):
            agent = environ.get("HTTP_USER_AGENT", "")
            if found := answer_visit(environ["REQUEST_METHOD"], get_path_info(environ), agent):
                start_response(f"{found.status.value} {found.status.phrase}", found.headers)
                return [found.body]
        return self.application(environ, start_response)


class TrackingMiddleware:
    """The same for whatever asks Django itself."""

    def __init__(self, get_response: Response) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info.startswith(PREFIX):
            agent = request.META.get("HTTP_USER_AGENT", "")
            if found := answer_visit(request.method or "", request.path_info, agent):
                return HttpResponse(found.body, status=found.status, headers=dict(found.headers))
        return self.get_response(request)


def answer_visit(method: str, path: str, user_agent: str) -> Answer | None:
    """Give the picture, or lead to a link's target; None where there is anything else to say.

    That a link is damaged, or that the database is away, is a page, and takes the way of pages.
    """
    if method not in METHODS:
        return None
    # a HEAD asks about the link: nobody has followed it
    visitor = None if method == "HEAD" else read_visitor(user_agent)
    try:
        with limit_waits(total=DATABASE_SECONDS):
            if path.startswith(OPEN):
                tracking.note_open(trim_token(path[len(OPEN) :]), visitor)
                return PICTURE
            if path.startswith(CLICK):
                token, _, index = path[len(CLICK) :].partition("/")
                target = tracking.note_click(trim_token(token), trim_index(index), visitor)
                return lead_to(target)
    except (tracking.BadLink, tracking.DatabaseAway, DisallowedRedirect):
        return None
    return None


@lru_cache(maxsize=1024)  # most links lead everybody to the same address
def lead_to(target: str) -> Answer:
    """Return the redirect to a target.

    Raises:
        DisallowedRedirect: it is no address of the web.
    """
    return Answer(HTTPStatus.FOUND, [("Location", HttpResponseRedirect(target)["Location"]), *HEADERS])
