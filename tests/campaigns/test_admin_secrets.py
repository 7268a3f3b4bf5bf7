"""No page of the administration tells a secret by answering which rows have one that begins with something."""

import re

import pytest
from django.apps import apps
from django.contrib import admin
from django.core.exceptions import FieldDoesNotExist
from django.urls import reverse

from mailing.secrets import EncryptedTextField
from tests.factories import SmtpConnectionFactory, TillFactory, UserFactory, user_in

pytestmark = pytest.mark.django_db
LOOKUPS = ["", "__startswith", "__regex", "__gt", "__isnull", "__in", "__length__gt"]
REGISTERED = {model._meta.label: model for model in admin.site._registry}


def is_secret(field):
    """Whether a column holds what lets somebody in: by its kind, or by its name."""
    return isinstance(field, EncryptedTextField) or bool(
        re.search(r"passw|key_hash|secret|token|session|payload", field.name)
    )


def list_paths(model, steps=2):
    """List the ways of Django's double underscores that lead from a model to a secret, over so many relations."""
    for field in model._meta.get_fields():
        if field.concrete and not field.is_relation and is_secret(field):
            yield field.name
        if field.is_relation and field.related_model and steps:
            yield from (f"{field.name}__{rest}" for rest in list_paths(field.related_model, steps - 1))


def test_the_walk_meets_the_secrets_there_are():
    paths = {f"{label}.{path}" for label, model in REGISTERED.items() for path in list_paths(model)}
    assert {
        "auth.User.password",
        "auth.Group.user__password",
        "pos.Till.key_hash",
        "pos.Location.tills__key_hash",
        "pos.Sale.till__key_hash",
        "mailing.SmtpConnection.password",
        "mailing.Route.connection__password",
        "campaigns.Transition.by__password",
        "django_q.OrmQ.payload",
    } <= paths


@pytest.mark.parametrize("label", REGISTERED)
def test_no_lookup_of_a_list_reaches_a_secret(label, rf):
    model = REGISTERED[label]
    request = rf.get("/")
    request.user = UserFactory(is_staff=True, is_superuser=True)
    page = admin.site._registry[model]
    for path in list_paths(model):
        for lookup in LOOKUPS:
            assert not page.lookup_allowed(path + lookup, "a", request), path + lookup
    for searched in page.get_search_fields(request):
        with_way = searched.lstrip("^=@").split("__")
        owner = model
        for part in with_way:
            try:
                field = owner._meta.get_field(part)
            except FieldDoesNotExist:
                break
            assert field.is_relation or not is_secret(field), searched
            owner = field.related_model or owner


@pytest.mark.parametrize("role", ["Administrators", "superuser"])
def test_an_address_that_asks_for_a_secret_is_answered_with_400_and_tells_nothing(client, role):
    user = (
        UserFactory(is_staff=True, is_superuser=True) if role == "superuser" else user_in(role, is_staff=True)
    )
    client.force_login(user)
    till, smtp = TillFactory(), SmtpConnectionFactory(password="secret")
    asked = {
        "pos_till": f"key_hash__startswith={till.key_hash[0]}",
        "pos_location": f"tills__key_hash__startswith={till.key_hash[0]}",
        "pos_sale": "till__key_hash__regex=.",
        "mailing_smtpconnection": f"password={smtp.password}",
        "auth_user": "password__startswith=p",
        "auth_group": "user__password__startswith=p",
        "mailing_emailcampaign": "created_by__password__startswith=p",
    }
    for name, query in asked.items():
        assert client.get(f"{reverse(f'admin:{name}_changelist')}?{query}").status_code == 400, query


def test_other_filters_go_on_working(admin_client):
    till = TillFactory(name="Left")
    TillFactory(name="Right")
    page = admin_client.get(f"/admin/pos/till/?name__startswith=Le&location__id__exact={till.location_id}")
    assert page.status_code == 200
    assert [row.name for row in page.context["cl"].result_list] == ["Left"]


def test_every_model_with_a_page_has_one_that_guards_secrets():
    assert all(apps.get_model(label) for label in REGISTERED)
    for page in admin.site._registry.values():
        assert any(base.__name__ == "GuardedAdmin" for base in type(page).__mro__), type(page)
