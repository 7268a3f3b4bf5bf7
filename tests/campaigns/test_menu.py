"""The menu: who sees which entries, where one is, and that every entry leads to a page."""

import re

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse
from django.utils import timezone

from campaigns.workspace import menu
from tests.factories import EmailCampaignFactory, PromotionCampaignFactory, UserFactory, user_in

pytestmark = pytest.mark.django_db
list_current = re.compile(r'<a class="entry" href="([^"]+)" aria-current="page">').findall
list_paths = re.compile(r'<a class="entry" href="([^"]+)"').findall


def read_menu(client, path="/"):
    return client.get(path).content.decode().partition('id="menu"')[2].partition("</nav>")[0]


@pytest.mark.parametrize("role", ["Analysts", "Marketers", "Administrators"])
def test_every_entry_that_somebody_sees_leads_to_a_page(client, role):
    client.force_login(user_in(role, is_staff=role == "Administrators"))
    paths = list_paths(read_menu(client))
    assert len(paths) > 10
    for path in paths:
        assert client.get(path).status_code == 200, path


def test_the_pages_of_the_administration_are_there_for_staff_with_the_right(client):
    paths = {reverse(f"admin:{name}_changelist") for name in ("pos_location", "pos_till")}
    for user, expected in [
        (user_in("Administrators", is_staff=True), paths),
        (user_in("Administrators"), set()),
        (UserFactory(is_staff=True), set()),
    ]:
        client.force_login(user)
        assert paths & set(list_paths(read_menu(client))) == expected


@pytest.mark.parametrize(("path", "here"), [
    ("/", "/"),
    ("/campaigns/email/new/", "/campaigns/"),
    ("/contacts/new/", "/contacts/"),
    ("/contacts/import/", "/contacts/import/"),
    ("/mailboxes/", "/connections/"),
    ("/calendar/?view=week", "/calendar/"),
])  # fmt: skip
def test_one_entry_says_where_one_is(client, administrator, path, here):
    assert list_current(read_menu(client, path)) == [here]


def test_settings_are_folded_until_one_is_there(client, administrator):
    assert '<details class="fold">' in read_menu(client)
    assert '<details class="fold" open>' in read_menu(client, "/connections/")


def test_no_address_is_in_the_menu_twice():
    paths = [entry.path for group in menu.GROUPS for entry in group.entries]
    assert len(paths) == len(set(paths))


# ── the places of one campaign ───────────────────────────────────────────────────────────────────────────────────────

list_tabs = re.compile(
    r'<li><a href="(/[^"]+)"(?: aria-current="page")?>(Overview|Report|Revenue)</a></li>'
).findall


def test_the_report_is_a_tab_of_a_campaign_that_has_begun(client, marketer):
    mail = EmailCampaignFactory(status="completed", launched_at=timezone.now(), prepared_at=timezone.now())
    path = mail.get_absolute_url()
    tabs = [(path, "Overview"), (f"{path}report/", "Report"), (f"{path}revenue/", "Revenue")]
    for address, name in tabs:
        page = client.get(address).content.decode()
        assert list_tabs(page) == tabs
        assert f'<a href="{address}" aria-current="page">{name}</a>' in page
    promotion = PromotionCampaignFactory(status="active")
    assert (f"/reports/promotions/?campaign={promotion.pk}", "Report") in list_tabs(
        client.get(promotion.get_absolute_url()).content.decode()
    )


def test_a_campaign_has_no_tabs_before_it_begins_or_for_those_who_see_no_deliveries(client, marketer):
    draft = EmailCampaignFactory()
    assert list_tabs(client.get(draft.get_absolute_url()).content.decode()) == []
    viewer = UserFactory()
    viewer.user_permissions.add(Permission.objects.get(codename="view_emailcampaign"))
    client.force_login(viewer)
    running = EmailCampaignFactory(status="running")
    assert list_tabs(client.get(running.get_absolute_url()).content.decode()) == []
