"""The sections of the editor of e-mail campaigns, as a browser without JavaScript sees them."""

import re

import pytest

from mailing import launch, offers
from mailing.forms import EmailCampaignForm, sections
from mailing.models import EmailCampaign, SmtpConnection
from tests.factories import EmailCampaignFactory, SmtpConnectionFactory
from tests.mailing.pages import page
from tests.mailing.test_pages import DRAFT

pytestmark = pytest.mark.django_db
NEW = "/campaigns/email/new/"


def list_shown(text: str) -> list[str]:
    """List the sections of a page that are not put away."""
    return re.findall(r'class="step" id="step-(\w+)"[^>]*tabindex="-1">', text)


def test_the_page_shows_all_sections_or_the_one_that_its_address_asks_for(client, marketer):
    assert list_shown(page(client, NEW)) == list(sections.SECTIONS)
    for name in sections.SECTIONS:
        text = page(client, f"{NEW}?section={name}")
        assert list_shown(text) == [name]
        assert f'data-step="{name}" aria-current="step"' in text
        assert 'name="subject"' in text  # one form: the other fields are sent with it
    assert list_shown(page(client, f"{NEW}?section=nonsense")) == list(sections.SECTIONS)


def test_each_field_stands_in_the_section_that_is_named_for_it(client, marketer):
    text = page(client, NEW)
    parts = dict(
        zip(["", *sections.SECTIONS], re.split(r'<div class="step" id="step-\w+"', text), strict=True)
    )
    for bound in EmailCampaignForm():
        if bound.name in ("offer", "code_locations"):  # there are none to choose
            continue
        assert f'name="{bound.html_name}"' in parts[sections.find_section(bound.name)], bound.name


def test_a_new_mail_begins_with_the_only_connection_or_that_of_the_newest_mail(client, marketer):
    def find_chosen() -> str:
        (select,) = re.findall(r'<select name="connection".*?</select>', page(client, NEW), re.DOTALL)
        return "".join(re.findall(r'<option value="(\d*)" selected', select))

    assert find_chosen() == ""
    first = SmtpConnectionFactory()
    assert find_chosen() == f"{first.pk}"
    second = SmtpConnectionFactory()
    assert find_chosen() == "", "nobody has chosen yet"
    EmailCampaignFactory(connection=first)
    EmailCampaignFactory(connection=second)
    EmailCampaignFactory(connection=None)
    assert find_chosen() == f"{second.pk}"
    SmtpConnectionFactory()
    SmtpConnection.objects.filter(pk=second.pk).update(is_enabled=False)
    assert find_chosen() == ""


def test_a_button_saves_and_goes_on_to_the_next_section(client, marketer):
    answer = client.post(f"{NEW}?section=content", DRAFT | {"go_to": "audience"})
    campaign = EmailCampaign.objects.get()
    assert answer["Location"] == f"/campaigns/email/{campaign.pk}/edit/?section=audience"
    answer = client.post(answer["Location"], DRAFT | {"go_to": "nonsense"})
    assert answer["Location"] == campaign.get_absolute_url()


@pytest.mark.parametrize(
    ("typed", "section"),
    [
        ({"from_email": "nobody"}, "content"),
        ({"hold_out": "-1"}, "audience"),
        ({"has_offer": "on"}, "offer"),
        ({"starts_at": "soon"}, "delivery"),
        ({"starts_at": "soon", "hold_out": "-1"}, "audience"),
        ({"ab-is_on": "on", "ab-share_percent": "0"}, "content"),
    ],
)
def test_what_is_wrong_names_its_section_and_shows_all(client, marketer, typed, section):
    response = client.post(f"{NEW}?section=review", DRAFT | typed)
    assert response.status_code == 422
    text = response.content.decode()
    assert f'data-wrong="{section}"' in text
    assert list_shown(text) == list(sections.SECTIONS)


def test_whatever_a_launch_lacks_has_a_section():
    campaign = EmailCampaignFactory()
    named = [field for field, _ in launch.find_problems(campaign) + offers.find_problems(campaign)]
    assert {sections.find_section(field) for field in named} == {"content", "audience", "delivery"}
