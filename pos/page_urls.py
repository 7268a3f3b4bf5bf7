"""The addresses of the pages that need the till's own code; those of tills are in `pos.urls`."""

from django.urls import path

from pos import pages

app_name = "tills"
urlpatterns = [
    path("campaigns/promotion/<int:pk>/estimate/", pages.estimated, name="estimate"),
    path("sandbox/", pages.sandbox, name="sandbox"),
    path("till-api/", pages.reference, name="reference"),
]
