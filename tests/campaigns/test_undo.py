"""What removes or switches something in one click can be taken back in its message, or asks first."""

import re

import pytest
from django.urls import get_resolver, reverse

from campaigns.models import SavedView, Tag
from promotions.models import Coupon, ExcludedPair, Promotion
from promotions.stacking import exclude_pair
from tests.campaigns.test_crumbs import list_views
from tests.factories import (
    BlockFactory,
    ContactFactory,
    ContactListFactory,
    CouponFactory,
    EmailCampaignFactory,
    MailTemplateFactory,
    PromotionCampaignFactory,
    PromotionFactory,
    SegmentFactory,
)
from tests.promotions.pages import campaign_with, linked_names

pytestmark = pytest.mark.django_db

REMOVES = re.compile(
    r"delete|switch|unlink|pair|several|archive|discard|erase|_end$|_stop$|_off$|_on$|_unseen|rotate|decide|consent"
)
UNDO, ASKS = "Undo in the message", "a question that says what happens"
# part of a larger act: its way back stands beside it for as long as it can be taken back
BESIDE = "the opposite button in its place"
TABLE = {
    "campaigns:change_several": UNDO,
    "campaigns:delete_view": ASKS,
    "campaigns:delete": ASKS,
    "campaigns:person_switch": UNDO,
    "promotions:campaign_unlink": UNDO,
    "promotions:campaign_switch": UNDO,
    "promotions:promotion_switch": UNDO,
    "promotions:promotion_delete": ASKS,
    "promotions:batch_switch": ASKS,
    "promotions:coupon_switch": UNDO,
    "promotions:stacking_pair": UNDO,
    "mailing:contact_consent": BESIDE,
    "mailing:contact_delete": ASKS,
    "mailing:contact_erase": ASKS,
    "mailing:picture_delete": ASKS,
    "mailing:list_delete": ASKS,
    "mailing:template_archive": UNDO,
    "mailing:block_archive": UNDO,
    "mailing:segment_delete": ASKS,
    "mailing:suppression_delete": ASKS,
    "mailing:decide_held_report": BESIDE,
    "mailing:upload_stop": BESIDE,
    "mailing:upload_end": ASKS,
    "mailing:upload_discard": ASKS,
    "mailing:connection_delete": ASKS,
    "mailing:connection_oauth_delete": ASKS,
    "mailing:sender_domain_delete": ASKS,
    "mailing:dkim_switch_on": BESIDE,
    "mailing:dkim_switch_on_unseen": ASKS,
    "mailing:dkim_switch_off": BESIDE,
    "mailing:dkim_delete": ASKS,
    "mailing:webhook_rotate": ASKS,
    "mailing:mailbox_delete": ASKS,
    "mailing:mailbox_oauth_delete": ASKS,
}


def test_each_action_that_removes_or_switches_is_in_the_table():
    views = {view for view in list_views(get_resolver()) if view.split(":")[0] not in ("admin", "pos")}
    assert {view for view in views if REMOVES.search(view.split(":")[1])} == set(TABLE)


def press_undo(client, page: str):
    """Send the form of the button Undo in the message."""
    form = page.split('<form class="undo"')[1].split("</form>", maxsplit=1)[0]
    fields = dict(re.findall(r'name="([^"]*)" value="([^"]*)"', form))
    return client.post(re.search(r'action="([^"]*)"', form)[1], fields, follow=True)


def do(client, address, **fields) -> str:
    return client.post(address, fields, follow=True).content.decode()


def test_a_promotion_is_switched_back(client, marketer):
    promotion = PromotionFactory(status="active")
    address = reverse("promotions:promotion_switch", args=[promotion.pk])
    page = do(client, address)
    assert Promotion.objects.get().status == "inactive"
    press_undo(client, page)
    assert Promotion.objects.get().status == "active"
    part = client.post(address, headers={"HX-Request": "true"}).content.decode()
    assert '<form class="undo"' in part
    press_undo(client, part)
    assert Promotion.objects.get().status == "active"
    assert '<form class="undo"' not in do(client, address, on="1"), "nothing changed"


def test_a_promotion_is_put_back_into_its_campaign_and_switched_back_there(client, marketer):
    campaign, (promotion,) = campaign_with()
    page = do(client, reverse("promotions:campaign_unlink", args=[campaign.pk, promotion.pk]))
    assert linked_names(campaign) == []
    press_undo(client, page)
    assert linked_names(campaign) == [promotion.name]
    address = reverse("promotions:campaign_switch", args=[campaign.pk, promotion.pk])
    part = client.post(address, headers={"HX-Request": "true"}).content.decode()
    assert Promotion.objects.get().status == "inactive"
    press_undo(client, part)
    assert Promotion.objects.get().status == "active"


def test_a_code_is_switched_back(client, marketer):
    coupon = CouponFactory()
    page = do(client, reverse("promotions:coupon_switch", args=[coupon.pk]))
    assert not Coupon.objects.get().active
    press_undo(client, page)
    assert Coupon.objects.get().active


def test_two_promotions_are_kept_apart_again(admin_client):
    one, other = PromotionFactory.create_batch(2)
    exclude_pair(one.pk, other.pk)
    page = do(admin_client, reverse("promotions:stacking_pair"), one=one.pk, other=other.pk)
    assert not ExcludedPair.objects.exists()
    press_undo(admin_client, page)
    assert ExcludedPair.objects.exists()


def test_archived_and_untagged_campaigns_come_back(client, marketer):
    campaign = EmailCampaignFactory(status="completed")
    tag = Tag.objects.create(name="Autumn")
    tag.campaigns.add(campaign)
    several = reverse("campaigns:change_several")
    page = do(client, several, act="untag", tag="Autumn", chosen=campaign.pk)
    assert not tag.campaigns.exists()
    press_undo(client, page)
    assert tag.campaigns.exists()
    page = do(client, several, act="archive", chosen=campaign.pk)
    campaign.refresh_from_db()
    assert campaign.archived_at
    press_undo(client, page)
    campaign.refresh_from_db()
    assert campaign.archived_at is None


@pytest.mark.parametrize(("shelf", "factory"), [("template", MailTemplateFactory), ("block", BlockFactory)])
def test_a_template_or_block_comes_back_from_the_archive(client, marketer, shelf, factory):
    row = factory()
    page = do(client, reverse(f"mailing:{shelf}_archive", args=[row.pk]))
    assert "is archived." in page
    press_undo(client, page)
    row.refresh_from_db()
    assert row.archived_at is None


@pytest.mark.parametrize(
    ("view", "make"),
    [
        ("campaigns:delete", lambda _: PromotionCampaignFactory(status="draft")),
        ("promotions:promotion_delete", lambda _: PromotionFactory()),
        ("mailing:contact_delete", lambda _: ContactFactory()),
        ("mailing:contact_erase", lambda _: ContactFactory()),
        ("mailing:list_delete", lambda _: ContactListFactory()),
        ("mailing:segment_delete", lambda _: SegmentFactory()),
        ("campaigns:delete_view", lambda user: SavedView.objects.create(user=user, name="Mine", query="q=a")),
    ],
)
def test_a_deletion_asks_first_and_deletes_nothing_by_itself(admin_client, admin_user, view, make):
    row = make(admin_user)
    answer = admin_client.get(reverse(view, args=[row.pk]))
    assert answer.status_code == 200
    assert "<form" in answer.content.decode().split("<main")[1]
    assert type(row)._default_manager.filter(pk=row.pk).exists()
