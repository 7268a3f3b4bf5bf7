"""The addresses for tills, version 1, below /pos/v1/: pos.api.middleware calls what stands here, and not Django."""

from django.urls import path

from pos.api import views

app_name = "pos"
urlpatterns = [
    path("quotes", views.allow_methods(POST=views.quote), name="quotes"),
    path("sales/<str:sale_id>", views.allow_methods(GET=views.show, PUT=views.commit), name="sale"),
    path("sales/<str:sale_id>/confirm", views.allow_methods(POST=views.confirm), name="confirm"),
    path("sales/<str:sale_id>/release", views.allow_methods(POST=views.release), name="release"),
    path("sales/<str:sale_id>/void", views.allow_methods(POST=views.void), name="void"),
    path(
        "sales/<str:sale_id>/returns/<str:return_id>",
        views.allow_methods(PUT=views.put_return),
        name="return",
    ),
    path("rules", views.allow_methods(GET=views.show_rules), name="rules"),
    path("openapi.json", views.allow_methods(GET=views.describe), name="openapi"),
]
