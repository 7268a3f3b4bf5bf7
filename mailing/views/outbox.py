"""What the mail catcher caught: nothing of it has left this machine."""

from html.parser import HTMLParser

from django.contrib.auth.decorators import permission_required
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_GET

from campaigns.requests import Request
from mailing import catcher
from mailing.views.frames import framed

viewing = permission_required("mailing.view_emailcampaign", raise_exception=True)
PER_PAGE = 50


@require_GET
@viewing
def outbox(request: Request) -> HttpResponse:
    words = request.GET.get("q", "")
    caught = catcher.messages(before=request.GET.get("before", ""), most=PER_PAGE, words=words)
    context = {"caught": caught, "count": catcher.count(), "words": words, "is_full": len(caught) == PER_PAGE}
    return render(request, "mailing/outbox.html", context)


@require_GET
@viewing
def caught(request: Request, name: str) -> HttpResponse:
    opened = found(name)
    return render(request, "mailing/caught.html", {"mail": opened, "links": links(opened.html)})


@require_GET
@viewing
@xframe_options_sameorigin
def caught_frame(request: Request, name: str) -> HttpResponse:
    """The mail itself, for the frame on its page: `?part=text` its text part, `?part=raw` all of it as it came."""
    opened = found(name)
    part = request.GET.get("part", "html")
    if part == "raw":
        return framed(opened.raw, "text/plain; charset=utf-8")
    if part == "text" or not opened.html:
        return framed(opened.text, "text/plain; charset=utf-8")
    return framed(opened.html)


def found(name: str) -> catcher.Opened:
    try:
        return catcher.message(name)
    except catcher.NotCaught as error:
        raise Http404(str(error)) from error


def links(html: str) -> list[tuple[str, str]]:
    """The links of a mail in their order: (where it leads, its words)."""
    lister = _Links()
    lister.feed(html)
    lister.close()
    return [(url, " ".join("".join(words).split())) for url, words in lister.found]


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, list[str]]] = []
        self.inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a" and (url := dict(attrs).get("href")):
            self.found.append((url, []))
            self.inside = True

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self.inside = False

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.found[-1][1].append(data)
