"""The library of pictures: its pages, the chooser of the editor, and the files that mails show."""

import re
from functools import partial

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required, permission_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_safe
from django_htmx.http import retarget

from campaigns.annotations import PageContext
from campaigns.refusals import Refused
from campaigns.requests import Request
from mailing.forms.library import NewPictureForm, PictureForm
from mailing.library import pictures
from mailing.models import Picture
from mailing.views.confirmations import delete_when_confirmed
from mailing.views.row_forms import edit_row

PER_PAGE = 24
CHOOSER_IDS = "picture-%s"  # the page below the dialog has fields of these names, too
YEAR = 365 * 86_400  # seconds: what stands under a name never changes
FILE_POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox"
_is_file_name = re.compile(r"[0-9a-f]{40}\.(?:png|jpg|gif)").fullmatch

viewing = permission_required("mailing.view_picture", raise_exception=True)


@login_not_required
@require_safe
def picture_file(request: HttpRequest, file: str) -> HttpResponse:
    """Return the file of a picture, to anybody who reads a mail."""
    try:
        if not _is_file_name(file):
            raise FileNotFoundError
        data = pictures.find_path(file).read_bytes()
    except FileNotFoundError:
        return HttpResponse(
            _("There is no such picture."), status=404, content_type="text/plain; charset=utf-8"
        )
    response = HttpResponse(data, content_type=pictures.CONTENT_TYPES[file.rpartition(".")[2]])
    response["Cache-Control"] = f"public, max-age={YEAR}, immutable"
    response["Content-Security-Policy"] = FILE_POLICY
    response["X-Content-Type-Options"] = "nosniff"
    response["Cross-Origin-Resource-Policy"] = "cross-origin"  # mail programs of the web show it
    return response


@require_GET
@viewing
def picture_list(request: Request) -> HttpResponse:
    """List the pictures, the newest first."""
    query = request.GET.get("q", "").strip()
    rows = Picture.objects.filter(name__icontains=query) if query else Picture.objects.all()
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "mailing/pictures.html", {"page": page, "query": query})


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required("mailing.add_picture", raise_exception=True)
def picture_new(request: Request) -> HttpResponse:
    """Show the form of a new picture, and take the picture in; the dialog of the editor gets the choice anew."""
    is_sent = request.method == "POST"
    form = NewPictureForm(
        request.POST if is_sent else None,
        request.FILES if is_sent else None,
        auto_id=CHOOSER_IDS if request.htmx else "id_%s",
    )
    if is_sent and form.is_valid():
        try:
            picture, is_new = pictures.add_picture(
                form.cleaned_data["file"].read(),
                name=form.cleaned_data["name"],
                alt=form.cleaned_data["alt"],
                by=request.user,
            )
        except Refused as refused:
            form.refuse(refused.reasons)
        else:
            if request.htmx:
                return retarget(show_chooser(request, NewPictureForm(auto_id=CHOOSER_IDS)), "#ask")
            said = (
                _("“%(picture)s” is in the library.")
                if is_new
                else _("“%(picture)s” was in the library already.")
            )
            messages.success(request, said % {"picture": picture})
            return redirect("mailing:pictures")
    if request.htmx:
        return retarget(show_chooser(request, form), "#ask")
    context: PageContext = {"form": form}
    return render(request, "mailing/picture_form.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required("mailing.change_picture", raise_exception=True)
def picture_edit(request: Request, pk: int) -> HttpResponse:
    """Show and save what a picture is called and shows."""
    picture = get_object_or_404(Picture, pk=pk)
    form = PictureForm(request.POST or None, instance=picture)
    return edit_row(
        request,
        form,
        "mailing/picture_form.html",
        _("“%(saved)s” is saved."),
        to="mailing:pictures",
        picture=get_object_or_404(Picture, pk=pk),
        uses=[*pictures.list_uses(picture)],
    )


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required("mailing.delete_picture", raise_exception=True)
def picture_delete(request: Request, pk: int) -> HttpResponse:
    """Delete a picture; a GET asks first."""
    row = get_object_or_404(Picture, pk=pk)
    return delete_when_confirmed(
        request,
        row,
        title=_("Delete the picture “%(picture)s”?") % {"picture": row},
        sentence=_("Its file is deleted with it. Mails that showed it in the past would lack it."),
        done=_("“%(picture)s” is deleted.") % {"picture": row},
        back="mailing:pictures",
        delete=partial(pictures.delete_picture, row),
    )


@require_GET
@viewing
def picture_chooser(request: Request) -> HttpResponse:
    """Return the pictures to choose from, for the dialog of the editor; without htmx, go to their page."""
    if not request.htmx:
        return redirect("mailing:pictures")
    return show_chooser(request, NewPictureForm(auto_id=CHOOSER_IDS))


def show_chooser(request: Request, form: NewPictureForm) -> HttpResponse:
    """Return the content of the dialog."""
    if not request.user.has_perm("mailing.view_picture"):
        raise Http404
    context: PageContext = {"pictures": Picture.objects.all()[: pictures.MOST_OFFERED], "form": form}
    return render(request, "mailing/_picture_chooser.html", context, status=422 if form.errors else 200)
