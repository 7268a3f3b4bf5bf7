"""The import of contacts: every row with a verdict, nobody revived, no row twice."""

import io

import pytest

from mailing import contacts
from mailing.addresses import normalised
from mailing.models import Contact, ContactImport, ContactList, Membership, Suppression
from tests.factories import ContactFactory, ContactListFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _folder_of_its_own(settings, tmp_path):
    settings.VAR_DIR = tmp_path


def taken_in(text, **options):
    data = text if isinstance(text, bytes) else text.encode()
    return contacts.import_csv(io.BytesIO(data), **options)


def verdicts(upload):
    return list(upload.verdicts.values_list("line", "email", "verdict", "detail"))


def test_known_columns_fill_fields_and_others_become_attributes():
    upload = taken_in(
        "E-Mail;First Name;Score;Points;Plan;Postal Code\nZoe@Example.COM;Zoë;7;12.5;Gold;01234\n",
        new_list="Imported",
    )
    contact = Contact.objects.get()
    assert (contact.email, contact.first_name, contact.score) == ("zoe@example.com", "Zoë", 7)
    assert contact.attributes == {"points": 12.5, "plan": "Gold", "postal_code": "01234"}
    assert (upload.status, upload.created, upload.joined, upload.percent) == ("done", 1, 1, 100.0)
    assert list(ContactList.objects.get(name="Imported").contacts.all()) == [contact]


def test_the_same_address_updates_and_an_empty_cell_says_nothing():
    contact = ContactFactory(email="a@example.com", city="Rome", attributes={"plan": "Gold", "points": 1})
    upload = taken_in("email,city,first_name,points,plan\nA@EXAMPLE.com,,Ada,2,\n")
    contact.refresh_from_db()
    assert (contact.city, contact.first_name, contact.attributes) == (
        "Rome",
        "Ada",
        {"plan": "Gold", "points": 2},
    )
    assert (upload.created, upload.updated) == (0, 1)


def test_every_row_has_its_verdict():
    ContactFactory(email="known@example.com", customer_id="C1")
    Suppression.objects.create(email="gone@example.com")
    upload = taken_in(
        "email,score,customer_id\n"
        "new@example.com,1,\n"
        "nonsense,1,\n"
        ",1,\n"
        "known@example.com,2,C1\n"
        "gone@example.com,3,\n"
        "twice@example.com,4,\n"
        "thief@example.com,5,C1\n"
        "score@example.com,many,\n"
        "TWICE@example.com,6,\n"
        "first@example.com,7,C7\n"
        "second@example.com,8,C7\n"
    )
    assert verdicts(upload) == [
        (1, "new@example.com", "created", ""),
        (2, "nonsense", "invalid", "“nonsense” is not an e-mail address."),
        (3, "", "invalid", "The address is missing."),
        (4, "known@example.com", "updated", ""),
        (5, "gone@example.com", "created", "Suppressed, and stays so."),
        (6, "twice@example.com", "repeated", "Row 9 counts."),
        (7, "thief@example.com", "invalid", "Its customer number belongs to known@example.com."),
        (8, "score@example.com", "invalid", "“many” is no whole number for the score."),
        (9, "twice@example.com", "created", ""),
        (10, "first@example.com", "invalid", "Row 11 has the same customer number."),
        (11, "second@example.com", "created", ""),
    ]
    counted = (
        upload.rows,
        upload.created,
        upload.updated,
        upload.repeated,
        upload.invalid,
        upload.suppressed,
    )
    assert counted == (11, 4, 1, 1, 5, 1)
    assert Contact.objects.get(email="twice@example.com").score == 6


def test_an_import_never_revives_the_suppressed_nor_who_left_the_list():
    left = ContactFactory(email="left@example.com")
    members = ContactListFactory(contacts=[left])
    Membership.objects.update(unsubscribed_at="2026-01-01T00:00Z")
    Suppression.objects.create(email="gone@example.com", reason="complaint")
    taken_in("email\nleft@example.com\ngone@example.com\n", list=members)
    assert Suppression.objects.get().reason == "complaint"
    assert Membership.objects.get(contact=left).unsubscribed_at
    assert members.memberships.count() == 2


def test_a_dry_run_judges_and_changes_nothing():
    ContactFactory(email="known@example.com", city="Rome")
    upload = taken_in("email,city\nknown@example.com,Oslo\nnew@example.com,Oslo\n", new_list="No", trial=True)
    assert [row[2] for row in verdicts(upload)] == ["updated", "created"]
    assert Contact.objects.get().city == "Rome"
    assert not ContactList.objects.exists()


def test_columns_can_be_chosen_and_left_out():
    taken_in(
        "Adresse,Vorname,Ort,Geheim\na@example.com,Ada,Wien,x\n",
        columns={"Adresse": "email", "Vorname": "first_name", "Ort": "home_town", "Geheim": ""},
    )
    contact = Contact.objects.get()
    assert (contact.email, contact.first_name, contact.attributes) == (
        "a@example.com",
        "Ada",
        {"home_town": "Wien"},
    )


@pytest.mark.parametrize(
    "data",
    [
        "email,first_name\nz@example.com,Zoë\n".encode("utf-8-sig"),
        "email;first_name\r\nz@example.com;Zoë\r\n".encode("cp1252"),
        "email\tfirst_name\nz@example.com\tZoë\n".encode("utf-16"),
        b'"email","first_name"\n"z@example.com","Zo\xc3\xab"',
    ],
)
def test_files_of_common_spreadsheets_are_read(data):
    taken_in(data)
    assert Contact.objects.get().first_name == "Zoë"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("name,city\nAda,Rome\n", "No column is named “email”"),
        ("email,E-Mail\na@example.com,b@example.com\n", "Two columns are taken"),
        ("email,x,x\na@example.com,1,2\n", "Two columns"),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused_with_a_sentence(text, words):
    with pytest.raises(contacts.ImportError, match=words):
        taken_in(text)
    assert not ContactImport.objects.exists()


def test_a_stopped_import_goes_on_where_it_was_and_takes_no_row_twice(monkeypatch):
    monkeypatch.setattr(contacts, "PIECE", 10)
    text = "email,n\n" + "".join(f"p{n}@example.com,{n}\n" for n in range(35))
    upload = contacts.receive(io.BytesIO(text.encode()), new_list="Many")
    take, pieces = contacts._take, []

    def dies_after_two(upload_id, rows):
        if len(pieces) == 2:
            raise KeyboardInterrupt
        pieces.append(rows)
        take(upload_id, rows)

    monkeypatch.setattr(contacts, "_take", dies_after_two)
    with pytest.raises(KeyboardInterrupt):
        contacts.run(upload.pk)
    upload.refresh_from_db()
    assert (upload.done, upload.rows, round(upload.percent)) == (20, 35, 57)
    monkeypatch.setattr(contacts, "_take", take)
    upload = contacts.run(upload.pk)
    assert (upload.status, upload.created, upload.updated, upload.joined) == ("done", 35, 0, 35)
    assert [row[0] for row in verdicts(upload)] == list(range(1, 36))
    assert not contacts.path_of(upload).exists()


def test_what_no_database_text_may_hold_is_not_taken():
    upload = taken_in(b"email,city\na@example.com,Ro\x00me\n")
    assert upload.invalid == 1
    assert not Contact.objects.exists()


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        (" Ada@Example.COM ", "ada@example.com"),
        ("zoe@münchen.de", "zoe@xn--mnchen-3ya.de"),
        ("zoë@example.com", "zoë@example.com"),
        ("a.b+c_d-e@sub.example.co.uk", "a.b+c_d-e@sub.example.co.uk"),
    ],
)
def test_an_address_has_one_spelling(written, stored):
    assert normalised(written) == stored == normalised(stored)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "a",
        "a@",
        "@b.c",
        "a@b",
        "a b@c.de",
        "a@b..de",
        ".a@b.de",
        "a..b@c.de",
        "a@-b.de",
        "zo ë@example.com",
        "é<@b.de",
        "a\r\nb@c.de",
        "a@b.de\n\nc@d.ef",
        "x" * 65 + "@example.com",
        "a@" + "x" * 250 + ".com",
    ],
)
def test_what_is_no_address_is_refused(address):
    with pytest.raises(ValueError, match="address"):
        normalised(address)
