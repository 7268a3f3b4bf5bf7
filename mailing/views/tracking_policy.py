"""What the site notes of opens and clicks."""

from django.conf import settings
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods

from campaigns.requests import Request
from mailing.forms import TrackingPolicyForm
from mailing.models import TrackingPolicy
from mailing.views.row_forms import edit_row


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required("mailing.view_trackingpolicy", raise_exception=True)
def tracking_policy(request: Request) -> HttpResponse:
    """Show the site's tracking policy, and save it."""
    form = TrackingPolicyForm(request.POST or None, instance=TrackingPolicy.read_row())
    may_change = request.user.has_perm("mailing.change_trackingpolicy")
    form.fields["mode"].disabled = not may_change
    if request.method == "POST" and not may_change:
        raise PermissionDenied
    return edit_row(
        request,
        form,
        "mailing/tracking_policy.html",
        gettext("The setting is saved and counts from now on."),
        to="mailing:tracking_policy",
        asks_consent=settings.TRACKING_CONSENT == "opt-in",
        months=settings.TRACKING_MONTHS,
    )
