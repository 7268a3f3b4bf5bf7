"""The addresses that stand in mails: no login, no cookie, no CSRF token; a token of the mail's own instead."""

from base64 import b64decode

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from mailing import tracking

PIXEL = b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")  # 1 × 1, transparent


@login_not_required
@never_cache
@require_safe
def opened(request: HttpRequest, token: str) -> HttpResponse:
    """The open pixel; shown for a damaged link too, since a broken picture helps nobody."""
    try:
        tracking.opened(token, visitor(request))
    except tracking.BadLink:
        return HttpResponse(PIXEL, content_type="image/gif", status=404)
    return HttpResponse(PIXEL, content_type="image/gif")


@login_not_required
@never_cache
@require_safe
def clicked(request: HttpRequest, token: str, index: int) -> HttpResponse:
    try:
        target = tracking.clicked(token, index, visitor(request))
    except tracking.BadLink as error:
        return render(request, "mailing/unsubscribe.html", {"problem": str(error)}, status=404)
    return HttpResponseRedirect(target)


@login_not_required
@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """A GET shows a page with a button and never acts, for scanners follow links; a POST acts at once (RFC 8058)."""
    try:
        if request.method != "POST":
            to = tracking.addressee(token)
            return render(request, "mailing/unsubscribe.html", {"to": to, "asks": True})
        one_click = request.POST.get("List-Unsubscribe") == "One-Click"
        to = tracking.unsubscribe(token, "one-click" if one_click else "page", visitor(request))
    except tracking.BadLink as error:
        return render(request, "mailing/unsubscribe.html", {"problem": str(error)}, status=404)
    return render(request, "mailing/unsubscribe.html", {"to": to})


def visitor(request: HttpRequest) -> tracking.Visitor:
    return tracking.Visitor(request.META.get("REMOTE_ADDR") or None, request.headers.get("User-Agent", ""))
