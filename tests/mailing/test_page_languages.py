"""The pages of contacts, suppressions and reports in the language of who looks, and the files they offer in none's."""

import pytest

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


@pytest.mark.parametrize("path", ["/suppressions/export.csv", "/reports/email/weeks.csv"])
def test_a_file_reads_the_same_whoever_asks_for_it(client, path):
    Suppression.objects.create(email="ada@example.com", reason=Suppression.Reason.COMPLAINT)
    asked = [client.get(path, headers=headers) for headers in ({}, GERMAN, FRENCH)]
    assert [answer.status_code for answer in asked] == [200, 200, 200]
    english, *others = [answer.getvalue() for answer in asked]
    assert others == [english, english]
