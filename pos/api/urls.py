"""The addresses for tills, version 1, below /pos/v1/: pos.api.middleware calls what stands here, and not Django."""

from django.urls import path

from pos.api import views

app_name = "pos"
urlpatterns = [
    path("quotes", views.methods(POST=views.quote), name="quotes"),
    path("sales/<str:sale_id>", views.methods(GET=views.show, PUT=views.commit), name="sale"),
    path("sales/<str:sale_id>/confirm", views.methods(POST=views.confirm), name="confirm"),
    path("sales/<str:sale_id>/release", views.methods(POST=views.release), name="release"),
    path("sales/<str:sale_id>/void", views.methods(POST=views.void), name="void"),
    path("sales/<str:sale_id>/returns/<str:return_id>", views.methods(PUT=views.put_return), name="return"),
    path("rules", views.methods(GET=views.show_rules), name="rules"),
    path("openapi.json", views.methods(GET=views.describe), name="openapi"),
]
