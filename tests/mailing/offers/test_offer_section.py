"""The section Offer of the editor."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from mailing.models import EmailCampaign
from tests.factories import ContactFactory, user_in
from tests.mailing.offers.carrying import draft_mail, make_offer
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
    assert "nobody can say which lift" in ask(hold_out="50", **{target: "include"})
    assert "less than or equal to 50" in ask(hold_out="51", **{target: "include"})
    for number in range(4):
        sell(f"H{number}", timezone.now() - timedelta(hours=1))
    fold()
    said = ask(hold_out="50", **{target: "include"})
    assert (
        "With 20 people and 50% held out you would see a lift of 250% or more at 20.0% buyers in 5 days."
        in said
    )
    assert "A smaller one would stay unseen" in said
    assert "at 20.0% buyers in 1 day." in ask(hold_out="50", attribution_days="1", **{target: "include"})


def editor_of(client, mail):
    return client.get(reverse("mailing:campaign_edit", args=[mail.pk])).text


def test_e3_the_offer_of_a_running_mail_is_locked():
    from campaigns.refusals import Locked
    from tests.mailing.offers.carrying import launch_mail

    mail = launch_mail()
    for name, value in (("offer", None), ("code_days", 5), ("resumes_with_offer", True)):
        changed = fresh(mail)
        setattr(changed, name, value)
        with pytest.raises(Locked):
            changed.save()
    EmailCampaign.objects.filter(pk=mail.pk).update(offer_stopped_at=timezone.now() - timedelta(hours=1))
