"""The A/B test in the editor, on the campaign's page and in its report."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from campaigns import lifecycle
from mailing import drafting
from mailing.models import EmailCampaign, SplitTest
from tests.factories import user_in
from tests.hostile_smtp import hostile_smtp
from tests.mailing.pages import page
from tests.mailing.running import BODY, draft, fresh, to
from tests.mailing.variants.testing import accept, add_test, advance, click, launch_tested

pytestmark = pytest.mark.django_db

TYPED = {
    "name": "Tested",
    "subject": "First subject",
    "from_name": "The Shop",
    "body": BODY,
    "body_format": "markdown",
    "sharing": "single",
    "retry_hours": 48,
    "ab-is_on": "on",
    "ab-subjects": ["Second subject", ""],
    "ab-from_names": [""],
    "ab-bodies": ["Other {{ unsubscribe_url }}", " "],
    "ab-share_percent": 30,
    "ab-split": "weighted",
    "ab-weights": "4, 3, 2, 1",
    "ab-wait": 2,
    "ab-wait_unit": "days",
    "ab-winner_by": "opens",
    "ab-when_undecided": "ask",
}


@pytest.fixture
def marketer(client):
    client.force_login(user_in("Marketers"))
    return client


def test_a_test_is_typed_kept_changed_and_taken_away(marketer):
    response = marketer.post("/campaigns/email/new/", TYPED)
    assert response.status_code == 302, response.context["test_form"].errors
    campaign = EmailCampaign.objects.get()
    test = campaign.split_test
    assert (test.subjects, test.from_names, test.bodies) == (
        ["Second subject"],
        [],
        ["Other {{ unsubscribe_url }}"],
    )
    assert (test.share_percent, test.weights, test.wait_unit, test.when_undecided) == (
        30,
        [4, 3, 2, 1],
        "days",
        "ask",
    )
    edit = f"{campaign.get_absolute_url()}edit/"
    form = page(marketer, edit)
    assert 'value="Second subject"' in form
    assert 'value="4, 3, 2, 1"' in form
    assert "4 variants" in form
    marketer.post(edit, TYPED | {"ab-subjects": ["Third subject"], "seen": ""})
    assert fresh(campaign).split_test.subjects == ["Third subject"]
    edits = page(marketer, campaign.get_absolute_url())
    assert "Third subject" in edits
    marketer.post(edit, {name: value for name, value in TYPED.items() if not name.startswith("ab-")})
    assert not SplitTest.objects.exists()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ab-weights": "4, x"}, "“x” is not a weight"),
        ({"ab-weights": "9" * 5_000}, "is not a weight"),
        ({"ab-weights": "1,000, 50"}, "“000” is not a weight"),
        ({"ab-share_percent": 0}, "greater than or equal to 1"),
        ({"ab-subjects": ["x" * 251]}, "is longer than 250 characters"),
        ({"ab-wait": ""}, "This field is required"),
    ],
)
def test_what_is_wrong_with_it_is_said_at_its_field(marketer, changes, words):
    response = marketer.post("/campaigns/email/new/", TYPED | changes)
    assert response.status_code == 422
    assert words in response.content.decode()
    assert not EmailCampaign.objects.exists()
    without = TYPED | changes
    del without["ab-is_on"]
    assert marketer.post("/campaigns/email/new/", without).status_code == 302, (
        "what is switched off is not judged"
    )


def test_the_section_shows_the_variants_that_are_typed(marketer):
    text = marketer.post("/campaigns/email/variants/", TYPED).content.decode()
    for letter in "ABCD":
        assert f'<th scope="row">{letter}</th>' in text
    assert "Second subject" in text
    assert text.count('name="ab-subjects"') == 2, "and an empty one more"
    too_many = marketer.post(
        "/campaigns/email/variants/", TYPED | {"ab-from_names": ["1", "2", "3"]}
    ).content.decode()
    assert "makes 16 variants: at most 8" in too_many
    off = {name: value for name, value in TYPED.items() if name != "ab-is_on"}
    assert "ab-subjects" not in marketer.post("/campaigns/email/variants/", off).content.decode()


def test_a_test_that_is_switched_on_begins_with_values_that_can_be_saved(marketer):
    plain = {name: value for name, value in TYPED.items() if not name.startswith("ab-")} | {"ab-is_on": "on"}
    shown = marketer.post("/campaigns/email/variants/", plain).content.decode()
    for name, value in (("share_percent", 20), ("wait", 4)):
        assert re.search(rf'name="ab-{name}" value="{value}"', shown), name
    assert '<option value="hours" selected>' in shown
    assert "This field is required" not in shown
    assert marketer.post("/campaigns/email/new/", plain).status_code == 302
    assert SplitTest.objects.get().wait_unit == "hours"


def test_each_variant_is_previewed_as_it_is_typed_and_as_it_is_saved(marketer):
    head = marketer.post("/campaigns/email/preview/head/", TYPED | {"variant": "2"}).content.decode()
    assert '<option value="2" selected>C: Second subject</option>' in head
    assert '<div class="words">Second subject</div>' in head
    frame = marketer.post("/campaigns/email/preview/", TYPED | {"variant": "1"}).content.decode()
    assert "Other" in frame
    marketer.post("/campaigns/email/new/", TYPED)
    campaign = EmailCampaign.objects.get()
    saved = page(marketer, f"{campaign.get_absolute_url()}preview/?variant=3")
    assert "Other" in saved
    shown = page(marketer, f"{campaign.get_absolute_url()}?variant=3")
    assert "<dd>Second subject</dd>" in shown
    assert "Hello" in page(marketer, f"{campaign.get_absolute_url()}preview/?variant=nonsense")


def test_a_test_mail_is_of_the_variant_that_is_chosen(marketer, django_capture_on_commit_callbacks):
    with hostile_smtp() as server:
        server.settings.keep_every = 1
        campaign = draft(1, connection=to(server))
        add_test(campaign, subjects=["Second one"])
        with django_capture_on_commit_callbacks(execute=True):
            marketer.post(f"{campaign.get_absolute_url()}test/", {"to": "me@example.com", "variant": "1"})
        drafting.deliver_test(*OrmQ.objects.get().task["args"])
        assert b"Subject: [TEST] Second one" in next(iter(server.kept.values()))
    assert (
        marketer.post(
            f"{campaign.get_absolute_url()}test/", {"to": "me@example.com", "variant": "7"}
        ).status_code
        == 422
    )


def test_the_page_and_the_report_show_the_variants_and_ask_before_the_choice(marketer):
    campaign = launch_tested(50, test={"share_percent": 40, "winner_by": "hand"})
    accept(campaign)
    click(campaign, 1, 4)
    campaign = advance(campaign)
    path = f"{campaign.get_absolute_url()}variants/1/"
    for address in (campaign.get_absolute_url(), f"{campaign.get_absolute_url()}report/"):
        text = page(marketer, address)
        assert "The rest waits until you choose a variant" in text
        assert "40.0% (16.8 to 68.7%)" in text
        assert path in text
    assert "Send variant B to the rest?" in page(marketer, path)
    assert "30 recipients, gets variant B" in page(marketer, path)
    assert fresh(campaign).winner is None, "a GET chooses nothing"
    response = marketer.post(path)
    assert response["Location"] == campaign.get_absolute_url()
    assert fresh(campaign).winner == 1
    text = page(marketer, campaign.get_absolute_url())
    assert "Winner chosen" in text
    assert "variant B goes to the rest" in text
    late = marketer.post(path)
    assert late.status_code == 409
    assert "chosen already: variant B" in late.content.decode()


def test_the_page_says_when_the_winner_is_chosen_and_when_nobody_knows(marketer):
    campaign = launch_tested(50, test={"when_undecided": "ask"})
    text = page(marketer, campaign.get_absolute_url())
    assert (
        "10 of the 10 recipients in the test have their variant; 10 of these mails are still to be sent"
        in text
    )
    assert "Too early to tell: nobody has clicked yet" in text
    accept(campaign)
    advance(campaign)
    text = page(marketer, campaign.get_absolute_url())
    assert "The winner is chosen" in text
    assert "if one is clearly the best by then" in text
    EmailCampaign.objects.filter(pk=campaign.pk).update(phase_at=timezone.now() - timedelta(hours=5))
    assert "The rest waits until you choose a variant" in page(marketer, campaign.get_absolute_url())
    figures = marketer.get(f"{campaign.get_absolute_url()}variants/").content.decode()
    assert 'id="campaign-variants"' in figures
    lifecycle.fire(campaign, "cancel")
    assert "ended before a winner was chosen" in page(marketer, campaign.get_absolute_url())


def test_the_figures_come_to_a_page_that_was_open_before_its_recipients_were_prepared(marketer):
    campaign = draft(50)
    add_test(campaign)
    lifecycle.fire(campaign, "launch")
    waiting = page(marketer, campaign.get_absolute_url())
    assert re.search(r'id="campaign-variants"[^>]*hx-get', waiting)
    plain = lifecycle.fire(draft(1), "launch")
    assert "campaign-variants" not in page(marketer, plain.get_absolute_url())


def test_who_may_not_operate_sees_the_figures_and_no_button(client):
    client.force_login(user_in("Analysts"))
    campaign = launch_tested(50)
    path = f"{campaign.get_absolute_url()}variants/1/"
    assert path not in page(client, campaign.get_absolute_url())
    assert client.post(path).status_code == 403
