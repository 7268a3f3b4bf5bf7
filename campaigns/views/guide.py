"""The guide, page by page."""

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from campaigns import guide
from campaigns.requests import Request


@require_safe
def show_guide(request: Request, name: str = "index") -> HttpResponse:
    """Show a page of the guide to anybody who is signed in."""
    try:
        page = guide.read_page(name)
    except KeyError:
        raise Http404 from None
    pages = guide.list_pages()
    place = pages.index(page)
    following = pages[place + 1] if place + 1 < len(pages) else None
    context = {"page": page, "html": guide.render_page(name), "pages": pages, "following": following}
    return render(request, "campaigns/guide.html", context)
