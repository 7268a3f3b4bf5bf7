"""The pages of contacts, suppressions and reports in the language of who looks, and the files they offer."""

import io
import re
from zoneinfo import ZoneInfo

import pytest
from django import forms
from django.contrib import messages
from django.contrib.messages.storage.base import Message
from django.core.exceptions import ValidationError
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.safestring import mark_safe

from campaigns import dates
from campaigns.sentences import keep
from campaigns.stored_sentences import translate_stored
from mailing import importing
from mailing.countries import name_country
from mailing.models import Contact, ContactList, Suppression

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("marketer")]
GERMAN, FRENCH = {"accept-language": "de"}, {"accept-language": "fr"}


def test_a_page_counts_in_the_plural_of_its_language(client):
    Contact.objects.create(email="ada@example.com")
    assert "1 Kontakt<" in client.get("/contacts/", headers=GERMAN).content.decode()
    assert "1 contact<" in client.get("/contacts/", headers=FRENCH).content.decode()
    Contact.objects.create(email="bo@example.com")
    assert "2 Kontakte<" in client.get("/contacts/", headers=GERMAN).content.decode()
    assert "2 contacts<" in client.get("/contacts/", headers=FRENCH).content.decode()


def test_a_label_inside_a_sentence_is_written_as_its_language_writes_it(client):
    Contact.objects.create(email="ada@example.com")
    Suppression.objects.create(email="ada@example.com", reason=Suppression.Reason.COMPLAINT)
    assert "Gesperrt: Beschwerde" in client.get("/contacts/", headers=GERMAN).content.decode()
    assert "Exclu\xa0: plainte" in client.get("/contacts/", headers=FRENCH).content.decode()
    assert "Suppressed: complaint" in client.get("/contacts/").content.decode()


def test_a_question_before_something_is_deleted_is_a_whole_sentence(client):
    row = ContactList.objects.create(name="Tea")
    page = client.get(f"/lists/{row.pk}/delete/", headers=GERMAN).content.decode()
    assert "Die Liste „Tea“ löschen?" in page
    done = client.post(f"/lists/{row.pk}/delete/", headers=FRENCH, follow=True).content.decode()
    assert "La liste «\xa0Tea\xa0» est supprimée." in done


@pytest.mark.parametrize(
    ("headers", "heading", "row"),
    [
        ({}, "address,reason,source,since,note", "ada@example.com,Complaint,By hand,"),
        (GERMAN, "Adresse,Grund,Quelle,Seit,Notiz", "ada@example.com,Beschwerde,Von Hand,"),
        (FRENCH, "adresse,motif,source,depuis,note", "ada@example.com,Plainte,À la main,"),
    ],
)
def test_a_file_has_the_words_of_whoever_asks_for_it(client, headers, heading, row):
    Suppression.objects.create(email="ada@example.com", reason=Suppression.Reason.COMPLAINT)
    first, second = client.get("/suppressions/export.csv", headers=headers).getvalue().decode().splitlines()
    assert first == heading
    assert second.startswith(row)


@pytest.mark.parametrize("path", ["/reports/email/weeks.csv", "/suppressions/export.csv"])
def test_numbers_and_times_of_a_file_read_the_same_whoever_asks_for_it(client, path):
    Suppression.objects.create(email="ada@example.com", reason=Suppression.Reason.COMPLAINT)
    asked = [client.get(path, headers=headers).getvalue().decode() for headers in ({}, GERMAN, FRENCH)]
    english, *others = [re.findall(r"(?<![^,\n])[-+:. 0-9]+(?![^,\r\n])", text) for text in asked]
    assert english
    assert others == [english, english]


@pytest.mark.parametrize("language", ["en", "de", "fr"])
def test_the_rows_that_were_not_taken_come_with_their_reason_in_the_language_of_who_reads_it(language):
    with translation.override("en"):
        upload = importing.receive_contacts(io.BytesIO(b"email,name\nnonsense,Ada\n"))
        importing.choose_columns(upload, [taken for _, taken in upload.columns])
        importing.run(upload.pk)
    with translation.override(language):
        heading, row = "".join(importing.stored_verdicts.rejected_rows_csv(upload)).splitlines()
        said = translate_stored("“nonsense” is not an e-mail address.")
    assert heading.endswith({"en": "reason", "de": "Grund", "fr": "motif"}[language])
    assert said in row


def test_cities_countries_and_languages_are_named_in_the_language_of_the_page(client):
    page = client.get("/settings/", headers=GERMAN).content.decode()
    assert '<option value="Europe/Vienna">Wien</option>' in page
    assert '<optgroup label="Europa">' in page
    ada = Contact.objects.create(
        email="ada@example.com", country="DE", city="Kiel", language="pt", time_zone="Europe/Vienna"
    )
    page = client.get(f"/contacts/{ada.pk}/", headers=GERMAN).content.decode()
    assert "Kiel, Deutschland" in page
    assert "Portugiesisch" in page
    assert "Wien" in page
    assert ">Italienisch<" in client.get(f"/contacts/{ada.pk}/edit/", headers=GERMAN).content.decode()
    with translation.override("fr"):
        assert dates.name_zone(ZoneInfo("Europe/Vienna")) == "heure de Vienne"
        assert translate_stored("Vienna time") == "heure de Vienne", "as it is stored"
        assert name_country("GB") == "Royaume-Uni"


def test_a_stored_sentence_of_a_refusal_is_shown_in_the_language_of_the_page(rf):
    """A message, an error of a form and an error of a field."""

    class Form(forms.Form):
        email = forms.CharField(validators=[refuse])

    kept = keep("“%(text)s” is not an e-mail address.", text="a")
    with translation.override("de"):
        said = translate_stored(kept)
        form = Form({"email": "a"})
        request = rf.get("/")
        request.htmx = False
        message = Message(messages.ERROR, kept)
        shown = [
            render_to_string("_messages.html", {"messages": [message]}, request=request),
            render_to_string("_form_errors.html", {"form": form}),
            str(form["email"].errors),
            str(form["email"].as_field_group()),
        ]
    assert said != kept
    assert [said in each for each in shown] == [True] * 4
    with translation.override("de"):
        html = Message(messages.INFO, mark_safe("<b>Ada</b>"))
        assert "<b>Ada</b>" in render_to_string("_messages.html", {"messages": [html]}, request=request)
        text = Message(messages.INFO, "<b>Ada</b>")
        assert "<b>" not in render_to_string("_messages.html", {"messages": [text]}, request=request)


def refuse(value):
    raise ValidationError(keep("“%(text)s” is not an e-mail address.", text=value))
