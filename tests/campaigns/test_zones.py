"""Each person sees and types times in a zone of their own; programs keep the site's."""

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from campaigns import dates, zones
from campaigns.forms import MomentField, TypedMoment
from campaigns.models import Campaign, UserSettings
from tests.factories import (
    EmailCampaignFactory,
    PromotionCampaignFactory,
    UserFactory,
    UserSettingsFactory,
    user_in,
)

pytestmark = pytest.mark.django_db
AT = datetime(2027, 7, 1, 8, tzinfo=UTC)


def sign_in(client, zone="", role="Marketers", **fields):
    user = user_in(role, **fields)
    if zone:
        UserSettingsFactory(user=user, time_zone=zone)
    client.force_login(user)
    return user


def get_page(client, path):
    return client.get(path).content.decode()


def hidden_zone(page, name):
    return re.search(rf'<input type="hidden" name="{name}_zone" value="([^"]*)"', page)[1]


@pytest.mark.parametrize(
    ("zone", "shown", "words"),
    [
        ("", "1 Jul 2027, 08:00", "Times shown in UTC"),
        ("Europe/Berlin", "1 Jul 2027, 10:00", "Times shown in Berlin time"),
        ("America/New_York", "1 Jul 2027, 04:00", "Times shown in New York time"),
        ("Asia/Kathmandu", "1 Jul 2027, 13:45", "Times shown in Kathmandu time"),
        ("Pacific/Apia", "1 Jul 2027, 21:00", "Times shown in Apia time"),
    ],
)
def test_pages_and_the_administration_show_a_persons_own_zone(client, zone, shown, words):
    campaign = EmailCampaignFactory(status="scheduled", starts_at=AT)
    sign_in(client, zone, role="Administrators", is_staff=True)
    for path in (campaign.get_absolute_url(), "/campaigns/", "/admin/mailing/emailcampaign/"):
        page = get_page(client, path)
        assert shown in page, path
        assert words in page, path


def test_the_zone_of_one_request_is_not_that_of_the_next(client, settings):
    campaign = EmailCampaignFactory(status="scheduled", starts_at=AT)
    sign_in(client, "Europe/Berlin")
    client.get("/")
    assert timezone.get_current_timezone_name() == settings.TIME_ZONE
    sign_in(client)
    assert "1 Jul 2027, 08:00" in get_page(client, campaign.get_absolute_url())


def test_a_page_takes_no_query_more_for_it(client):
    counts = []
    for zone in ("", "Europe/Berlin"):
        sign_in(client, zone)
        client.get("/account/")
        with CaptureQueriesContext(
            connection,
        ) as queries:
            client.get("/account/")
        counts.append([query["sql"] for query in queries if "usersettings" in query["sql"]])
    assert [len(queries) for queries in counts] == [1, 1], "it comes with the user"
    assert all("auth_user" in query for queries in counts for query in queries)


def test_a_person_chooses_a_zone_on_a_page_of_their_own(client):
    user = sign_in(client)
    page = get_page(client, "/settings/")
    assert "Your settings" in page
    assert 'href="/settings/"' in get_page(client, "/")
    answer = client.post("/settings/", {"time_zone": "Asia/Tokyo"}, follow=True).content.decode()
    assert "Your settings are saved." in answer
    assert "Times shown in Tokyo time" in answer
    assert '<option value="Asia/Tokyo" selected>' in answer
    client.post("/settings/", {"time_zone": ""})
    assert UserSettings.objects.get(user=user).time_zone == ""
    assert "Times shown in UTC" in get_page(client, "/settings/")


@pytest.mark.parametrize("wrong", ["Mars/Olympus", "Europe", "../etc/passwd", "posixrules"])
def test_no_other_zone_can_be_chosen(client, wrong):
    user = sign_in(client)
    answer = client.post("/settings/", {"time_zone": wrong})
    assert answer.status_code == 200
    assert "is not one of the available choices" in answer.content.decode()
    assert not UserSettings.objects.filter(user=user).exists()


def test_an_administrator_chooses_for_somebody(client):
    sign_in(client, role="Administrators", is_staff=True)
    somebody = UserFactory()
    form = {"user": somebody.pk, "time_zone": "Asia/Tokyo"}
    assert client.post("/admin/campaigns/usersettings/add/", form).status_code == 302
    assert somebody.settings.time_zone == "Asia/Tokyo"
    assert (
        client.post(
            f"/admin/campaigns/usersettings/{somebody.settings.pk}/change/", form | {"time_zone": "Mars"}
        )
        .context["adminform"]
        .form.errors
    )
    client.force_login(somebody)


def test_a_zone_that_is_no_more_is_that_of_the_site(client):
    sign_in(client, "Europe/Atlantis")
    assert "Times shown in UTC" in get_page(client, "/account/")
    assert '<option value="Europe/Atlantis" selected>' in get_page(client, "/settings/")


# ── what is typed ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_form_is_filled_in_and_read_in_the_persons_zone(client):
    sign_in(client, "Europe/Berlin")
    campaign = EmailCampaignFactory(launchable=True, starts_at=AT)
    asked = get_page(client, f"/campaigns/{campaign.pk}/schedule/")
    assert 'value="2027-07-01T10:00"' in asked
    assert hidden_zone(asked, "at") == "Europe/Berlin"
    assert "Times are in Berlin time." in asked
    client.post(f"/campaigns/{campaign.pk}/schedule/", {"at": "2027-07-02T09:30", "at_zone": "Europe/Berlin"})
    assert Campaign.objects.get(pk=campaign.pk).starts_at == datetime(2027, 7, 2, 7, 30, tzinfo=UTC)


@pytest.mark.parametrize("site", ["UTC", "Asia/Tokyo"])
def test_a_time_without_a_zone_is_the_sites(client, settings, site):
    """As programs send it, whoever they sign in as."""
    settings.TIME_ZONE = site
    sign_in(client, "Europe/Berlin")
    campaign = EmailCampaignFactory(launchable=True)
    client.post(f"/campaigns/{campaign.pk}/schedule/", {"at": "2027-07-02T09:30"})
    hour = {"UTC": 9, "Asia/Tokyo": 0}[site]
    assert Campaign.objects.get(pk=campaign.pk).starts_at == datetime(2027, 7, 2, hour, 30, tzinfo=UTC)


def test_a_zone_that_was_changed_meanwhile_does_not_move_what_was_typed(client):
    user = sign_in(client, "Europe/Berlin")
    campaign = PromotionCampaignFactory(status="draft", starts_at=AT, ends_at=None)
    page = get_page(client, f"/campaigns/promotion/{campaign.pk}/edit/") or ""
    page = page if "starts_at_zone" in page else get_page(client, campaign_edit(campaign))
    zone = hidden_zone(page, "starts_at")
    UserSettings.objects.filter(user=user).update(time_zone="America/New_York")
    typed = TypedMoment("2027-07-01T10:00", zone)
    assert MomentField().clean(typed) == AT


def campaign_edit(campaign):
    from campaigns.workspace import overview

    return overview.edit_url(campaign)


@pytest.mark.parametrize(
    ("zone", "at", "said"),
    [
        ("Europe/Berlin", "2027-03-28T02:30", "02:30 does not exist on 28 Mar 2027"),
        ("Europe/Berlin", "2027-10-31T02:30", "02:30 happens twice on 31 Oct 2027"),
        ("America/New_York", "2027-03-14T02:15", "02:15 does not exist on 14 Mar 2027"),
        ("America/New_York", "2027-11-07T01:00", "01:00 happens twice on 7 Nov 2027"),
        ("Australia/Lord_Howe", "2027-10-03T02:15", "02:15 does not exist on 3 Oct 2027"),
    ],
)
def test_a_change_of_the_clocks_is_judged_in_the_persons_zone(client, zone, at, said):
    sign_in(client, zone)
    campaign = EmailCampaignFactory(launchable=True)
    answer = client.post(f"/campaigns/{campaign.pk}/schedule/", {"at": at, "at_zone": zone})
    assert answer.status_code == 409
    assert said in answer.content.decode()
    other = client.post(f"/campaigns/{campaign.pk}/schedule/", {"at": at, "at_zone": "UTC"})
    assert other.status_code == 302, "elsewhere it is a time as any other"


@pytest.mark.parametrize(
    "at", [datetime(2027, 10, 31, 0, 30, tzinfo=UTC), datetime(2027, 10, 31, 1, 30, tzinfo=UTC)]
)
def test_a_time_that_comes_twice_stays_what_it_is_where_nobody_touches_it(client, at):
    """A colleague in another zone chose it."""
    sign_in(client, "Europe/Berlin")
    campaign = PromotionCampaignFactory(status="draft", starts_at=at, ends_at=None)
    page = get_page(client, campaign_edit(campaign))
    assert 'value="2027-10-31T02:30"' in page
    zone = hidden_zone(page, "starts_at")
    assert MomentField().clean(TypedMoment("2027-10-31T02:30", zone)) == at
    with pytest.raises(ValidationError, match="happens twice"):
        MomentField().clean(TypedMoment("2027-10-31T02:31", zone))


@pytest.mark.parametrize("zone", ["Mars", "Europe/Berlin/x", "../../etc", "Europe", "x" * 5000])
def test_a_zone_that_does_not_exist_is_refused_with_a_sentence(zone):
    with pytest.raises(ValidationError, match="is not a time zone"):
        MomentField().clean(TypedMoment("2027-07-01T10:00", zone))


@pytest.mark.parametrize("behind", ["nonsense", "2027-10-31T02:30", "9999-99-99", "0001-01-01T00:00+00:00"])
def test_nonsense_behind_a_zone_changes_nothing(behind):
    typed = TypedMoment("2027-07-01T10:00", f"Europe/Berlin@{behind}")
    assert MomentField().clean(typed) == AT


def test_what_was_typed_and_refused_is_shown_again_with_its_zone(client):
    sign_in(client, "Europe/Berlin")
    campaign = EmailCampaignFactory(launchable=True)
    form = {"at": "2020-01-01T10:00", "at_zone": "Asia/Tokyo"}
    headers = {"HX-Request": "true"}
    page = client.post(f"/campaigns/{campaign.pk}/schedule/", form, headers=headers).content.decode()
    assert 'value="2020-01-01T10:00"' in page
    assert hidden_zone(page, "at") == "Asia/Tokyo"


# ── what a zone is called ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("zone", "name"),
    [
        ("UTC", "UTC"),
        ("Etc/UTC", "UTC"),
        ("Europe/Berlin", "Berlin time"),
        ("America/Argentina/Buenos_Aires", "Buenos Aires time"),
        ("Etc/GMT-3", "UTC+3"),
        ("Etc/GMT+5", "UTC-5"),
        ("Etc/GMT0", "UTC"),
        ("CET", "CET"),
    ],
)
def test_a_zone_is_called_as_people_call_it(zone, name):
    assert dates.name_zone(zones.find_zone(zone)) == name


# ── what keeps the site's zone ───────────────────────────────────────────────────────────────────────────────────────


def test_a_kept_sentence_names_its_zone(settings):
    settings.TIME_ZONE = "Europe/Berlin"
    with timezone.override("Asia/Tokyo"):
        assert dates.write_moment_for_all(AT) == "1 Jul 2027, 10:00 (Berlin time)"


def test_an_edit_is_kept_as_an_instant_and_told_in_the_readers_zone(client):
    """Somebody in one zone changes a time, and somebody in another reads of it."""
    writer = sign_in(client, "Asia/Tokyo")
    campaign = EmailCampaignFactory(launchable=True, starts_at=AT, created_by=writer)
    from mailing import drafting

    drafting.save_campaign(campaign, by=writer, changes={"starts_at": datetime(2027, 7, 1, 9, tzinfo=UTC)})
    sign_in(client, "Europe/Berlin")
    assert "1 Jul 2027, 10:00 → 1 Jul 2027, 11:00" in get_page(client, campaign.get_absolute_url())


def test_a_mail_is_written_in_the_zone_of_the_site(client):
    sign_in(client, "Asia/Tokyo")
    campaign = EmailCampaignFactory(
        launchable=True, body_format="markdown", body='At {{ "2027-07-01T08:00:00Z" | date: "%H:%M" }}.'
    )
    frame = re.search(r'<iframe[^>]* src="([^"]+)"', get_page(client, campaign.get_absolute_url()))[1]
    assert "At 08:00." in get_page(client, frame.replace("&amp;", "&"))


def test_an_administrator_deletes_somebody_with_what_they_chose(client):
    sign_in(client, role="Administrators", is_staff=True)
    somebody = UserSettingsFactory().user
    assert client.post(f"/admin/auth/user/{somebody.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not UserSettings.objects.filter(user_id=somebody.pk).exists()


@pytest.mark.parametrize(
    ("zone", "after", "until", "change"),
    [
        ("Europe/Berlin", "2026-11-30T12:00", "2027-03-28T00:59", None),
        ("Europe/Berlin", "2026-11-30T12:00", "2027-03-28T01:00", ("2027-03-28T01:00", 1)),
        ("Europe/Berlin", "2026-11-30T12:00", "2030-01-01T00:00", ("2027-03-28T01:00", 1)),
        ("Europe/Berlin", "2027-10-30T12:00", "2027-11-30T00:00", ("2027-10-31T01:00", -1)),
        ("America/New_York", "2027-03-01T00:00", "2027-04-01T00:00", ("2027-03-14T07:00", 1)),
        ("Australia/Lord_Howe", "2027-03-01T00:00", "2027-05-01T00:00", ("2027-04-03T15:00", -0.5)),
        ("UTC", "2026-11-30T12:00", "2030-01-01T00:00", None),
    ],
)
def test_the_next_change_of_clocks_is_found_to_the_minute(zone, after, until, change):
    after, until = (datetime.fromisoformat(f"{at}+00:00") for at in (after, until))
    found = zones.find_clock_change(ZoneInfo(zone), after, until)
    assert (found and (f"{found.at:%Y-%m-%dT%H:%M}", found.hours)) == change


def test_the_offset_of_a_zone_is_named():
    at = datetime(2026, 12, 1, tzinfo=UTC)
    names = [zones.name_offset(ZoneInfo(zone), at) for zone in ("Europe/Berlin", "UTC", "America/St_Johns")]
    assert names == ["UTC+1", "UTC", "UTC-3:30"]
