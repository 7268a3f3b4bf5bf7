"""The colours of the pages follow the device, unless somebody has chosen a theme for themselves."""

import re

import pytest
from django.conf import settings

from campaigns.models import UserSettings

pytestmark = pytest.mark.django_db


def test_pages_follow_the_device_until_somebody_chooses(client, marketer):
    page = client.get("/settings/").content.decode()
    assert '<html lang="en">' in page
    assert "Same as my device" in page


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_chosen_theme_is_on_every_page_of_that_person(client, marketer, theme):
    answer = client.post("/settings/", {"time_zone": "Asia/Tokyo", "theme": theme}, follow=True)
    for page in (answer, client.get("/"), client.get("/nowhere/")):
        assert f'<html lang="en" data-bs-theme="{theme}">' in page.content.decode()
    assert UserSettings.objects.get(user=marketer).time_zone == "Asia/Tokyo"
    client.post("/settings/", {"time_zone": "Asia/Tokyo", "theme": ""})
    assert '<html lang="en">' in client.get("/").content.decode()


def test_no_other_theme_can_be_chosen(client, marketer):
    answer = client.post("/settings/", {"theme": 'sepia"><script>'})
    assert "is not one of the available choices" in answer.content.decode()
    assert not UserSettings.objects.filter(user=marketer).exists()


# Those of Django admin and of Swagger UI are not ours
SHEETS = [
    sheet
    for sheet in sorted((settings.BASE_DIR / "static/css").glob("*.css"))
    if sheet.stem not in {"admin", "reference", "colours"}
]


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda sheet: sheet.stem)
def test_no_sheet_writes_words(sheet):
    """No catalogue finds them there: a page gives them in an attribute, as `content: attr(data-or)`."""
    written = re.findall(r"""content: (?:"([^"]*)"|'([^']*)')""", sheet.read_text())
    assert [words for pair in written for words in pair if re.search(r"[A-Za-z]{2}", words)] == []


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda sheet: sheet.stem)
def test_colours_stand_in_one_file_for_both_themes(sheet):
    colours = re.findall(
        r"(?<!-)\b(?:color|background|border-color|fill): (#[0-9a-f]+|rgb[^;]*);", sheet.read_text()
    )
    assert set(colours) <= {"#fff", "rgb(15 23 42 / 50%)"}, (
        "letters on our own colours, what lies behind a dialog"
    )
