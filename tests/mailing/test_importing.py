"""The import of contacts: every row with a verdict, nobody revived, no row twice."""

import io
from datetime import timedelta

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from campaigns.refusals import Refused
from mailing import clock, importing
from mailing.importing import steps
from mailing.models import Contact, ContactList, Membership, Suppression, Upload
from tests.factories import ContactFactory, ContactListFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _folder_of_its_own(settings, tmp_path):
    settings.VAR_DIR = tmp_path


def receive_file(text):
    return importing.receive_contacts(io.BytesIO(text if isinstance(text, bytes) else text.encode()))


def fresh(upload):
    return Upload.objects.get(pk=upload.pk)


def try_import(text, columns=None, **options):
    """A file received, its columns as guessed or as given, and tried."""
    upload = receive_file(text)
    importing.choose_columns(upload, columns or [taken for _, taken in upload.columns], **options)
    importing.run(upload.pk)
    return fresh(upload)


def taken_in(text, columns=None, **options):
    upload = try_import(text, columns, **options)
    importing.start(upload)
    importing.run(upload.pk)
    return fresh(upload)


def verdicts(upload):
    return [
        (row.line, row.email, row.verdict, row.detail)
        for row in importing.stored_verdicts.read_verdicts(upload)
    ]


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


@pytest.mark.parametrize("unseen", ["\u200b", "\u00ad\ufeff", "\u3164", "\u2800 \u200e", "\x07"], ids=ascii)
def test_a_cell_in_which_nobody_sees_anything_is_empty(unseen):
    ContactFactory(email="ada@example.com", first_name="Ada")
    taken_in(
        f"email,first name,hobby\nada@example.com,{unseen},{unseen}\nbob@example.com,{unseen},tea\u200b\n"
    )
    names = dict(Contact.objects.values_list("email", "first_name"))
    assert names == {"ada@example.com": "Ada", "bob@example.com": ""}
    assert [each.attributes for each in Contact.objects.order_by("email")] == [{}, {"hobby": "tea\u200b"}]


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
        (8, "score@example.com", "invalid", "“many” is not a whole number for the score."),
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
    upload = try_import("email,city\nknown@example.com,Oslo\nnew@example.com,Oslo\n", new_list="No")
    assert (upload.status, upload.percent) == ("tried", 100.0)
    assert [row[2] for row in verdicts(upload)] == ["updated", "created"]
    assert Contact.objects.get().city == "Rome"
    assert not ContactList.objects.exists()


def test_columns_can_be_chosen_and_left_out():
    taken_in(
        "Adresse,Vorname,Ort,Geheim\na@example.com,Ada,Wien,x\n",
        ["email", "first_name", "home_town", ""],
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
        ("\n\n", "empty"),
        ("ada@example.com,Ada\n", "it holds the address “ada@example.com”"),
        (b"PK\x03\x04\x14\x00\x06\x00", "This is a workbook, not CSV"),
        ("email,city\n".encode("utf-16-le"), "not text"),
        (b"email,city\xe2\x28\xa1\x81\n", "neither UTF-8 nor Windows-1252"),
        ('email,city\n"' + "x" * 200_000, "a quotation mark is not closed"),
    ],
)
def test_a_file_that_is_no_csv_is_refused_with_one_sentence(text, words):
    with pytest.raises(importing.UnreadableFile, match=words):
        receive_file(text)
    assert not Upload.objects.exists()


@pytest.mark.parametrize(
    ("text", "guessed"),
    [
        ("E-Mail,Vorname\n", ["email", "first_name"]),
        (
            "Email Address,Given Name,Surname,Mobile,Town\n",
            ["email", "first_name", "last_name", "phone", "city"],
        ),
        ("Kontakt,Lists\nada@example.com,News\nbob@example.com,\n", ["email", "list"]),
        ("email,E-Mail,1st visit,\n", ["email", "", "_1st_visit", ""]),
        ("name,city\nAda,Rome\n", ["name", "city"]),
    ],
)
def test_what_each_column_is_is_guessed_from_its_name_or_its_values(text, guessed):
    assert [taken for _, taken in receive_file(text).columns] == guessed


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (["", "city"], "Say which column holds the e-mail addresses"),
        (["email", "email"], "“E-mail address” is taken from another column already"),
        (["email", "my points"], "“my points” cannot be the name of an attribute"),
    ],
)
def test_columns_that_cannot_be_meant_are_refused_with_a_sentence(columns, words):
    upload = receive_file("a,b\nada@example.com,Rome\n")
    with pytest.raises(Refused, match=words):
        importing.choose_columns(upload, columns)
    assert fresh(upload).status == "choosing"


def test_a_column_names_the_lists_each_row_joins():
    news, club = ContactListFactory(name="News"), ContactListFactory(name="Coffee, club")
    everybody = ContactListFactory(name="Everybody")
    upload = taken_in(
        "email,lists\n"
        'a@example.com,"news; Everybody"\n'
        'b@example.com,"Coffee, club"\n'
        "c@example.com,\n"
        "d@example.com,News|Nobody\n",
        list=everybody,
    )
    assert verdicts(upload)[3] == (
        4,
        "d@example.com",
        "invalid",
        "There is no list “Nobody”: an import does not make it.",
    )
    assert [contact.email for contact in news.contacts.all()] == ["a@example.com"]
    assert [contact.email for contact in club.contacts.all()] == ["b@example.com"]
    assert everybody.contacts.count() == 3
    assert upload.joined == Membership.objects.count() == 5


def test_a_row_with_more_cells_than_columns_is_not_taken():
    upload = taken_in("email,city\na@example.com,Rome, Italy\nb@example.com,Oslo,,\n")
    assert verdicts(upload)[0][2:] == (
        "invalid",
        "It has 3 cells, but the file 2 columns: are quotation marks missing?",
    )
    assert [contact.city for contact in Contact.objects.all()] == ["Oslo"]


def test_the_rows_not_taken_come_back_as_they_were_with_the_reason():
    upload = taken_in(
        'E-Mail;Town\nnonsense;"Ro""me"\na@example.com;Oslo\n;"x;y"\n', ["email", "city"], new_list="New"
    )
    lines = "".join(importing.stored_verdicts.rejected_rows_csv(upload)).removeprefix("\ufeff").splitlines()
    assert lines == [
        "E-Mail,Town,reason",
        'nonsense,"Ro""me",“nonsense” is not an e-mail address.',
        ",x;y,The address is missing.",
    ]


def test_a_trial_counts_what_the_import_then_does(monkeypatch):
    """An address that comes again in a later piece is new once."""
    monkeypatch.setattr(steps, "BATCH_ROWS", 2)
    text = "email,n\na@example.com,1\nb@example.com,1\na@example.com,2\na@example.com,3\nA@example.com,4\n"
    trial = try_import(text)
    found = verdicts(trial)
    counted = (trial.created, trial.updated, trial.repeated)
    importing.start(trial)
    importing.run(trial.pk)
    done = fresh(trial)
    assert counted == (done.created, done.updated, done.repeated) == (2, 2, 1)
    assert verdicts(done) == found
    assert Contact.objects.get(email="a@example.com").attributes == {"n": 4}


def test_columns_are_chosen_anew_after_a_trial_and_its_verdicts_go():
    upload = try_import("email,points\na@example.com,7\n")
    importing.choose_columns(upload, ["email", "score"])
    importing.run(upload.pk)
    importing.start(fresh(upload))
    importing.run(upload.pk)
    assert Contact.objects.get().score == 7
    assert len(verdicts(upload)) == 1


def test_an_import_is_started_once_and_only_after_its_trial():
    upload = receive_file("email\na@example.com\n")
    with pytest.raises(Refused, match="only a checked file can be imported"):
        importing.start(upload)
    upload = try_import("email\na@example.com\n")
    importing.start(upload)
    with pytest.raises(Refused, match="Somebody has continued"):
        importing.start(upload)
    with pytest.raises(Refused, match="Somebody has continued"):
        importing.choose_columns(upload, ["email"])


def test_what_was_not_taken_in_can_be_discarded_and_is_after_a_week():
    waiting, done = try_import("email\na@example.com\n"), taken_in("email\nb@example.com\n")
    with pytest.raises(Refused, match="cannot be discarded"):
        importing.discard(done)
    importing.discard(waiting)
    assert not importing.path_of(waiting.pk).exists()
    assert list(Upload.objects.all()) == [done]
    forgotten = receive_file("email\nc@example.com\n")
    Upload.objects.update(created_at=timezone.now() - timedelta(days=8))
    receive_file("email\nd@example.com\n")
    assert not Upload.objects.filter(pk=forgotten.pk).exists()
    assert not importing.path_of(forgotten.pk).exists()
    assert Upload.objects.filter(pk=done.pk).exists()


def test_a_file_that_breaks_further_down_fails_with_a_sentence_and_its_trial_took_nothing():
    text = (
        b"\xef\xbb\xbfemail,city\n"  # it says that it is UTF-8
        + b"".join(b"p%d@example.com,Rome\n" % n for n in range(900))
        + b"z@example.com,\xff\n"
    )
    upload = try_import(text)
    assert upload.status == "failed"
    assert upload.error.startswith("The file cannot be read after row ")
    assert upload.error.endswith(
        "Its text is not UTF-8: choose its encoding, or save it as “CSV UTF-8” and choose that file."
    )
    assert not Contact.objects.exists()
    assert not importing.path_of(upload.pk).exists()


def test_the_clock_wakes_an_import_that_has_not_moved_and_no_other():
    stalled, moving = try_import("email\na@example.com\n"), try_import("email\nb@example.com\n")
    importing.start(stalled)
    importing.start(moving)
    OrmQ.objects.all().delete()
    now = timezone.now()
    Upload.objects.filter(pk=stalled.pk).update(moved_at=now - timedelta(seconds=31))
    clock.tick(now)
    clock.tick(now)
    tasks = [(task.task["func"], task.task["args"]) for task in OrmQ.objects.all()]
    assert [args for func, args in tasks if func == "mailing.tasks.import_upload"] == [(stalled.pk,)]


def test_a_stopped_import_goes_on_where_it_was_and_takes_no_row_twice(monkeypatch):
    monkeypatch.setattr(steps, "BATCH_ROWS", 10)
    text = "email,n\n" + "".join(f"p{n}@example.com,{n}\n" for n in range(35))
    upload = try_import(text, new_list="Many")
    importing.start(upload)
    take, pieces = steps.import_batch, []

    def dies_after_two(upload_id, rows):
        if len(pieces) == 2:
            raise KeyboardInterrupt
        pieces.append(rows)
        return take(upload_id, rows)

    monkeypatch.setattr(steps, "import_batch", dies_after_two)
    with pytest.raises(KeyboardInterrupt):
        importing.run(upload.pk)
    upload = fresh(upload)
    assert (upload.done, upload.rows, round(upload.percent)) == (20, 35, 57)
    monkeypatch.setattr(steps, "import_batch", take)
    assert importing.run(upload.pk, seconds=0) is True
    assert importing.run(upload.pk) is False
    assert importing.run(upload.pk) is False, "once more changes nothing"
    upload = fresh(upload)
    assert (upload.status, upload.created, upload.updated, upload.joined) == ("done", 35, 0, 35)
    assert [row[0] for row in verdicts(upload)] == list(range(1, 36))
    assert not importing.path_of(upload.pk).exists()


def test_what_no_database_text_may_hold_is_not_taken():
    upload = taken_in(b"email,city\na@example.com,Ro\x00me\n")
    assert upload.invalid == 1
    assert not Contact.objects.exists()


@pytest.mark.parametrize(
    ("name", "no", "yes"),
    [
        ("accepte la newsletter", "non", "oui"),
        ("Newsletter abonniert", "nein", "ja"),
        ("wants marketing emails", "no", "yes"),
        ("Einwilligung E-Mail", "nein", "ja"),
        ("publicité par e-mail", "non", "oui"),
        ("ricevere newsletter", "no", "sì"),
        ("nieuwsbrief", "nee", "ja"),
        ("no marketing emails", "yes", "no"),
        ("Newsletter unsubscribed", "1", "0"),
    ],
)
def test_consent_is_seen_in_a_column_named_in_words_of_its_own(name, no, yes):
    taken_in(f"email,{name},sms marketing\na@x.test,{yes},no\nb@x.test,{no},yes\n")
    assert [*Suppression.objects.values_list("email", flat=True)] == ["b@x.test"]


def test_an_accent_written_apart_and_the_end_of_a_file_of_dos_are_read():
    taken_in("email,first name,city\na@x.test,Zoe\u0308,Wien\x1a")
    contact = Contact.objects.get()
    assert (contact.first_name, contact.city) == ("Zoë", "Wien")
