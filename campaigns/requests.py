"""The request as it reaches a view."""

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails


class Request(HttpRequest):
    """With what settings.MIDDLEWARE adds to it; views name this type, nothing makes one."""

    htmx: HtmxDetails


def number(request: HttpRequest, name: str) -> int:
    """A whole number in the address, as in `?after=50`; 0 where there is none."""
    text = request.GET.get(name, "")
    return int(text) if text.isdecimal() else 0
