"""Templates of mails, and blocks: their pages, how they look, and what the editor takes from them."""

from typing import NamedTuple

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from campaigns import editions
from campaigns.annotations import Columns, PageContext
from campaigns.requests import Request, number_in_query
from campaigns.views.answers import say_undoable
from mailing import content
from mailing.audience import list_recent_attribute_names
from mailing.forms.library import BlockForm, MailTemplateForm, ReusableForm
from mailing.library import insertions, reusable
from mailing.models import Block, EmailCampaign, MailTemplate
from mailing.models.library import ReusableContent
from mailing.views.mail_frames import answer_frame
from mailing.views.widened_styles import with_styles_of_source_editor


class Shelf(NamedTuple):
    """Where templates or blocks are kept, and what their pages say. `word`: as in the names of views and rights."""

    word: str
    model: type[ReusableContent]
    form: type[ReusableForm]
    heading: Promise
    new: Promise
    intro: Promise

    @property
    def pages(self) -> PageContext:
        """The names of its views, for templates of pages."""
        return {
            "list": f"mailing:{self.word}s",
            **{
                each: f"mailing:{self.word}_{each}"
                for each in ("new", "edit", "duplicate", "archive", "restore", "look")
            },
        }

    def require(self, request: Request, act: str) -> None:
        """Refuse who may not `act` (view, add, change) on what is kept here.

        Raises:
            PermissionDenied: they may not.
        """
        if not request.user.has_perm(f"mailing.{act}_{self.model._meta.model_name}"):
            raise PermissionDenied

    def rights(self, request: Request) -> PageContext:
        """Return what somebody may do here."""
        name = self.model._meta.model_name
        return {f"may_{act}": request.user.has_perm(f"mailing.{act}_{name}") for act in ("add", "change")}


SHELVES = {
    "templates": Shelf(
        "template",
        MailTemplate,
        MailTemplateForm,
        gettext_lazy("Templates"),
        gettext_lazy("New template"),
        gettext_lazy("Whole mails to begin with. A mail gets a copy, so a change here changes no mail."),
    ),
    "blocks": Shelf(
        "block",
        Block,
        BlockForm,
        gettext_lazy("Blocks"),
        gettext_lazy("New block"),
        gettext_lazy(
            "Pieces of mails to insert in the editor, as copies: headers, footers, products, coupons."
        ),
    ),
}


@require_GET
def shelf_list(request: Request, shelf: str) -> HttpResponse:
    """List templates or blocks with a small view of each, or those that are put away."""
    kept = SHELVES[shelf]
    kept.require(request, "view")
    are_archived = "archived" in request.GET
    rows = kept.model._default_manager.filter(archived_at__isnull=not are_archived)
    are_all = are_archived or "all" in request.GET
    offered = rows if are_all else reusable.choose_offered(rows)
    context: PageContext = {
        "shelf": kept,
        "pages": kept.pages,
        "rows": offered,
        "are_archived": are_archived,
        "are_others": not are_all and rows.exclude(pk__in=offered).exists(),
        **kept.rights(request),
    }
    return render(request, "mailing/shelf.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@with_styles_of_source_editor
def shelf_new(request: Request, shelf: str) -> HttpResponse:
    """Show and save the form of a new template or block; `?campaign=` fills a template in from a mail."""
    kept = SHELVES[shelf]
    kept.require(request, "add")
    return edit_row(request, kept, kept.model(by=request.user), read_begun(request, kept))


def read_begun(request: Request, kept: Shelf) -> Columns:
    """Return what the form of a new template begins with: the content of the campaign that the address names."""
    key = number_in_query(request, "campaign")
    if kept.model is not MailTemplate or not key or not request.user.has_perm("mailing.view_emailcampaign"):
        return {}
    return reusable.copy_from_campaign(get_object_or_404(EmailCampaign, pk=key))


@require_http_methods(["GET", "HEAD", "POST"])
@with_styles_of_source_editor
def shelf_edit(request: Request, shelf: str, pk: int) -> HttpResponse:
    """Show and save the form of a template or block."""
    kept = SHELVES[shelf]
    kept.require(request, "change")
    return edit_row(request, kept, get_object_or_404(kept.model, pk=pk), {})


def edit_row(request: Request, kept: Shelf, row: ReusableContent, begun: Columns) -> HttpResponse:
    """Show the form of a template or block, new or stored, and save it."""
    form = kept.form(request.POST if request.method == "POST" else None, instance=row, initial=begun)
    seen = request.POST.get("seen", "")
    if request.method == "POST" and form.is_valid():
        try:
            saved = reusable.save_reusable(form.save(commit=False), by=request.user, seen=seen)
        except editions.EditConflict as overtaken:
            form.refuse(overtaken.reasons)
            seen = overtaken.latest
        else:
            messages.success(request, _("“%(name)s” is saved.") % {"name": saved})
            return redirect(kept.pages["edit"], saved.pk)
    stored = kept.model._default_manager.get(pk=row.pk) if row.pk else None
    context: PageContext = {
        "shelf": kept,
        "pages": kept.pages,
        "form": form,
        "row": stored,
        "seen": seen or (editions.edition_of(reusable.describe_reusable(stored)) if stored else ""),
        **kept.rights(request),
    }
    return render(request, "mailing/shelf_form.html", context, status=422 if form.errors else 200)


@require_POST
def shelf_duplicate(request: Request, shelf: str, pk: int) -> HttpResponse:
    """Make a copy and open it."""
    kept = SHELVES[shelf]
    kept.require(request, "add")
    copy = reusable.duplicate(get_object_or_404(kept.model, pk=pk), by=request.user)
    messages.success(request, _("“%(name)s” is made.") % {"name": copy})
    can_edit = kept.rights(request)["may_change"]
    return redirect(kept.pages["edit"], copy.pk) if can_edit else redirect(kept.pages["list"])


@require_POST
def shelf_archive(request: Request, shelf: str, pk: int, is_archived: bool) -> HttpResponse:
    """Put a template or block away, or put it back."""
    kept = SHELVES[shelf]
    kept.require(request, "change")
    row = get_object_or_404(kept.model, pk=pk)
    reusable.set_archived(row, is_archived)
    said = _("“%(name)s” is archived.") if is_archived else _("“%(name)s” is back.")
    undo = "restore" if is_archived else "archive"
    say_undoable(request, said % {"name": row}, reverse(kept.pages[undo], args=[row.pk]))
    return redirect(kept.pages["list"])


@require_GET
def shelf_look(request: Request, shelf: str, pk: int) -> HttpResponse:
    """Return how a template or block looks in a mail, for a frame."""
    kept = SHELVES[shelf]
    kept.require(request, "view")
    try:
        shown = reusable.render_sample(get_object_or_404(kept.model, pk=pk))
    except content.ContentError as error:
        said = _("It cannot be shown. %(reason)s") % {"reason": error}
        return answer_frame(said, "text/plain; charset=utf-8")
    return answer_frame(shown.html, with_own_pictures=True)


@require_GET
def insert_menu(request: Request) -> HttpResponse:
    """Return the insert menu of the editor, which asks for it when it is opened first."""
    if not request.user.has_perms(["mailing.view_emailcampaign", "mailing.view_contact"]):
        raise PermissionDenied
    blocks = reusable.choose_offered(Block.objects.filter(archived_at=None).only("name", "body_format"))
    context: PageContext = {
        "groups": insertions.list_insertions(list_recent_attribute_names()),
        "blocks": blocks if request.user.has_perm("mailing.view_block") else [],
    }
    return render(request, "mailing/_insert_menu.html", context)


@require_GET
def template_chooser(request: Request) -> HttpResponse:
    """Show the templates to begin a mail with: a page, or for htmx the content of the dialog."""
    SHELVES["templates"].require(request, "view")
    rows = reusable.choose_offered(MailTemplate.objects.filter(archived_at=None).order_by("name", "pk"))
    template = "mailing/_template_chooser.html" if request.htmx else "mailing/template_chooser.html"
    return render(request, template, {"rows": rows})


@require_GET
def template_content(request: Request, pk: int) -> JsonResponse:
    """Return what a mail takes from a template, for the editor."""
    SHELVES["templates"].require(request, "view")
    return JsonResponse(reusable.copy_from_template(get_object_or_404(MailTemplate, pk=pk)))


@require_GET
def block_content(request: Request, pk: int) -> JsonResponse:
    """Return the body of a block, for the editor."""
    SHELVES["blocks"].require(request, "view")
    return JsonResponse({"body": get_object_or_404(Block, pk=pk).body})


def read_template(request: Request) -> Columns:
    """Return what a new mail begins with: the content of the template that the address names."""
    key = number_in_query(request, "template")
    if not key or not request.user.has_perm("mailing.view_mailtemplate"):
        return {}
    return reusable.copy_from_template(get_object_or_404(MailTemplate, pk=key))
