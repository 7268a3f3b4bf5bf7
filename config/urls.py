"""Every address of the product, by app."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

admin.autodiscover()

urlpatterns = [
    # one door for one's own password, with the limit of guesses
    path("admin/password_change/", RedirectView.as_view(pattern_name="campaigns:password")),
    path("admin/", admin.site.urls),
    path("pos/v1/", include("pos.api.urls")),
    path("", include("campaigns.urls")),
    path("", include("promotions.urls")),
    path("", include("pos.pages.urls")),
    path("", include("mailing.urls")),
]

handler404 = "campaigns.views.failures.page_not_found"
handler500 = "campaigns.views.failures.server_error"
