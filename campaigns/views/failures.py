"""The page of an error on the server."""

import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpResponse
from django.template.loader import get_template

from campaigns.queue import QueueAway
from campaigns.requests import Request


def server_error(request: Request) -> HttpResponse:
    """Return an error page that needs no database: 503 while the database or the queue is away, else 500."""
    if isinstance(sys.exception(), OperationalError | InterfaceError):
        return render_alone("503.html", 503, {"Retry-After": "5"})
    if isinstance(sys.exception(), QueueAway):
        return render_alone("503_queue.html", 503, {"Retry-After": "5"})
    return render_alone("500.html", 500, {})


def render_alone(template: str, status: int, headers: dict[str, str]) -> HttpResponse:
    """Render a template without the request and its user."""
    return HttpResponse(get_template(template).render(), status=status, headers=headers)
