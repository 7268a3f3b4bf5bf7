"""A number of thousands of digits, which Python does not read, is read as browsers read it: as too large."""

import pytest

from campaigns.texts import unescape_html
from mailing import content
from mailing.bounces import parts
from mailing.content import review, targets
from mailing.content.protected_liquid import ProtectedLiquid
from mailing.views import outbox
from tests.outside import preview_mail

LONG = "9" * 5_000
REFERENCE = f"&#{LONG};"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (f"a{REFERENCE}b", "a�b"),
        (f"a&#{LONG}b", "a�b"),
        (f"&#{'0' * 5_000}65;", "A"),
        ("&#0000000000065;&#65&#x41;&amp;&copy", "AAA&©"),
        ("&#1114112;&#0;", "��"),
    ],
)
def test_numbers_of_signs_are_read_whatever_their_length(written, meant):
    assert unescape_html(written) == meant


@pytest.mark.parametrize(
    ("body_format", "body"),
    [
        ("html", f"<p>Ada{REFERENCE} <a href='https://x.test/?a={REFERENCE}' title='{REFERENCE}'>x</a></p>"),
        ("markdown", f"Ada{REFERENCE} [x](https://x.test/?a={REFERENCE})"),
        (
            "mjml",
            "<mjml><mj-head><mj-html-attributes><mj-selector path='p'><mj-html-attribute name='title'>"
            f"{REFERENCE}</mj-html-attribute></mj-selector></mj-html-attributes></mj-head><mj-body><mj-section>"
            f"<mj-column><mj-text><p>Ada{REFERENCE}</p></mj-text></mj-column></mj-section></mj-body></mjml>",
        ),
    ],
)
def test_a_mail_with_such_a_sign_is_made(body_format, body):
    shown = preview_mail(body, body_format, {})
    assert "error" not in shown
    assert shown["text"].startswith("Ada&#9" if body_format == "markdown" else "Ada�")


def test_what_others_send_with_such_a_sign_is_read():
    assert parts.strip_markup(f"<p>550{REFERENCE}</p>").strip() == "550�"
    link = f"<a href='https://x.test/{REFERENCE}'>a{REFERENCE}</a>"
    assert outbox.list_links(link) == [("https://x.test/�", "a�")]


@pytest.mark.parametrize("weight", [LONG, "²", "٧٠٠", "700"])
def test_a_weight_of_a_font_is_no_number_that_fails(weight):
    source = content.Source(
        subject="S", from_email="a@shop.test", body=f"<p style='font-weight:{weight}'>Hello</p>"
    )
    assert review.review_mail(content.compile(source), content.Recipient("x@y.test", {})).has_text


@pytest.mark.parametrize(("port", "is_wrong"), [(LONG, True), ("0" * 5_000 + "443", False), ("65536", True)])
def test_a_port_of_any_length_is_judged(port, is_wrong):
    held = ProtectedLiquid("")
    target = targets.read_target(f"https://x.test:{port}/", held)
    assert ("port that is not a number" in targets.find_link_fault(target, held)) is is_wrong
