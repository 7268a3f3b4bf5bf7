"""`escape` writes for HTML: what leaves an attribute of HTML, as a link or an alt text, is not escaped any more."""

import time

import pytest

from tests import outside

LEAVE = '<p><a href="{{ unsubscribe_url }}">U</a></p>'
ATTRIBUTES = {"q": "a&b", "url": "https://shop.test/?a=1&copy=2"}


@pytest.mark.parametrize(
    "filters", ["escape", "escape_once", "upcase | downcase | escape", "escape | upcase | downcase"]
)
def test_a_tracked_link_leads_where_the_page_says(filters):
    seen = outside.preview_mail(
        f'<a href="https://shop.test/?q={{{{ q | {filters} }}}}&amp;r=1">x</a>{LEAVE}', "html", ATTRIBUTES
    )
    assert seen["links"] == ["https://shop.test/?q=a&b&r=1"]


def test_the_text_part_has_the_same_address_and_words_as_the_html_part():
    body = '<a href="{{ url | escape }}">x</a> <img src="https://shop.test/i.png" alt="{{ q | escape }}">'
    seen = outside.preview_mail(body + LEAVE, "html", ATTRIBUTES)
    assert "x <https://shop.test/?a=1&copy=2> a&b" in seen["text"]
    assert 'href="https://shop.test/?a=1&amp;copy=2"' in seen["html"]
    assert 'alt="a&amp;b"' in seen["html"]


def test_an_address_in_a_style_that_is_left_open_takes_no_time():
    began = time.process_time()
    seen = outside.preview_mail(f'<p style="background:url({" " * 30_000}x">Hi</p>{LEAVE}', "html", {})
    assert time.process_time() - began < 2
    assert "Hi" in seen["text"]
