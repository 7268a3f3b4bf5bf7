"""Two people at one form of the administration: the second is told what the first changed, and loses nothing."""

import pytest
from django.contrib.auth.models import Group, User

from campaigns.models import Tag
from mailing.models import Contact, ContactList, EmailCampaign, SmtpConnection, Suppression
from pos.models import Location, Till
from promotions.models import Coupon, CustomerGroup, Promotion, PromotionCampaign
from tests import factories
from tests.campaigns.admins import address
from tests.campaigns.test_admin import form

pytestmark = pytest.mark.django_db


def name_row(factory, field="name"):
    return lambda: (factory(), field)


ROWS = {
    Contact: name_row(factories.ContactFactory, "city"),
    ContactList: name_row(factories.ContactListFactory),
    SmtpConnection: name_row(factories.SmtpConnectionFactory),
    Suppression: name_row(factories.SuppressionFactory, "detail"),
    EmailCampaign: name_row(factories.EmailCampaignFactory),
    PromotionCampaign: name_row(factories.PromotionCampaignFactory),
    Promotion: name_row(factories.PromotionFactory),
    Coupon: name_row(factories.CouponFactory, "code"),
    CustomerGroup: name_row(factories.CustomerGroupFactory),
    Location: name_row(factories.LocationFactory),
    Till: name_row(factories.TillFactory),
    User: name_row(factories.UserFactory, "first_name"),
    Tag: lambda: (Tag.objects.create(name="spring"), "name"),
    Group: lambda: (Group.objects.create(name="Helpers"), "name"),
}


@pytest.mark.parametrize("model", ROWS, ids=lambda model: model.__name__)
def test_the_second_to_save_is_told_and_overwrites_only_when_they_save_once_more(model, admin_client):
    row, field = ROWS[model]()
    page = admin_client.get(address(model, "change", row.pk))
    typed = form(page) | {"seen": page.context["seen"]}
    assert 'name="seen"' in page.text
    unchanged = admin_client.post(address(model, "change", row.pk), typed)
    assert unchanged.status_code == 302, unchanged.context["errors"]
    model.objects.filter(pk=row.pk).update(**{field: "OTHERS"})
    late = admin_client.post(address(model, "change", row.pk), typed | {field: "MINE"})
    assert late.status_code == 200
    assert "is now OTHERS" in late.text
    assert getattr(model.objects.get(pk=row.pk), field) == "OTHERS"
    again = admin_client.post(
        address(model, "change", row.pk), typed | {field: "MINE", "seen": late.context["seen"]}
    )
    assert again.status_code == 302, again.context["errors"]
    assert getattr(model.objects.get(pk=row.pk), field) == "MINE"


def test_a_role_that_was_taken_away_meanwhile_does_not_come_back(admin_client):
    user, role = factories.UserFactory(), Group.objects.create(name="Helpers")
    user.groups.add(role)
    page = admin_client.get(address(User, "change", user.pk))
    user.groups.clear()
    typed = form(page) | {"seen": page.context["seen"], "groups": [role.pk]}
    late = admin_client.post(address(User, "change", user.pk), typed)
    assert "Groups is now" in late.text
    assert not user.groups.exists()


def test_a_secret_that_changed_meanwhile_is_told_and_not_shown(admin_client):
    smtp = factories.SmtpConnectionFactory(username="fanfare", password="the first one")
    page = admin_client.get(address(SmtpConnection, "change", smtp.pk))
    smtp.password = "the second one"
    smtp.save()
    late = admin_client.post(
        address(SmtpConnection, "change", smtp.pk), form(page) | {"seen": page.context["seen"]}
    )
    assert "Changed while this form was open" in late.text
    assert "the second one" not in late.text
