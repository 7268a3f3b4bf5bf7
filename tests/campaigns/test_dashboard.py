"""What the dashboard shows first: the figures of the last 30 days, and what needs a person."""

from datetime import timedelta

import pytest
from django.utils import timezone

from campaigns import formats
from campaigns.workspace import overview
from campaigns.workspace.trends import DAYS, Days, Trend
from mailing.models import EventCount, Pace, Tally
from promotions.models import Counter
from tests.factories import (
    EmailCampaignFactory,
    PromotionCampaignFactory,
    SmtpConnectionFactory,
    UserFactory,
    user_in,
)

pytestmark = pytest.mark.django_db


def tally(campaign, measure, amount, days_ago=0):
    Tally.objects.create(
        campaign=campaign, measure=measure, amount=amount, at=timezone.now() - timedelta(days=days_ago)
    )


def read_trends(client):
    answer = client.get("/trends/")
    assert answer.status_code == 200
    return {trend.label: trend for trend in answer.context["trends"]}


@pytest.mark.parametrize(
    ("before", "lately", "change"),
    [
        (0, 0, ""),
        (0, 7, "none in the 30 days before"),
        (100, 100, "as in the 30 days before"),
        (100, 112, "12% more than in the 30 days before"),
        (200, 50, "75% less than in the 30 days before"),
        (1, 30, "2,900% more than in the 30 days before"),
    ],
)
def test_a_figure_is_compared_with_the_30_days_before(before, lately, change):
    amounts = [0] * (DAYS - 1) + [before] + [0] * (DAYS - 1) + [lately]
    trend = Trend("Mails", "", Days(timezone.now()), amounts)
    assert trend.total == formats.thousands(lately)
    assert trend.change == change
    assert [column.point.values for column in trend.plot.columns][-1] == (lately,)


def test_mails_and_clicks_of_people_are_summed_by_day(client, marketer):
    campaign = EmailCampaignFactory(status="completed")
    for measure, amount, days_ago in [
        ("accepted", 1_200, 0), ("accepted", 300, 29), ("returned", 4, 2), ("uncertain", 1, 2),
        ("accepted", 1_000, 30), ("accepted", 9_999, 61), ("bounced", 50, 1), ("clicked", 70, 1),
    ]:  # fmt: skip
        tally(campaign, measure, amount, days_ago)
    hour = timezone.now() - timedelta(hours=1)
    for origin, amount in (("human", 5), ("machine", 50)):
        EventCount.objects.create(
            campaign=campaign, kind="clicked", origin=origin, was_named=False, amount=amount, at=hour
        )
    found = read_trends(client)
    assert found["E-mails sent"].total == "1,505"
    assert found["E-mails sent"].change == "50% more than in the 30 days before"
    assert found["E-mails sent"].amounts[DAYS] == 300
    assert found["Clicks"].total == "75"
    assert found["Revenue by e-mail"].total == found["Discounts given"].total == "€0.00"


def test_everybody_sees_the_figures_of_their_own_rights(client):
    assert client.get("/trends/").status_code == 302
    client.force_login(user_in("Analysts"))
    assert set(read_trends(client)) == {"E-mails sent", "Clicks", "Revenue by e-mail", "Discounts given"}
    client.force_login(UserFactory())
    assert client.get("/trends/").status_code == 403


def test_the_figures_take_few_queries(client, marketer, django_assert_max_num_queries):
    with django_assert_max_num_queries(10):
        client.get("/trends/")


def list_notices(client):
    return [notice.sentence for notice in client.get("/").context["notices"]]


def test_a_budget_that_is_nearly_gone_is_named(client, marketer):
    for name, spent, uses in (("Nearly", 9_000, 3), ("Half", 5_000, 95)):
        campaign = PromotionCampaignFactory(name=name, status="active", budget=10_000, max_uses=100)
        Counter.objects.update_or_create(
            campaign=campaign, defaults={"spent": spent, "uses": uses, "budget": 10_000, "max_uses": 100}
        )
    assert set(list_notices(client)) == {
        "“Nearly” has given €90.00 of its budget of €100.00.",
        "“Half” has been used 95 of at most 100 times.",
    }


def test_a_draft_that_is_due_is_named_and_drafts_are_listed(client, marketer):
    now = timezone.now()
    for name, starts in (("Now", now), ("Next week", now + timedelta(days=7)), ("Whenever", None)):
        EmailCampaignFactory(name=name, starts_at=starts)
    assert [sentence.partition(" was ")[0] for sentence in list_notices(client)] == ["“Now”"]
    assert {draft.name for draft in overview.latest_drafts()} == {"Now", "Next week", "Whenever"}


def test_a_server_that_is_down_and_uncertain_mails_are_named(client):
    client.force_login(user_in("Administrators"))
    server = SmtpConnectionFactory(name="Post")
    Pace.objects.update_or_create(
        connection=server, defaults={"down_since": timezone.now(), "trouble": "It refused the login."}
    )
    campaign = EmailCampaignFactory(name="Letter", status="completed", launched_at=timezone.now())
    tally(campaign, "uncertain", 3)
    tally(campaign, "uncertain", -2)
    down, uncertain = list_notices(client)
    assert down.startswith("The connection “Post” has not worked since ")
    assert down.endswith("It refused the login.")
    assert uncertain.startswith("“Letter”: 1 mail is uncertain.")


def test_a_sender_that_bounces_much_is_named(client, marketer):
    campaign = EmailCampaignFactory(
        status="completed", from_email="news@shop.test", launched_at=timezone.now()
    )
    tally(campaign, "accepted", 940)
    tally(campaign, "bounced", 60)
    (notice,) = list_notices(client)
    assert notice == (
        "6.0% of the mails from shop.test bounced in the last 30 days. Mailbox providers may refuse its mails."
    )


@pytest.mark.parametrize(
    ("address", "part"), [("/trends/", 'id="trends"'), ("/revenue/lately/", 'id="revenue-lately"')]
)
def test_a_link_to_a_part_leads_to_a_whole_page(client, marketer, address, part):
    whole = client.get(address).content.decode()
    assert "<html" in whole
    assert "<h1>" in whole
    assert part in whole
    alone = client.get(address, headers={"HX-Request": "true"}).content.decode()
    assert alone.lstrip().startswith(("<div", "<section"))
    assert part in alone
