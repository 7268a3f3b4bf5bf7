"""A mail that is linked to a campaign at the till by hand: it stops with that one, with an offer or without."""

import pytest
from django.utils import timezone

from campaigns.lifecycle import Refused, delete, fire
from mailing import offers
from mailing.sending import runs
from tests.factories import PromotionCampaignFactory
from tests.hostile_smtp import parse
from tests.mailing.offers.carrying import launch_mail, link, make_offer
from tests.mailing.running import (
    SEPARATE,
    counts,
    draft,
    fresh,
    in_thread,
    launch_campaign,
    send,
    to,
    wait_for,
)


def make_campaign(status="active"):
    return PromotionCampaignFactory(name="Autumn at the till", status=status)


@pytest.mark.django_db
def test_a_mail_without_an_offer_pauses_with_the_campaign_it_announces_and_says_what_brings_it_back():
    promoted = make_campaign()
    mail = launch_campaign(promotion_campaign=promoted)
    offers.follow_offers(timezone.now())
    assert fresh(mail).status == "running"
    fire(promoted, "pause")
    offers.follow_offers(timezone.now())
    assert fresh(mail).status == "paused"
    why = mail.history.first().why
    assert why == (
        "“Autumn at the till” is paused. Resume, start or extend it, or link the mail to another one. "
        "Resume it after that."
    )
    with pytest.raises(Refused, match="is paused"):
        fire(fresh(mail), "resume")
    fire(promoted, "resume")
    assert fire(fresh(mail), "resume").status == "running"


@pytest.mark.django_db
def test_it_resumes_by_itself_where_it_is_set_so():
    promoted = make_campaign()
    mail = launch_campaign(promotion_campaign=promoted, resumes_with_offer=True)
    fire(promoted, "pause")
    offers.follow_offers(timezone.now())
    fire(promoted, "resume")
    offers.follow_offers(timezone.now())
    assert fresh(mail).status == "running"


@pytest.mark.django_db
@pytest.mark.parametrize("status", ["draft", "paused", "cancelled", "expired"])
def test_it_is_not_launched_while_the_campaign_is_dead(status):
    mail = draft(promotion_campaign=make_campaign(status))
    with pytest.raises(Refused) as refused:
        fire(mail, "launch")
    assert [field for field, _ in refused.value.reasons] == ["promotion_campaign"]


@pytest.mark.django_db
def test_the_link_counts_though_another_campaign_keeps_the_offer_alive():
    promotion, linked = make_offer()
    link(promotion)
    mail = launch_mail(offer=promotion, promotion_campaign=linked)
    fire(linked, "pause")
    offers.follow_offers(timezone.now())
    assert fresh(mail).status == "paused"


@pytest.mark.django_db
def test_a_campaign_that_a_mail_is_linked_to_is_not_deleted():
    promoted = make_campaign("draft")
    mail = draft(promotion_campaign=promoted)
    with pytest.raises(Refused, match=f"“{mail}” is linked to “Autumn at the till”"):
        delete(promoted)


@pytest.mark.django_db
def test_the_question_before_a_pause_names_the_mails_that_are_linked_by_hand(client, marketer):
    promoted = make_campaign()
    mail = launch_campaign(4, promotion_campaign=promoted)
    page = client.get(f"/campaigns/{promoted.pk}/pause/").text
    assert "It stops these mails" in page
    assert f"{mail}: 4 not sent yet" in page


@SEPARATE
@pytest.mark.usefixtures("short_waits", "sound_books")
def test_of_a_linked_campaign_paused_at_full_rate_nothing_leaves_whose_mark_began_after_that(server):
    server.settings.rules = parse("dot delay 0.02")
    promoted = make_campaign()
    mail = launch_campaign(
        200, promotion_campaign=promoted, connection=to(server, max_connections=4), resumes_with_offer=True
    )
    with in_thread(lambda: runs.run_lane(mail.connection_id, 0)):
        wait_for(lambda: len(server.accepted) > 20)
        fire(promoted, "pause")
        before = len(server.accepted)
    after = len(server.accepted) - before
    assert after <= 4
    assert counts(mail) == {"accepted": before + after, "pending": 200 - before - after}
    offers.follow_offers(timezone.now())
    assert fresh(mail).status == "paused"
    fire(promoted, "resume")
    server.settings.rules = []
    offers.follow_offers(timezone.now())
    assert send(mail, seconds=30).status == "completed"
    assert counts(mail) == {"accepted": 200}
