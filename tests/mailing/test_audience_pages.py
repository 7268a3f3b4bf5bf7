"""The pages of contacts, imports, lists, segments and suppressions."""

import pytest
from django.utils import timezone

from mailing.forms.segment import apply_button, build_from_data, build_from_tree
from mailing.models import (
    Contact,
    ContactList,
    Segment,
    Suppression,
    Target,
)
from tests.factories import (
    ContactFactory,
    ContactListFactory,
    EmailCampaignFactory,
    SegmentFactory,
    SuppressionFactory,
    user_in,
)
from tests.mailing.pages import page

pytestmark = pytest.mark.django_db
HTMX = {"HTTP_HX_REQUEST": "true"}


# ── lists ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_lists_are_counted_renamed_and_deleted(client, marketer):
    members = ContactListFactory(name="Members", contacts=ContactFactory.create_batch(2))
    members.memberships.filter(contact=Contact.objects.first()).update(unsubscribed_at=timezone.now())
    ((_, present, left),) = client.get("/lists/").context["lists"]
    assert (present, left) == (1, 1)
    client.post(f"/lists/{members.pk}/edit/", {"name": "Club"})
    assert ContactList.objects.get().name == "Club"
    assert "Its contacts are kept" in page(client, f"/lists/{members.pk}/delete/")
    assert ContactList.objects.exists()
    client.post(f"/lists/{members.pk}/delete/")
    assert not ContactList.objects.exists()
    assert Contact.objects.count() == 2


@pytest.mark.parametrize("what", ["list", "segment"])
def test_what_a_campaign_names_is_not_deleted(client, marketer, what):
    campaign = EmailCampaignFactory(name="Winter letter")
    row = ContactListFactory() if what == "list" else SegmentFactory()
    Target.objects.create(campaign=campaign, **{what: row})
    response = client.post(f"/{what}s/{row.pk}/delete/")
    assert response.status_code == 409
    assert "these campaigns name it: “Winter letter”" in response.content.decode()


# ── segments ─────────────────────────────────────────────────────────────────────────────────────────────────────────

TREES = [
    {"all": []},
    {"all": [{"field": "city", "op": "equals", "value": "Kiel"}]},
    {"any": [{"field": "score", "op": "between", "value": ["5", "9"]}, {"list": 3}]},
    {
        "none": [
            {"field": "favourite", "op": "is_set"},
            {"field": "is_bounced", "op": "equals", "value": True},
        ]
    },
    {
        "all": [
            {"event": "bought", "done": True, "times": 3, "spent": 12050, "currency": "EUR"},
            {"event": "bought", "done": True, "spent": 5000, "currency": "JPY"},
            {"event": "opened", "done": False, "within": {"amount": 30, "unit": "day"}, "campaign": 5},
            {"any": [{"event": "clicked", "done": True}, {"none": [{"list": 1}]}]},
        ]
    },
]


def fields(root) -> dict:
    """The builder's fields as a browser sends them."""
    sent = {f"{root.path}-group": root.word}
    for child in root.children:
        if child.kind == "group":
            sent |= fields(child)
        else:
            sent |= {f"{child.path}-{name}": value for name, value in vars(child).items() if name != "path"}
    return sent


@pytest.mark.parametrize("tree", TREES)
def test_a_segment_goes_through_the_builder_unchanged(tree):
    root = build_from_tree(tree)
    assert root.node() == tree
    assert build_from_data(fields(root)).node() == tree


def test_the_builders_buttons_add_and_remove(client, marketer):
    root = build_from_tree({"all": [{"list": 1}, {"any": [{"list": 2}]}]})
    assert len(apply_button(root, "add t-1").children[1].children) == 2
    assert apply_button(root, "remove t-0").node()["all"][0].keys() == {"any"}
    assert apply_button(root, "group t").children[-1].kind == "group"
    assert apply_button(root, "remove t-0-0").children[0].path == "t-0"


def test_the_builder_works_without_javascript(client, marketer):
    ContactFactory(city="Kiel")
    ContactFactory(city="Bremen")
    typed = {"name": "Coast", "t-group": "all", "do": "add t"}
    text = client.post("/segments/new/", typed).content.decode()
    assert 'value="Coast"' in text
    assert 'name="t-0-what"' in text
    typed |= {"t-0-what": "field:city", "t-0-op": "equals", "t-0-value": "Kiel"}
    assert (
        "<strong>1</strong> contact matches now"
        in client.post("/segments/new/", typed | {"do": "count"}).content.decode()
    )
    assert not Segment.objects.exists()
    response = client.post("/segments/new/", typed | {"do": "save"})
    assert response.url == "/segments/"
    assert Segment.objects.get().tree == {"all": [{"field": "city", "op": "equals", "value": "Kiel"}]}


def test_the_count_names_some_of_the_contacts(client, marketer):
    ContactFactory.create_batch(7, city="Kiel")
    bremen = ContactFactory(city="Bremen")
    typed = {"t-group": "all", "t-0-what": "field:city", "t-0-op": "equals", "t-0-value": "Kiel"}
    text = client.post("/segments/count/", typed).content.decode()
    assert "<strong>7</strong> contacts match now" in text
    assert text.count('<a href="/contacts/') == 5
    text = client.post("/segments/count/", typed | {"t-0-value": "Bremen"}).content.decode()
    assert bremen.email in text
    assert "For example" not in text, "these are all"


def test_htmx_gets_the_builder_alone(client, marketer):
    response = client.post("/segments/new/", {"t-group": "all", "do": "add t"}, **HTMX)
    text = response.content.decode().strip()
    assert text.startswith('<div class="card" id="builder"')
    assert "segment-changed" in response["HX-Trigger-After-Settle"]


def test_a_condition_that_is_not_complete_is_said_and_not_saved(client, marketer):
    typed = {"name": "Coast", "t-group": "all", "t-0-what": "field:city", "t-0-op": "equals", "t-0-value": ""}
    response = client.post("/segments/new/", typed | {"do": "save"})
    assert response.status_code == 422
    assert "“city” is compared with nothing" in response.content.decode()
    assert "is compared with nothing" in client.post("/segments/count/", typed).content.decode()
    assert not Segment.objects.exists()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"t-0-what": "field:score", "t-0-op": "greater_than", "t-0-value": "1.000"}, "write 1000 or 1.0000"),
        ({"t-0-what": "attribute", "t-0-name": "spend", "t-0-op": "between", "t-0-value": "5", "t-0-to": "1,500"},
         "write 1500 or 1.5000"),
        ({"t-0-what": "event:bought", "t-0-spent": "1.000", "t-0-currency": "EUR"}, "What was spent is an amount"),
        ({"t-0-what": "event:bought", "t-0-spent": "12.345", "t-0-currency": "EUR"}, "What was spent is an amount"),
    ],
)  # fmt: skip
def test_an_amount_that_may_be_a_thousand_is_not_saved(client, marketer, more, words):
    response = client.post("/segments/new/", {"name": "Rich", "t-group": "all", "do": "save"} | more)
    assert response.status_code == 422
    assert words in response.text
    assert not Segment.objects.exists()


def test_a_builder_nested_without_end_is_cut_and_not_followed(client, marketer):
    path, sent = "t", {"t-group": "all"}
    for _ in range(300):
        path += "-0"
        sent[f"{path}-group"] = "any"
    response = client.post("/segments/count/", sent)
    assert response.status_code == 200


def test_an_analyst_looks_at_a_segment_and_cannot_change_it(client):
    client.force_login(user_in("Analysts"))
    segment = SegmentFactory()
    text = page(client, f"/segments/{segment.pk}/")
    assert 'value="save"' not in text
    assert client.post(f"/segments/{segment.pk}/", {"name": "Mine", "do": "save"}).status_code == 403


# ── suppressions ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_suppressions_are_filtered(client, marketer):
    SuppressionFactory(email="left@example.com", reason="unsubscribed", source="tracking_link")
    SuppressionFactory(email="gone@example.com", reason="hard_bounce", source="smtp")

    def list_emails(query):
        return [row.email for row in client.get(f"/suppressions/{query}").context["page"]]

    assert set(list_emails("")) == {"left@example.com", "gone@example.com"}
    assert list_emails("?reason=unsubscribed") == ["left@example.com"]
    assert list_emails("?source=smtp") == ["gone@example.com"]
    assert list_emails("?q=GONE") == ["gone@example.com"]
    today = timezone.localdate()
    assert len(list_emails(f"?since={today}&until={today}")) == 2
    assert list_emails(f"?until={today.replace(year=today.year - 1)}") == []
    assert len(list_emails("?reason=nonsense&since=nonsense")) == 2


def test_the_suppressions_shown_are_handed_out_as_csv(client, marketer):
    SuppressionFactory(email="ada@example.com", reason="complaint", source="webhook", detail="=1+1")
    SuppressionFactory(email="bob@example.com", reason="manual")
    assert "2 addresses" in page(client, "/suppressions/")
    response = client.get("/suppressions/export.csv?reason=complaint")
    lines = b"".join(response.streaming_content).decode().splitlines()
    assert lines[0] == "address,reason,source,since,note"
    assert len(lines) == 2
    assert lines[1].startswith("ada@example.com,Complaint,Webhook,20")
    assert lines[1].endswith(",'=1+1"), "no formula"


def test_an_address_is_suppressed_once_and_lifted_after_a_warning(client, administrator):
    assert (
        client.post("/suppressions/new/", {"email": "X@Example.com", "reason": "manual"}).status_code == 302
    )
    row = Suppression.objects.get(email="x@example.com")
    response = client.post("/suppressions/new/", {"email": "x@example.com", "reason": "manual"})
    assert response.status_code == 422
    assert "is suppressed already" in response.content.decode()
    assert "will write to this address again" in page(client, f"/suppressions/{row.pk}/delete/")
    client.post(f"/suppressions/{row.pk}/delete/")
    assert not Suppression.objects.exists()


def test_an_inactive_segment_is_offered_to_no_campaign_but_those_that_name_it(admin_client):
    segment = Segment.objects.create(name="Old friends", tree={"all": []}, is_active=False)
    assert "Old friends" not in admin_client.get("/campaigns/email/new/").content.decode()
    campaign = EmailCampaignFactory(name="Reunion")
    campaign.targets.create(segment=segment)
    assert "Old friends" in admin_client.get(f"/campaigns/email/{campaign.pk}/edit/").content.decode()
    assert "Inactive" in admin_client.get("/segments/").content.decode()
    assert "Reunion" in admin_client.get(f"/segments/{segment.pk}/").content.decode()


def test_the_builder_says_in_which_zone_a_signup_date_is_a_day(client, marketer, settings):
    settings.TIME_ZONE = "Europe/Berlin"
    assert "A signup date is a day in Berlin time." in page(client, "/segments/new/")
