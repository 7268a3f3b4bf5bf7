"""The question before something is removed: a page, or for htmx the content of the dialog."""

from django.contrib import messages
from django.db.models import Model, ProtectedError
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from campaigns.requests import Request
from mailing.models import Target


def sure(
    request: Request, *, title: str, sentence: str, label: str, back: str, refused: str = ""
) -> HttpResponse:
    """Ask; with `refused`, say why it was not done."""
    context = {"title": title, "sentence": sentence, "label": label, "back": back, "refused": refused}
    template = "mailing/_sure.html" if request.htmx else "mailing/sure.html"
    return render(request, template, context, status=409 if refused else 200)


def deletion(request: Request, row: Model, *, sentence: str, back: str) -> HttpResponse:
    """Ask before `row` is deleted, and delete it; one that campaigns name stays.

    `back` is the name of the page to return to.
    """
    noun = str(row._meta.verbose_name).removeprefix("contact ")
    question = {
        "title": f"Delete the {noun} “{row}”?",
        "sentence": sentence,
        "label": "Delete",
        "back": reverse(back),
    }
    if request.method != "POST":
        return sure(request, **question)
    try:
        row.delete()
    except ProtectedError as error:
        targets = [row for row in error.protected_objects if isinstance(row, Target)]
        named = ", ".join(sorted({f"“{target.campaign}”" for target in targets}))
        return sure(
            request, **question, refused=f"“{row}” cannot be deleted: these campaigns name it: {named}."
        )
    messages.success(request, f"The {noun} “{row}” is deleted.")
    return redirect(back)
