"""Answers the pixel and clicks before the middleware of pages, which costs as much as their work."""

from collections.abc import Callable

from django.db import connection
from django.http import HttpRequest, HttpResponse

from mailing.views import tracking

PIXEL, CLICK = "/t/o/", "/t/c/"
Response = Callable[[HttpRequest], HttpResponse]


class TrackingMiddleware:
    """Gives the picture, or leads to a link's target, without session, cookie or page header.

    Whatever else there is to say, as that a link is damaged, is a page, and takes the way of pages.
    """

    def __init__(self, get_response: Response) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        path = request.path_info
        if path.startswith(PIXEL):
            response = self._answer(request, tracking.note_open, path[len(PIXEL) :])
        elif path.startswith(CLICK):
            token, _, index = path[len(CLICK) :].partition("/")
            response = self._answer(request, tracking.note_click, token, index)
        else:
            return self.get_response(request)
        return response if response.status_code < 400 else self.get_response(request)

    def _answer(self, request: HttpRequest, view: Callable[..., HttpResponse], *parts: str) -> HttpResponse:
        # a connection that is lost sends the visit to disk, and no more
        connection.health_check_done = True  # type: ignore[attr-defined]  # the stubs do not know it
        response = view(request, *parts)
        response["X-Content-Type-Options"] = "nosniff"
        return response
