"""The pages of errors."""

import sys

from django.http import HttpResponse
from django.template.loader import get_template
from django.views import defaults

from campaigns.annotations import Argument
from campaigns.languages import activate_language_of
from campaigns.queue import QueueAway
from campaigns.requests import Request
from campaigns.waits import DATABASE_AWAY


def page_not_found(request: Request, exception: Argument) -> HttpResponse:
    """Return Django's own page, in the language of who is signed in: no view was found that would set it."""
    activate_language_of(request)
    return defaults.page_not_found(request, exception)


def server_error(request: Request) -> HttpResponse:
    """Return an error page that needs no database: 503 while the database or the queue is away, else 500."""
    if isinstance(sys.exception(), DATABASE_AWAY):
        return render_alone("503.html", 503, {"Retry-After": "5"})
    if isinstance(sys.exception(), QueueAway):
        return render_alone("503_queue.html", 503, {"Retry-After": "5"})
    return render_alone("500.html", 500, {})


def render_alone(template: str, status: int, headers: dict[str, str]) -> HttpResponse:
    """Render a template without the request and its user."""
    return HttpResponse(get_template(template).render(), status=status, headers=headers)
