"""The addresses of the pages that need the till's own code; those of tills are in `pos.api.urls`."""

from django.urls import path

from pos.pages import article_costs, forecast, views

app_name = "tills"
urlpatterns = [
    path("campaigns/promotion/<int:pk>/estimate/", views.show_estimate, name="estimate"),
    path("promotions/forecast/", forecast.show_forecast, name="forecast"),
    path("sandbox/", views.sandbox, name="sandbox"),
    path("articles/costs/", article_costs.list_costs, name="article_costs"),
    path("articles/costs/take/", article_costs.take_costs, name="article_costs_take"),
    path("till-api/", views.reference, name="reference"),
]
