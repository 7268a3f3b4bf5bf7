"""The page of what articles cost: the known costs, and a file of new ones, checked and then taken in."""

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.text import format_lazy
from django.utils.translation import gettext, gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_POST

from campaigns.annotations import PageContext
from campaigns.formats import thousands
from campaigns.requests import Request
from pos import article_costs
from pos.models import ArticleCost

PER_PAGE = 100
WRONG_SHOWN = 50
MOST_BYTES = 4 * 2**20
PAGE = "pos/article_costs.html"


class CostsForm(forms.Form):
    """A file of costs."""

    file = forms.FileField(
        label=gettext_lazy("CSV file"),
        help_text=format_lazy(
            gettext_lazy(
                "Its first line names the columns: sku, cost, and currency where it is not the site’s. "
                "Up to {most} MB."
            ),
            most=MOST_BYTES // 2**20,
        ),
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,text/csv"}),
    )

    def clean_file(self) -> article_costs.Check:
        file = self.cleaned_data["file"]
        if file.size > MOST_BYTES:
            raise forms.ValidationError(
                gettext("The file has more than %(count)s MB.") % {"count": MOST_BYTES // 2**20}
            )
        try:
            return article_costs.check_file(file.read())
        except article_costs.UnreadableCosts as error:
            raise forms.ValidationError(str(error)) from error


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required("pos.view_articlecost", raise_exception=True)
def list_costs(request: Request) -> HttpResponse:
    """Show the known costs; a POST checks a file and shows what it would do."""
    context: PageContext = {}
    may_change = request.user.has_perm("pos.change_articlecost")
    form = CostsForm()
    if request.method == "POST" and may_change:
        form = CostsForm(request.POST, request.FILES)
        if form.is_valid():
            check = form.cleaned_data["file"]
            context |= {
                "check": check,
                "signed": article_costs.sign_costs(check),
                "wrong": check.wrong[:WRONG_SHOWN],
            }
    asked = request.GET.get("q", "").strip()
    costs = ArticleCost.objects.filter(sku__icontains=asked) if asked else ArticleCost.objects.all()
    context |= {
        "form": form,
        "may_change": may_change,
        "q": asked,
        "page": Paginator(costs, PER_PAGE).get_page(request.GET.get("page")),
    }
    return render(request, PAGE, context, status=422 if form.errors else 200)


@require_POST
@permission_required("pos.change_articlecost", raise_exception=True)
def take_costs(request: Request) -> HttpResponse:
    """Store the costs of a file that was checked."""
    try:
        count = article_costs.take_costs(request.POST.get("signed", ""))
    except article_costs.UnreadableCosts as error:
        messages.error(request, str(error))
    else:
        messages.success(
            request,
            ngettext(
                "The costs of %(count)s article are stored.",
                "The costs of %(count)s articles are stored.",
                count,
            )
            % {"count": thousands(count)},
        )
    return redirect("tills:article_costs")
