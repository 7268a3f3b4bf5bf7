"""The page and the pictures of a code, behind the signed link that stands in its mail."""

from collections.abc import Callable

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from campaigns import database_time
from mailing import code_pages, detours, pictures
from mailing.tracking import BadLink
from mailing.views.tracking import LONGEST_INDEX, trim_token, use_language

PAGE = "mailing/code.html"
YEAR = 365 * 86_400  # seconds: the picture of a token never changes


@login_not_required
@require_safe
def qr(request: HttpRequest, token: str) -> HttpResponse:
    """Return the QR code of a code."""
    return _answer_picture(token, pictures.draw_qr)


@login_not_required
@require_safe
def barcode(request: HttpRequest, token: str) -> HttpResponse:
    """Return the bar code of a code."""
    return _answer_picture(token, pictures.draw_barcode)


def _answer_picture(token: str, draw: Callable[[str], bytes]) -> HttpResponse:
    try:
        drawn = draw(code_pages.find_code(token))
    except BadLink as error:
        return HttpResponse(str(error), status=404, content_type="text/plain; charset=utf-8")
    response = HttpResponse(drawn, content_type="image/png")
    response["Cache-Control"] = f"public, max-age={YEAR}, immutable"
    return response


@login_not_required
@never_cache
@require_safe
def code_page(request: HttpRequest, token: str) -> HttpResponse:
    """Show a code with its picture and until when it is good, or that the offer is over."""
    token = trim_token(token)
    try:
        page = code_pages.read_page(token, database_time.now(), read_link(request))
    except BadLink as error:
        with use_language(request):
            return render(request, PAGE, {"problem": str(error)}, status=404)
    with use_language(request, page.language):
        return render(request, PAGE, {"page": page, "token": token})


def read_link(request: HttpRequest) -> int | None:
    """Return which link of the mail was followed here; None where the page was asked for by itself."""
    asked = request.GET.get(detours.LINK, "")
    return int(asked) if asked.isdecimal() and len(asked) <= LONGEST_INDEX else None
