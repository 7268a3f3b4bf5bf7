"""What columns of exports mean: of shops, mail services and our own."""

import io

import pytest
from django.conf import settings
from django.utils import translation

from mailing import importing
from mailing.models import Contact, Suppression
from tests.outside import import_contacts

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _folder_of_its_own(settings, tmp_path):
    settings.VAR_DIR = tmp_path


def emails(result):
    return [contact["email"] for contact in result["contacts"]]


EXPORTS = {
    "Shopify": (
        "Customer ID,First Name,Last Name,Email,Accepts Email Marketing,Default Address Company,Default Address City,"
        "Default Address Country Code,Default Address Zip,Phone,Accepts SMS Marketing,Total Spent\n"
        "'6789012345678,Ada,Test,ada@x.test,yes,,Rome,IT,'00184,'+39333000000,no,120.50\n"
        "'6789012345679,Bob,Test,bob@x.test,no,,,,'K1A 0B1,,no,0.00\n"
    ),
    "Mailchimp": (
        "Email Address,First Name,Last Name,Address,Phone Number,MEMBER_RATING,OPTIN_TIME,UNSUB_TIME,CC\n"
        'ada@x.test,Ada,Test,"Main St 1",,2,2024-01-01 10:00:00,,it\n'
        "bob@x.test,Bob,Test,,,2,2024-01-01 10:00:00,2025-01-01 10:00:00,de\n"
    ),
    "Mailchimp, German": (
        "E-Mail-Adresse,Vorname,Nachname,Status\nada@x.test,Ada,Test,Abonniert\nbob@x.test,Bob,Test,Abgemeldet\n"
    ),
    "HubSpot": (
        "Record ID,First Name,Last Name,Email,Phone Number,Unsubscribed from all email,Marketing contact status\n"
        "1,Ada,Test,ada@x.test,,false,Marketing contact\n2,Bob,Test,bob@x.test,,true,Marketing contact\n"
    ),
    "HubSpot, by kind of mail": (
        "First Name,Last Name,Email,Opted out of email: Marketing Information,Unsubscribe\n"
        "Ada,Test,ada@x.test,false,https://x.test/u/1\nBob,Test,bob@x.test,true,https://x.test/u/2\n"
    ),
    "Klaviyo": (
        "Email,First Name,Last Name,Email Marketing Consent,City,Country\n"
        "ada@x.test,Ada,Test,SUBSCRIBED,Rome,Italy\nbob@x.test,Bob,Test,NEVER_SUBSCRIBED,Rome,Italy\n"
    ),
    "Klaviyo, with other ways": (
        "Email,First Name,Last Name,Email Marketing Consent,SMS Marketing Consent,WhatsApp Consent\n"
        "ada@x.test,Ada,Test,SUBSCRIBED,NEVER_SUBSCRIBED,UNSUBSCRIBED\n"
        "bob@x.test,Bob,Test,UNSUBSCRIBED,SUBSCRIBED,NEVER_SUBSCRIBED\n"
    ),
    "Brevo": "EMAIL;LASTNAME;FIRSTNAME;SMS;BLOCKLISTED\nada@x.test;Test;Ada;;false\nbob@x.test;Test;Bob;;true\n",
    "WooCommerce": (
        "billing_first_name,billing_last_name,billing_email,billing_country,newsletter\n"
        "Ada,Test,ada@x.test,IT,1\nBob,Test,bob@x.test,DE,0\n"
    ),
    "Salesforce": "First Name,Last Name,Email,Email Opt Out\nAda,Test,ada@x.test,FALSE\nBob,Test,bob@x.test,TRUE\n",
    "Outlook, German": (
        "Vorname;Nachname;E-Mail-Adresse;Ort geschäftlich;Land/Region geschäftlich;Abgemeldet am\r\n"
        "Ada;Test;ada@x.test;Rom;Italien;\r\nBob;Test;bob@x.test;;;01.02.2025\r\n"
    ),
    "Excel, French": (
        "Prénom;Nom;Adresse e-mail;Ville;Pays;Désinscrit\r\nAda;Test;ada@x.test;Rome;Italie;non\r\n"
        "Bob;Test;bob@x.test;;;oui\r\n"
    ),
    "bounces": (
        "email,first name,last name,email_status\nada@x.test,Ada,Test,active\nbob@x.test,Bob,Test,hard_bounced\n"
    ),
}


@pytest.mark.parametrize("export", EXPORTS)
def test_whoever_declined_is_suppressed_and_nobody_else(export):
    result = import_contacts(EXPORTS[export].encode())
    assert result["refused"] == []
    assert [(each["email"], each["first_name"], each["last_name"]) for each in result["contacts"]] == [
        ("ada@x.test", "Ada", "Test"),
        ("bob@x.test", "Bob", "Test"),
    ]
    (suppression,) = Suppression.objects.all()
    assert suppression.email == "bob@x.test"
    assert suppression.reason == ("hard_bounce" if export == "bounces" else "unsubscribed")


def test_the_mark_of_text_comes_off_the_numbers_of_a_shop():
    ada, bob = import_contacts(EXPORTS["Shopify"].encode())["contacts"]
    assert (ada["customer_id"], ada["phone"], ada["country"]) == ("6789012345678", "+39333000000", "IT")
    assert ada["default_address_zip"] == "00184"
    assert bob["default_address_zip"] == "K1A 0B1"
    assert ada["total_spent"] == "120.50"


def test_a_word_nobody_can_take_for_a_yes_is_none():
    result = import_contacts(b"email,newsletter\na@x.test,yes\nb@x.test,maybe\nc@x.test,\n")
    assert [row.email for row in Suppression.objects.all()] == ["b@x.test"]
    assert len(result["contacts"]) == 3


@pytest.mark.parametrize(("yes", "no"), [("ja", "nei"), ("ja", "nej"), ("jo", "ei"), ("evet", "hayır")])
def test_yes_and_no_are_known_in_other_languages(yes, no):
    import_contacts(f"email,nyhetsbrev\na@x.test,{yes}\nb@x.test,{no}\n".encode())
    assert [row.email for row in Suppression.objects.all()] == ["b@x.test"]


def test_a_column_of_another_status_is_an_attribute():
    result = import_contacts(b"email,status,newsletter\na@x.test,Gold,Weekly\n")
    assert result["columns"][1:] == [("status", "status"), ("newsletter", "newsletter")]
    assert not Suppression.objects.exists()


def test_the_trial_says_who_wants_no_mail_and_suppresses_nobody():
    upload = importing.receive_contacts(
        io.BytesIO(b"email,Unsubscribed at\na@x.test,\nb@x.test,2025-01-01\n")
    )
    importing.choose_columns(upload, [taken for _, taken in upload.columns])
    importing.run(upload.pk)
    upload.refresh_from_db()
    rows = [*importing.stored_verdicts.read_verdicts(upload)]
    assert (upload.declined, upload.created) == (1, 2)
    assert rows[1].detail == "Opted out: “Unsubscribed at” is “2025-01-01”. Imported, and suppressed."
    assert not Suppression.objects.exists()


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("United States", "US"),
        ("Germany", "DE"),
        ("Deutschland", "DE"),
        ("Allemagne", "DE"),
        ("Österreich", "AT"),
        ("UK", "GB"),
        ("DEU", "DE"),
        ("de", "DE"),
        ("Côte d'Ivoire", "CI"),
        ("Trinidad and Tobago", "TT"),
    ],
)
def test_countries_become_the_letters_of_iso(written, code):
    result = import_contacts(f"email,first name,Country\na@x.test,Ada,{written}\n".encode())
    assert [(each["country"], each["first_name"]) for each in result["contacts"]] == [(code, "Ada")]


def test_a_field_that_nobody_needs_loses_no_row():
    text = f"email,Country,first name,Rang,Score\na@x.test,Elbonia,{'x' * 200},{'y' * 20_000},A+\n"
    upload = importing.receive_contacts(io.BytesIO(text.encode()))
    importing.choose_columns(upload, [taken for _, taken in upload.columns])
    importing.run(upload.pk)
    (row,) = importing.stored_verdicts.read_verdicts(upload)
    assert row.verdict == "created"
    assert row.detail == (
        "“first_name” is left out: it is longer than 100 letters. "
        "“rang” is left out: it is longer than 10,000 letters. The country is left out: “Elbonia” is none we know."
    )


def test_the_column_that_holds_addresses_is_the_column_of_addresses():
    result = import_contacts(b"email,Email Address,name\n,ada@x.test,Ada\n")
    assert result["columns"] == [("email", ""), ("Email Address", "email"), ("name", "name")]
    assert emails(result) == ["ada@x.test"]


def test_of_several_telephones_none_is_lost():
    result = import_contacts(b"email,Business Phone,Mobile Phone\na@x.test,,1\nb@x.test,2,3\n")
    assert [taken for _, taken in result["columns"]] == ["email", "business_phone", "phone"]


def test_a_second_spelling_of_an_address_is_the_same_contact():
    result = import_contacts(
        "email\n\u200bada@x.test\nada@x.test\nAda <ada@x.test>\nmailto:ada@x.test\n".encode()
    )
    assert emails(result) == ["ada@x.test"]


def test_our_own_export_changes_nothing_when_it_comes_back():
    from mailing import contacts

    existing = [
        {
            "email": "-info@x.test",
            "first_name": "@handle",
            "note": "a;=1+1",
            "zip": "'00184",
            "price": "12.50",
        },
        {"email": "ada@x.test", "last_name": "'t Hooft", "note": "\tx", "score": 7, "phone": "+49 30 1"},
    ]
    import_contacts(b"email\n", existing)
    before = [
        *Contact.objects.order_by("pk").values(
            "email", "first_name", "last_name", "phone", "score", "attributes"
        )
    ]
    text = "".join(contacts.csv_lines(Contact.objects.all()))
    result = import_contacts(text.encode())
    after = [
        *Contact.objects.order_by("pk").values(
            "email", "first_name", "last_name", "phone", "score", "attributes"
        )
    ]
    assert before[0] == after[0]
    assert before[1] == after[1] | {"attributes": {"note": "\tx"}}
    assert result["refused"] == []


@pytest.mark.parametrize("language", [tag for tag, _ in settings.LANGUAGES])
def test_our_own_export_comes_back_whole_in_each_language(language):
    """Also why nobody writes to an address."""
    from mailing import contacts

    given = {
        "email": "ada@x.test",
        "first_name": "Ada",
        "last_name": "Low",
        "phone": "+49 30 1",
        "city": "Kiel",
        "country": "DE",
        "score": 7,
        "customer_id": "C-1",
        "language": "de",
        "time_zone": "Europe/Berlin",
    }
    Contact.objects.create(**given, attributes={"shoe": 38})
    for reason in Suppression.Reason:
        Contact.objects.create(email=f"{reason}@x.test")
        Suppression.objects.create(email=f"{reason}@x.test", reason=reason)
    with translation.override(language):
        text = "".join(contacts.csv_lines(Contact.objects.all()))
    Contact.objects.all().delete()
    Suppression.objects.all().delete()
    result = import_contacts(text.encode())
    assert result["refused"] == []
    ada = Contact.objects.get(email="ada@x.test")
    assert {name: getattr(ada, name) for name in given} == given
    assert ada.attributes == {"shoe": 38}
    assert dict(Suppression.objects.values_list("email", "reason")) == {
        f"{reason}@x.test": reason for reason in Suppression.Reason
    }


@pytest.mark.parametrize("language", [tag for tag, _ in settings.LANGUAGES])
def test_our_own_file_of_suppressions_is_read_in_each_language(language):
    from mailing import suppressions

    Suppression.objects.create(email="ada@x.test", detail="asked@x.test told us")
    with translation.override(language):
        text = "".join(suppressions.csv_lines(Suppression.objects.all()))
    Suppression.objects.all().delete()
    upload = importing.receive_suppressions(io.BytesIO(text.encode()), reason=Suppression.Reason.MANUAL)
    importing.run(upload.pk)
    upload.refresh_from_db()
    importing.start(upload)
    importing.run(upload.pk)
    assert [row.email for row in Suppression.objects.all()] == ["ada@x.test"]


def test_the_reason_in_the_file_of_rows_not_taken_is_no_attribute():
    for heading in ("reason", "Grund", "motif"):
        data = f"\ufeffemail,name,{heading}\nbad@x.test,Ada,“bad@” is not an e-mail address.\n"
        (contact,) = import_contacts(data.encode())["contacts"]
        assert contact["attributes"] == {"name": "Ada"}


def test_values_stay_as_they_were_written():
    (ada,) = import_contacts(b'email,price,version,amount,n\na@x.test,12.50,1.10,"12,50",007\n')["contacts"]
    assert ada["attributes"] == {"price": "12.50", "version": "1.10", "amount": "12,50", "n": "007"}


def test_the_rows_not_taken_come_back_without_formulas_and_are_read_as_they_were():
    upload = importing.receive_contacts(io.BytesIO(b"email,=name\nnonsense,=1+1\n"))
    importing.choose_columns(upload, ["email", "note"])
    importing.run(upload.pk)
    upload.refresh_from_db()
    lines = [*importing.stored_verdicts.rejected_rows_csv(upload)]
    assert lines[1] == "email,'=name,reason\r\n"
    assert lines[2].startswith("nonsense,'=1+1,")


@pytest.mark.parametrize("written", ["1.000", "1,000", "1.000,00", "12.5"])
def test_a_score_that_may_be_a_thousand_is_refused(written):
    result = import_contacts(f"email;score\nada@x.test;{written}\nbob@x.test;5,0\n".encode())
    assert [(row, sentence) for row, sentence in result["refused"]] == [
        (1, f"“{written}” is not a whole number for the score.")
    ]
    assert [contact["score"] for contact in result["contacts"]] == [5]
