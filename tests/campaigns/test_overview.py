"""The list of campaigns and the dashboard."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse
from django.utils import timezone

from campaigns.lifecycle import fire
from campaigns.models import Campaign, Transition
from campaigns.workspace import overview
from mailing.models import Tally
from promotions.models import Redemption
from tests.campaigns.pages import FACTORIES, get_page
from tests.factories import (
    EmailCampaignFactory,
    PromotionCampaignFactory,
    PromotionFactory,
    SaleFactory,
    UserFactory,
    user_in,
)

pytestmark = pytest.mark.django_db


# ── the list ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def names(client, query=""):
    response = client.get(f"/campaigns/{query}")
    assert response.status_code == 200
    return {campaign.name for campaign in response.context["page"]}


def test_the_list_holds_both_kinds_and_filters_them(client, marketer):
    EmailCampaignFactory(name="Winter letter", status="running")
    PromotionCampaignFactory(name="Winter sale", status="active", description="Agreed with the roastery.")
    PromotionCampaignFactory(name="Old sale", status="cancelled", archived_at=timezone.now())
    assert names(client) == {"Winter letter", "Winter sale"}
    assert names(client, "?kind=email") == {"Winter letter"}
    assert names(client, "?status=active") == {"Winter sale"}
    assert names(client, "?q=winter+sale") == {"Winter sale"}
    assert names(client, "?q=ROASTERY") == {"Winter sale"}
    assert names(client, "?q=roastery+letter") == set()
    assert names(client, "?archived=1") == {"Old sale"}
    assert names(client, "?kind=nonsense&status=nonsense&page=99") == {"Winter letter", "Winter sale"}


@pytest.mark.parametrize(("sort", "expected"), [
    ("", ["alder", "Birch", "cedar"]),
    ("name", ["alder", "Birch", "cedar"]),
    ("-name", ["cedar", "Birch", "alder"]),
    ("starts", ["Birch", "alder", "cedar"]),
    ("-starts", ["alder", "Birch", "cedar"]),
    ("password", ["alder", "Birch", "cedar"]),
])  # fmt: skip
def test_the_list_is_sorted_by_its_columns_and_those_without_come_last(client, marketer, sort, expected):
    now = timezone.now()
    PromotionCampaignFactory(name="cedar", starts_at=None)
    PromotionCampaignFactory(name="Birch", starts_at=now + timedelta(days=1))
    EmailCampaignFactory(name="alder", starts_at=now + timedelta(days=2))
    response = client.get("/campaigns/", {"sort": sort, "q": ""})
    assert [campaign.name for campaign in response.context["page"]] == expected


def test_the_head_of_a_column_turns_its_order_and_keeps_the_filters(client, marketer):
    EmailCampaignFactory()
    page = client.get("/campaigns/?kind=email&sort=name&page=1").content.decode()
    assert re.search(
        r'<th scope="col" aria-sort="ascending"><a class="sort" href="\?kind=email&amp;sort=-name">', page
    )
    assert 'href="?kind=email&amp;sort=starts"' in page
    assert '<input type="hidden" name="sort" value="name"' in page


def test_a_name_cannot_write_into_the_page(client, marketer):
    campaign = EmailCampaignFactory(name="<script>alert(1)</script>")
    for page in (client.get("/campaigns/").content.decode(), get_page(client, campaign)):
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert" in page


def test_the_list_takes_as_many_queries_for_fifty_campaigns_as_for_two(
    client, marketer, django_assert_num_queries
):
    EmailCampaignFactory(created_by=marketer)
    PromotionCampaignFactory(created_by=marketer)
    client.get("/campaigns/")
    # session, user, two of permissions, rows with their tags; the tabs, what needs attention, how each kind stands; the
    # saved views, the choices of tags and those of people
    with django_assert_num_queries(16) as few:
        client.get("/campaigns/")
    EmailCampaignFactory.create_batch(24, created_by=UserFactory())
    PromotionCampaignFactory.create_batch(24, created_by=UserFactory())
    with django_assert_num_queries(len(few)):
        assert client.get("/campaigns/").content.decode().count("<tr>") == 26


def test_the_list_begins_with_what_is_under_way_and_ends_with_what_is_over(client, marketer):
    now = timezone.now()
    PromotionCampaignFactory(name="over", status="expired")
    EmailCampaignFactory(name="a draft")
    PromotionCampaignFactory(name="next week", status="scheduled", starts_at=now + timedelta(days=7))
    EmailCampaignFactory(name="tomorrow", status="scheduled", starts_at=now + timedelta(days=1))
    PromotionCampaignFactory(name="waits", status="paused")
    PromotionCampaignFactory(name="at the till", status="active")
    EmailCampaignFactory(name="goes out", status="running")
    response = client.get("/campaigns/")
    assert [campaign.name for campaign in response.context["page"]] == [
        "goes out", "at the till", "waits", "tomorrow", "next week", "a draft", "over",
    ]  # fmt: skip


def test_the_tabs_count_what_a_search_leaves_and_keep_it(client, marketer):
    EmailCampaignFactory(name="Winter letter", status="running")
    PromotionCampaignFactory.create_batch(2, name="Winter sale", status="active")
    PromotionCampaignFactory(name="Summer sale", status="active")
    EmailCampaignFactory(name="Old winter letter", status="completed", archived_at=timezone.now())
    response = client.get("/campaigns/?q=winter&status=active&sort=name")
    counts = [(one.label, one.count) for one in response.context["status_counts"]]
    assert counts == [("All", 3), ("Running", 1), ("Active", 2), ("Archived", 1)]
    page = response.content.decode()
    assert 'href="?q=winter&amp;status=running&amp;sort=name"' in page
    assert 'href="?q=winter&amp;sort=name&amp;archived=1"' in page
    assert re.search(r'aria-current="page">Active <span class="count">2<', page)
    assert '<input type="hidden" name="status" value="active"' in page  # a further search stays on the tab


def test_a_line_of_the_list_says_how_the_campaign_stands(client, marketer):
    now = timezone.now()
    mail = EmailCampaignFactory(status="running", total=200, launched_at=now, prepared_at=now)
    Tally.objects.create(campaign=mail, measure="accepted", amount=50)
    Tally.objects.create(campaign=mail, measure="opened", amount=10)
    with_budget = PromotionCampaignFactory(status="active", budget=10_000)
    without = PromotionCampaignFactory(status="paused")
    for campaign in (with_budget, without):
        Redemption.objects.create(
            sale=SaleFactory(), campaign=campaign, promotion=PromotionFactory(), amount=1250, uses=1
        )
    EmailCampaignFactory(status="scheduled", starts_at=now + timedelta(hours=30))
    page = client.get("/campaigns/").content.decode()
    assert "50 of 200 sent" in page
    assert "20.0% opened" in page
    assert "€12.50 of €100.00 given · 1 use" in page
    assert "€12.50 given · 1 use, no limit" in page
    assert re.search(r"starts in 1\xa0day", page)


def test_the_list_says_why_a_campaign_needs_attention(client, marketer):
    stopped = EmailCampaignFactory(status="running")
    fire(stopped, "pause", why="The server refused the login.")
    by_hand = EmailCampaignFactory(status="running")
    fire(by_hand, "pause", by=marketer, why="The room is not confirmed.")
    page = client.get("/campaigns/").content.decode()
    assert "The server refused the login." in page
    assert "The room is not confirmed." not in page


def test_an_empty_list_says_what_to_do_next(client, marketer):
    page = client.get("/campaigns/").content.decode()
    assert reverse("mailing:campaign_new") in page
    assert reverse("promotions:campaign_new") in page
    client.force_login(user_in("Analysts"))
    assert reverse("mailing:campaign_new") not in client.get("/campaigns/").content.decode()


def test_a_campaign_of_the_list_leads_to_the_page_of_its_kind(client, marketer):
    for kind, factory in FACTORIES.items():
        campaign = factory()
        assert client.get(f"/campaigns/{campaign.pk}/").url == f"/campaigns/{kind}/{campaign.pk}/"


# ── dashboard ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_dashboard_of_a_fresh_house_shows_the_first_steps(client, marketer):
    page = client.get("/").content.decode()
    assert "Welcome to Fanfare" in page
    assert reverse("mailing:contact_import") in page or reverse("mailing:contacts") in page


def test_the_dashboard_shows_what_runs_what_comes_and_what_needs_attention(client, marketer):
    EmailCampaignFactory(name="On its way", status="running", total=200)
    PromotionCampaignFactory(name="At the till", status="active", budget=100_00)
    EmailCampaignFactory(name="Tomorrow", status="scheduled")
    stopped = EmailCampaignFactory(name="Stopped", status="running")
    fire(stopped, "pause", why="The server refused the login.")
    by_hand = EmailCampaignFactory(name="By hand", status="running")
    fire(by_hand, "pause", by=marketer)
    broken = EmailCampaignFactory(name="Broken", status="running")
    fire(broken, "fail", why="The content does not compile.")
    sent_back = EmailCampaignFactory(name="Sent back", status="scheduled")
    fire(sent_back, "unschedule", why="It could not be launched. The subject is missing.")
    response = client.get("/")
    attention = {campaign.name: campaign.last_why for campaign in response.context["attention"]}
    assert attention == {
        "Stopped": "The server refused the login.",
        "Broken": "The content does not compile.",
        "Sent back": "It could not be launched. The subject is missing.",
    }
    assert {row.campaign.name for row in response.context["under_way"]} == {
        "On its way", "At the till", "Stopped", "By hand",
    }  # fmt: skip
    assert {campaign.name for campaign in response.context["coming"]} == {"Tomorrow"}
    page = response.content.decode()
    assert "€0.00 of €100.00" in page
    assert page.count("<progress") >= 2


def test_a_campaign_whose_end_passed_while_it_was_paused_needs_attention(client, marketer):
    now = timezone.now()
    over = PromotionCampaignFactory(name="Over", status="active", ends_at=now + timedelta(hours=1))
    fire(over, "pause", by=marketer, why="Out of coffee.", now=now)
    assert list(overview.campaigns_needing_attention(now)) == []
    assert overview.campaigns_needing_attention(now + timedelta(hours=1)).get().name == "Over"
    Campaign.objects.filter(pk=over.pk).update(ends_at=now)
    page = client.get("/").content.decode()
    assert "passed while it was paused. Move the end to go on with it" in page
    assert "Out of coffee." not in page


def test_the_dashboard_takes_few_queries_however_much_is_under_way(
    client, marketer, django_assert_max_num_queries
):
    EmailCampaignFactory.create_batch(12, status="running")
    PromotionCampaignFactory.create_batch(12, status="active", budget=100_00)
    EmailCampaignFactory.create_batch(30, status="scheduled")
    with django_assert_max_num_queries(70):  # at most ten of each kind, with a few for the figures of each
        client.get("/")


def test_an_old_failure_leaves_the_dashboard(client, marketer):
    campaign = EmailCampaignFactory(status="failed")
    Transition.objects.create(
        campaign=campaign, verb="fail", was="running", now="failed", at=timezone.now() - timedelta(days=15)
    )
    assert not client.get("/").context["attention"]


def test_somebody_without_a_role_is_told_so(client):
    client.force_login(UserFactory())
    assert "You have no role yet" in client.get("/").content.decode()
    assert client.get("/campaigns/").status_code == 403


def test_the_menu_holds_only_what_one_may_open(client):
    viewer = UserFactory()
    viewer.user_permissions.add(Permission.objects.get(codename="view_campaign"))
    client.force_login(viewer)
    page = client.get("/campaigns/").content.decode()
    assert 'href="/campaigns/"' in page
    assert 'href="/contacts/"' not in page
    assert 'href="/admin/"' not in page
