"""The pages of coupons: the list with its export, one code, and many at once."""

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import FileResponse, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from campaigns import database_time
from campaigns.annotations import PageContext
from campaigns.refusals import Refused
from campaigns.requests import Request
from campaigns.views.answers import say_undoable
from campaigns.workspace.responses import csv_response
from promotions import coupons, publish
from promotions.conflicts import conflicts_of_coupon
from promotions.forms.coupon import CouponForm, CouponTerms, GenerateForm
from promotions.forms.filters import CouponFilter, read_edition
from promotions.models import Coupon

PER_PAGE = 50
USES = 15  # the latest redemptions on the page of one code

viewing = permission_required("promotions.view_coupon", raise_exception=True)
adding = permission_required("promotions.add_coupon", raise_exception=True)
changing = permission_required("promotions.change_coupon", raise_exception=True)


@require_GET
@viewing
def coupon_list(request: Request) -> HttpResponse:
    """List the coupons that match the filters."""
    form, found = filter_coupons(request)
    page = Paginator(found.select_related("promotion"), PER_PAGE).get_page(request.GET.get("page"))
    context = {"form": form, "page": page, "is_filtered": any(form.cleaned_data.values())}
    return render(request, "promotions/coupons.html", context)


@require_GET
@viewing
def export(request: Request) -> HttpResponse | FileResponse:
    """Return all coupons that match the filters as CSV."""
    _, found = filter_coupons(request)
    return csv_response(coupons.csv_lines(found), f"coupons-{timezone.localdate()}.csv")


@require_http_methods(["GET", "HEAD", "POST"])
@adding
def new(request: Request) -> HttpResponse:
    """Show and save the form of a new coupon."""
    form = CouponForm(request.POST or None, initial={"promotion": request.GET.get("promotion")})
    looks = is_search(request, form)
    if request.method == "POST" and not looks and form.is_valid():
        try:
            coupon = coupons.save_coupon(
                None,
                by=request.user,
                locations=form.cleaned_data["locations"],
                promotion=form.cleaned_data["promotion"],
                **form.columns(),
            )
        except Refused as refused:
            form.refuse(refused.reasons)
        else:
            messages.success(request, _("The code “%(coupon)s” is saved.") % {"coupon": coupon})
            return redirect("promotions:coupon", coupon.pk)
    status = 422 if request.method == "POST" and not looks else 200
    return render(request, "promotions/coupon_form.html", {"form": form}, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@viewing
def coupon(request: Request, pk: int) -> HttpResponse:
    """Show one code with its uses, and its form to those who may change it."""
    coupon = get_object_or_404(
        Coupon.objects.with_state(database_time.now()).select_related("promotion"), pk=pk
    )
    if not request.user.has_perm("promotions.change_coupon"):
        if request.method == "POST":
            raise PermissionDenied
        return render(request, "promotions/coupon.html", coupon_context(coupon, None))
    form = CouponForm(request.POST or None, coupon=coupon)
    seen = read_edition(request.POST.get("seen"))
    if request.method == "POST" and form.is_valid():
        try:
            coupons.save_coupon(
                pk,
                by=request.user,
                locations=form.cleaned_data["locations"],
                seen=seen,
                **form.columns(),
            )
        except publish.EditConflict as overtaken:
            form.refuse(overtaken.reasons)
            seen = overtaken.latest
        except Refused as refused:
            form.refuse(refused.reasons)
        else:
            messages.success(request, _("The code “%(coupon)s” is saved.") % {"coupon": coupon})
            return redirect("promotions:coupon", pk)
    status = 422 if request.method == "POST" else 200
    context = {
        "seen": publish.last_edit(coupons.edits_of(coupon)) if seen is None else seen,
        **coupon_context(coupon, form),
    }
    return render(request, "promotions/coupon.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@adding
def generate(request: Request) -> HttpResponse:
    """Show the form for many codes, generate them, and show them for export."""
    initial = {"promotion": request.GET.get("promotion")}
    form = GenerateForm(request.POST or None, initial=initial)
    looks = is_search(request, form)
    if request.method == "POST" and not looks and form.is_valid():
        said = form.cleaned_data
        try:
            batch = coupons.generate_codes(
                said["promotion"],
                said["number"],
                by=request.user,
                prefix=said["begins"],
                length=said["length"],
                batch=said["batch"],
                locations=said["locations"],
                **form.columns(),
            )
        except Refused as refused:
            renamed = {"count": "number", "prefix": "begins", "code": "begins"}
            form.refuse([(renamed.get(name, name), reason) for name, reason in refused.reasons])
        else:
            messages.success(
                request,
                _("%(number)s codes are made. Export them as CSV to hand them out.")
                % {"number": f"{said['number']:,}"},
            )
            asking = urlencode({"promotion": said["promotion"].pk, "batch": batch})
            return redirect(f"{reverse('promotions:coupons')}?{asking}")
    status = 422 if request.method == "POST" and not looks else 200
    return render(request, "promotions/coupons_generate.html", {"form": form}, status=status)


@require_POST
@changing
def switch(request: Request, pk: int) -> HttpResponse:
    """Switch one code on (`on`) or off."""
    coupon = get_object_or_404(Coupon, pk=pk)
    was, on = coupon.active, "on" in request.POST
    try:
        coupons.save_coupon(coupon, by=request.user, active=on)
    except Refused as refused:
        messages.error(request, str(refused))
    else:
        if was != on and not request.htmx:  # a row of the list has the button that takes it back
            said = (
                _("The code “%(code)s” is switched on.") if on else _("The code “%(code)s” is switched off.")
            )
            undo = {} if on else {"on": "1"}
            say_undoable(request, said % {"code": coupon}, request.path, **undo)
    if not request.htmx:
        return redirect("promotions:coupon", pk)
    coupon = Coupon.objects.with_state(database_time.now()).select_related("promotion").get(pk=pk)
    return render(request, "promotions/_coupon_row.html", {"coupon": coupon})


# ── what the views above share ───────────────────────────────────────────────────────────────────────────────────────


def is_search(request: Request, form: CouponTerms) -> bool:
    """Return whether the form only searches for a promotion, without JavaScript, so that nothing is saved."""
    if "look" not in request.POST:
        return False
    form.forgive()
    return True


def filter_coupons(request: Request) -> tuple[CouponFilter, QuerySet[Coupon]]:
    """Return the filters of the list, and the coupons that match."""
    form = CouponFilter(request.GET)
    form.is_valid()  # what is no choice is left out of cleaned_data
    return form, form.narrow(Coupon.objects.with_state(database_time.now()))


def coupon_context(coupon: Coupon, form: CouponForm | None) -> PageContext:
    """Return what promotions/coupon.html shows."""
    uses = coupon.redemptions.select_related("sale__location", "campaign").order_by("-at", "-pk")
    return {"coupon": coupon, "form": form, "uses": uses[:USES], "conflicts": conflicts_of_coupon(coupon)}
