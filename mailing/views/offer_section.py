"""Parts of the editor beside an offer: the promotion that is made there, and what a hold-out could show."""

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST
from django_htmx.http import reswap, retarget

from campaigns.annotations import PageContext
from campaigns.refusals import Refused
from campaigns.requests import Request
from campaigns.stored_sentences import translate_stored
from mailing import audience, campaign_hold_out
from mailing.forms import EmailCampaignForm
from mailing.models import EmailCampaign
from mailing.views.editor import writing
from promotions import ready_offers
from promotions.forms import picker
from promotions.forms.ready_offer import ReadyOfferForm

making = permission_required(
    ["promotions.add_promotion", "promotions.add_promotioncampaign"], raise_exception=True
)


@require_http_methods(["GET", "HEAD", "POST"])
@making
def offer_new(request: Request) -> HttpResponse:
    """Ask for a promotion in a dialog of the editor, and make it; the editor then carries it."""
    form = ReadyOfferForm(request.POST or None)
    if request.method != "POST":
        return render_question(request, form)
    if not form.is_valid():
        return render_question(request, form, status=422)
    said = form.cleaned_data
    try:
        made = ready_offers.make_ready_offer(
            by=request.user,
            name=said["name"],
            answers=form.answers(),
            starts_at=said["starts_at"],
            ends_at=said["ends_at"],
            locations=list(said["locations"]),
        )
    except Refused as refused:
        form.refuse(refused.reasons)
        return render_question(request, form, status=422)
    if not request.htmx:
        messages.success(request, f"“{made.promotion}” is made: choose it in the mail.")
        return redirect(made.promotion)
    return render_chosen(request, made)


def render_question(request: Request, form: ReadyOfferForm, status: int = 200) -> HttpResponse:
    """Ask for the promotion: in the dialog, or on a page of its own without JavaScript."""
    template = "mailing/_offer_new.html" if request.htmx else "mailing/offer_new.html"
    response = render(request, template, {"form": form}, status=status)
    return reswap(retarget(response, "#ask"), "innerHTML") if request.htmx else response


def render_chosen(request: Request, made: ready_offers.ReadyOffer) -> HttpResponse:
    """Answer with the fields of the editor that now say the new offer; nothing of the mail is saved yet."""
    mail = EmailCampaign(offer=made.promotion, promotion_campaign=made.campaign)
    form = EmailCampaignForm(instance=mail)
    form.initial["has_offer"] = True
    for name in ("has_offer", "promotion_campaign"):
        form.fields[name].widget.attrs["hx-swap-oob"] = "true"
    context = picker.find_promotions("offer", with_coupon=True, find="", chosen=made.promotion.pk)
    return render(request, "mailing/_offer_made.html", context | {"form": form, "made": made})


@require_POST
@writing
def hold_out(request: Request) -> HttpResponse:
    """Return what the typed share of held-out recipients could show, with the lists and segments as they are chosen."""
    form = EmailCampaignForm(request.POST, instance=EmailCampaign())
    form.is_valid()
    campaign: EmailCampaign = form.instance
    context: PageContext = {"wrong": form.errors.get("hold_out"), "percent": campaign.hold_out}
    if not context["wrong"] and campaign.hold_out:
        needs_customer = campaign.offer_id is not None and campaign.code_is_bound
        chosen = audience.read_selection(form.targets(), needs_customer=needs_customer)
        try:
            people = audience.estimate(chosen).recipients
            context |= {
                "people": people,
                "prospect": campaign_hold_out.forecast_lift(campaign, chosen, people),
            }
        except audience.SegmentError as error:
            context["trouble"] = translate_stored(str(error))
    return render(request, "mailing/_hold_out.html", context)
