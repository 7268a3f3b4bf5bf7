"""E-mail addresses in the one spelling they are stored and compared in."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailing import content
from mailing.addresses import normalise_address
from mailing.smtp.addresses import encode_for_wire

MAIL = content.compile(
    content.Source(
        subject="S", from_email="a@shop.test", body="<p>{{ unsubscribe_url }}</p>", domain="shop.test"
    )
)


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
    assert normalise_address(written) == stored == normalise_address(stored)


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
        normalise_address(address)


def test_blanks_behind_a_bracket_take_no_time():
    began = time.process_time()
    with pytest.raises(ValueError, match="address"):
        normalise_address("<" + " " * 9_000 + "x")
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    "written",
    [
        "\ufeffada@x.test",
        "\u200bada@x.test",
        "\u200eada@x.test",
        "ada\u00ad@x.test",
        "ada@x.test\u200f",
        "ada@\u2060x.test",
        "\u2068ada@x.test\u2069",
        "ada\u200d@x.test",
        "ada\ufe0f@x.test",
        "\u3164ada@x.test",
        "\u00a0ada@x.test\u00a0",
        "\u3000ada@x.test",
        "ａｄａ＠ｘ．ｔｅｓｔ",
        "ada﹫x.test",
        "ada@x。test",
        "ada@x.test。",
        "mailto:ada@x.test",
        "mailto://ada@x.test",
        "MAILTO:Ada@x.test?subject=Hello",
        "mailto:%61da@x.test",
        "Ada <ada@x.test>",
        '"Lovelace, Ada" <ada@x.test>',
        "<ada@x.test>",
        "<mailto:ada@x.test>",
        "ada@x.test <ada@x.test>",
        "'ada@x.test' <ada@x.test>;",
        "ada@x.test<mailto:ada@x.test>",
        '"ada@x.test"',
        "'ada@x.test'",
        "„ada@x.test“",
        "(ada@x.test),",
        "ada@x.test.",
        "ada@x.test,",
        "ada@x.test;",
        "ada@x.test>",
    ],
)
def test_what_was_copied_along_with_an_address_is_taken_off(written):
    assert normalise_address(written) == "ada@x.test"


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("ada@[127.0.0.1]", "a number stands for its domain"),
        ("ada@[IPv6:::1]", "a number stands for its domain"),
        ("ada@127.0.0.1", "its domain is no valid name"),
        ('"john.doe"@x.test', "it has quotation marks"),
        ('"a\x01b"@x.test', "it has quotation marks"),
        ('"a@b"@x.test', "it has quotation marks"),
        ("root@localhost", "its domain has no dot"),
        ("a\x01b@x.test", "is not an e-mail address"),
        ("a\x80b@x.test", "is not an e-mail address"),
        ("a\ufffdda@x.test", "is not an e-mail address"),
        ("\ud800da@x.test", "is not an e-mail address"),
        ("ada@x.test, bob@x.test", "more than one @"),
        ("bob@x.test <ada@x.test>", "holds two addresses"),
        ("'ada@x.test", "begins with an apostrophe"),
        ("ada@x_y.test", "its domain is no valid name"),
        ("\u202etset.x@ada", "written backwards"),
        ("аda@x.test", "mixes letters of two alphabets"),  # the first is Cyrillic
        ("ada@еxample.test", "mixes letters of two alphabets"),
        ("αda@x.test", "mixes letters of two alphabets"),
        ("ꓮda@x.test", "mixes letters of two alphabets"),  # Lisu
        ("\u212aate@x.test", "can be taken for another one"),  # the sign of the kelvin
        ("ﬁona@x.test", "can be taken for another one"),
        ("𝐚da@x.test", "can be taken for another one"),
        ("I\u0307nfo@x.test", "can be taken for another one"),  # the same in two characters
        ("İnfo@x.test", "can be taken for another one"),
        ("ada\u00a0lee@x.test", "can be taken for another one"),
        ("نامه\u200cای@x.test", "is not an e-mail address"),
        ("a@x.test" + " " * 3000 + "b", "longer than an e-mail address may be"),
    ],
)
def test_what_cannot_be_sent_to_is_refused_with_a_sentence(address, words):
    with pytest.raises(ValueError, match=words) as refused:
        normalise_address(address)
    assert str(refused.value).encode()
    assert "\x01" not in str(refused.value)


@pytest.mark.parametrize(
    "address", ["иван@xn--e1afmkfd.xn--p1ai", "用户@xn--fsqu00a.xn--55qx5d", "o'brien@x.test", "-info@x.test"]
)
def test_addresses_of_any_one_alphabet_are_taken(address):
    assert normalise_address(address) == address


def test_the_same_letters_composed_or_not_are_one_address():
    assert normalise_address("zoe\u0308@x.test") == normalise_address("zoë@x.test") == "zoë@x.test"


pieces = st.sampled_from(
    [
        *"ada Zoë иван 用户 @ @ . x.test münchen.de localhost [127.0.0.1] < > ( ; , : + = - _".split(),
        *"xn-- xn--e1afmkfd mailto: ＠ ﬁ %0a K.".split(),
        *"\"'\\ \u00a0\u200b\u200d\u202e\0\x85\u2028\u212a\ud800",
        "\r\n",
        "a" * 60,
    ]
)
typed = st.one_of(
    st.lists(pieces, max_size=9).map("".join),
    st.builds("{}@{}".format, st.text(max_size=12), st.text(max_size=12)),
    st.builds("{}@{}.test".format, st.text(max_size=12), st.text(max_size=5)),
    st.builds("a{}b@x.test".format, st.characters()),
)


@settings(max_examples=1500, deadline=None)
@given(typed)
def test_what_is_taken_in_can_be_sent_to(text):
    """The one judge at every door never takes what the sender refuses."""
    try:
        address = normalise_address(text)
    except ValueError:
        return
    assert normalise_address(address) == address
    assert encode_for_wire(address, smtputf8=True)
    message = MAIL.render(content.Recipient(address, {}), content.Links("https://m.x.test", "tok"))
    assert f"To: {address}\r\n".encode() in message
