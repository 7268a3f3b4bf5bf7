"""The pages of coupons that were generated together."""

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods

from campaigns.refusals import Refused
from campaigns.requests import Request
from campaigns.views.answers import go_to
from promotions import batches
from promotions.forms.filters import read_key

PER_PAGE = 50


@require_GET
@permission_required("promotions.view_coupon", raise_exception=True)
def batch_list(request: Request) -> HttpResponse:
    """List the batches of generated coupons."""
    page = Paginator(batches.list_batches(), PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "promotions/batches.html", {"page": page})


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required("promotions.change_coupon", raise_exception=True)
def switch(request: Request) -> HttpResponse:
    """Switch all codes of the `batch` of a `promotion` on (`on`) or off; a GET asks first."""
    said = request.POST if request.method == "POST" else request.GET
    promotion, on = read_key(said.get("promotion")), "on" in said
    name = said.get("batch", "").replace("\0", "")  # no name in the database holds a NUL
    if request.method != "POST":
        batch = batches.list_batches().filter(promotion=promotion, batch=name).first()
        if batch is None:
            raise Http404(_("There is no such batch."))
        template = "promotions/_batch_ask.html" if request.htmx else "promotions/batch_ask.html"
        return render(request, template, {"batch": batch, "on": on})
    try:
        switched = batches.switch_batch(promotion, name, on, by=request.user)
    except Refused as refused:
        messages.error(request, str(refused))
    else:
        done = (
            ngettext(
                "%(count)s code of “%(name)s” switched on.",
                "%(count)s codes of “%(name)s” switched on.",
                switched,
            )
            if on
            else ngettext(
                "%(count)s code of “%(name)s” switched off.",
                "%(count)s codes of “%(name)s” switched off.",
                switched,
            )
        )
        messages.success(
            request,
            done % {"count": f"{switched:,}", "name": name},
        )
    return go_to(request, reverse("promotions:batches"))
