"""The form of one row, new or stored, which tells the second of two people who save it what the first one changed."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render

from campaigns import editions
from campaigns.annotations import Argument
from campaigns.requests import Request


def edit_row(
    request: Request, form: Argument, template: str, said: str, *, to: str = "", **context: Argument
) -> HttpResponse:
    """Show the form of a row, and save it.

    Args:
        form: a Refusable ModelForm. Its COLUMNS are all that people may change.
        said: once it is saved, with %(saved)s for the row.
        to: the name or path of the page that is shown then; "" for the row's own.
        context: what the template needs besides.
    """
    seen = request.POST.get("seen") or editions.edition_of_row(form.instance, form.COLUMNS)
    if request.method == "POST" and form.is_valid():
        try:
            saved = editions.save_row(
                form.save(commit=False), form.COLUMNS, by=request.user, seen=request.POST.get("seen")
            )
        except editions.EditConflict as overtaken:
            form.refuse(overtaken.reasons)
            seen = overtaken.latest
        else:
            messages.success(request, said % {"saved": saved})
            return redirect(to or saved)
    context |= {"form": form, "seen": seen}
    return render(request, template, context, status=422 if form.errors else 200)
