"""Messages of the bounce mailboxes that only a person understands."""

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from campaigns.refusals import Refused
from campaigns.requests import Request
from mailing.bounces import intake
from mailing.bounces.readable_text import write_readable_text
from mailing.forms import HeldReportForm
from mailing.models import BounceMailbox, HeldReport
from mailing.views.mail_frames import answer_frame, mask_tokens

viewing = permission_required("mailing.view_heldreport", raise_exception=True)
deciding = permission_required(["mailing.change_heldreport", "mailing.add_suppression"], raise_exception=True)
PER_PAGE = 50
DONE = {
    HeldReport.Decision.BOUNCE: gettext_lazy("“{}” gets no campaign from now on: the mail came back."),
    HeldReport.Decision.UNSUBSCRIBED: gettext_lazy("“{}” is unsubscribed and gets no campaign from now on."),
    HeldReport.Decision.IGNORED: gettext_lazy("The message is ignored."),
}


@require_GET
@viewing
def held_reports(request: Request) -> HttpResponse:
    """List the messages of bounce mailboxes that wait for a person."""
    waiting = HeldReport.objects.filter(decision=HeldReport.Decision.WAITING).defer("content")
    page = Paginator(waiting.select_related("mailbox"), PER_PAGE).get_page(request.GET.get("page"))
    context = {"page": page, "has_mailbox": bool(page.object_list) or BounceMailbox.objects.exists()}
    return render(request, "mailing/held_reports.html", context)


@require_GET
@viewing
def held_report(request: Request, pk: int) -> HttpResponse:
    """Show a message that waits for a person."""
    held = find_report(pk)
    return show_report(request, held, HeldReportForm(initial={"address": held.address}))


@require_GET
@viewing
def held_frame(request: Request, pk: int) -> HttpResponse:
    """Show the words of the message in the frame on its page: as plain text, without the tokens of our links."""
    words = write_readable_text(bytes(get_object_or_404(HeldReport, pk=pk).content))
    return answer_frame(
        mask_tokens(words) or gettext("The message has no text."), "text/plain; charset=utf-8"
    )


@require_POST
@deciding
def decide(request: Request, pk: int) -> HttpResponse:
    """Act on a person's decision about a message."""
    held = find_report(pk)
    form = HeldReportForm(request.POST)
    if not form.is_valid():
        return show_report(request, held, form, 422)
    decision = HeldReport.Decision(form.cleaned_data["decision"])
    try:
        judged = intake.decide(pk, decision, form.cleaned_data["address"], request.user)
    except Refused as refused:
        for field, sentence in refused.reasons:
            form.add_error(field or None, sentence)
        held = find_report(pk)  # as somebody else left it
        return show_report(request, held, form, 422 if form.errors.get("address") else 409)
    messages.success(request, DONE[decision].format(judged.address))
    return redirect("mailing:held_reports")


def show_report(request: Request, held: HeldReport, form: HeldReportForm, status: int = 200) -> HttpResponse:
    """Answer with the page of a message."""
    return render(request, "mailing/held_report.html", {"held": held, "form": form}, status=status)


def find_report(pk: int) -> HeldReport:
    """Return a held report without its content, which may be large; Http404 without one."""
    rows = HeldReport.objects.defer("content").select_related("mailbox", "decided_by")
    return get_object_or_404(rows, pk=pk)
