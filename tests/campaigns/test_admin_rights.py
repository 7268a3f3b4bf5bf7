"""Who may do what in Django admin: every model, every page and action of it, every role.

The table says what is allowed; whatever is not in it must be refused, also what a later version adds.
"""

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.utils import timezone
from django_q.models import Failure, OrmQ, Schedule, Success

from tests import factories
from tests.campaigns.admins import address, sign_in, task
from tests.factories import UserFactory, user_in

pytestmark = pytest.mark.django_db
ROLES = ["no role", "Analysts", "Marketers", "Administrators", "superuser"]

# letters: v view, a add, c change, d delete, r retry; A "Administrators", M "Marketers" and above, n "Analysts" and
# above, S superusers only. "vn acM" reads: analysts and above view, marketers and above add and change. A row of nobody
# is tried; the drafts that marketers made themselves they may delete as well (E1).
TABLE = {
    "auth.User": "vacdA",
    "auth.Group": "vA acdS",
    "campaigns.Campaign": "vn",
    "campaigns.CalendarFeed": "vdS",
    "campaigns.Edit": "vS",
    "campaigns.Heartbeat": "vn",
    "campaigns.LoginLimit": "vS",
    "campaigns.LoginPlace": "vS",
    "campaigns.SavedView": "vS",
    "campaigns.Seed": "vS",
    "campaigns.Tag": "vn acdA",
    "campaigns.Transition": "vn",
    "campaigns.UserSettings": "vn acdA",
    "django_q.Failure": "vdrA",
    "django_q.OrmQ": "vA",
    "django_q.Schedule": "vA",
    "django_q.Success": "vA",
    "mailing.AddressChange": "vn",
    "mailing.Attempt": "vn",
    "mailing.Block": "vn",
    "mailing.BounceMailbox": "vn acdA",
    "mailing.Contact": "vn acdM",
    "mailing.ContactList": "vn acdM",
    "mailing.Content": "vS",
    "mailing.Conversion": "vn",
    "mailing.ConversionTally": "vS",
    "mailing.DepartedBuyer": "vS",
    "mailing.DueAttribution": "vS",
    "mailing.Delivery": "vn",
    "mailing.DkimKey": "vn",
    "mailing.CampaignPace": "vS",
    "mailing.CampaignVersion": "vS",
    "mailing.EditorVisit": "vS",
    "mailing.EmailCampaign": "vn acM dA",
    "mailing.Event": "vn",
    "mailing.HeldReport": "vn",
    "mailing.EventCount": "vn",
    "mailing.GlobalHoldOut": "vn",
    "mailing.GlobalHoldOutFigures": "vS",
    "mailing.Lane": "vS",
    "mailing.MailTemplate": "vn",
    "mailing.Membership": "vn",
    "mailing.OAuthGrant": "vS",
    "mailing.Pace": "vn",
    "mailing.Picture": "vn",
    "mailing.Preflight": "vn",
    "mailing.ReceivedEvent": "vS",
    "mailing.RecentVisit": "vS",
    "mailing.ReportFigures": "vS",
    "mailing.RevenueFigures": "vS",
    "mailing.PreferenceChange": "vn",
    "mailing.RetentionCount": "vS",
    "mailing.Route": "vn",
    "mailing.Segment": "vn",
    "mailing.SenderDomain": "vn",
    "mailing.SmtpConnection": "vn acdA",
    "mailing.SplitTest": "vn",
    "mailing.SpoolFile": "vS",
    "mailing.Suppression": "vn acdM",
    "mailing.Tally": "vS",
    "mailing.Target": "vn",
    "mailing.TrackingConsent": "vn",
    "mailing.TrackingPolicy": "vn",
    "mailing.Upload": "vn",
    "mailing.VariantContent": "vS",
    "mailing.Webhook": "vS",
    "mailing.VerdictBlock": "vS",
    "pos.ArticleCost": "vn",
    "pos.Location": "vn acdA",
    "pos.Return": "vn",
    "pos.Sale": "vn",
    "pos.UnfoldedSale": "vS",
    "pos.Till": "vn acdA",
    "promotions.Change": "vn",
    "promotions.Counter": "vn",
    "promotions.Coupon": "vn acdM",
    "promotions.CustomerGroup": "vn acM dA",
    "promotions.CustomerUse": "vn",
    "promotions.ExcludedPair": "vn",
    "promotions.GroupMember": "vn",
    "promotions.Link": "vn",
    "promotions.Overrun": "vn",
    "promotions.Promotion": "vn acdM",
    "promotions.PromotionCampaign": "vn acM dA",
    "promotions.Redemption": "vn",
    "promotions.RulesVersion": "vn",
    "promotions.StackingSettings": "vn acA",
    "promotions.TalliedSale": "vS",
}
# actions on rows chosen in a list; every other model has none
ACTIONS = {
    "django_q.Failure": {"delete_selected": "d", "retry": "r"},
    "mailing.Contact": {"delete_selected": "d"},
    "mailing.Suppression": {"delete_selected": "d"},
    "pos.Location": {"delete_selected": "d"},
    "promotions.CustomerGroup": {"delete_selected": "d"},
}
# pages of our own beside Django's five, each with the letter that it needs
PAGES = {
    "auth.User": {"<id>/password/": "c"},
    "mailing.EmailCampaign": {"<int:pk>/fire/<str:verb>/": "c"},
    "promotions.PromotionCampaign": {"<int:pk>/fire/<str:verb>/": "c"},
    "pos.Till": {"<int:pk>/rotate/": "c", "<int:pk>/revoke/": "c"},
}
RANK = {"n": 1, "M": 2, "A": 3, "S": 4}


def may(role, label, letter):
    for words in TABLE[label].split():
        if letter in words[:-1]:
            return ROLES.index(role) >= RANK[words[-1]]
    return False


def make_row(model):
    """A row to look at, of the models that have one by a line."""
    made = {
        "django_q.Failure": lambda: Failure.objects.create(**task(success=False)),
        "django_q.Success": lambda: Success.objects.create(**task(success=True)),
        "django_q.Schedule": lambda: Schedule.objects.first() or Schedule.objects.create(func="os.system"),
        "django_q.OrmQ": lambda: OrmQ.objects.create(key="default", payload="x", lock=timezone.now()),
        "auth.User": UserFactory,
        "auth.Group": lambda: Group.objects.create(name="Helpers"),
    }
    factory = made.get(model._meta.label) or getattr(factories, f"{model.__name__}Factory", None)
    return factory() if factory and model.__name__ != "Campaign" else None


def test_every_model_is_in_the_table():
    assert {model._meta.label for model in admin.site._registry} == set(TABLE)


@pytest.mark.parametrize("role", ROLES)
def test_a_role_has_the_rights_of_the_table_and_no_others(rf, client, role):
    """By the questions that each page of the admin asks."""
    request = rf.get("/")
    request.user = sign_in(client, role)
    for model, model_admin in admin.site._registry.items():
        row, label = make_row(model), model._meta.label
        has = {
            "v": model_admin.has_view_permission(request, row),
            "a": model_admin.has_add_permission(request),
            "c": model_admin.has_change_permission(request, row),
            "d": model_admin.has_delete_permission(request, row),
        }
        assert {letter: bool(has[letter]) for letter in has} == {
            letter: may(role, label, letter) for letter in has
        }, label


@pytest.mark.parametrize("label", TABLE)
def test_the_pages_do_what_the_table_says_for_an_administrator(client, label):
    model, role = apps.get_model(label), "Administrators"
    sign_in(client, role)
    row = make_row(model)
    assert (client.get(address(model, "changelist")).status_code == 200) == may(role, label, "v"), "list"
    assert (client.get(address(model, "add")).status_code == 200) == may(role, label, "a"), "add"
    if row is None:
        return
    for page, letter in {"change": "v", "history": "v", "delete": "d"}.items():
        allowed = may(role, label, letter)
        assert (client.get(address(model, page, row.pk)).status_code == 200) == allowed, page
    answer = client.post(address(model, "change", row.pk), {})
    assert (answer.status_code != 403) == may(role, label, "c"), "saving"
    if not may(role, label, "a"):
        assert client.post(address(model, "add"), {}).status_code == 403
    if not may(role, label, "d"):
        assert client.post(address(model, "delete", row.pk), {"post": "yes"}).status_code == 403
        assert type(row).objects.filter(pk=row.pk).exists()


@pytest.mark.parametrize("role", ["no role", "Analysts", "Marketers"])
@pytest.mark.parametrize(
    "label", ["auth.User", "auth.Group", "django_q.Schedule", "django_q.OrmQ", "pos.Till"]
)
def test_the_pages_that_give_power_refuse_everybody_else(client, role, label):
    model = apps.get_model(label)
    sign_in(client, role)
    row = make_row(model)
    for page, args in {"add": (), "change": (row.pk,), "delete": (row.pk,)}.items():
        assert client.post(address(model, page, *args), {"post": "yes"}).status_code == 403
    assert (client.get(address(model, "changelist")).status_code == 200) == may(role, label, "v")


@pytest.mark.parametrize("role", ROLES)
def test_a_role_has_the_actions_of_the_table_and_no_others(rf, client, role):
    request = rf.get("/")
    request.user = sign_in(client, role)
    for model, model_admin in admin.site._registry.items():
        label = model._meta.label
        wanted = {name for name, letter in ACTIONS.get(label, {}).items() if may(role, label, letter)}
        assert set(model_admin.get_actions(request)) == wanted, label


def test_every_page_of_our_own_is_in_the_table():
    usual = {
        "",
        "add/",
        "<path:object_id>/history/",
        "<path:object_id>/delete/",
        "<path:object_id>/change/",
        "<path:object_id>/",
    }
    found = {}
    for model, model_admin in admin.site._registry.items():
        routes = {str(pattern.pattern) for pattern in model_admin.get_urls()} - usual
        if routes:
            found[model._meta.label] = routes
    assert found == {label: set(pages) for label, pages in PAGES.items()}


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    ("label", "page", "args"),
    [
        ("mailing.EmailCampaign", "fire", ("pause",)),
        ("promotions.PromotionCampaign", "fire", ("pause",)),
        ("pos.Till", "rotate", ()),
        ("pos.Till", "revoke", ()),
    ],
)
def test_our_own_pages_ask_for_the_right_too(client, role, label, page, args):
    model = apps.get_model(label)
    sign_in(client, role)
    row = make_row(model)
    if page == "fire":
        row = type(row).objects.get(pk=getattr(factories, f"{model.__name__}Factory")(
            status="running" if label.startswith("mailing") else "active").pk)  # fmt: skip
    before = type(row).objects.values().get(pk=row.pk)
    client.post(address(model, page, row.pk, *args))
    changed = type(row).objects.values().get(pk=row.pk) != before
    assert changed == may(role, label, "c")


# ── people ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def save(client, user, **changes):
    """Post somebody's form as it stands, with changes; returns what the page answered."""
    page = address(get_user_model(), "change", user.pk)
    values = {
        "username": user.username, "first_name": user.first_name, "last_name": user.last_name, "email": user.email,
        "is_active": "on", "is_staff": "on" if user.is_staff else "",
        "groups": [group.pk for group in user.groups.all()],
        "date_joined_0": "2026-01-01", "date_joined_1": "00:00:00",
    }  # fmt: skip
    return client.post(page, values | changes)


def test_nobody_makes_themselves_or_another_a_superuser_or_gives_single_permissions(client):
    me, other = sign_in(client, "Administrators"), user_in("Marketers")
    permission = Permission.objects.get(codename="add_group")
    for user in (me, other):
        save(client, user, is_superuser="on", user_permissions=[permission.pk])
        user.refresh_from_db()
        assert (user.is_superuser, user.user_permissions.count()) == (False, 0)
    client.post(
        address(get_user_model(), "add") + "?is_superuser=1",
        {"username": "new", "password1": "a long enough one", "password2": "a long enough one",
         "usable_password": "true", "is_superuser": "on", "user_permissions": [permission.pk]},
    )  # fmt: skip
    made = get_user_model().objects.get(username="new")
    assert (made.is_superuser, made.user_permissions.count()) == (False, 0)


def test_an_administrator_gives_the_roles_that_allow_no_more_than_their_own(client):
    sign_in(client, "Administrators")
    strong = Group.objects.create(name="Strong")
    strong.permissions.add(Permission.objects.get(codename="add_group"))
    user = UserFactory()
    for name, is_given in {"Administrators": True, "Analysts": True, "Strong": False}.items():
        save(client, user, groups=[Group.objects.get(name=name).pk])
        assert user.groups.filter(name=name).exists() is is_given


@pytest.mark.parametrize("is_active", [True, False])
@pytest.mark.parametrize("kind", ["superuser", "single permission", "stronger role"])
def test_who_has_more_is_not_taken_over(client, kind, is_active):
    """Neither by a password, nor by an address that a reset would go to; also not while they are switched off."""
    sign_in(client, "Administrators")
    user = UserFactory(is_staff=True, is_active=is_active, is_superuser=kind == "superuser")
    permission = Permission.objects.get(codename="change_group")
    if kind == "single permission":
        user.user_permissions.add(permission)
    if kind == "stronger role":
        group = Group.objects.create(name="Strong")
        group.permissions.add(permission)
        user.groups.add(group)
    before = get_user_model().objects.values().get(pk=user.pk)
    assert save(client, user, email="thief@shop.example").status_code == 403
    password = {"password1": "a thief's own one", "password2": "a thief's own one", "usable_password": "true"}
    assert client.post(f"/admin/auth/user/{user.pk}/password/", password).status_code == 403
    assert client.post(address(get_user_model(), "delete", user.pk), {"post": "yes"}).status_code == 403
    client.post(
        address(get_user_model(), "changelist"),
        {"action": "delete_selected", "_selected_action": [user.pk], "post": "yes"},
    )
    assert get_user_model().objects.values().get(pk=user.pk) == before


def test_an_administrator_manages_those_with_as_many_rights_or_fewer(client):
    sign_in(client, "Administrators")
    for role in ("Administrators", "Marketers"):
        user = user_in(role)
        assert save(client, user, first_name="Ida").status_code == 302
        password = {
            "password1": "another one of mine",
            "password2": "another one of mine",
            "usable_password": "true",
        }
        assert client.post(f"/admin/auth/user/{user.pk}/password/", password).status_code == 302
        user.refresh_from_db()
        assert user.first_name == "Ida"
        assert user.check_password("another one of mine")
        assert client.post(address(get_user_model(), "delete", user.pk), {"post": "yes"}).status_code == 302


def test_who_may_only_look_at_a_user_sees_no_button_for_their_password(client):
    sign_in(client, "Administrators")
    page = client.get(address(get_user_model(), "change", UserFactory(is_superuser=True).pk)).content.decode()
    assert "password/" not in page.split('id="user_form"')[1]

    page = client.get(address(get_user_model(), "change", user_in("Marketers").pk)).content.decode()
    assert "password/" in page.split('id="user_form"')[1]
