"""Every page writes a date the same way, also Django admin and what a template is not told to format."""

import re
from datetime import UTC, date, datetime, timedelta
from importlib import import_module
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from django.template import Context, Template
from django.utils import timezone

from campaigns import dates
from tests.factories import EmailCampaignFactory

AT = datetime(2027, 9, 3, 14, 5, tzinfo=UTC)
WRITTEN = "3 Sep 2027, 14:05"
APPS = ("campaigns", "demo", "mailing", "pos", "promotions")


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


@pytest.mark.parametrize(
    ("hours", "zone", "written"),
    [
        (5, "UTC", "19:05"),
        (10, "UTC", "4 Sep 2027, 00:05"),
        (5, "Asia/Karachi", "4 Sep 2027, 00:05"),  # begins at 19:05 there
    ],
)
def test_an_end_after_its_begin_repeats_no_date(hours, zone, written):
    with timezone.override(ZoneInfo(zone)):
        assert dates.write_end(AT + timedelta(hours=hours), AT) == written
        shown = Template("{% load workspace %}{{ end|end_after:at|striptags }}")
        assert shown.render(Context({"end": AT + timedelta(hours=hours), "at": AT})) == written


def test_the_first_of_some_days_repeats_no_year():
    assert dates.write_first_day(date(2027, 9, 3), date(2027, 12, 1)) == "3 Sep"
    assert dates.write_first_day(date(2027, 12, 30), date(2028, 1, 5)) == "30 Dec 2027"


def test_sentences_write_it_too():
    assert dates.write_moment(AT) == WRITTEN
    assert dates.write_day(date(2027, 9, 3)) == "3 Sep 2027"


@pytest.mark.django_db
def test_django_admin_writes_it_too(admin_client):
    EmailCampaignFactory(starts_at=AT)
    text = admin_client.get("/admin/mailing/emailcampaign/").content.decode()
    assert WRITTEN in text
    assert "p.m." not in text


# what machines read, each with the reason why it is no form for people
OWN_FORMS = {
    "campaigns/dates.py": "the one module",
    "campaigns/forms.py": "what <input type=datetime-local> and type=date send",
    "mailing/content/": "the filter of a mail's author, whose own pattern it is, and tags of others that become it",
    "mailing/drafting.py": "part of a Message-ID",
    "mailing/forms/campaign.py": "what <input type=time> sends",
    "mailing/forms/connection.py": "what <input type=date> sends",
    "mailing/library/insertions.py": "a piece of Liquid that people insert",
    "mailing/renderer/server.py": "a piece of Liquid that it compiles as it starts",
    "mailing/senders/domains.py": "part of a selector",
    "pos/folding.py": "the name of a partition",
    "promotions/engine/conditions.py": "a clock time in the figures of a refusal, which tills read",
    "promotions/forms/fields.py": "what <input type=time> sends",
}
own_form = re.compile(
    r"strftime"  # and what stands for it in a format: {at:%H:%M}, "%Y-%m-%d"
    r"|\{[^{}'\"]*:%-?[a-zA-Z]|(?<!b)[\"']%-?[aAbBHIjmpSyY]|%-?d[ ./]%-?[bBm]"
    r"|\|\s*(?:date|time):|\b(?:date|time)_format\("
    r"|toLocale\w*String|Intl\.DateTimeFormat"
)


def test_nobody_writes_a_day_or_a_time_in_a_way_of_their_own():
    root = settings.BASE_DIR
    files = [path for app in APPS for path in Path(root, app).rglob("*.py") if "migrations" not in path.parts]
    files += [*Path(root, "templates").rglob("*.html"), *Path(root, "static/js").rglob("*.js")]
    found = {str(path.relative_to(root)) for path in files if own_form.search(path.read_text())}
    assert [path for path in sorted(found) if not path.startswith(tuple(OWN_FORMS))] == []


@pytest.mark.parametrize(
    "line",
    [
        'f"{at:%-d %b %Y, %H:%M}"',
        'f"{day:%d.%m.%Y}"',
        'at.strftime("%H")',
        '{{ at|date:"j M" }}',
        "{{ at | time:'H' }}",
        'date_format(at, "j M")',
        "new Date(x).toLocaleDateString()",
    ],
)
def test_such_a_way_would_be_found(line):
    assert own_form.search(line)


def test_every_language_has_every_format():
    languages = Path(settings.BASE_DIR, "config/formats").glob("*/formats.py")
    names = [
        {name for name in vars(import_module(f"config.formats.{path.parent.name}.formats")) if name.isupper()}
        for path in languages
    ]
    used = set(
        re.findall(r"[\"']([A-Z_]+_FORMAT)[\"']", Path(settings.BASE_DIR, "campaigns/dates.py").read_text())
    )
    assert names
    assert all(used <= found for found in names)


def test_the_other_ways_to_write_a_time():
    berlin = ZoneInfo("Europe/Berlin")
    with timezone.override(berlin):
        assert dates.write_exact_moment(AT) == "3 Sep 2027, 16:05:00"
        assert dates.write_exact_time(AT) == "16:05:00"
        assert dates.write_period(AT, AT + timedelta(minutes=15)) == "3 Sep, 16:05 to 16:20"
        assert dates.write_day_of(datetime(2027, 9, 3, 22, 30, tzinfo=UTC)) == "4 Sep 2027"
    assert dates.write_weekday_moment(AT, berlin) == "Friday 3 Sep 2027, 16:05"
    assert dates.write_weekday(AT.date()) == "Fri 3 Sep 2027"
    assert dates.write_short_day(AT.date()) == "3 Sep"
    assert dates.write_time(AT) == "14:05"
