"""A mail shown in a frame of a page: from an address of its own, where it can run and load nothing."""

from django.http import HttpResponse

POLICY = "default-src 'none'; img-src data: cid:; style-src 'unsafe-inline'; sandbox"


def framed(body: str | bytes, content_type: str = "text/html; charset=utf-8") -> HttpResponse:
    """The answer to the frame: scripts, forms, remote pictures and links out of it are refused by the browser."""
    response = HttpResponse(body, content_type=content_type)
    response["Content-Security-Policy"] = POLICY
    response["X-Frame-Options"] = "SAMEORIGIN"
    response["Cache-Control"] = "private, no-store"
    return response
