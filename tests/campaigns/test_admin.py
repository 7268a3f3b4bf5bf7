"""Django admin: every model is there, and nothing in it goes past the lifecycle or a domain function."""

import re

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db.models import CompositePrimaryKey
from django.urls import reverse

from campaigns.models import Campaign
from mailing.models import EmailCampaign
from pos import keys
from pos.models import Till
from promotions.models import Coupon, Promotion, PromotionCampaign, RulesVersion
from tests import factories
from tests.factories import (
    EmailCampaignFactory,
    LocationFactory,
    PromotionCampaignFactory,
    TillFactory,
    user_in,
)

pytestmark = pytest.mark.django_db
APPS = ("campaigns", "promotions", "pos", "mailing")
# Django admin takes no model with a key of several columns
OURS = [
    model
    for app in APPS
    for model in apps.get_app_config(app).get_models()
    if not isinstance(model._meta.pk, CompositePrimaryKey)
]
FACTORIES = [
    factory
    for name, factory in vars(factories).items()
    if name.endswith("Factory") and name not in ("CampaignFactory", "UserFactory", "DjangoModelFactory")
]


@pytest.fixture
def administrator(client):
    user = get_user_model().objects.create_superuser("root", "root@shop.example", "a long enough password")
    client.force_login(user)
    return user


def address(model, page, *args):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


@pytest.mark.parametrize("model", OURS, ids=lambda model: model._meta.label)
def test_every_model_has_its_list(model, client, administrator):
    assert admin.site.is_registered(model)
    assert client.get(address(model, "changelist")).status_code == 200


@pytest.mark.parametrize("factory", FACTORIES, ids=lambda factory: factory.__name__)
def test_every_row_a_factory_makes_has_its_page(factory, client, administrator):
    row = factory()
    assert client.get(address(type(row), "change", row.pk)).status_code == 200


@pytest.mark.parametrize("page", ["changelist", "add"])
def test_only_staff_enter(page, client):
    client.force_login(user_in("Marketers"))
    answer = client.get(address(PromotionCampaign, page))
    assert answer.status_code == 302
    assert "/admin/login/" in answer["Location"]


@pytest.mark.parametrize(
    ("factory", "status", "open_steps"),
    [
        (EmailCampaignFactory, "running", ["pause", "cancel"]),
        (PromotionCampaignFactory, "active", ["pause", "end_early", "cancel"]),
    ],
)
def test_steps_are_buttons_that_fire_and_the_status_is_read_only(
    factory, status, open_steps, client, administrator
):
    campaign = factory(status=status)
    model = type(campaign)
    page = client.get(address(model, "change", campaign.pk)).content.decode()
    assert re.findall(r"/fire/(\w+)/", page) == open_steps
    assert 'name="status"' not in page
    question = client.get(address(model, "fire", campaign.pk, "pause")).content.decode()
    assert f"Pause: {campaign}" in question
    assert 'name="why"' in question
    assert not campaign.history.exists()
    client.post(address(model, "fire", campaign.pk, "pause"), {"why": "A wrong price."})
    row = campaign.history.get()
    assert (row.verb, row.now, row.by, row.why) == ("pause", "paused", administrator, "A wrong price.")


def test_a_refused_step_is_a_message_and_changes_nothing(client, administrator):
    campaign = PromotionCampaignFactory(status="expired")
    answer = client.post(address(PromotionCampaign, "fire", campaign.pk, "resume"), follow=True)
    assert "is expired: it cannot resume" in answer.content.decode()
    assert not campaign.history.exists()
    assert client.put(address(PromotionCampaign, "fire", campaign.pk, "resume")).status_code == 405
    assert client.post(address(PromotionCampaign, "fire", campaign.pk, "launch")).status_code == 404


@pytest.mark.parametrize("status", ["running", "paused", "completed", "failed", "cancelled"])
def test_a_locked_email_campaign_has_no_form(status, client, administrator):
    """E3, E4, E5"""
    campaign = EmailCampaignFactory(status=status)
    page = client.get(address(EmailCampaign, "change", campaign.pk)).content.decode()
    assert 'name="subject"' not in page
    answer = client.post(address(EmailCampaign, "change", campaign.pk), {"subject": "Edited"})
    assert answer.status_code == 403
    assert EmailCampaign.objects.get(pk=campaign.pk).subject == ""


def form(page):
    """The values of the admin's form, as a browser would send them back."""
    values = {}
    for name, field in page.context["adminform"].form.fields.items():
        bound = page.context["adminform"].form[name]
        value = bound.value()
        if hasattr(field, "widget") and hasattr(field.widget, "decompress"):
            parts = field.widget.decompress(value)
            values |= {f"{name}_{number}": part or "" for number, part in enumerate(parts)}
        elif value is True:
            values[name] = "on"
        elif value is not None and value is not False:
            values[name] = value
    for formset in page.context["inline_admin_formsets"]:
        values |= {f"{formset.formset.prefix}-{part}": 0 for part in ("TOTAL_FORMS", "INITIAL_FORMS")}
    return values


def test_an_edit_of_a_scheduled_email_campaign_puts_it_back_to_draft(client, administrator):
    """E2"""
    campaign = EmailCampaignFactory(status="scheduled", launchable=True)
    page = client.get(address(EmailCampaign, "change", campaign.pk))
    answer = client.post(address(EmailCampaign, "change", campaign.pk), form(page) | {"subject": "Edited"})
    assert answer.status_code == 302, answer.context["errors"]
    stored = EmailCampaign.objects.get(pk=campaign.pk)
    assert (stored.status, stored.subject) == ("draft", "Edited")
    assert campaign.history.get().by == administrator


def test_an_edit_of_a_promotion_campaign_is_published(client, administrator):
    """P3"""
    campaign = PromotionCampaignFactory(status="active", discounting=True)
    version = RulesVersion.objects.values_list("version", flat=True).first()
    page = client.get(address(PromotionCampaign, "change", campaign.pk))
    answer = client.post(address(PromotionCampaign, "change", campaign.pk), form(page) | {"budget": "50"})
    assert answer.status_code == 302, answer.context["errors"]
    assert PromotionCampaign.objects.get(pk=campaign.pk).counter.budget == 5000
    assert RulesVersion.objects.get().version != version


def test_a_promotion_and_a_coupon_are_saved_by_their_domain_functions(client, administrator):
    promotion = factories.PromotionFactory()
    page = client.get(address(Promotion, "change", promotion.pk))
    values = form(page) | {"benefit": '{"type": "percent", "percent": 2000}', "name": "Twenty"}
    for part in ("conditions", "target", "stacking", "caps"):
        values[part] = page.context["adminform"].form[part].value()
    answer = client.post(address(Promotion, "change", promotion.pk), values)
    assert answer.status_code == 302, answer.context["errors"]
    assert Promotion.objects.get(pk=promotion.pk).benefit["percent"] == 2000
    wrong = client.post(
        address(Promotion, "change", promotion.pk), values | {"benefit": '{"type": "magic"}'}, follow=True
    )
    assert "magic" in wrong.content.decode()
    assert Promotion.objects.get(pk=promotion.pk).benefit["percent"] == 2000

    coupon = factories.CouponFactory()
    page = client.get(address(Coupon, "change", coupon.pk))
    answer = client.post(address(Coupon, "change", coupon.pk), form(page) | {"code": "SPRING"})
    assert answer.status_code == 302, answer.context["errors"]
    assert Coupon.objects.get(pk=coupon.pk).code == "SPRING"


def test_a_till_key_is_shown_once_and_can_be_changed_and_revoked(client, administrator):
    location = LocationFactory()
    answer = client.post(address(Till, "add"), {"location": location.pk, "name": "Till 9"})
    key = re.search(r'id="till-key">(till_\w{32})<', answer.content.decode())[1]
    till = Till.objects.get(name="Till 9")
    assert till.key_hash == keys.hash_key(key)
    assert "no-store" in answer["Cache-Control"]
    assert key not in client.get(address(Till, "change", till.pk)).content.decode()

    answer = client.post(address(Till, "rotate", till.pk))
    another = re.search(r'id="till-key">(till_\w{32})<', answer.content.decode())[1]
    assert another != key
    assert Till.objects.get(pk=till.pk).key_hash == keys.hash_key(another)

    client.post(address(Till, "revoke", till.pk))
    assert Till.objects.get(pk=till.pk).revoked_at
    assert client.get(address(Till, "revoke", till.pk)).status_code == 405


def test_nobody_without_the_right_changes_a_till_key(client):
    user = user_in("Analysts", is_staff=True)
    client.force_login(user)
    till = TillFactory()
    assert client.post(address(Till, "rotate", till.pk)).status_code == 403
    assert Till.objects.get(pk=till.pk).key_hash == till.key_hash


def test_drafts_are_deleted_one_by_one_through_the_lifecycle(client, administrator):
    draft, running = EmailCampaignFactory(), EmailCampaignFactory(status="running")
    client.post(address(EmailCampaign, "delete", draft.pk), {"post": "yes"})
    assert not Campaign.objects.filter(pk=draft.pk).exists()
    assert client.post(address(EmailCampaign, "delete", running.pk), {"post": "yes"}).status_code == 403
    assert Campaign.objects.filter(pk=running.pk).exists()


@pytest.mark.parametrize(
    "typed", ["[" * 3000, "9" * 5000, "[" * 60 + "]" * 60, '{"a": ' * 60 + "1" + "}" * 60]
)
def test_json_that_is_too_deep_is_refused_and_shown_again(client, typed):
    client.force_login(factories.UserFactory(is_staff=True, is_superuser=True))
    contact = factories.ContactFactory()
    response = client.post(
        f"/admin/mailing/contact/{contact.pk}/change/", {"email": contact.email, "attributes": typed}
    )
    assert response.status_code == 200
    assert "Enter a valid JSON" in response.content.decode()
    assert typed.replace('"', "&quot;") in response.content.decode()


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("pos_location", "Choose “Add location” to begin."),
        ("mailing_delivery", "There is nothing here yet, and nothing to do"),
        ("promotions_coupon", "Choose “Add coupon” to begin."),
    ],
)
def test_an_empty_list_says_what_to_do_next(client, administrator, path, sentence):
    assert sentence in client.get(reverse(f"admin:{path}_changelist")).content.decode()


def test_a_list_in_which_nothing_matches_says_so(client, administrator):
    LocationFactory(name="Harbour")
    page = client.get(reverse("admin:pos_location_changelist"), {"q": "nowhere"}).content.decode()
    assert "Nothing matches." in page
    assert "to begin" not in page


def test_django_finds_nothing_wrong_with_the_product_and_its_administration():
    """Not every process loads the pages of the administration, so `manage.py check` may not see them."""
    call_command("check", fail_level="WARNING")
