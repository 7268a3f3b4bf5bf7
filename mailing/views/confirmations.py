"""The question before something is removed: a page, or for htmx the content of the dialog."""

from collections.abc import Callable

from django.contrib import messages
from django.db.models import Model
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext

from campaigns.refusals import Refused
from campaigns.requests import Request


def ask_for_confirmation(
    request: Request,
    *,
    title: str,
    sentence: str,
    label: str,
    back: str,
    refused: str = "",
    menu_path: str = "",
) -> HttpResponse:
    """Ask; with `refused`, say why it was not done. `menu_path`: as for the menu."""
    context = {
        "title": title,
        "sentence": sentence,
        "label": label,
        "back": back,
        "refused": refused,
        "menu_path": menu_path,
    }
    template = "mailing/_sure.html" if request.htmx else "mailing/sure.html"
    return render(request, template, context, status=409 if refused else 200)


def act_when_confirmed(
    request: Request, act: Callable[[], object], *, done: str, to: str, **question: str
) -> HttpResponse:
    """Ask `question`; once it is answered, `act`, say that it is `done` and redirect to `to`."""
    if request.method != "POST":
        return ask_for_confirmation(request, **question)
    try:
        act()
    except Refused as refused:
        return ask_for_confirmation(request, **question, refused=str(refused))
    messages.success(request, done)
    return redirect(to)


def delete_when_confirmed(
    request: Request, row: Model, *, back: str, delete: Callable[[], object] | None = None, **words: str
) -> HttpResponse:
    """Ask before `row` is deleted, and delete it, unless that is refused.

    Args:
        back: the name of the page to return to.
        delete: what deletes it, where more goes with it than its row.
        words: `title` and `sentence` of the question, and what is said once it is `done`.
    """
    return act_when_confirmed(
        request, delete or row.delete, to=back, label=gettext("Delete"), back=reverse(back), **words
    )
