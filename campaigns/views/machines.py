"""What the front and those who watch over the installation ask."""

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_GET

from campaigns import health, waits
from campaigns.middleware import send_to_login
from campaigns.requests import Request

READYZ_WAIT_SECONDS = 2.0  # seconds for each statement: who watches over us asks again soon


@login_not_required
@require_GET
def check_signed_in(request: HttpRequest) -> HttpResponse:
    """Answer 204 to the front if a request is from a signed-in user, else redirect to the login.

    The front asks before it receives something long. With `?plain` the answer is 401, since nginx follows no redirect.
    """
    if request.user.is_authenticated:
        return HttpResponse(status=204)
    return HttpResponse(status=401) if "plain" in request.GET else send_to_login(request)


@login_not_required
@require_GET
def healthz(request: Request) -> JsonResponse:
    """Answer that this process is alive."""
    return JsonResponse({"status": "ok"})


@login_not_required
@require_GET
def readyz(request: Request) -> JsonResponse:
    """Answer 200 if database, migrations and queue work, else 503, with the problems for callers with the token."""
    with waits.limit_waits(each=READYZ_WAIT_SECONDS):
        problems = health.list_problems()
    if not problems:
        return JsonResponse({"status": "ok"})
    told = {"problems": problems} if may_read_problems(request) else {}
    return JsonResponse({"status": "not ready"} | told, status=503, headers={"Retry-After": "5"})


def may_read_problems(request: Request) -> bool:
    """Return whether the request has settings.READYZ_TOKEN. The address proves nothing: the front is this machine."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    known = settings.READYZ_TOKEN
    return bool(known) and scheme.lower() == "bearer" and constant_time_compare(token.strip(), known)
