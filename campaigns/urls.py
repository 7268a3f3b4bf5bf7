from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from campaigns.views import account, calendar, campaign_list, dashboard, guide, machines, people, steps

app_name = "campaigns"
urlpatterns = [
    path("", dashboard.dashboard, name="dashboard"),
    path("under-way/", dashboard.live_campaigns, name="live_campaigns"),
    path("calendar/", calendar.show_calendar, name="calendar"),
    path("calendar/feed/", calendar.change_feed, name="change_feed"),
    path("calendar/feed/<str:secret>.ics", calendar.read_feed, name="calendar_feed"),
    path("trends/", dashboard.show_trends, name="trends"),
    path("search/", dashboard.search_everywhere, name="search"),
    path("campaigns/", campaign_list.campaign_list, name="list"),
    path("campaigns/several/", campaign_list.change_several, name="change_several"),
    path("campaigns/views/", campaign_list.save_view, name="save_view"),
    path("campaigns/views/<int:pk>/delete/", campaign_list.delete_view, name="delete_view"),
    path("campaigns/<int:pk>/", steps.detail, name="detail"),
    path("campaigns/<int:pk>/duplicate/", steps.duplicate, name="duplicate"),
    path("campaigns/<int:pk>/delete/", steps.delete, name="delete"),
    path("campaigns/<int:pk>/<str:verb>/", steps.fire, name="fire"),
    path("login/", LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("signed-in/", machines.check_signed_in, name="signed_in"),
    path("guide/", guide.show_guide, name="guide"),
    path("guide/<slug:name>/", guide.show_guide, name="guide"),
    path("people/", people.list_people, name="people"),
    path("people/invite/", people.invite, name="person_invite"),
    path("people/<int:pk>/", people.edit_person, name="person"),
    path("people/<int:pk>/switch/", people.switch, name="person_switch"),
    path("people/<int:pk>/invite/", people.invite_again, name="person_invite_again"),
    path("account/", account.account, name="account"),
    path("settings/", account.user_settings, name="settings"),
    path("account/password/", account.PasswordChange.as_view(), name="password"),
    path("healthz", machines.healthz, name="healthz"),
    path("readyz", machines.readyz, name="readyz"),
]
