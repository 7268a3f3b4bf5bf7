"""Django admin of mailing. The ledger can be read and never written; campaigns change by their steps only."""

from typing import Any

from django.contrib import admin
from django.db.models import Field
from django.forms import Field as FormField
from django.http import HttpRequest

from campaigns.admin import (
    JSON_FIELDS,
    CampaignAdmin,
    GuardedAdmin,
    HistoryInline,
    ReadOnlyAdmin,
    ReadOnlyInline,
    RefusingAdmin,
    copy_state,
    read_changed_fields,
)
from campaigns.annotations import AdminRow, Argument
from campaigns.requests import signed_in_user
from mailing import connections, deletion, drafting
from mailing.forms.audience import SuppressionForm
from mailing.forms.bounces import BounceMailboxForm
from mailing.forms.connection import ConnectionForm
from mailing.forms.fields import AddressField, LanguageField, TimeZoneField
from mailing.models import (
    AddressChange,
    Attempt,
    Block,
    BounceMailbox,
    CampaignPace,
    CampaignVersion,
    Contact,
    ContactList,
    Content,
    Conversion,
    ConversionTally,
    Delivery,
    DepartedBuyer,
    DkimKey,
    DueAttribution,
    EditorVisit,
    EmailCampaign,
    Event,
    EventCount,
    GlobalHoldOut,
    GlobalHoldOutFigures,
    HeldReport,
    Lane,
    MailTemplate,
    Membership,
    OAuthGrant,
    Pace,
    Picture,
    PreferenceChange,
    Preflight,
    ReceivedEvent,
    RecentVisit,
    ReportFigures,
    RetentionCount,
    RevenueFigures,
    Route,
    Segment,
    SenderDomain,
    SmtpConnection,
    SplitTest,
    SpoolFile,
    Suppression,
    Tally,
    Target,
    TrackingConsent,
    TrackingPolicy,
    Upload,
    VariantContent,
    VerdictBlock,
    Webhook,
)


class TargetInline(ReadOnlyInline):
    model = Target
    fields = readonly_fields = ("mode", "list", "segment")


@admin.register(EmailCampaign)
class EmailCampaignAdmin(CampaignAdmin):
    list_display = ["name", "status", "starts_at", "total", "connection", "created_by", "archived_at"]
    list_select_related = ["connection", "created_by"]
    readonly_fields = [*CampaignAdmin.readonly_fields, "starts_at", "ends_at"]
    inlines = [TargetInline, HistoryInline]

    def formfield_for_dbfield(
        self, db_field: "Field[Any, Any]", request: HttpRequest, **kwargs: Argument
    ) -> FormField | None:
        if db_field.name in drafting.ADDRESSES:
            return AddressField(required=False)
        if db_field.name == "window_zone":
            return TimeZoneField(label="Time zone of these hours")
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: AdminRow, form: Argument, change: bool) -> None:
        saved = drafting.save_campaign(
            obj if change else None,
            by=signed_in_user(request),
            changes=read_changed_fields(form, form.cleaned_data),
        )
        copy_state(obj, saved)


@admin.register(Contact)
class ContactAdmin(GuardedAdmin):
    list_display = ["email", "first_name", "last_name", "city", "country", "customer_id"]
    search_fields = ["email", "last_name", "customer_id"]
    show_full_result_count = False  # a count of millions would cost more than the page
    formfield_overrides = JSON_FIELDS

    def delete_queryset(self, request: HttpRequest, queryset: AdminRow) -> None:
        for contact in queryset.order_by("pk"):
            contact.delete()  # with what is kept of their edits

    def formfield_for_dbfield(
        self, db_field: "Field[Any, Any]", request: HttpRequest, **kwargs: Argument
    ) -> FormField | None:
        if db_field.name == "email":
            return AddressField()
        if db_field.name == "time_zone":
            return TimeZoneField()
        if db_field.name == "language":
            return LanguageField()
        return super().formfield_for_dbfield(db_field, request, **kwargs)


@admin.register(Suppression)
class SuppressionAdmin(GuardedAdmin):
    form = SuppressionForm
    list_display = ["email", "reason", "source", "created_at"]
    list_filter = ["reason", "source"]
    search_fields = ["email"]


@admin.register(SmtpConnection)
class SmtpConnectionAdmin(RefusingAdmin):
    form = ConnectionForm
    list_display = ["name", "host", "port", "tls", "is_enabled"]

    def delete_model(self, request: HttpRequest, obj: AdminRow) -> None:
        connections.delete_connection(obj)


@admin.register(BounceMailbox)
class BounceMailboxAdmin(RefusingAdmin):
    form = BounceMailboxForm
    list_display = ["name", "address", "kind", "host", "is_enabled", "read_at"]


@admin.register(DkimKey)
class DkimKeyAdmin(ReadOnlyAdmin):
    list_display = ["selector", "domain", "algorithm", "switched_on_at", "replaced_at"]
    list_select_related = ["domain"]
    exclude = ("private_key",)


@admin.register(OAuthGrant)
class OAuthGrantAdmin(ReadOnlyAdmin):
    list_display = ["connection", "mailbox", "provider", "expires_at", "trouble"]
    list_select_related = ["connection", "mailbox"]
    exclude = ("client_secret", "access_token", "refresh_token")


@admin.register(Webhook)
class WebhookAdmin(ReadOnlyAdmin):
    list_display = ["connection", "provider", "made_at", "last_event_at"]
    list_select_related = ["connection"]
    exclude = ("secret", "signing_key")


@admin.register(HeldReport)
class HeldReportAdmin(ReadOnlyAdmin):
    list_display = ["received_at", "kind", "sender", "subject", "decision"]
    exclude = ("content",)
    show_full_result_count = False


@admin.register(ContactList)
class ContactListAdmin(RefusingAdmin):
    list_display = ["name", "description", "is_public", "created_at"]
    search_fields = ["name"]

    def get_deleted_objects(
        self, objs: AdminRow, request: HttpRequest
    ) -> tuple[list[AdminRow], dict[AdminRow, AdminRow], set[AdminRow], list[AdminRow]]:
        deleted, counts, needed, _ = super().get_deleted_objects(objs, request)
        return deleted, counts, needed, []  # `delete_list` judges: campaigns that are over let the list go

    def delete_model(self, request: HttpRequest, obj: AdminRow) -> None:
        deletion.delete_list(obj)


@admin.register(Segment)
class SegmentAdmin(ReadOnlyAdmin):
    list_display = ["name", "description", "created_at"]
    search_fields = ["name"]


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    list_display = [
        "email",
        "campaign",
        "connection",
        "status",
        "attempts",
        "sent_at",
        "code",
        "enhanced_code",
    ]
    list_select_related = ["campaign", "connection"]
    search_fields = ["=email"]
    show_full_result_count = False


@admin.register(Attempt)
class AttemptAdmin(ReadOnlyAdmin):
    list_display = ["at", "delivery", "status", "stage", "code", "enhanced_code"]
    list_select_related = ["delivery"]
    show_full_result_count = False


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    list_display = ["at", "kind", "delivery", "link", "how", "origin", "device", "client", "system"]
    list_select_related = ["delivery"]
    list_filter = ["kind", "origin", "device"]
    show_full_result_count = False


admin.site.register(
    [
        AddressChange,
        Block,
        CampaignPace,
        CampaignVersion,
        Content,
        Conversion,
        ConversionTally,
        DepartedBuyer,
        DueAttribution,
        EditorVisit,
        EventCount,
        GlobalHoldOut,
        GlobalHoldOutFigures,
        Lane,
        MailTemplate,
        Membership,
        Pace,
        Picture,
        Preflight,
        ReceivedEvent,
        RecentVisit,
        ReportFigures,
        RevenueFigures,
        PreferenceChange,
        RetentionCount,
        Route,
        SplitTest,
        SpoolFile,
        SenderDomain,
        Tally,
        Target,
        TrackingConsent,
        TrackingPolicy,
        Upload,
        VariantContent,
        VerdictBlock,
    ],
    ReadOnlyAdmin,
)
