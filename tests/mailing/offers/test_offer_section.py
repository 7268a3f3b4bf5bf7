"""The section Offer of the editor."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from mailing.models import EmailCampaign
from tests.factories import user_in
from tests.mailing.offers.carrying import draft_mail, make_offer
from tests.mailing.running import fresh

pytestmark = pytest.mark.django_db


@pytest.fixture
def marketer(client):
    client.force_login(user_in("Marketers"))
    return client


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
