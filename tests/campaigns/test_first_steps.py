"""The dashboard of a new installation: the steps to the first campaigns, ticked by what is there."""

import re

import pytest

from campaigns.workspace import first_steps
from tests.factories import (
    ContactFactory,
    EmailCampaignFactory,
    PromotionCampaignFactory,
    PromotionFactory,
    SmtpConnectionFactory,
    TillFactory,
    user_in,
)

pytestmark = pytest.mark.django_db
list_ticks = re.compile(r'<li( class="done")?>\s*<span class="tick">').findall


def list_done(user):
    return [[step.is_done for step in track.steps] for track in first_steps.list_tracks(user)]


def test_nothing_is_done_in_an_empty_installation(client):
    user = user_in("Marketers")
    assert list_done(user) == [[False] * 4, [False] * 5]
    client.force_login(user)
    page = client.get("/").content.decode()
    assert "Welcome to Fanfare" in page
    assert list_ticks(page) == [""] * 9
    assert "Drafts" not in page


def test_each_step_is_ticked_by_what_is_there(client):
    SmtpConnectionFactory()
    ContactFactory()
    TillFactory()
    PromotionFactory()
    draft = EmailCampaignFactory(name="The first mail")
    user = user_in("Marketers")
    assert list_done(user) == [[True, True, True, False], [True, True, True, False, False]]
    client.force_login(user)
    page = client.get("/").content.decode()
    assert list_ticks(page).count(' class="done"') == 6
    assert f'<a href="{draft.get_absolute_url()}">Launch it</a>' in page
    assert "The first mail" in page  # among the drafts below the steps


def test_the_steps_go_when_a_campaign_has_begun(client):
    PromotionCampaignFactory(status="active")
    client.force_login(user_in("Marketers"))
    assert "Welcome to Fanfare" not in client.get("/").content.decode()


def test_nobody_is_led_to_a_page_that_is_not_theirs():
    for role in ("Analysts", "Marketers", "Administrators"):
        user = user_in(role, is_staff=role == "Administrators")
        paths = {step.path for track in first_steps.list_tracks(user) for step in track.steps if step.path}
        assert bool(paths) == (role != "Analysts")
    assert all(
        not step.path.startswith("/admin/")
        for track in first_steps.list_tracks(user_in("Marketers"))
        for step in track.steps
    )
