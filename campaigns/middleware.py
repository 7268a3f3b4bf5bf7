"""The middleware of pages: sets the language and time zone, refuses unstorable text, asks for a login."""

from collections.abc import Callable, Iterable
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone, translation
from django.utils.cache import patch_vary_headers
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext
from django_htmx.http import HttpResponseClientRedirect

from campaigns import languages, zones
from campaigns.annotations import Argument
from campaigns.requests import Request
from campaigns.texts import UNSTORABLE, is_blank, is_storable

Response = Callable[[HttpRequest], HttpResponse]


class LanguageOfReader:
    """Show pages in the language that the signed-in user chose, else in that of the browser, else in the site's."""

    def __init__(self, get_response: Response) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        translation.activate(languages.choose_language(request.headers.get("Accept-Language", "")))
        try:
            response = self.get_response(request)
            response.headers.setdefault("Content-Language", translation.get_language() or "")
        finally:
            translation.deactivate()  # the next request of this thread is somebody else's
        patch_vary_headers(response, ["Accept-Language"])
        return response

    def process_view(self, request: Request, view: Argument, *_: Argument) -> None:
        """Take the user's own choice. Public pages do not ask for the user, which costs a query."""
        if getattr(view, "login_required", True):
            languages.activate_language_of(request)


class TextGuard:
    """Refuse text that no column can hold, before anything reads it: one sentence that names the field, status 400.

    It refuses it in the address, the query and form fields. A cookie is ignored instead: no page can mend a cookie.
    What is typed into a form and shows nothing counts as nothing, in each form.
    """

    def __init__(self, get_response: Response) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not is_storable(request.path_info):
            return refuse(request, gettext("The address of this page"))
        request.COOKIES = {
            name: value for name, value in request.COOKIES.items() if is_storable(name + value)
        }
        if name := find_unstorable(request.GET.lists()):
            return refuse(request, name)
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_: Argument) -> HttpResponse | None:
        """Check a form. It is called after the login check, so that nobody else's body is read."""
        if request.method != "POST":
            return None
        if name := find_unstorable(request.POST.lists()):
            return refuse(request, name)
        empty_unseen(request)
        return None


def find_unstorable(fields: Iterable[tuple[str, list[Argument]]]) -> str:
    """Return the name of the first field with unstorable text; "" when there is none."""
    for name, values in fields:
        if not is_storable([name, *values]):
            return gettext("The field “%(name)s”") % {"name": UNSTORABLE.sub("�", name)[:100]}
    return ""


def empty_unseen(request: HttpRequest) -> None:
    """Put "" in the place of each value of a form that nobody sees anything of. Forms strip plain blanks themselves."""
    if any(is_unseen(value) for _, values in request.POST.lists() for value in values):
        emptied = request.POST.copy()
        for name, values in request.POST.lists():
            emptied.setlist(name, ["" if is_unseen(value) else value for value in values])
        request.POST = emptied  # type: ignore[assignment]  # it can be changed; Django's own cannot


def is_unseen(text: str) -> bool:
    """Return whether a text holds signs that are not seen, and plain blanks at most beside them."""
    return is_blank(text) and not text.isspace() and text != ""


def refuse(request: HttpRequest, name: str) -> HttpResponse:
    """Answer 400: the value called `name` cannot be stored."""
    sentence = gettext("%(name)s holds a sign that cannot be stored. Remove it and send this again.") % {
        "name": name
    }
    return render(request, "400.html", {"sentence": sentence}, status=400)


class SignedInOnly(LoginRequiredMiddleware):
    """Redirect people who are not signed in to the login page, and from there back to their page.

    For a part that htmx asks for, the answer makes htmx leave the whole page. After a sent form the login leads back to
    the page of the form.
    """

    def handle_no_permission(  # type: ignore[override]  # the stubs allow a redirect only
        self, request: HttpRequest, view_func: Argument
    ) -> HttpResponseBase:
        if "HX-Request" not in request.headers and request.method in ("GET", "HEAD"):
            return super().handle_no_permission(request, view_func)
        return send_to_login(request)


def send_to_login(request: HttpRequest) -> HttpResponse:
    """Redirect to the login, and from there back to the page from which the request was sent."""
    is_htmx = "HX-Request" in request.headers
    came_from = request.headers.get("HX-Current-URL" if is_htmx else "Referer", "")
    to_login = redirect_to_login(find_own_path(request, came_from), settings.LOGIN_URL)
    return HttpResponseClientRedirect(to_login["Location"]) if is_htmx else to_login


def find_own_path(request: HttpRequest, url: str) -> str:
    """Return the path and query of an address of this site; for any other address that of the dashboard."""
    if not url_has_allowed_host_and_scheme(url, {request.get_host()}):
        return "/"
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path or "/"


class ZoneOfUser:
    """Show and read times in the zone of the signed-in user. Public pages and machines get the site's zone."""

    def __init__(self, get_response: Response) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        try:
            return self.get_response(request)
        finally:
            timezone.deactivate()  # the next request of this thread is somebody else's

    def process_view(self, request: Request, view: Argument, *_: Argument) -> None:
        if getattr(view, "login_required", True):
            timezone.activate(zones.zone_of(request.user))


class ReadAsUtf8:
    """Read every address and form as UTF-8, whatever charset a request claims.

    Browsers send forms in the charset of their page. Others may claim one that Django refuses for a form, as mail
    programs do that unsubscribe, or one that is no charset but a codec of Python, such as zip.
    """

    def __init__(self, get_response: Response) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.encoding is not None:
            request.encoding = "utf-8"
        return self.get_response(request)


class VaryByHtmx:
    """Say in a header that an address may answer with a page or a part, so that Back never shows a bare part."""

    def __init__(self, get_response: Response) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        patch_vary_headers(response, ["HX-Request"])
        return response


class KeptFromCaches:
    """Keep what one user may see out of caches between us and them, and downloads out of all caches.

    Some caches take a file for everybody's by the end of its address, such as .csv, and look neither at Vary nor at
    cookies. A view that says itself who may keep its answer is believed.
    """

    def __init__(self, get_response: Response) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if "Cache-Control" not in response:
            is_download = response.get("Content-Disposition", "").startswith("attachment")
            response["Cache-Control"] = "private, no-store" if is_download else "private"
        return response
