"""Every page writes a date the same way, also Django admin and what a template is not told to format."""

import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from django.conf import settings
from django.template import Context, Template

from campaigns import instants
from tests.factories import EmailCampaignFactory

AT = datetime(2027, 9, 3, 14, 5, tzinfo=UTC)
WRITTEN = "3 Sep 2027, 14:05"
APPS = ("campaigns", "mailing", "pos", "promotions")


@pytest.mark.parametrize(
    ("template", "written"),
    [
        ("{{ at }}", WRITTEN),
        ("{{ at|date }}", "3 Sep 2027"),
        ("{{ at|time }}", "14:05"),
        ("{{ day }}", "3 Sep 2027"),
        ("{% load workspace %}{{ at|moment|striptags }}", WRITTEN),
    ],
)
def test_templates_write_one_format(template, written):
    assert Template(template).render(Context({"at": AT, "day": AT.date()})) == written


def test_sentences_write_it_too():
    assert instants.write_moment(AT) == WRITTEN
    assert instants.write_day(date(2027, 9, 3)) == "3 Sep 2027"


@pytest.mark.django_db
def test_django_admin_writes_it_too(admin_client):
    EmailCampaignFactory(starts_at=AT)
    text = admin_client.get("/admin/mailing/emailcampaign/").content.decode()
    assert WRITTEN in text
    assert "p.m." not in text


def test_nobody_writes_an_instant_in_a_way_of_their_own():
    """A day with its year and the minute, spelt out as a pattern, belongs into `campaigns.instants`."""
    root = settings.BASE_DIR
    own_way = re.compile(r"%-?d %[bB] %Y, %H:%M[\"'}]|\|date:\"j M Y")
    files = [path for app in APPS for path in Path(root, app).rglob("*.py")]
    files += Path(root, "templates").rglob("*.html")
    found = [path.name for path in files if own_way.search(path.read_text())]
    assert found == ["promotions.py"], "the sandbox writes the day of the week before it"
