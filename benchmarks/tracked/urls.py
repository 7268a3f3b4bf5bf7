"""The product's addresses, and what the pixel is compared with: a view that answers a constant."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.urls import include, path


@login_not_required
def answer_constant(request: HttpRequest) -> HttpResponse:
    """Answer a constant."""
    return HttpResponse(b"GIF89a", content_type="image/gif")


urlpatterns = [path("trivial", answer_constant), path("", include("config.urls"))]
