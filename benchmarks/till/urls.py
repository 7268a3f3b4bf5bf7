from django.urls import include, path

from benchmarks.till import views

urlpatterns = [
    path("constant", views.constant),
    path("select", views.select),
    path("pos/v1/", include("pos.api.urls")),
]
