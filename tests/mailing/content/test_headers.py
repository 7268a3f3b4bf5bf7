"""Headers: complete, encoded, and closed to whatever a value may hold."""

import datetime as dt
import email
import email.policy
from email.header import decode_header, make_header
from email.utils import parseaddr

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailing.content import ContentError, Links, Recipient, compile, mark_as_test
from mailing.content.mime import encode_header, encode_mailbox

from .corpus import AT, LINKS, RECIPIENTS, UNSUBSCRIBE, recipient, source
from .wire import parse_message

FULL = source(
    UNSUBSCRIBE,
    subject="{{ city }}",
    reply_to="answers@shop.test",
    domain="mail.shop.test",
    list_id="news.shop.test",
    feedback=("42", "news", "shop", "relay-1"),
    unsubscribe_email="stop@shop.test",
)


def test_a_message_has_the_headers_mail_providers_ask_for():
    read = parse_message(compile(FULL).render(RECIPIENTS["plain"], LINKS, at=AT))
    assert dict(read.items()) == {
        "From": "The Shop <news@shop.test>",
        "To": "Ada Lovelace <ada@example.test>",
        "Subject": "Leeds",
        "Date": "Fri, 15 Jan 2027 08:00:00 +0000",
        "Message-ID": "<42.1@mail.shop.test>",
        "List-Unsubscribe": "<https://mail.shop.test/u/dG9rZW4tb2Ytb25lLWRlbGl2ZXJ5_-12>,"
        " <mailto:stop@shop.test?subject=unsubscribe%20dG9rZW4tb2Ytb25lLWRlbGl2ZXJ5_-12>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "Reply-To": "answers@shop.test",
        "List-Id": "<news.shop.test>",
        "Feedback-ID": "42:news:shop:relay-1",
        "MIME-Version": "1.0",
        "Content-Type": read["Content-Type"],
    }
    assert read["Date"].datetime == dt.datetime(2027, 1, 15, 8, tzinfo=dt.UTC)


def test_what_a_source_leaves_out_is_no_header():
    read = parse_message(
        compile(source(UNSUBSCRIBE, from_name="")).render(Recipient("a@b.test"), LINKS, at=AT)
    )
    assert read.keys() == [
        *(
            "From",
            "To",
            "Subject",
            "Date",
            "List-Unsubscribe",
            "List-Unsubscribe-Post",
            "MIME-Version",
            "Content-Type",
        )
    ]
    assert (read["From"], read["To"]) == ("news@shop.test", "a@b.test")
    assert read["List-Unsubscribe"] == f"<{LINKS.base}/u/{LINKS.token}>"


def test_every_attempt_bears_the_same_message_id():
    compiled = compile(FULL)
    first, second = (
        parse_message(compiled.render(RECIPIENTS["plain"], LINKS, at=at)) for at in (AT, AT + 3600)
    )
    assert first["Message-ID"] == second["Message-ID"]
    assert first["Date"] != second["Date"]


@pytest.mark.parametrize(
    "city",
    ["a\r\nBcc: b@c.test", "a\nb", "a\rb", "\r\n\r\nbody", "a\x00b", "a\x0bb\x0cc\x1cd\x85e\u2028f", "a\tb"],
)
def test_a_line_break_in_a_value_ends_no_header(city):
    read = parse_message(
        compile(FULL).render(recipient(city=city, first_name=city, last_name=city), LINKS, at=AT)
    )
    assert read.keys().count("Bcc") == 0
    assert len(read.keys()) == 12
    assert read["Subject"] == " ".join(city.replace("\x00", " ").split())


@pytest.mark.parametrize(
    "subject",
    [
        "plain",
        "🎉 Ausverkauf für Björn",
        "=?utf-8?b?b3duZWQ=?=",
        "שלום",
        "日本語" * 60,
        "word " * 60 + "end",
        "x" * 300,
        "é" * 38 + "🎉" * 20,
        'quotes " and \\ and <angles>',
        "{{ '' }}-",
    ],
)
def test_a_subject_arrives_as_it_was_written(subject):
    message = compile(source(UNSUBSCRIBE, subject=subject)).render(Recipient("a@b.test"), LINKS, at=AT)
    head = message.partition(b"\r\n\r\n")[0]
    assert max(map(len, head.split(b"\r\n"))) <= 78
    assert parse_message(message)["Subject"] == subject.replace("{{ '' }}", "")


@settings(deadline=None)
@given(st.text(max_size=300))
def test_any_text_makes_one_unstructured_header(text):
    folded = encode_header(text)
    assert folded.isascii()
    assert all(line.startswith(" ") and line.strip() for line in folded.split("\r\n")[1:])
    assert all(len(line) <= 76 and line.isprintable() for line in folded.split("\r\n"))


@settings(deadline=None)
@given(st.text(max_size=200))
def test_any_name_makes_one_mailbox(name):
    message = f"To: {encode_mailbox(name, 'a@b.test')}\r\nX-Next: x\r\n\r\n"
    read = email.message_from_string(message, policy=email.policy.default)
    assert read.keys() == ["To", "X-Next"]
    assert [address.addr_spec for address in read["To"].addresses] == ["a@b.test"]


@pytest.mark.parametrize(
    "name", ["O'Brien, Ada", "Ada (Leeds)", 'the "great" Ada', "Ada\\", "Åsa", "a@b.test", "名" * 50]
)
def test_a_name_arrives_as_it_was_written(name):
    message = compile(FULL).render(Recipient("a@b.test", first_name=name), LINKS, at=AT)
    # read the older way: the newer one leaves blanks between the encoded words of a long name
    phrase, address = parseaddr(email.message_from_bytes(message)["To"])
    assert (str(make_header(decode_header(phrase))), address) == (name, "a@b.test")


@pytest.mark.parametrize(
    "address", ["", "nobody", "a@b.test\r\nBcc: c@d.test", "a@b.test>", "a b@c.test", "a@b@c.test", "a,b@c"]
)
def test_what_is_no_address_is_not_sent_to(address):
    with pytest.raises(ContentError, match="not an e-mail address fit for a header"):
        compile(FULL).render(Recipient(address), LINKS)


def test_an_address_that_is_not_ascii_is_left_to_smtputf8():
    message = compile(FULL).render(Recipient("bjørn@example.test"), LINKS)
    assert "To: bjørn@example.test\r\n".encode() in message


@pytest.mark.parametrize("message_id", ["a\r\nb", "a b", "<a>", "a@b", "é"])
def test_a_message_id_is_letters_digits_and_a_few_signs(message_id):
    with pytest.raises(ContentError, match="no left side of a Message-ID"):
        compile(FULL).render(Recipient("a@b.test", message_id=message_id), LINKS)


@pytest.mark.parametrize(
    "links", [Links("", "t"), Links("ftp://x", "t"), Links("https://x", "a b"), Links("https://x", "a>b")]
)
def test_links_lead_to_an_address(links):
    with pytest.raises(ContentError, match="not an address for a link"):
        compile(FULL).render(Recipient("a@b.test"), links)


def test_a_test_email_says_so_and_tracks_nothing():
    body = '<a href="https://shop.test/">x</a>' + UNSUBSCRIBE
    compiled = compile(mark_as_test(source(body, subject="Hi {{ city }}", utm_source="news")))
    message = compiled.render(recipient(city="Leeds"), LINKS, at=AT)
    assert parse_message(message)["Subject"] == "[TEST] Hi Leeds"
    assert b"/t/" not in message
    assert compiled.links == ()
    assert b"https://shop.test/?utm_source=3Dnews" in message.replace(b"=\r\n", b"")
