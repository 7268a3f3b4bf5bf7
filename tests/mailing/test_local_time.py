"""In which language and at which hour a contact lives."""

import io
import json

import pytest
from django.db import connection

from mailing import audience, importing, launch, local_time
from mailing.languages import list_languages, name_in_itself, name_language, read_language
from mailing.models import Contact
from tests.factories import ContactFactory


@pytest.mark.parametrize(
    ("written", "tag"),
    [
        ("de", "de"), ("DE", "de"), ("de_AT", "de-AT"), ("de-at", "de-AT"), ("en_US.UTF-8", "en-US"),
        ("pt-br", "pt-BR"),
        ("zh-hant-tw", "zh-Hant-TW"), ("zh_Hans", "zh-Hans"), ("en-JP", "en-JP"),
        ("deu", "de"), ("ger", "de"), ("iw", "he"),
        ("German", "de"), ("Deutsch", "de"), ("allemand", "de"), ("Français", "fr"), ("french", "fr"),
        ("Österreichisches Deutsch", "de-AT"), ("es-419", "es-419"), (" de ", "de"),
        ("", ""), ("klingon", ""), ("xx", ""), ("de-XX9", ""), ("d", ""), ("de\x00", ""), ("12", ""), ("-", ""),
    ],
)  # fmt: skip
def test_a_language_is_read_as_people_and_programs_write_it(written, tag):
    assert read_language(written) == tag


def test_languages_have_names():
    assert name_language("de-AT") == "German (Austria)"
    assert name_in_itself("de") == "Deutsch"
    assert name_language("en-JP") == "en-JP" or "English" in name_language("en-JP")
    assert ("fr", "French") in list_languages()


@pytest.mark.parametrize(
    ("written", "zone"),
    [
        ("Europe/Berlin", "Europe/Berlin"), ("europe/berlin", "Europe/Berlin"),
        ("America/New York", "America/New_York"),
        ("America/New_York", "America/New_York"), ("US/Eastern", "America/New_York"), ("Europe/Kiev", "Europe/Kyiv"),
        ("W. Europe Standard Time", "Europe/Berlin"), ("Romance Standard Time", "Europe/Paris"), ("UTC", "UTC"),
        ("GMT", "UTC"), ("", ""), ("Mars/Base", ""), ("CEST", ""), ("+01:00", ""), ("localtime", ""), ("Factory", ""),
        ("../../etc/passwd", ""),
    ],
)  # fmt: skip
def test_a_time_zone_is_read_as_people_and_programs_write_it(written, zone):
    assert local_time.read_zone(written) == zone


@pytest.mark.parametrize(
    ("time_zone", "country", "zone"),
    [
        ("Asia/Tokyo", "DE", "Asia/Tokyo"), ("", "DE", "Europe/Berlin"), ("", "US", "America/New_York"),
        ("", "RU", "Europe/Moscow"), ("", "AU", "Australia/Sydney"), ("", "BR", "America/Sao_Paulo"),
        ("", "CA", "America/Toronto"), ("", "PT", "Europe/Lisbon"),
        ("", "", "Pacific/Apia"), ("", "XX", "Pacific/Apia"),
    ],
)  # fmt: skip
@pytest.mark.django_db
def test_the_zone_is_the_contacts_else_the_countrys_else_the_sites_in_python_and_in_sql(
    settings, time_zone, country, zone
):
    settings.TIME_ZONE = "Pacific/Apia"
    assert local_time.zone_of(time_zone, country) == zone
    contact = ContactFactory(time_zone=time_zone, country=country)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {local_time.write_zone_sql()} FROM mailing_contact AS contact WHERE id = %s",
            [contact.pk],
        )
        assert cursor.fetchone() == (zone,)


@pytest.mark.django_db
def test_every_zone_a_contact_can_have_is_known_to_the_database_too():
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM pg_timezone_names")
        known = {name for (name,) in cursor.fetchall()}
    assert set(local_time.zones_of_countries().values()) <= known
    assert all(local_time.read_zone(zone) for zone in local_time.zones_of_countries().values()), (
        "each can be chosen"
    )


@pytest.mark.django_db
@pytest.mark.parametrize("heading", ["Language;Time zone", "Sprache;Zeitzone", "Langue;Fuseau horaire"])
def test_a_file_brings_language_and_zone_under_english_german_and_french_headings(heading):
    text = f"email;{heading}\na@x.test;Deutsch;europe/berlin\nb@x.test;Klingon;CEST\n"
    upload = importing.receive_contacts(io.BytesIO(text.encode()))
    importing.choose_columns(upload, [taken for _, taken in upload.columns])
    importing.run(upload.pk)
    upload.refresh_from_db()
    importing.start(upload)
    importing.run(upload.pk)
    rows = [*importing.stored_verdicts.read_verdicts(upload)]
    assert rows[1].verdict == "created"
    assert rows[1].detail == (
        "The language is left out: “Klingon” is none we know. The time zone is left out: “CEST” is none we know."
    )
    assert [*Contact.objects.order_by("email").values_list("language", "time_zone")] == [
        ("de", "Europe/Berlin"),
        ("", ""),
    ]


@pytest.mark.django_db
def test_segments_and_mails_know_both():
    ContactFactory(email="a@x.test", language="de", time_zone="Europe/Berlin")
    ContactFactory(email="b@x.test", language="fr")
    for field, value in (("language", "German"), ("time_zone", "europe/berlin")):
        tree = {"field": field, "op": "equals", "value": value}
        keys = audience.contact_keys(tree)
        assert [*Contact.objects.filter(pk__in=keys).values_list("email", flat=True)] == ["a@x.test"]
    recipient = launch.build_recipient(Contact.objects.get(email="a@x.test"))
    assert json.dumps([recipient.attributes["language"], recipient.attributes["time_zone"]]) == (
        '["de", "Europe/Berlin"]'
    )
