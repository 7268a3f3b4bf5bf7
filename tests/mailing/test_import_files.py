"""Files as spreadsheets, shops and mail services write them; hostile ones end with one sentence, in little memory."""

import gzip
import io
import re
import tracemalloc

import pytest

from mailing import importing
from mailing.importing import files
from mailing.models import Contact
from tests.outside import import_contacts

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _folder_of_its_own(settings, tmp_path):
    settings.VAR_DIR = tmp_path


def emails(result):
    return [contact["email"] for contact in result["contacts"]]


def names(result):
    return [contact["first_name"] or contact["attributes"].get("name") for contact in result["contacts"]]


@pytest.mark.parametrize(
    "data",
    [
        b"sep=;\r\nEmail;Name\r\na@x.test;Ada\r\n",
        b'"sep=,"\nemail,name\na@x.test,Ada\n',
        b"\xef\xbb\xbfsep=;\nEmail;Name\na@x.test;Ada\n",
        b"SEP=|\nEmail|Name\na@x.test|Ada\n",
        b"sep=\t\nEmail\tName\na@x.test\tAda\n",
        b"sep=^\nEmail^Name\na@x.test^Ada\n",
        "sep=;\r\nEmail;Name\r\na@x.test;Ada\r\n".encode("utf-16"),
        b"Newsletter customers\n\nEmail;Name\na@x.test;Ada\n",
        b"Export of 1 May 2026, all shops\n\n;\nEmail;Name;City\na@x.test;Ada;Rome\n",
        b"\r\n\r\nEmail,Name\r\na@x.test,Ada\r\n\x1a",
        b"Email|Name|Street\na@x.test|Ada|1, Main St; left\n",
        b"Email;Name;\r\na@x.test;Ada;\r\n;;\r\n ; ;\r\n",
        b'email, "name"\na@x.test, "Ada"\n',
        b'"email" ,"name"\n"a@x.test" ,"Ada"\n',
        b"Email\tName\na@x.test\tAda",
        b"'email','name'\n'a@x.test','Ada'\n",
        b'"email,name"\r\n"a@x.test,Ada"\r\n',
        b'"email,""name"""\r\n"a@x.test,""Ada"""\r\n',
        b'email,name\r\n"a@x.test,""Ada"""\r\n',
    ],
)
def test_one_contact_is_read_from_each_of_these(data):
    result = import_contacts(data)
    assert result.get("refused") == []
    assert emails(result) == ["a@x.test"]
    assert names(result) == ["Ada"]


def test_rows_of_delimiters_only_are_blank_lines():
    result = import_contacts(b"Name,Email\nPS,a@x.test\n,\n,\n" + b" , \n" * 300)
    assert (emails(result), result["refused"]) == (["a@x.test"], [])


def test_a_quotation_mark_may_have_a_backslash_before_it():
    result = import_contacts(b'email,name\na@x.test,"Jane \\"JJ\\" Doe, Dr."\nb@x.test,Bob\n')
    assert names(result) == ['Jane "JJ" Doe, Dr.', "Bob"]


def test_what_excel_is_told_to_take_for_text_is_text():
    (ada,) = import_contacts(b'email,zip,customer number\na@x.test,="00123",="0042"\n')["contacts"]
    assert (ada["attributes"], ada["customer_id"]) == ({"zip": "00123"}, "0042")


# ── quotation marks that stand there by mistake ──────────────────────────────────────────────────────────────────────

UNCLOSED = "A quotation mark in it is not closed: it reads “{}”. Close it, or take it out."


@pytest.mark.parametrize(
    ("rows", "taken", "odd"),
    [
        (['a,"Bob', "b,Cy", 'c,"Di', "d,Ed"], {"b": "Cy", "d": "Ed"}, {1: 'a@x.test,"Bob', 3: 'c@x.test,"Di'}),
        (['a,"Bob', "b,Cy", 'c,Di"', "d,Ed"], {"b": "Cy", "c": 'Di"', "d": "Ed"}, {1: 'a@x.test,"Bob'}),
        (['a,"Bob', 'b,"Cy"', "c,Di"], {"b": "Cy", "c": "Di"}, {1: 'a@x.test,"Bob'}),
        (['a,"Bob', 'b,Cy "the Fist" Lee', "c,Di"], {"b": 'Cy "the Fist" Lee', "c": "Di"}, {1: 'a@x.test,"Bob'}),
        (['"a,Bob', '"b,Cy', "c,Di"], {"c": "Di"}, {1: '"a@x.test,Bob', 2: '"b@x.test,Cy'}),
        (["a,Ada", '"b,Bob', 'c,Cy"', "d,Di"], {"a": "Ada", "c": 'Cy"', "d": "Di"}, {2: '"b@x.test,Bob'}),
        (['a,"Bob', "b,Cy", 'c,"Di', "d,Ed", 'e,"Flo', "f,Guy"], {"b": "Cy", "d": "Ed", "f": "Guy"},
         {1: 'a@x.test,"Bob', 3: 'c@x.test,"Di', 5: 'e@x.test,"Flo'}),
        (['a,"Bob', 'b,"'], {}, {1: 'a@x.test,"Bob', 2: 'b@x.test,"'}),
        (['a,Monitor 24"', 'b,"24"" wide"', 'c,"Cy" Lee'], {"a": 'Monitor 24"', "b": '24" wide', "c": "Cy Lee"}, {}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_quotation_marks_in_different_rows_do_not_merge_what_lies_between(rows, taken, odd, end):
    addressed = [re.sub(r"^(\"?)(\w),", r"\1\2@x.test,", row) for row in rows]
    result = import_contacts(end.join(["email,first name", *addressed]).encode())
    assert {each["email"][0]: each["first_name"] for each in result["contacts"]} == taken
    assert dict(result["refused"]) == {row: UNCLOSED.format(line) for row, line in odd.items()}


def test_of_a_wide_row_one_line_that_is_a_row_is_enough():
    data = 'email,first name,city\na@x.test,"Bob,Rome\nodd\nb@x.test,Cy,Oslo\nc@x.test,Di",Bern\n'
    result = import_contacts(data.encode())
    assert {each["email"]: each["city"] for each in result["contacts"]} == {
        "b@x.test": "Oslo",
        "c@x.test": "Bern",
    }
    assert [row for row, _ in result["refused"]] == [1, 2]


def test_marks_a_million_letters_apart_cost_no_memory_and_no_time():
    rows = "".join(f"u{n}@x.test,Bob\n" for n in range(30_000))
    data = f'email,first name\nx@x.test,"Bob\ny@x.test,"Cy\n{rows}z@x.test,"Di\nlast@x.test,Ed\n'
    upload = importing.receive_contacts(io.BytesIO(data.encode()))
    read = [*files.Rows(importing.path_of(upload.pk))]
    assert sum(not isinstance(row, files.OddRow) for row in read) == 30_001
    assert [row[0] for row in read if isinstance(row, files.OddRow)] == ["x@x.test", "y@x.test", "z@x.test"]


@pytest.mark.parametrize(
    "data",
    [
        'email,note,name\na@x.test,"Main St 1\nRome",Ada\nb@x.test,,Bob\n',
        'email,note,name\r\na@x.test,"Main St 1\r\nRome" ,Ada\r\nb@x.test,,Bob\r\n',
        'email,note,name\na@x.test,"says ""no, thanks""\n\nwrite to:\nbob@y.test, or Cy",Ada\nb@x.test,,Bob\n',
        'email,note,name,\na@x.test,"1\n2",Ada\nb@x.test,,Bob,\n',
        'email;note;name\n"a@x.test";"1\n2\n3\n";"Ada";;\nb@x.test;;Bob\n',
        'email,note,name\n"a@x.test,""1\n2"",Ada"\n"b@x.test,,Bob"\n',
        'email,note,name\na@x.test, "1, Main St\n2", "Ada"\nb@x.test,,Bob\n',
        'email,note,name\na@x.test,"he said \\"x\\"\n2",Ada\nb@x.test,,Bob\n',
        "'email','note','name'\n'a@x.test','1\n2','Ada'\n'b@x.test','','Bob'\n",
    ],
)
def test_a_cell_of_several_lines_is_one_cell(data):
    result = import_contacts(data.encode())
    assert (emails(result), names(result), result["refused"]) == (
        ["a@x.test", "b@x.test"],
        ["Ada", "Bob"],
        [],
    )
    assert len(result["contacts"][0]["attributes"]["note"].split()) > 1


def test_a_blank_before_a_quotation_mark_is_no_part_of_the_cell():
    result = import_contacts(b'email, "name"\na@x.test, "Doe, Jane"\nb@x.test, Bob\n')
    assert names(result) == ["Doe, Jane", "Bob"]


@pytest.mark.parametrize(
    "data",
    [
        b'"email;name\ra@x.test;Ren\x8e\rb@x.test;Bob\r'.replace(b'"', b""),
        b"email;name\na@x.test;Ren\x8e\nb@x.test;Bob\n",  # of a Mac, with other ends
        b"email;name\r\na@x.test;Ren\xe9\r\nb@x.test;Bob\r\n",
        b"email;name\r\na@x.test;Ren\x82\r\nb@x.test;Bob\r\n",  # “CSV (MS-DOS)”
        "email\tname\r\na@x.test\tRené\r\nb@x.test\tBob\r\n".encode("utf-16"),  # “Unicode Text”
        "email\tname\r\na@x.test\tRené\r\nb@x.test\tBob\r\n".encode("utf-8-sig"),
    ],
)
def test_accents_are_read_in_the_encoding_of_the_file(data):
    assert names(import_contacts(data)) == ["René", "Bob"]


@pytest.mark.parametrize(
    ("name", "encoding"),
    [
        ("Müller’s", "cp1252"),
        ("Øye", "cp1252"),
        ("MÜLLER", "cp1252"),
        ("Jürgen Groß", "mac_roman"),
        ("Élodie Bénard", "mac_roman"),
        ("Jürgen Groß", "cp850"),
        ("éléphant et élève", "cp850"),
        ("“Ada”", "cp1252"),
        ("the ‘Ada’ one", "cp1252"),
        ("„Ada“", "cp1252"),
        ("Paweł Wójcik", "cp1250"),
        ("Łukasz Łódź", "cp1250"),
        ("Şeyma Yıldız", "cp1254"),
        ("Gülşen Çağlar", "cp1254"),
        ("Þóra Sigurðardóttir", "cp1252"),
        ("Guðrún Ýr", "cp1252"),
        ("Jiří Dvořák, Božena Němcová", "cp1250"),
        ("Tomáš Černý", "cp1250"),
        ("Ľudovít Štúr", "cp1250"),
        ("Ivan Šarić Đurić", "cp1250"),
        ("Győző Erdős, Kovács Ágnes", "cp1250"),
        ("Ştefan Bălan, Ionuţ", "cp1250"),
        ("Małgorzata Świątek", "iso8859_2"),
        ("Noël, 12 €", "iso8859_15"),
        ("Simões, José", "cp1252"),
        ("Tõnu Kõiv", "cp1252"),
        ("Hélène Lefèvre", "cp1252"),
        ("Goût, Benoît", "cp1252"),
        ("Ada\xa0Byron", "cp1252"),
        ("“Joe’s” – ‘shop’…", "cp1252"),
        ("Åke Öberg, Björn Sjöström", "cp850"),
    ],
)
def test_the_letters_tell_the_encoding(name, encoding):
    data = f"email;name\na@x.test;{name}\n".encode(encoding)
    assert names(import_contacts(data)) == [name]


def test_a_blank_that_breaks_no_line_makes_no_other_address():
    result = import_contacts(b"email;name\na@x.test\xa0;Ada\xa0B\nb@x.test\xa0;\n")
    assert emails(result) == ["a@x.test", "b@x.test"]


JAPANESE = "email,name\na@x.test,山田 太郎\nb@x.test,佐藤 はな\n"


@pytest.mark.parametrize(
    ("text", "codec"),
    [
        (JAPANESE, "cp932"),
        ("email,name\na@x.test,山田太郎\n", "cp932"),
        ("email,name\na@x.test,鈴木\n" + "b@x.test,Bob\n" * 50, "cp932"),
        ("email,name\na@x.test,山田太郎\n", "euc_jp"),
        ("email,name\na@x.test,王小明\n", "gbk"),
        ("email,name\na@x.test,王小明\nb@x.test,陳大文\n", "cp950"),
        ("email,name\na@x.test,김철수\n", "cp949"),
        ("email,name\na@x.test,Иван\nb@x.test,Пётр\n", "cp1251"),
        ("email,name\na@x.test,Νίκος\n", "cp1253"),
    ],
)
def test_an_alphabet_that_is_not_told_by_its_bytes_is_asked_for_and_read_as_chosen(text, codec):
    with pytest.raises(importing.UnreadableFile, match="choose its encoding"):
        importing.receive_contacts(io.BytesIO(text.encode(codec)))
    chosen = {"gbk": "gb18030"}.get(codec, codec)
    upload = importing.receive_contacts(io.BytesIO(text.encode(codec)), encoding=chosen)
    assert importing.find_encoding(upload) == chosen
    importing.choose_columns(upload, [taken for _, taken in upload.columns])
    importing.run(upload.pk)
    upload.refresh_from_db()
    importing.start(upload)
    importing.run(upload.pk)
    assert Contact.objects.earliest("pk").attributes["name"] in text


@pytest.mark.parametrize("name", ["Hélène", "Jérôme Gérard", "Ændre Ørsted", "MÜLLER-GRÖSSE", "Zoë–Ann"])
@pytest.mark.parametrize("codec", ["cp1252", "mac_roman", "cp850"])
def test_western_names_are_not_taken_for_japanese(name, codec):
    try:
        data = f"email;name\na@x.test;{name}\n".encode(codec)
    except UnicodeEncodeError:
        return
    assert names(import_contacts(data))[0]


def test_another_encoding_is_chosen_on_the_page_of_the_columns_too():
    upload = importing.receive_contacts(io.BytesIO("email,prénom\na@x.test,Ren\xe9\n".encode("cp1252")))
    importing.read_in_encoding(upload, "cp1251")
    upload.refresh_from_db()
    assert upload.columns == [["email", "email"], ["prйnom", "prйnom"]]
    assert importing.read_examples(importing.path_of(upload.pk), upload.encoding)[1] == ["Renй"]
    importing.read_in_encoding(upload, "")
    upload.refresh_from_db()
    assert upload.columns[1] == ["prénom", "first_name"]
    for wrong, said in (("utf-8-sig", "Its text is not Unicode"), ("rot13", "Choose one of the encodings")):
        with pytest.raises(importing.UnreadableFile, match=said):
            importing.read_in_encoding(upload, wrong)


def test_the_first_accent_may_come_late():
    rows = b"".join(b"u%d@x.test;Bob\n" % n for n in range(70_000))
    upload = importing.receive_contacts(io.BytesIO(b"email;name\n" + rows + b"z@x.test;Ren\xe9\n"))
    *_, last = files.Rows(importing.path_of(upload.pk))
    assert last == ["z@x.test", "René"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (gzip.compress(b"email\na@x.test\n", mtime=0), "This is a compressed file"),
        (b"PK\x03\x04\x14\x00", "This is a workbook"),
        (b"\xef\xbb\xbf<!DOCTYPE html><html>", "This is a web page"),
        (b"BEGIN:VCARD\nFN:Ada\n", "This is a file of address cards"),
        ("email\na@x.test\n".encode("utf-16-le"), "not text"),
        ("email\na@x.test\n".encode("utf-16-be"), "not text"),
        ("email\na@x.test\n".encode("utf-32"), "not text"),
        (b"\0" * 5000, "not text"),
        ("email\nИван;Петров;Москва\n".encode("cp1251"), "neither UTF-8 nor Windows-1252"),
        ("email\nа@x.test\n".encode("utf-16") + b"\x00", "cannot be read"),
        ("メールアドレス,名\na@x.test,花子\n".encode("shift_jis"), "neither UTF-8 nor Windows-1252"),
        (b"email," + b"c," * 600 + b"x\n", "names 602 columns; at most 500"),
        (b"email," + b"c," * 1_000_000 + b"x\n", "longer than 200,000 letters"),
        (b"email\n" + b"a" * 3_000_000, "cannot be read below its first line. The row is longer"),
        (
            b'email\na@x.test\n"' + b"b@x.test\n" * 100_000,
            "cannot be read after row 1. .* a quotation mark is not closed",
        ),
        (
            b'email,name\na@x.test,Ada\nb@x.test,"Bob\nc@x.test,Cy\nd@x.test,Di\n',
            "cannot be read after row 1. The file ends within quotation marks",
        ),
        (
            b'email,name\na@x.test,Ada\n"x' + b'\n","' * 100_000,
            "cannot be read after row 1. The row is longer",
        ),
        ("email,name\nü@x.test,Zoë\n".encode() * 50 + b"b@x.test,Ren\xe9\n", "Its text is not UTF-8"),
    ],
)
def test_what_is_no_readable_csv_ends_with_one_sentence(data, words):
    result = import_contacts(data)
    assert "error" in result, result
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(result["error"])
    assert not Contact.objects.exists()


@pytest.mark.parametrize(
    "pattern",
    [b"a", b"a,", b'"a\n",', b"\0", b'"', b"a@x.test," * 20_000 + b"\n"],
    ids=["one cell", "one row", "one row of many lines", "NUL", "quotation marks", "wide rows"],
)
def test_memory_stays_flat_whatever_the_file(pattern):
    data = b"email,name\n" + pattern * (4_000_000 // len(pattern))
    tracemalloc.start()
    try:
        import_contacts(data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 30_000_000, f"{peak:,} bytes for a file of {len(data):,}"


# ── what the columns are ─────────────────────────────────────────────────────────────────────────────────────────────
