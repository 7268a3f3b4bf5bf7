"""Django admin of promotions. Edits call `promotions.publish`, as on the pages, and count from the very next sale."""

from operator import attrgetter
from typing import cast

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest

from campaigns.admin import (
    CampaignAdmin,
    GuardedAdmin,
    HistoryInline,
    ReadOnlyAdmin,
    ReadOnlyInline,
    RefusingAdmin,
    copy_state,
    money_column,
    read_changed_fields,
)
from campaigns.annotations import AdminRow, Argument
from campaigns.generics import ModelForm
from campaigns.requests import signed_in_user
from promotions import coupons, publish, stacking
from promotions.forms.fields import MoneyField, PercentField
from promotions.models import (
    Change,
    Counter,
    Coupon,
    CustomerGroup,
    CustomerUse,
    ExcludedPair,
    GroupMember,
    Link,
    Overrun,
    Promotion,
    PromotionCampaign,
    Redemption,
    RulesVersion,
    StackingSettings,
    TalliedSale,
)
from promotions.publish.campaigns import FIELDS as CAMPAIGN_FIELDS
from promotions.publish.promotions import FIELDS as PROMOTION_FIELDS


class LinkInline(ReadOnlyInline):
    model = Link
    fields = readonly_fields = ("promotion", "position")


class ChangeInline(ReadOnlyInline):
    model = Change
    fields = readonly_fields = ("at", "by", "what", "detail")


class CampaignAdminForm(ModelForm[PromotionCampaign]):
    """A campaign. The budget is typed in its currency, as on the pages."""

    budget = MoneyField("Budget", smallest=1, required=False, help_text="Leave blank for no limit.")

    def __init__(self, *args: Argument, **kwargs: Argument) -> None:
        super().__init__(*args, **kwargs)
        currency = self.data.get("currency") or self.instance.currency
        if budget := self.fields.get("budget"):  # not where it is only shown
            cast("MoneyField", budget).in_currency(currency)


class StackingAdminForm(ModelForm[StackingSettings]):
    """The stacking rules. Money is typed in the site's currency, percent as percent."""

    max_discount = MoneyField("Maximum discount of a sale", required=False)
    max_discount_percent = PercentField("Maximum discount percent of a sale", required=False)


@admin.register(PromotionCampaign)
class PromotionCampaignAdmin(CampaignAdmin):
    list_display = [
        "name",
        "status",
        "starts_at",
        "ends_at",
        "budget_shown",
        "priority",
        "created_by",
        "archived_at",
    ]
    filter_horizontal = ["locations"]
    inlines = [LinkInline, HistoryInline]
    form = CampaignAdminForm
    budget_shown = money_column("budget", "budget", attrgetter("currency"))

    def save_model(self, request: HttpRequest, obj: AdminRow, form: Argument, change: bool) -> None:
        changes, locations = read_changed_fields(form, CAMPAIGN_FIELDS), form.cleaned_data["locations"]
        if change:
            saved = publish.edit_campaign(
                obj.pk, by=signed_in_user(request), changes=changes, locations=locations
            )
        else:
            saved = publish.create_campaign(by=signed_in_user(request), changes=changes, locations=locations)
        copy_state(obj, saved)


@admin.register(Promotion)
class PromotionAdmin(RefusingAdmin):
    list_display = ["name", "type", "status", "standalone", "trigger", "level", "priority", "deleted_at"]
    list_filter = ["status", "type", "trigger", ("deleted_at", admin.EmptyFieldListFilter)]
    search_fields = ["name"]
    readonly_fields = ["status", "created_at", "updated_at", "deleted_at"]
    filter_horizontal = ["locations"]
    inlines = [ChangeInline]

    def save_model(self, request: HttpRequest, obj: AdminRow, form: Argument, change: bool) -> None:
        saved = publish.save_promotion(
            obj.pk if change else None,
            by=signed_in_user(request),
            locations=form.cleaned_data["locations"],
            **read_changed_fields(form, PROMOTION_FIELDS),
        )
        copy_state(obj, saved)

    def delete_model(self, request: HttpRequest, obj: AdminRow) -> None:
        publish.delete_promotion(obj, by=signed_in_user(request))


@admin.register(Coupon)
class CouponAdmin(RefusingAdmin):
    list_display = ["code", "promotion", "kind", "active", "uses", "max_uses", "customer", "batch"]
    list_filter = ["active", "kind"]
    search_fields = ["code", "customer", "batch"]
    list_select_related = ["promotion"]
    raw_id_fields = ["promotion"]
    readonly_fields = ["uses", "overrun_uses", "batch", "created_at"]
    filter_horizontal = ["locations"]

    def save_model(self, request: HttpRequest, obj: AdminRow, form: Argument, change: bool) -> None:
        fields = read_changed_fields(form, coupons.FIELDS)
        if not change:
            fields["promotion"] = form.cleaned_data["promotion"]
        saved = coupons.save_coupon(
            obj.pk if change else None,
            by=signed_in_user(request),
            locations=form.cleaned_data["locations"],
            **fields,
        )
        copy_state(obj, saved)

    def get_readonly_fields(self, request: HttpRequest, obj: AdminRow = None) -> list[str]:
        return [*self.readonly_fields, "promotion"] if obj else self.readonly_fields


@admin.register(StackingSettings)
class StackingSettingsAdmin(RefusingAdmin):
    form = StackingAdminForm

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and not StackingSettings.objects.exists()

    def has_delete_permission(self, request: HttpRequest, obj: AdminRow = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: AdminRow, form: Argument, change: bool) -> None:
        copy_state(
            obj,
            stacking.change_rules(by=signed_in_user(request), **read_changed_fields(form, stacking.FIELDS)),
        )


@admin.register(CustomerGroup)
class CustomerGroupAdmin(GuardedAdmin):
    list_display = ["name", "code"]
    search_fields = ["name", "code"]


@admin.register(GroupMember)
class GroupMemberAdmin(ReadOnlyAdmin):
    list_display = ["customer", "group"]
    search_fields = ["customer"]
    list_select_related = ["group"]


@admin.register(Redemption)
class RedemptionAdmin(ReadOnlyAdmin):
    list_display = ["at", "sale", "campaign", "promotion", "coupon", "amount_shown", "uses"]
    list_filter = [
        "sale__location",
        ("campaign", admin.EmptyFieldListFilter),
        ("coupon", admin.EmptyFieldListFilter),
        ("reverses", admin.EmptyFieldListFilter),
        "campaign",
    ]
    list_select_related = ["sale", "campaign", "promotion", "coupon"]
    search_fields = ["sale__reference", "sale__customer", "coupon__code", "promotion__name"]
    date_hierarchy = "at"
    amount_shown = money_column("amount", "amount", lambda line: line.sale.currency)


def currency_of(counter: Counter) -> str:
    """Return the currency of a counter's amounts: only campaigns have a budget."""
    return counter.campaign.currency if counter.campaign else settings.CURRENCY


@admin.register(Counter)
class CounterAdmin(ReadOnlyAdmin):
    list_display = [
        "__str__",
        "is_open",
        "budget_shown",
        "spent_shown",
        "held_shown",
        "overrun_shown",
        "max_uses",
        "uses",
        "used_up_at",
    ]
    list_filter = [
        "is_open",
        ("used_up_at", admin.EmptyFieldListFilter),
        ("campaign", admin.EmptyFieldListFilter),
    ]
    list_select_related = ["campaign", "promotion"]
    search_fields = ["campaign__name", "promotion__name"]
    budget_shown = money_column("budget", "budget", currency_of)
    spent_shown = money_column("spent", "spent", currency_of)
    held_shown = money_column("held", "held", currency_of)
    overrun_shown = money_column("overrun", "overrun", currency_of)


@admin.register(Overrun)
class OverrunAdmin(ReadOnlyAdmin):
    list_display = ["redemption", "amount_shown", "campaign_uses", "promotion_uses", "coupon_uses"]
    list_filter = ["redemption__sale__location", "redemption__campaign"]
    list_select_related = ["redemption__sale", "redemption__promotion"]
    search_fields = ["redemption__sale__reference"]
    amount_shown = money_column("amount", "amount", lambda over: over.redemption.sale.currency)


@admin.register(CustomerUse)
class CustomerUseAdmin(ReadOnlyAdmin):
    list_display = ["customer", "campaign", "promotion", "coupon", "uses"]
    list_filter = [("campaign", admin.EmptyFieldListFilter), ("coupon", admin.EmptyFieldListFilter)]
    list_select_related = ["campaign", "promotion", "coupon"]
    search_fields = ["customer", "coupon__code"]


@admin.register(Change)
class ChangeAdmin(ReadOnlyAdmin):
    list_display = ["at", "by", "what", "campaign", "promotion"]
    list_filter = ["what", "at"]
    list_select_related = ["by", "campaign", "promotion"]
    search_fields = ["campaign__name", "promotion__name"]


admin.site.register([ExcludedPair, Link, RulesVersion, TalliedSale], ReadOnlyAdmin)
