from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from campaigns import views

app_name = "campaigns"
urlpatterns = [
    path("", views.dashboard, name="dashboard"),
    path("under-way/", views.live_campaigns, name="under_way"),
    path("calendar/", views.show_calendar, name="calendar"),
    path("trends/", views.show_trends, name="trends"),
    path("search/", views.search_everywhere, name="search"),
    path("campaigns/", views.campaign_list, name="list"),
    path("campaigns/<int:pk>/", views.detail, name="detail"),
    path("campaigns/<int:pk>/duplicate/", views.duplicate, name="duplicate"),
    path("campaigns/<int:pk>/delete/", views.delete, name="delete"),
    path("campaigns/<int:pk>/<str:verb>/", views.fire, name="fire"),
    path("login/", LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("signed-in/", views.check_signed_in, name="signed_in"),
    path("account/", views.account, name="account"),
    path("settings/", views.user_settings, name="settings"),
    path("account/password/", views.PasswordChange.as_view(), name="password"),
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
]
