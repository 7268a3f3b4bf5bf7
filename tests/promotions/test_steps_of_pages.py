"""On the way to a running promotion campaign: one step less, and one question more where it matters."""

from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.utils import timezone

from campaigns import instants, lifecycle
from campaigns.refusals import Refused
from promotions import stacking
from promotions.models import PromotionCampaign, StackingSettings
from promotions.reasons import write_reason
from tests.factories import LocationFactory, PromotionCampaignFactory, PromotionFactory, user_in
from tests.pos.test_sandbox import result
from tests.pos.tills import AtTill, basket

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
NEW = {"name": "Spring", "currency": "EUR", "on_budget_end": "partial", "priority": "100"}


def field_text(moment):
    return f"{timezone.localtime(moment):%Y-%m-%dT%H:%M}"


@pytest.fixture(autouse=True)
def marketer(client):
    user = user_in("Marketers")
    client.force_login(user)
    return user


def test_a_new_campaign_is_saved_and_activated_in_one_step(client):
    client.post("/campaigns/promotion/new/", NEW | {"then": "activate"})
    campaign = PromotionCampaign.objects.get()
    assert campaign.status == "active"
    assert [step.verb for step in campaign.history.all()] == ["activate"]


def test_a_new_campaign_is_saved_and_scheduled_in_one_step_or_not_at_all(client):
    answer = client.post("/campaigns/promotion/new/", NEW | {"then": "schedule"})
    assert answer.status_code == 422
    assert "The start must be in the future" in answer.content.decode()
    assert not PromotionCampaign.objects.exists()
    start = field_text(timezone.now() + DAY)
    client.post("/campaigns/promotion/new/", NEW | {"then": "schedule", "starts_at": start})
    assert PromotionCampaign.objects.get().status == "scheduled"
    assert client.post("/campaigns/promotion/new/", NEW | {"then": "cancel"}).status_code == 422


def test_activate_asks_where_there_is_no_end_and_nowhere_else(client):
    endless = PromotionCampaignFactory(discounting=True, starts_at=None, ends_at=None)
    page = client.get(f"/campaigns/promotion/{endless.pk}/").content.decode()
    assert f'hx-get="/campaigns/{endless.pk}/activate/"' in page
    question = client.get(f"/campaigns/{endless.pk}/activate/").content.decode()
    assert "It has no end: it applies until somebody ends it." in question
    ending = PromotionCampaignFactory(discounting=True)
    page = client.get(f"/campaigns/promotion/{ending.pk}/").content.decode()
    assert f'hx-post="/campaigns/{ending.pk}/activate/"' in page


def test_schedule_without_a_start_asks_for_it(client):
    campaign = PromotionCampaignFactory(discounting=True, starts_at=None, ends_at=None)
    question = client.get(f"/campaigns/{campaign.pk}/schedule/").content.decode()
    assert 'name="at"' in question
    assert "must be in the future" not in question
    past = client.post(f"/campaigns/{campaign.pk}/schedule/", {"at": field_text(timezone.now() - DAY)})
    assert past.status_code == 409
    start = timezone.now() + DAY
    assert client.post(f"/campaigns/{campaign.pk}/schedule/", {"at": field_text(start)}).status_code == 302
    campaign = PromotionCampaign.objects.get(pk=campaign.pk)
    assert campaign.status == "scheduled"
    assert field_text(campaign.starts_at) == field_text(start)


def test_schedule_with_a_start_needs_no_argument():
    campaign = PromotionCampaignFactory(discounting=True)
    assert lifecycle.fire(campaign, "schedule").status == "scheduled"


def test_a_naive_or_impossible_start_is_refused():
    campaign = PromotionCampaignFactory(discounting=True)
    for at in (timezone.now().replace(tzinfo=None), instants.LATEST):
        with pytest.raises(Refused):
            lifecycle.fire(campaign, "schedule", at=at)


@pytest.mark.parametrize("kind", ["promotion", "email"])
def test_pause_asks_for_a_reason_and_keeps_it(client, kind):
    from tests.factories import EmailCampaignFactory

    factory = PromotionCampaignFactory if kind == "promotion" else EmailCampaignFactory
    campaign = factory(status="active" if kind == "promotion" else "running")
    question = client.get(f"/campaigns/{campaign.pk}/pause/", headers={"hx-request": "true"}).content.decode()
    assert 'name="why"' in question
    client.post(f"/campaigns/{campaign.pk}/pause/", {"why": "Wrong price on the poster."})
    assert campaign.history.get().why == "Wrong price on the poster."
    page = client.get(f"/campaigns/{campaign.pk}/", follow=True).content.decode()
    assert "Wrong price on the poster." in page


@pytest.mark.parametrize("value", ["0", ""])
def test_no_maximum_of_promotions_is_0_or_nothing(client, marketer, value):
    from django.contrib.auth.models import Permission

    marketer.user_permissions.add(Permission.objects.get(codename="change_stacking_rules"))
    answer = client.post("/stacking/", {"precedence": "value", "max_promotions": value})
    assert answer.status_code == 302
    assert StackingSettings.objects.get().max_promotions is None
    stacking.change_rules(max_promotions=0)
    assert stacking.read_rules().max_promotions is None
    for _ in range(3):
        PromotionFactory(standalone=True)
    assert len(AtTill().quote(basket(1_000))["applied"]) == 3


def test_a_flash_sale_that_has_reached_its_cap_says_so(client):
    flash = PromotionFactory(name="Flash", type="flash", standalone=True)
    from promotions import publish

    publish.save_promotion(flash, max_uses=1)
    assert "Cap reached" not in client.get("/promotions/").content.decode()
    AtTill().put("S1", basket(1_000))
    assert "Cap reached" in client.get("/promotions/").content.decode()
    assert "Cap reached" in client.get(f"/promotions/{flash.pk}/").content.decode()


def test_what_is_typed_and_wrong_is_not_told_as_missing(client):
    answer = client.post(
        "/promotions/says/", {"type": "items", "name": "Spring", "reduction": "percent", "percent": "150"}
    )
    page = answer.content.decode()
    assert "Percent: At most 100" in page
    assert "Still to fill in: Percent" not in page
    page = client.post("/promotions/says/", {"type": "items", "name": "Spring", "reduction": "percent"})
    assert "Percent" in page.content.decode().split("Still to fill in:")[1]


def test_places_that_have_nothing_in_common_are_told_so():
    assert write_reason("wrong_location", "", "ZED") == (
        "Its own locations and those of its campaign have none in common: it applies nowhere."
    )
    assert write_reason("wrong_location", "BER", "ZED") == "It applies at BER; this sale is at ZED."


def test_a_quote_that_is_asked_to_explain_says_wrong_location(django_assert_num_queries):
    till, elsewhere = AtTill(), LocationFactory()
    PromotionFactory(standalone=True).locations.add(elsewhere)
    till.quote(basket(1_000))
    assert till.quote(basket(1_000))["not_applied"] == []
    with django_assert_num_queries(1):
        (told,) = till.quote(basket(1_000, explain="all"))["not_applied"]
    assert (told["reason"], told["need"], told["have"]) == (
        "wrong_location",
        elsewhere.code,
        till.location.code,
    )


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({}, ["min_subtotal"]),
        ({"explain": "nearest"}, ["min_subtotal"]),
        ({"explain": False}, ["min_subtotal"]),
        ({"explain": "none"}, []),
        ({"explain": "all"}, ["min_subtotal", "wrong_location"]),
        ({"explain": True}, ["min_subtotal", "wrong_location"]),
    ],
)
def test_a_till_chooses_how_many_promotions_are_explained(asked, told):
    till = AtTill()
    PromotionFactory(standalone=True, conditions=[{"type": "min_subtotal", "amount": 5_000}])
    PromotionFactory(standalone=True).locations.add(LocationFactory())
    quoted = till.quote(basket(1_000, **asked))
    assert sorted(refused["reason"] for refused in quoted["not_applied"]) == told
    sold = till.put("S1", basket(1_000, **asked))
    assert sold["not_applied"] == quoted["not_applied"]


def test_explaining_in_another_way_is_refused():
    refused = AtTill().send("POST", "quotes", basket(1_000, explain="some"))
    assert refused.status == 422
    assert list(refused["fields"]) == ["explain"]


@pytest.mark.parametrize(
    "moment", ["0001-01-01T00:00", "1999-12-31T12:00", "2100-01-02T00:00", "9999-12-31T23:59"]
)
@pytest.mark.parametrize("field", ["starts_at", "ends_at"])
def test_a_time_outside_of_what_can_be_is_refused_by_its_field(client, moment, field):
    answer = client.post("/campaigns/promotion/new/", NEW | {field: moment})
    assert answer.status_code == 422
    assert str(instants.SENTENCE) in answer.content.decode()


@pytest.mark.parametrize("moment", ["0001-01-01T00:00", "9999-12-31T23:59", "2100-01-02T00:00"])
def test_the_sandbox_takes_no_such_time_either(client, moment):
    place = LocationFactory()
    asked = {"location": place.pk, "at": moment, "lines-TOTAL_FORMS": 1, "lines-INITIAL_FORMS": 0}
    answer = client.get("/sandbox/", asked | {"lines-0-sku": "A", "lines-0-unit_price": "10"})
    assert answer.status_code == 200
    assert str(instants.SENTENCE) in answer.content.decode()


def test_the_sandbox_of_a_campaign_includes_its_drafts_and_no_others(client):
    place = LocationFactory()
    mine, other = PromotionCampaignFactory(name="Mine"), PromotionCampaignFactory(name="Other")
    now = timezone.now()
    for campaign in (mine, other):
        PromotionCampaign.objects.filter(pk=campaign.pk).update(starts_at=now - DAY)
        link_off(campaign, PromotionFactory(name=f"Of {campaign}", status="inactive"))
    PromotionFactory(name="Alone", status="inactive", standalone=True)
    page = client.get(f"/campaigns/promotion/{mine.pk}/").content.decode()
    assert f"/sandbox/?campaign={mine.pk}" in page
    empty = client.get("/sandbox/", {"campaign": mine.pk}).content.decode()
    assert "Include the drafts of “Mine”" in empty
    asked = {"location": place.pk, "lines-TOTAL_FORMS": 1, "lines-INITIAL_FORMS": 0}
    asked |= {"lines-0-sku": "A", "lines-0-unit_price": "10", "drafts": "on"}
    page = result(client, f"/sandbox/?{urlencode(asked | {'campaign': mine.pk})}")
    assert "Discount €1.00" in page
    assert "Of Other" not in page
    assert "Discount €1.00" not in result(client, f"/sandbox/?{urlencode(asked)}")  # all drafts together


def link_off(campaign, promotion):
    campaign.links.create(promotion=promotion)
