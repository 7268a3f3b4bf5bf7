"""The short way for tills."""

import logging
from collections.abc import Callable
from functools import lru_cache

import msgspec
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import resolve

from pos.answers import Declined

logger = logging.getLogger(__name__)

view_of = lru_cache(maxsize=512)(resolve)  # quotes, which are most, are all at one address

JSON = "application/json"
Response = Callable[[HttpRequest], HttpResponse]


class Tills:
    """Answers /pos/ before any session, cookie or page middleware runs: always JSON, never a traceback."""

    def __init__(self, get_response: Response) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith("/pos/"):
            return self.get_response(request)
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
