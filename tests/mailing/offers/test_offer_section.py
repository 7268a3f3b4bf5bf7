"""The section Offer of the editor."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from campaigns.lifecycle import Refused, fire
from mailing.models import EmailCampaign
from mailing.offers import write_values_of
from mailing.sending import tokens
from promotions import offers, reading
from promotions.models import Coupon, Promotion, PromotionCampaign
from tests.factories import ContactFactory, LocationFactory, user_in
from tests.mailing.offers.carrying import draft_mail, launch_mail, make_offer
from tests.mailing.revenue.shops import fold, sell
from tests.mailing.running import fresh

pytestmark = pytest.mark.django_db


@pytest.fixture
def marketer(client):
    client.force_login(user_in("Marketers"))
    return client


def text_of(response):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.text)).strip()


def post(client, mail, **typed):
    return client.post(
        reverse("mailing:campaign_edit", args=[mail.pk]),
        {"name": "Autumn", "body_format": "markdown", "sharing": "single", "retry_hours": "48"} | typed,
    )


def test_an_offer_is_chosen_with_its_kind_of_code_and_its_end(marketer):
    promotion, _ = make_offer()
    mail = draft_mail(offer=None)
    answer = post(
        marketer,
        mail,
        has_offer="on",
        offer=promotion.pk,
        code_kind="personal",
        code_prefix="AUT-",
        code_days="7",
    )
    assert answer.status_code == 302
    saved = fresh(mail)
    assert (saved.offer, saved.code_kind, saved.code_prefix, saved.code_days) == (
        promotion,
        "personal",
        "AUT-",
        7,
    )
    page = marketer.get(saved.get_absolute_url()).text
    assert "7 days after the mail" in page
    assert "AUT-RTKMWHPX" in marketer.get(reverse("mailing:campaign_edit", args=[mail.pk])).text


def test_without_the_tick_a_mail_carries_nothing(marketer):
    promotion, _ = make_offer()
    mail = draft_mail(offer=promotion)
    assert post(marketer, mail, offer=promotion.pk).status_code == 302
    assert fresh(mail).offer is None


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({}, "Choose the promotion that the mail carries."),
        (
            {"code_days": "3", "code_ends_at": "2030-01-01T00:00"},
            "Give an end or a number of days, not both.",
        ),
        ({"code_prefix": "no blanks"}, "Letters of the alphabet, digits and hyphens only."),
    ],
)
def test_what_does_not_go_together_is_said_at_its_field(marketer, typed, sentence):
    mail = draft_mail(offer=None)
    chosen = {"offer": make_offer()[0].pk} if typed else {}
    answer = post(marketer, mail, has_offer="on", **chosen, **typed)
    assert (answer.status_code, sentence in answer.text) == (422, True)


def test_an_edit_of_the_offer_stands_in_the_history_of_edits(marketer):
    mail = draft_mail(offer=None)
    post(marketer, mail, has_offer="on", offer=make_offer()[0].pk, code_kind="shared")
    assert "A tenth off" in marketer.get(mail.get_absolute_url()).text


def test_the_editor_says_as_the_share_is_typed_what_a_hold_out_could_show(marketer):
    people = [ContactFactory(customer_id=f"H{number}") for number in range(20)]
    mail = draft_mail(people)
    target = f"target_list_{mail.targets.get().list_id}"

    def ask(**typed):
        return text_of(marketer.post(reverse("mailing:hold_out"), {"name": "A"} | typed))

    assert 'hx-trigger="load, input from:#id_hold_out' in editor_of(marketer, mail)
    assert "Nobody is held out" in ask(hold_out="", **{target: "include"})
    assert "No recipients yet" in ask(hold_out="10")
    assert "the smallest lift that would show is unknown" in ask(hold_out="50", **{target: "include"})
    assert "less than or equal to 50" in ask(hold_out="51", **{target: "include"})
    for number in range(4):
        sell(f"H{number}", timezone.now() - timedelta(hours=1))
    fold()
    said = ask(hold_out="50", **{target: "include"})
    assert (
        "With 20 people and 50% held out you would see a lift of 250% or more at 20.0% buyers in 5 days."
        in said
    )
    assert "A smaller lift would not show" in said
    assert "at 20.0% buyers in 1 day." in ask(hold_out="50", attribution_days="1", **{target: "include"})
    for number in range(4, 20):
        sell(f"H{number}", timezone.now() - timedelta(hours=1))
    fold()
    assert "a lift of 0% or more at 100.0% buyers" in ask(hold_out="50", **{target: "include"})


def editor_of(client, mail):
    return client.get(reverse("mailing:campaign_edit", args=[mail.pk])).text


def test_e3_the_offer_of_a_running_mail_is_locked():
    from campaigns.refusals import Locked

    mail = launch_mail()
    for name, value in (("offer", None), ("code_days", 5), ("resumes_with_offer", True)):
        changed = fresh(mail)
        setattr(changed, name, value)
        with pytest.raises(Locked):
            changed.save()
    EmailCampaign.objects.filter(pk=mail.pk).update(offer_stopped_at=timezone.now() - timedelta(hours=1))


def open_dialog(client, **typed):
    given = {"name": "Ten off", "reduction": "percent", "percent": "10"}
    return client.post(reverse("mailing:offer_new"), given | typed, headers={"HX-Request": "true"})


def test_a_promotion_is_made_in_the_editor_and_chosen_there(marketer):
    place = LocationFactory(name="Berlin")
    mail = draft_mail(offer=None)
    assert reverse("mailing:offer_new") in editor_of(marketer, mail)
    assert (
        "New promotion for this mail"
        in marketer.get(reverse("mailing:offer_new"), headers={"HX-Request": "true"}).text
    )
    answer = open_dialog(marketer, min_subtotal="30", ends_at="2030-12-01T20:00", locations=[place.pk])
    promotion, campaign = Promotion.objects.get(), PromotionCampaign.objects.get()
    assert answer.status_code == 200
    assert f'name="offer" value="{promotion.pk}" checked' in answer.text
    assert re.search(rf'<option value="{campaign.pk}" selected', answer.text)
    assert (promotion.trigger, promotion.status, campaign.status) == ("coupon", "active", "active")
    assert reading.write_sentence(promotion) == "10% off the sale, on sales of €30.00 or more, with a coupon."
    assert [*promotion.locations.all()] == [*campaign.locations.all()] == [place]
    assert offers.find_fault(promotion, timezone.now()) is None
    saved = post(
        marketer,
        mail,
        has_offer="on",
        offer=promotion.pk,
        promotion_campaign=campaign.pk,
        code_kind="personal",
    )
    assert saved.status_code == 302
    assert (fresh(mail).offer, fresh(mail).promotion_campaign) == (promotion, campaign)
    assert f"It stops with the promotion campaign {campaign}" in text_of(
        marketer.get(mail.get_absolute_url())
    )


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"percent": ""}, "This is needed for what you chose."),
        ({"reduction": "gift"}, "This is needed for what you chose."),
        ({"name": ""}, "This field is required."),
        ({"percent": "101"}, "At most 100"),
        ({"ends_at": "2020-01-01T00:00"}, "The end has passed already"),
    ],
)
def test_what_is_wrong_with_the_promotion_is_said_in_the_dialog_and_nothing_is_made(
    marketer, typed, sentence
):
    answer = open_dialog(marketer, **typed)
    assert (answer.status_code, answer["HX-Retarget"]) == (422, "#ask")
    assert sentence in answer.text
    assert not Promotion.objects.exists()


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"reduction": "amount", "amount": "5"}, "€5.00 off"),
        ({"reduction": "gift", "gift_sku": "MUG"}, "MUG"),
        ({"starts_at": "2030-01-01T00:00"}, "10% off"),
    ],
)
def test_kinds_of_promotions_that_the_dialog_makes(marketer, typed, words):
    assert open_dialog(marketer, **typed).status_code == 200
    assert words in reading.write_sentence(Promotion.objects.get())
    is_later = "starts_at" in typed
    assert PromotionCampaign.objects.get().status == ("scheduled" if is_later else "active")


def test_who_may_not_make_promotions_makes_none(client):
    client.force_login(user_in("Analysts"))
    assert open_dialog(client).status_code == 403


def test_codes_ask_for_a_minimum_spend_and_are_good_at_chosen_locations(marketer):
    here, there = LocationFactory(code="B", name="Berlin"), LocationFactory(code="H", name="Hamburg")
    mail = draft_mail(offer=None)
    answer = post(
        marketer,
        mail,
        has_offer="on",
        offer=make_offer()[0].pk,
        code_kind="personal",
        code_min_spend="20",
        code_locations=["B"],
    )
    assert answer.status_code == 302
    assert (fresh(mail).code_min_spend, fresh(mail).code_locations) == (2_000, ["B"])
    assert "from €20.00 on, only at B" in text_of(marketer.get(mail.get_absolute_url()))
    mail = launch_mail(code_min_spend=2_000, code_locations=["B"])
    for coupon in Coupon.objects.all():
        assert (coupon.min_subtotal, [*coupon.locations.all()]) == (2_000, [here])
    delivery = mail.deliveries.first()
    token = tokens.sign_token(delivery.pk, tokens.Purpose.OFFER)
    page = text_of(marketer.get(reverse("mailing:code_page", args=[token])))
    assert "It counts from €20.00 on." in page
    assert "Valid at: Berlin." in page
    assert there.name not in page
    assert write_values_of(delivery.pk)["min_spend"] == "€20.00"


@pytest.mark.parametrize(
    ("asked", "words"), [("GONE", "no location “GONE”"), ("H", "at none of the locations")]
)
def test_codes_that_no_till_would_take_stop_the_launch(asked, words):
    LocationFactory(code="H")
    promotion, _ = make_offer()
    promotion.locations.set([LocationFactory(code="B")])
    with pytest.raises(Refused, match=words):
        fire(draft_mail(offer=promotion, code_locations=[asked]), "launch")
