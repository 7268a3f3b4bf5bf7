"""What is seen of a mail by those who hear it or see badly."""

import pytest

from mailing.content import Recipient, Source, compile, review_mail
from mailing.content.colours import contrast, read_colour

LEAVE = '<a href="{{ unsubscribe_url }}">Leave the newsletter</a>'


def review(body, **fields):
    given = {"subject": "News", "from_email": "a@shop.test", "from_name": "Shop"}
    source = Source(body=f"<body>{body}{LEAVE}</body>", **given, **fields)
    return review_mail(compile(source), Recipient("ada@example.test", {}, "Ada"))


@pytest.mark.parametrize(
    ("body", "field", "found"),
    [
        ('<img src="https://a.test/x.png">', "pictures_without_alt", ["https://a.test/x.png"]),
        ('<img src="https://a.test/x.png" alt="">', "pictures_without_alt", []),
        ('<div style="display:none"><img src="https://a.test/x.png"></div>', "pictures_without_alt", []),
        ("<h1>a</h1><h3>b</h3>", "heading_jumps", ["h3 follows h1"]),
        ("<h2>a</h2><h3>b</h3><h1>c</h1>", "heading_jumps", []),
        ('<a href="https://a.test/">Click here!</a>', "vague_links", ["Click here!"]),
        ('<a href="https://a.test/"><img src="https://a.test/x.png" alt=""></a>', "vague_links", ["(no words)"]),
        ('<a href="https://a.test/"><img src="https://a.test/x.png" alt="Tea"></a>', "vague_links", []),
        ('<p style="color:#999">grey</p>', "poor_contrasts", ["“grey” (2.8 to 1)"]),
        ('<p style="color:#999;font-size:30px">large</p>', "poor_contrasts", ["“large” (2.8 to 1)"]),
        ('<p style="color:#888;font-size:30px">large</p>', "poor_contrasts", []),
        ('<table bgcolor="#000000"><tr><td>dark</td></tr></table>', "poor_contrasts", ["“dark” (1.0 to 1)"]),
        ('<div style="background:#000 none"><p style="color:white">ok</p></div>', "poor_contrasts", []),
        ('<div style="background:url(https://a.test/x.png)"><p style="color:white">?</p></div>', "poor_contrasts", []),
        ('<a href="https://a.test/{{ city }}">Your city today</a>', "links", []),
        ('<a href="https://a.test/x">Our new tea</a>', "links", ["https://a.test/x"]),
    ],
)  # fmt: skip
def test_what_is_found(body, field, found):
    assert getattr(review(body), field) == found


def test_what_every_mail_has():
    found = review("<p>Hello</p>", locale="de")
    assert (found.language, found.direction, found.title) == ("de", "ltr", "News")
    assert found.has_text
    assert found.has_unsubscribe
    assert 0 < found.size < 2000


def test_colours():
    assert read_colour("#FFF") == read_colour("white") == read_colour("rgb(255, 255,255)") == (255, 255, 255)
    assert read_colour("rgba(0,0,0,.5)") is read_colour("var(--x)") is None
    assert round(contrast((0, 0, 0), (255, 255, 255))) == 21
