"""Spliced and made in full, a message has the same bytes; and they say what Liquid says."""

import datetime as dt
import re
from hashlib import sha256

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from liquid import escape

from mailing.content import ContentError, Recipient, compile, load

from .corpus import AT, LINKS, RECIPIENTS, TEMPLATES, recipient, source
from .wire import html_of, parse_message, text_of

COMPILED = {name: compile(source) for name, source in TEMPLATES.items()}
each_template = pytest.mark.parametrize("name", TEMPLATES)
each_recipient = pytest.mark.parametrize("who", RECIPIENTS)


@each_template
@each_recipient
def test_a_spliced_message_has_the_bytes_of_one_made_in_full(name, who):
    compiled, recipient = COMPILED[name], RECIPIENTS[who]
    spliced = compiled.render(recipient, LINKS, at=AT)
    assert spliced == compiled.render_in_full(recipient, LINKS, at=AT)
    assert spliced == compiled.render(recipient, LINKS, at=AT), "what was remembered changes nothing"


@each_template
@each_recipient
def test_a_message_says_what_liquid_says(name, who):
    compiled, recipient = COMPILED[name], RECIPIENTS[who]
    message = parse_message(compiled.render(recipient, LINKS, at=AT))
    preview = compiled.preview(recipient, LINKS, at=AT)
    assert html_of(message) == as_received(preview.html)
    assert text_of(message) == as_received(preview.text)


@each_template
@each_recipient
def test_a_message_is_fit_for_data_as_it_is(name, who):
    assert_fit_for_data(COMPILED[name].render(RECIPIENTS[who], LINKS, at=AT))


HEADERS = [
    "From", "To", "Subject", "Date", "Message-ID", "List-Unsubscribe", "List-Unsubscribe-Post", "MIME-Version",
    "Content-Type",
]  # fmt: skip

values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(max_size=200),
    st.text(alphabet=" .\t\r\n=aé<&\"'{|}%🎉\x00", max_size=200),
)


@pytest.mark.parametrize("name", ["variables", "conditions", "loops", "spintax", "links", "markdown"])
@settings(max_examples=60, deadline=None)
@given(
    attributes=st.fixed_dictionaries(
        dict.fromkeys(("city", "points", "vip", "shop_page", "customer_id"), values)
        | {"tags": st.lists(values, max_size=4)}
    ),
    first_name=st.text(max_size=120),
    last_name=st.text(alphabet='a. \r\n:é=?"\\<>', max_size=120),
    seed=st.integers(),
)
def test_no_value_breaks_out_of_its_place(name, attributes, first_name, last_name, seed):
    recipient = Recipient("ada@example.test", attributes, first_name, last_name, "42.1", seed)
    message = COMPILED[name].render(recipient, LINKS, at=AT)
    assert message == COMPILED[name].render_in_full(recipient, LINKS, at=AT)
    assert_fit_for_data(message)
    read = parse_message(message)
    assert read.keys() == HEADERS
    assert read["Message-ID"] == "<42.1@shop.test>"
    assert [address.addr_spec for address in read["To"].addresses] == ["ada@example.test"]
    preview = COMPILED[name].preview(recipient, LINKS, at=AT)
    assert without_empty_lines(html_of(read)) == without_empty_lines(as_received(preview.html))
    assert without_empty_lines(text_of(read)) == without_empty_lines(as_received(preview.text))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.text(alphabet="a.{}|é \n", max_size=100), min_size=1, max_size=5),
    st.text(alphabet=st.characters(exclude_characters="\r", exclude_categories=["Cs"]), max_size=100),
)
def test_any_text_around_a_variable_arrives_as_it_was_written(texts, value):
    body = "{% raw %}" + "{% endraw %}{{ city }}{% raw %}".join(texts) + "{% endraw %}"
    compiled = compile(source(f"<body>{body}</body>", track_opens=False))
    message = compiled.render(recipient(city=value), LINKS, at=AT)
    assert message == compiled.render_in_full(recipient(city=value), LINKS, at=AT)
    written = as_received(f"<body>{str(escape(value)).join(texts)}</body>")
    assert html_of(parse_message(message)).endswith(written)


@each_template
def test_stored_content_is_the_same_content(name):
    compiled = COMPILED[name]
    again = load(compiled.dump())
    assert (again.dump(), again.hash, again.links) == (compiled.dump(), compiled.hash, compiled.links)
    assert again.hash == sha256(compiled.dump()).hexdigest()
    for recipient_ in RECIPIENTS.values():
        assert again.render(recipient_, LINKS, at=AT) == compiled.render(recipient_, LINKS, at=AT)


def test_other_content_has_another_hash():
    assert len({compiled.hash for compiled in COMPILED.values()}) == len(COMPILED)


@pytest.mark.parametrize("stored", [b"", b"\xc1", b"\x80", compile(source("x")).dump()[:-1]])
def test_what_was_not_stored_by_dump_is_refused(stored):
    with pytest.raises(ContentError, match="cannot be read"):
        load(stored)


def test_content_of_another_version_is_refused():
    frozen = msgspec.msgpack.decode(compile(source("x")).dump())
    with pytest.raises(ContentError, match="has version 99; this program reads 1"):
        load(msgspec.msgpack.encode(frozen | {"version": 99}))


def test_what_is_remembered_for_one_recipient_is_not_shown_to_another():
    compiled = compile(
        source("{{ a | default: 'none' }}|{% if a == 1 %}one{% endif %}|{{ a | append: '!' }}")
    )
    shown = []
    for value in (1, True, 1.0, "1", None, False, "", 0, "0", dt.date(2027, 1, 1), 1, True):
        message = compiled.render(recipient(a=value), LINKS, at=AT)
        assert message == compiled.render_in_full(recipient(a=value), LINKS, at=AT)
        shown.append(html_of(parse_message(message)))
    assert len(set(shown)) > 6
    assert (shown[0], shown[1]) == (shown[-2], shown[-1])


def as_received(text: str) -> str:
    """Line breaks travel as CRLF; half a surrogate pair is no character and travels as a question mark."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.encode("utf-8", "replace").decode()


def test_a_value_that_means_the_present_is_not_remembered():
    compiled = compile(source("{{ when | date: '%H:%M' }}"))
    for at, shown in ((AT, "08:00"), (AT + 3600, "09:00")):
        assert shown in html_of(parse_message(compiled.render(recipient(when="now"), LINKS, at=at)))


def without_empty_lines(text: str) -> str:
    """A lone CR that ends a value is a line break, also where the template goes on with LF."""
    return re.sub(r"\n+", "\n", text)


def assert_fit_for_data(message: bytes) -> None:
    assert message.endswith(b"\r\n")
    message.decode("ascii")
    lines = message.split(b"\r\n")
    assert not any(b"\r" in line or b"\n" in line for line in lines), "a line break is CRLF"
    assert not any(line.startswith(b".") for line in lines), "no dot to stuff"
    head, _, body = message.partition(b"\r\n\r\n")
    assert max(map(len, body.split(b"\r\n"))) <= 76
    assert max(map(len, head.split(b"\r\n"))) <= 998
