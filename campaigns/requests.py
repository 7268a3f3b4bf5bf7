"""The request as it reaches a view."""

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails


class Request(HttpRequest):
    """With what settings.MIDDLEWARE adds to it; views name this type, nothing makes one."""

    htmx: HtmxDetails
