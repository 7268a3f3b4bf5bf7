"""The pages behind the links and the pixel of a mail. They need no login, cookie or CSRF token: the link is signed."""

import re
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import translation
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from campaigns.languages import choose_language
from campaigns.waits import limit_waits
from mailing import tracking, unsubscribing
from mailing.languages import choose_page_language
from mailing.visitors import Visitor, read_visitor

DATABASE_SECONDS = 2.0  # a silent database keeps a picture or a link no longer waiting
UNSUBSCRIBE = "mailing/unsubscribe.html"
LONGEST_INDEX = 6  # digits of a link's number
_token = re.compile(r"(?:[0-9]+:)?[A-Za-z0-9_-]*").match  # of a change of address: its number stands first
PIXEL = b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")  # 1 × 1, transparent


@login_not_required
@never_cache
@require_safe
def note_open(request: HttpRequest, token: str) -> HttpResponse:
    """Answer with the open pixel, for a damaged link too, since a broken picture helps nobody."""
    try:
        with limit_waits(total=DATABASE_SECONDS):
            tracking.note_open(trim_token(token), find_visitor(request))
    except tracking.BadLink:
        return HttpResponse(PIXEL, content_type="image/gif", status=404)
    return HttpResponse(PIXEL, content_type="image/gif")


@login_not_required
@never_cache
@require_safe
def note_click(request: HttpRequest, token: str, index: str) -> HttpResponse:
    """Record a click and redirect to the target of the link."""
    try:
        with limit_waits(total=DATABASE_SECONDS):
            target = tracking.note_click(trim_token(token), trim_index(index), find_visitor(request))
    except tracking.BadLink as error:
        return show_problem(request, error)
    except tracking.DatabaseAway:
        with use_language(request):
            page = render(request, UNSUBSCRIBE, {"is_away": True}, status=503)
        page["Retry-After"] = "5"
        return page
    return HttpResponseRedirect(target)


@login_not_required
@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """Unsubscribe at once by a POST (RFC 8058). A GET only shows a button, since scanners follow links."""
    token = trim_token(token)
    asks = request.method != "POST"
    try:
        if asks:
            to = unsubscribing.find_addressee(token)
        else:
            one_click = request.POST.get("List-Unsubscribe") == "One-Click"
            how = "one-click" if one_click else "page"
            to = unsubscribing.unsubscribe(token, how, describe_visitor(request))
    except tracking.BadLink as error:
        return show_problem(request, error)
    with use_language(request, to.language):
        return render(request, UNSUBSCRIBE, {"to": to, "asks": asks})


def show_problem(request: HttpRequest, error: tracking.BadLink) -> HttpResponse:
    """Say what is wrong with a link."""
    with use_language(request):
        return render(request, UNSUBSCRIBE, {"problem": str(error)}, status=404)


@contextmanager
def use_language(request: HttpRequest, language: str = "") -> Iterator[None]:
    """Use a contact's language for the page in this block, else that of the browser."""
    with translation.override(
        choose_page_language(language, choose_language(request.headers.get("Accept-Language", "")))
    ):
        yield


def find_visitor(request: HttpRequest) -> Visitor | None:
    """Return who follows a link; None for a HEAD request, which only asks about the link."""
    return None if request.method == "HEAD" else describe_visitor(request)


def describe_visitor(request: HttpRequest) -> Visitor:
    """Describe who asks by their User-Agent header."""
    return read_visitor(request.headers.get("User-Agent", ""))


def trim_token(text: str) -> str:
    """Return the token without signs that mail programs add to its end: a slash, `>`, a dot or a blank."""
    found = _token(text)
    return found[0] if found else ""


def trim_index(text: str) -> int:
    """Return the number that a link's index begins with.

    Raises:
        BadLink: there is none.
    """
    digits = re.match(r"[0-9]*", text)
    if not digits or not digits[0] or len(digits[0]) > LONGEST_INDEX:
        raise tracking.BadLink("The link is damaged.")
    return int(digits[0])
