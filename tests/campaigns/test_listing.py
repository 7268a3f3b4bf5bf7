"""The list of campaigns: its filters, pages by key, saved views, what a row offers, and what is done to several."""

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns.lifecycle import duplicate
from campaigns.models import Campaign, SavedView, Tag
from campaigns.workspace import listing
from tests.campaigns.test_pages import HTMX
from tests.factories import EmailCampaignFactory, PromotionCampaignFactory, UserFactory, user_in

pytestmark = pytest.mark.django_db


def list_names(client, query=""):
    answer = client.get(f"/campaigns/?{query}")
    assert answer.status_code == 200
    return [campaign.name for campaign in answer.context["page"]]


def walk(client, sort, step="after", place=""):
    """Follow the links from page to page; return the names of each page, and the place before the last one."""
    pages = []
    for _ in range(10):
        page = client.get("/campaigns/", {"sort": sort, step: place}).context["page"]
        pages.append([campaign.name for campaign in page])
        place = getattr(page, step)
        if not place:
            return pages, page.before
    raise AssertionError("The pages do not end.")


def tag(name, *campaigns):
    made = Tag.objects.create(name=name)
    made.campaigns.add(*campaigns)
    return made


def say(answer):
    return [str(message) for message in answer.context["messages"]]


# ── filters ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_list_is_filtered_by_tag_person_and_days(client, marketer):
    kim = UserFactory(first_name="Kim", last_name="Park")
    tea = EmailCampaignFactory(name="Tea", created_by=kim, starts_at=datetime(2031, 5, 7, 22, tzinfo=UTC))
    PromotionCampaignFactory(name="Cake", starts_at=datetime(2031, 5, 9, tzinfo=UTC))
    autumn = tag("Autumn", tea)
    for query in (
        f"tag={autumn.pk}",
        f"owner={kim.pk}",
        "until=2031-05-07",
        "since=2031-05-07&until=2031-05-08",
    ):
        assert list_names(client, query) == ["Tea"], query
    assert list_names(client, "since=2031-05-08") == ["Cake"]
    page = client.get(f"/campaigns/?tag={autumn.pk}").content.decode()
    assert '<details class="further" open>' in page
    assert f'<option value="{kim.pk}">Kim Park</option>' in page
    assert f'<option value="{autumn.pk}" selected>Autumn</option>' in page


@pytest.mark.parametrize("nonsense", ["0", "x", "99999999999999999999999", "2031-02-30", "−1"])
def test_a_filter_that_is_no_choice_filters_nothing(client, marketer, nonsense):
    EmailCampaignFactory()
    for name in ("tag", "owner", "since", "until", "kind", "status", "sort", "after", "before"):
        assert len(client.get("/campaigns/", {name: nonsense}).context["page"]) == 1, name


# ── at size ──────────────────────────────────────────────────────────────────────────────────────────────────────────

MANY_CAMPAIGNS = """
    WITH made AS (
        INSERT INTO campaigns_campaign (kind, name, description, status, created_at, updated_at, starts_at)
        SELECT 'promotion', 'Campaign ' || n, '',
               (ARRAY['draft', 'scheduled', 'active', 'paused', 'expired'])[1 + n % 5],
               now() - n * interval '1 minute', now(), CASE n % 5 WHEN 1 THEN now() + n * interval '1 hour' END
        FROM generate_series(1, 10000) AS n RETURNING id
    )
    INSERT INTO promotions_promotioncampaign (campaign_ptr_id, on_budget_end, priority, currency, exclusive)
    SELECT id, 'partial', 100, 'EUR', false FROM made
"""


@pytest.fixture
def many_campaigns():
    with connection.cursor() as cursor:
        cursor.execute(
            "SET LOCAL session_replication_role = replica"
        )  # the triggers count sales, and none was made
        cursor.execute(MANY_CAMPAIGNS)
        cursor.execute("SET LOCAL session_replication_role = DEFAULT")
        cursor.execute("ANALYZE campaigns_campaign, promotions_promotioncampaign")


def test_a_page_of_ten_thousand_campaigns_reads_only_its_rows(client, marketer, many_campaigns):
    with CaptureQueriesContext(connection) as captured:
        page = client.get("/campaigns/").context["page"]
    assert len(captured) <= 20
    assert len(page) == listing.PER_PAGE
    [listed] = [query["sql"] for query in captured if "key_0" in query["sql"]]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) {listed}")
        plan = "\n".join(line for (line,) in cursor)
    assert "campaign_in_order_of_work" in plan, plan
    assert "Sort" not in plan, plan


# ── pages by key ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("sort", ["", *listing.SORTS, *(f"-{name}" for name in listing.SORTS)])
def test_each_campaign_is_on_exactly_one_page_there_and_back(client, marketer, monkeypatch, sort):
    monkeypatch.setattr(listing, "PER_PAGE", 3)
    for number in range(4):
        PromotionCampaignFactory(name=f"same {number // 2}", status="active", created_by=UserFactory())
        EmailCampaignFactory(name=f"b{number}", starts_at=None, created_by=None)
    EmailCampaignFactory(name="soon", status="scheduled", starts_at=datetime(2031, 5, 7, tzinfo=UTC))
    pages, place = walk(client, sort)
    assert [len(page) for page in pages] == [3, 3, 3]
    names = Campaign.objects.values_list("name", flat=True)
    assert sorted(name for page in pages for name in page) == sorted(names)
    back, none = walk(client, sort, "before", place)
    assert (back, none) == ([pages[1], pages[0]], "")


@pytest.mark.parametrize("place", [
    "[]", "[1]", '["a"]', '["a","b"]', '[null,1]', '["\\u0000",1]', '["\\ud800",1]', "[" * 1999, '["a",1e999]',
    '["a",true]', '["a",99999999999999999999]', "{}", "NaN", '["a",1' + "0" * 1980 + "]",
])  # fmt: skip
def test_a_place_that_is_none_is_the_first_page(client, marketer, place):
    EmailCampaignFactory(name="alone")
    for step in ("after", "before"):
        assert client.get("/campaigns/", {"sort": "name", step: place}).context["page"].rows


@pytest.mark.parametrize(
    "day", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "soon", "2031-05-07"]
)
def test_no_moment_of_an_address_breaks_the_list(client, marketer, day):
    EmailCampaignFactory()
    assert client.get("/campaigns/", {"sort": "starts", "after": f'["{day}",1]'}).status_code == 200


def test_all_filters_at_once_take_at_most_twenty_queries(client, marketer):
    mails = EmailCampaignFactory.create_batch(13, name="Tea", status="completed", created_by=marketer)
    offers = PromotionCampaignFactory.create_batch(13, name="Tea", status="active", created_by=marketer)
    made = tag("Autumn", *mails, *offers)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        page = client.get("/campaigns/", {"tag": made.pk, "owner": marketer.pk, "q": "e", "sort": "by"})
    assert page.context["page"].after
    assert len(queries) <= 20


# ── saved views ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_view_is_saved_opened_and_deleted_after_a_question(client, marketer):
    EmailCampaignFactory(name="Tea")
    PromotionCampaignFactory(name="Cake")
    filters = {"name": " My  mails ", "query": "sort=-name&kind=email&page=3&status=nonsense"}
    assert "is saved" in say(client.post("/campaigns/views/", filters, follow=True))[0]
    view = SavedView.objects.get()
    assert (view.user, view.name, view.query) == (marketer, "My mails", "kind=email&sort=-name")
    page = client.get(f"/campaigns/?{view.query}").content.decode()
    assert 'href="/campaigns/?kind=email&amp;sort=-name" aria-current="page"' in page
    path = f"/campaigns/views/{view.pk}/delete/"
    assert "Delete the view “My mails”?" in client.get(path).content.decode()
    assert "<html" not in client.get(path, **HTMX).content.decode()
    assert SavedView.objects.exists()
    client.post(path)
    assert not SavedView.objects.exists()
    assert Campaign.objects.count() == 2


def test_a_view_of_the_same_name_is_replaced_and_nobody_sees_those_of_others(client, marketer):
    for query in ("kind=email", "kind=promotion"):
        client.post("/campaigns/views/", {"name": "Mine", "query": query})
    view = SavedView.objects.get()
    assert view.query == "kind=promotion"
    client.get("/campaigns/")  # which says that it is saved
    client.force_login(user_in("Marketers"))
    assert "Mine" not in client.get("/campaigns/").content.decode()
    assert client.post(f"/campaigns/views/{view.pk}/delete/").status_code == 404


@pytest.mark.parametrize(("name", "sentence"), [
    ("", "Write a name for the view."),
    ("x" * 61, "The name of a view has at most 60 characters."),
])  # fmt: skip
def test_a_view_without_a_good_name_is_refused(client, marketer, name, sentence):
    answer = client.post("/campaigns/views/", {"name": name, "query": "kind=email"}, follow=True)
    assert say(answer) == [sentence]
    assert not SavedView.objects.exists()


def test_whoever_may_not_see_campaigns_saves_no_view_and_changes_nothing(client):
    client.force_login(UserFactory())
    assert client.post("/campaigns/views/", {"name": "x", "query": ""}).status_code == 403
    assert client.post("/campaigns/several/", {"act": "archive", "chosen": "1"}).status_code == 403


# ── what a row offers ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("factory", "status", "offered"), [
    (EmailCampaignFactory, "draft", {"edit", "duplicate"}),
    (EmailCampaignFactory, "running", {"pause", "report", "duplicate"}),
    (EmailCampaignFactory, "completed", {"report", "duplicate"}),
    (PromotionCampaignFactory, "active", {"pause", "edit", "reports", "duplicate"}),
    (PromotionCampaignFactory, "paused", {"resume", "edit", "reports", "duplicate"}),
])  # fmt: skip
def test_a_row_offers_what_its_state_allows(client, marketer, factory, status, offered):
    campaign = factory(status=status)
    (row,) = client.get("/campaigns/").context["rows"]
    found = {step.name for step in row.steps} | ({"duplicate"} if row.may_duplicate else set())
    found |= {
        word for word in ("report", "edit") if f"{campaign.pk}/{word}/" in row.edit_path + row.report_path
    }
    found |= {"reports"} if row.report_path == f"/reports/promotions/?campaign={campaign.pk}" else set()
    assert found == offered


def test_an_analyst_gets_reports_and_nothing_that_changes(client):
    client.force_login(user_in("Analysts"))
    PromotionCampaignFactory(status="active")
    answer = client.get("/campaigns/")
    (row,) = answer.context["rows"]
    assert (row.steps, row.edit_path, row.may_duplicate) == ((), "", False)
    assert row.report_path
    assert 'name="chosen"' not in answer.content.decode()


def test_a_step_from_the_list_leads_back_to_it_and_never_elsewhere(client, marketer):
    campaign = PromotionCampaignFactory(status="active")
    way_back = "/campaigns/?kind=promotion"
    assert f"pause/?next={way_back.replace('/', '%2F').replace('?', '%3F').replace('=', '%3D')}" in (
        client.get(way_back).content.decode()
    )
    asked = client.get(f"/campaigns/{campaign.pk}/pause/", {"next": way_back}, **HTMX).content.decode()
    assert f'name="next" value="{way_back}"' in asked
    assert 'hx-target="#ask"' in asked  # what is refused is said in the dialog
    assert client.post(f"/campaigns/{campaign.pk}/pause/", {"next": way_back}).url == way_back
    answer = client.post(f"/campaigns/{campaign.pk}/resume/", {"next": way_back}, **HTMX)
    assert answer["HX-Redirect"] == way_back
    for stranger in (
        "https://elsewhere.example/",
        "//elsewhere.example/",
        "javascript:alert(1)",
        "/\\elsewhere",
    ):
        verb = "resume" if Campaign.objects.get().status == "paused" else "pause"
        answer = client.post(f"/campaigns/{campaign.pk}/{verb}/", {"next": stranger})
        assert answer.url == campaign.get_absolute_url(), stranger


# ── several at once ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_over_is_archived_the_rest_is_named_and_undo_brings_it_back(client, marketer):
    over = EmailCampaignFactory.create_batch(2, status="completed")
    live = PromotionCampaignFactory(name="Cake", status="active")
    chosen = [campaign.pk for campaign in (*over, live)]
    way_back = "/campaigns/?kind=email"
    sent = {"act": "archive", "chosen": chosen, "next": way_back}
    answer = client.post("/campaigns/several/", sent, follow=True)
    assert answer.redirect_chain == [(way_back, 302)]
    done, refused = say(answer)
    assert done == "2 campaigns are archived."
    assert refused.startswith("“Cake” is active: it cannot archive.")
    keys = " ".join(str(campaign.pk) for campaign in over)
    assert f'name="chosen" value="{keys}"' in answer.content.decode()
    assert Campaign.objects.listed(archived=True).count() == 2
    client.post("/campaigns/several/", {"act": "unarchive", "chosen": keys})
    assert not Campaign.objects.listed(archived=True).exists()
    assert [step.verb for step in over[0].history.all()] == ["unarchive", "archive"]


def test_tags_are_put_on_and_taken_off_whatever_their_case(client, marketer):
    mail, cake = EmailCampaignFactory(status="completed"), PromotionCampaignFactory()
    for name in ("Autumn  2031", "autumn 2031", "K", "\N{KELVIN SIGN}"):
        client.post("/campaigns/several/", {"act": "tag", "tag": name, "chosen": [mail.pk, cake.pk]})
    assert list(Tag.objects.values_list("name", flat=True)) == ["Autumn 2031", "K"]
    assert [campaign.pk for campaign in Tag.objects.first().campaigns.order_by("pk")] == [mail.pk, cake.pk]
    assert "Only those tagged Autumn 2031" in client.get("/campaigns/").content.decode()
    client.post("/campaigns/several/", {"act": "untag", "tag": "AUTUMN 2031", "chosen": mail.pk})
    assert [each.name for each in mail.tags.all()] == ["K"]


@pytest.mark.parametrize(("sent", "sentence"), [
    ({"act": "tag", "tag": "x"}, "Tick at least one campaign."),
    ({"act": "tag", "tag": " ", "chosen": "1"}, "Write the tag."),
    ({"act": "tag", "tag": "x" * 41, "chosen": "1"}, "A tag has at most 40 characters."),
    ({"act": "untag", "tag": "none", "chosen": "1"}, "There is no tag “none”."),
    ({"act": "tag", "tag": "x", "chosen": " ".join(map(str, range(1, 200)))}, "Choose at most 100 campaigns at once."),
])  # fmt: skip
def test_what_cannot_be_done_to_several_is_said(client, marketer, sent, sentence):
    assert say(client.post("/campaigns/several/", sent, follow=True)) == [sentence]


def test_an_analyst_archives_and_tags_nothing(client):
    client.force_login(user_in("Analysts"))
    campaign = EmailCampaignFactory(status="completed")
    for sent in ({"act": "archive"}, {"act": "tag", "tag": "x"}):
        answer = client.post("/campaigns/several/", {**sent, "chosen": campaign.pk}, follow=True)
        assert say(answer)[0].startswith("You may not ")
    assert not campaign.history.exists()
    assert not campaign.tags.exists()


def test_a_copy_has_the_tags_of_its_original(marketer):
    campaign = PromotionCampaignFactory()
    tag("Autumn", campaign)
    assert [each.name for each in duplicate(campaign, by=marketer).tags.all()] == ["Autumn"]
