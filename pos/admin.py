"""Django admin of locations and tills. The answer that makes a till's key shows it once; no table stores it."""

from operator import attrgetter
from zoneinfo import available_timezones

from babel.numbers import is_currency
from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from campaigns.admin import GuardedAdmin, ReadOnlyAdmin, ReadOnlyInline, RefusingAdmin, money_column
from campaigns.annotations import AdminRow, Argument
from campaigns.generics import ModelForm
from campaigns.requests import signed_in_user
from pos import keys
from pos.models import ArticleCost, Location, Return, Sale, Till, UnfoldedSale
from promotions.models import Redemption


class LocationForm(ModelForm[Location]):
    """Refuses a zone or a currency that does not exist: every sale there would fail."""

    def clean_time_zone(self) -> str:
        zone: str = self.cleaned_data["time_zone"]
        if zone not in available_timezones():
            raise forms.ValidationError(
                gettext("“%(zone)s” is not a time zone: write one such as Europe/Berlin.") % {"zone": zone}
            )
        return zone

    def clean_currency(self) -> str:
        currency: str = self.cleaned_data["currency"].upper()
        if not is_currency(currency):
            raise forms.ValidationError(
                gettext("“%(currency)s” is not a currency: write its three letters, such as EUR.")
                % {"currency": currency}
            )
        return currency


@admin.register(Location)
class LocationAdmin(GuardedAdmin):
    form = LocationForm
    list_display = ["name", "code", "time_zone", "currency"]
    search_fields = ["name", "code"]


class NewTillForm(ModelForm[Till]):
    class Meta:
        model = Till
        fields = ["location", "name"]


SETTINGS = ["unknown_codes_per_minute", "may_send_offline", "offline_days"]
RECORDS = [
    "key_hint",
    "created_at",
    "last_used_at",
    "revoked_at",
    "offline_refused_at",
    "offline_refused_why",
]


@admin.register(Till)
class TillAdmin(RefusingAdmin):
    change_form_template = "admin/pos/till/change_form.html"
    list_display = ["name", "location", "key_hint", "last_used_at", "revoked_at"]
    list_filter = ["location", ("revoked_at", admin.EmptyFieldListFilter)]
    list_select_related = ["location"]
    search_fields = ["name"]
    fields = ["location", "name", *SETTINGS, *RECORDS]
    readonly_fields = RECORDS

    def get_form(
        self, request: HttpRequest, obj: AdminRow = None, change: bool = False, **kwargs: Argument
    ) -> type[ModelForm[Till]]:
        if obj is None:
            kwargs = {"form": NewTillForm, **kwargs}
        return super().get_form(request, obj, change, **kwargs)

    def get_fields(self, request: HttpRequest, obj: AdminRow = None) -> list[AdminRow]:
        return list(self.fields) if obj else ["location", "name"]

    def get_urls(self) -> list[URLPattern]:
        steps = [
            path("<int:pk>/rotate/", self.admin_site.admin_view(self.rotate), name="pos_till_rotate"),
            path("<int:pk>/revoke/", self.admin_site.admin_view(self.revoke), name="pos_till_revoke"),
        ]
        return [*steps, *super().get_urls()]

    def save_model(self, request: Argument, obj: AdminRow, form: Argument, change: bool) -> None:
        if change:
            obj.save(update_fields=["location", "name", *SETTINGS])
            return
        till, request.till_key = keys.issue(obj.location, obj.name, by=signed_in_user(request))
        obj.__dict__.update(till.__dict__)

    def response_add(
        self, request: Argument, obj: AdminRow, post_url_continue: str | None = None
    ) -> HttpResponse:
        return self.show_key(request, obj, request.till_key)

    @method_decorator(require_POST)
    def rotate(self, request: HttpRequest, pk: int) -> HttpResponse:
        till = self.get_till(request, pk)
        return self.show_key(request, till, keys.rotate(till, by=signed_in_user(request)))

    @method_decorator(require_POST)
    def revoke(self, request: HttpRequest, pk: int) -> HttpResponse:
        till = self.get_till(request, pk)
        keys.revoke(till, by=signed_in_user(request))
        messages.success(
            request,
            gettext("The key of %(till)s is revoked: the till is refused from its next request.")
            % {"till": till},
        )
        return redirect(reverse("admin:pos_till_change", args=[pk]))

    def get_till(self, request: HttpRequest, pk: int) -> Till:
        till: Till | None = self.get_object(request, str(pk))
        if till is None:
            raise Http404
        if not self.has_change_permission(request, till):
            raise PermissionDenied
        return till

    def show_key(self, request: HttpRequest, till: Till, key: str) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("The key of %(till)s") % {"till": till},
            "till": till,
            "key": key,
        }
        response = render(request, "admin/pos/till/key.html", context)
        response["Cache-Control"] = "no-store"
        return response


class RedemptionInline(ReadOnlyInline):
    model = Redemption
    fields = readonly_fields = ("at", "campaign", "promotion", "coupon", "amount", "uses")


@admin.register(Sale)
class SaleAdmin(ReadOnlyAdmin):
    list_display = [
        "reference",
        "location",
        "state",
        "customer",
        "subtotal_shown",
        "discount_shown",
        "total_shown",
        "at",
    ]
    list_filter = ["state", "location", "at", ("offline_at", admin.EmptyFieldListFilter)]
    subtotal_shown = money_column("subtotal", "subtotal", attrgetter("currency"))
    discount_shown = money_column("discount", "discount", attrgetter("currency"))
    total_shown = money_column("total", "total", attrgetter("currency"))
    list_select_related = ["location"]
    search_fields = ["reference", "customer"]
    inlines = [RedemptionInline]


@admin.register(Return)
class ReturnAdmin(ReadOnlyAdmin):
    list_display = ["reference", "sale", "till", "discount_shown", "at"]
    list_filter = ["sale__location", "at"]
    discount_shown = money_column("discount", "discount", lambda back: back.sale.currency)
    list_select_related = ["sale", "till__location"]
    search_fields = ["reference", "sale__reference"]


admin.site.register([ArticleCost, UnfoldedSale], ReadOnlyAdmin)
