"""Quoted-printable that can be spliced."""

import quopri
from email import message_from_string, policy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from liquid import escape

from mailing.content.mime import (
    SOFT,
    date_header,
    encode_mailbox,
    encode_quoted_html,
    encode_quoted_printable,
)

awkward = st.text(alphabet="aaaaaaa .=\té\n😀", max_size=300) | st.text(
    alphabet=st.characters(exclude_characters="\r", exclude_categories=["Cs"]), max_size=300
)


def decode_wire(wire: str) -> str:
    """Lines as the standard library reads them; it wants LF."""
    return quopri.decodestring(wire.replace("\r\n", "\n").encode("ascii")).decode()


def assert_lines_are_right(wire: str) -> None:
    lines = wire.split("\r\n")
    assert max(map(len, lines)) <= 76
    assert len(lines[-1]) <= 75, "the soft break that may follow needs one more"
    assert not any(line.startswith(".") or line.endswith((" ", "\t")) for line in lines[:-1])
    assert not lines[-1].startswith(".")


@settings(max_examples=300, deadline=None)
@given(st.lists(awkward, max_size=4))
def test_texts_encoded_by_themselves_and_joined_read_as_one(texts):
    wires = [encode_quoted_printable(text) for text in texts]
    assert decode_wire(SOFT.join(wires)) == "".join(texts)
    for wire in wires:
        assert_lines_are_right(wire)


@settings(max_examples=300, deadline=None)
@given(awkward)
def test_text_escaped_for_html_is_encoded_like_any_other(text):
    assert encode_quoted_html(text) == encode_quoted_printable(str(escape(text)))


@pytest.mark.parametrize("length", range(70, 80))
@pytest.mark.parametrize("end", ["", "a", " ", "\t", "é", ".", "="])
@pytest.mark.parametrize("start", ["", ".", "é", " "])
def test_lines_around_the_limit_stay_within_it(length, end, start):
    text = start + "a" * (length - len(start) - len(end)) + end
    for whole in (text, text + "\n" + text, text + ".\n.", text + " \n"):
        assert_lines_are_right(encode_quoted_printable(whole))
        assert decode_wire(encode_quoted_printable(whole)) == whole


@pytest.mark.parametrize(
    ("text", "wire"), [("a\r\nb", "a\r\nb"), ("a\rb", "a\r\nb"), ("\ud800", "?"), ("", ""), (".", "=2E")]
)
def test_line_breaks_are_crlf_and_what_is_no_character_is_a_question_mark(text, wire):
    assert encode_quoted_printable(text) == wire


def test_a_date_is_written_in_utc():
    assert date_header(1_800_000_000) == "Fri, 15 Jan 2027 08:00:00 +0000"


@pytest.mark.parametrize(
    "name", ['Ada "The Countess" Lovelace', "back\\slash", 'long "name" ' * 12 + "x", "O'Brien, (Ed) <x>"]
)
def test_a_name_in_ascii_is_a_quoted_string(name):
    header = encode_mailbox(name, "a@b.test")
    assert header.startswith('"')
    assert max(map(len, header.split("\r\n"))) <= 78
    read = message_from_string(f"From: {header}\r\n\r\n", policy=policy.default)
    assert read["From"].addresses[0].display_name == name
