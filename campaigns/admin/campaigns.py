"""Django admin of campaigns. A status is read-only here too; its steps are buttons that call lifecycle.fire."""

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods

from campaigns import database_time, lifecycle
from campaigns.admin.bases import GuardedAdmin, ReadOnlyAdmin, ReadOnlyInline, RefusingAdmin
from campaigns.annotations import AdminRow, Argument
from campaigns.formats import in_sentence
from campaigns.models import Campaign, Edit, Heartbeat, Tag, Transition
from campaigns.refusals import Refused
from campaigns.requests import signed_in_user
from campaigns.workspace import overview


class HistoryInline(ReadOnlyInline):
    model = Transition
    fields = readonly_fields = ("at", "verb", "was", "now", "by", "why")


class CampaignAdmin(RefusingAdmin):
    """A kind of campaign: edits call lifecycle.open_for_edit, steps call lifecycle.fire."""

    change_form_template = "admin/campaigns/change_form.html"
    list_display = ["name", "status", "starts_at", "created_by", "created_at", "archived_at"]
    list_filter = ["status", ("archived_at", admin.EmptyFieldListFilter)]
    search_fields = ["name", "description"]
    readonly_fields = ["status", "archived_at", "created_by", "created_at", "updated_at"]
    inlines = [HistoryInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[AdminRow]:
        overview.write_all_owed_steps(database_time.now())
        return super().get_queryset(request)

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_fire"
        return [
            path("<int:pk>/fire/<str:verb>/", self.admin_site.admin_view(self.fire), name=name),
            *super().get_urls(),
        ]

    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    def fire(self, request: HttpRequest, pk: int, verb: str) -> HttpResponse:
        """Take one step; a GET asks first, and for the reason."""
        campaign = self.get_object(request, str(pk))
        if campaign is None or verb not in campaign.VERBS:
            raise Http404
        if not self.has_view_permission(request, campaign):
            raise PermissionDenied
        if request.method != "POST":
            return self.ask_before_step(request, campaign, verb)
        try:
            campaign = lifecycle.fire(
                campaign, verb, by=signed_in_user(request), why=request.POST.get("why", "")
            )
        except Refused as refused:
            messages.error(request, str(refused))
        else:
            messages.success(
                request,
                gettext("“%(campaign)s” is %(status)s.")
                % {"campaign": campaign, "status": in_sentence(campaign.get_status_display())},
            )
        return redirect(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", pk)

    def ask_before_step(self, request: HttpRequest, campaign: Campaign, verb: str) -> HttpResponse:
        asked = overview.button_for(campaign, verb, database_time.now())
        context = self.admin_site.each_context(request) | {
            "title": f"{asked.label}: {campaign}",
            "opts": self.opts,
            "campaign": campaign,
            "verb": verb,
            "asked": asked,
            "edit_url": overview.edit_url(campaign),
        }
        return render(request, "admin/campaigns/fire.html", context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Argument = None
    ) -> HttpResponse:
        campaign = self.get_object(request, object_id)
        steps = []
        if campaign:
            fire = f"admin:{self.opts.app_label}_{self.opts.model_name}_fire"
            now = database_time.now()
            steps = [
                (overview.button_for(campaign, verb, now).label, reverse(fire, args=[campaign.pk, verb]))
                for verb in lifecycle.open_steps(campaign, request.user)
                if verb
                not in lifecycle.lifecycle_of(campaign).NEEDS_TIME  # the campaign's own page asks for it
            ]
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "steps": steps})

    def has_change_permission(self, request: HttpRequest, obj: AdminRow = None) -> bool:
        return super().has_change_permission(request, obj) and not (obj and obj.is_locked)

    def has_delete_permission(self, request: HttpRequest, obj: AdminRow = None) -> bool:
        if obj is None:
            return super().has_delete_permission(request)
        return obj.is_deletable and lifecycle.may_delete(obj, request.user)

    def delete_model(self, request: HttpRequest, obj: AdminRow) -> None:
        lifecycle.delete(obj, by=signed_in_user(request))


@admin.register(Transition)
class TransitionAdmin(ReadOnlyAdmin):
    list_display = ["at", "campaign", "verb", "was", "now", "by"]
    list_filter = ["verb", "now"]
    search_fields = ["campaign__name", "why"]
    list_select_related = ["campaign", "by"]


@admin.register(Edit)
class EditAdmin(ReadOnlyAdmin):
    list_display = ["at", "thing", "key", "by", "is_new"]
    list_select_related = ["by"]
    show_full_result_count = False


@admin.register(Campaign)
class AnyCampaignAdmin(ReadOnlyAdmin):
    list_display = ["name", "kind", "status", "starts_at", "ends_at", "created_by"]
    list_filter = ["kind", "status"]
    search_fields = ["name"]
    list_select_related = ["created_by"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[AdminRow]:
        overview.write_all_owed_steps(database_time.now())
        return super().get_queryset(request)


@admin.register(Tag)
class TagAdmin(GuardedAdmin):
    """The tags, to rename and delete them. The list of campaigns puts them on campaigns and takes them off."""

    actions = None
    list_display = ["name"]
    search_fields = ["name"]
    fields = ["name"]


@admin.register(Heartbeat)
class HeartbeatAdmin(ReadOnlyAdmin):
    list_display = ["cluster", "host", "process", "at", "asked_at", "state"]

    @admin.display
    def state(self, beat: Heartbeat) -> str:
        return beat.silence or gettext("Runs tasks.")
