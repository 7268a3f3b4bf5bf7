"""What the site notes of opens and clicks."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods

from campaigns.requests import Request
from mailing.forms import TrackingPolicyForm
from mailing.models import TrackingPolicy


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required("mailing.view_trackingpolicy", raise_exception=True)
def tracking_policy(request: Request) -> HttpResponse:
    """Show the site's tracking policy, and save it."""
    form = TrackingPolicyForm(request.POST or None, instance=TrackingPolicy.read_row())
    may_change = request.user.has_perm("mailing.change_trackingpolicy")
    form.fields["mode"].disabled = not may_change
    if request.method == "POST":
        if not may_change:
            raise PermissionDenied
        if form.is_valid():
            form.save()
            messages.success(request, gettext("The setting is saved and counts from now on."))
            return redirect("mailing:tracking_policy")
    context = {
        "form": form,
        "asks_consent": settings.TRACKING_CONSENT == "opt-in",
        "months": settings.TRACKING_MONTHS,
    }
    return render(request, "mailing/tracking_policy.html", context, status=422 if form.errors else 200)
