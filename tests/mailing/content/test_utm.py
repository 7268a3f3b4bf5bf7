"""The four UTM parameters: on every link to a web page, and on nothing else."""

import html
import re
from email import message_from_bytes, policy
from urllib.parse import parse_qsl, urlsplit

import pytest

from mailing import content

UTM = {
    "utm_source": "shop.example",
    "utm_medium": "email",
    "utm_campaign": "Autumn & more",
    "utm_content": "top",
}
ALL = "utm_source=shop.example&utm_medium=email&utm_campaign=Autumn%20%26%20more&utm_content=top"
LINKS = content.Links("https://m.shop.test", "unsub", "open", "click", "prefs")
READER = content.Recipient(
    "ada@x.test", {"page": "https://shop.example/p?a=1", "mail": "mailto:x@y.test", "n": "7"}, message_id="m"
)


def compile_body(body, *, is_tracked, **fields):
    source = content.Source(
        subject="S",
        from_email="a@shop.test",
        body=body,
        track_clicks=is_tracked,
        track_opens=False,
        **UTM | fields,
    )
    return content.compile(source)


def list_hrefs(compiled):
    message = message_from_bytes(compiled.render(READER, LINKS), policy=policy.default)
    page = message.get_body(["html"]).get_content()
    return [
        html.unescape(found) for found in re.findall(r'<a [^>]*href="([^"]*)"', page) if "999999" not in found
    ]


@pytest.mark.parametrize("is_tracked", [True, False])
@pytest.mark.parametrize(
    ("written", "leads_to"),
    [
        ("https://shop.example", f"https://shop.example?{ALL}"),
        ("https://shop.example/", f"https://shop.example/?{ALL}"),
        ("HTTP://shop.example/a?b=1", f"HTTP://shop.example/a?b=1&{ALL}"),
        ("https://shop.example/a?b=1#part", f"https://shop.example/a?b=1&{ALL}#part"),
        ("https://shop.example/a#part", f"https://shop.example/a?{ALL}#part"),
        ("https://shop.example/a?b=1&amp;c=2", f"https://shop.example/a?b=1&c=2&{ALL}"),
        ("https://shop.example/{{ n }}", f"https://shop.example/7?{ALL}"),
        ("{{ page }}", f"https://shop.example/p?a=1&{ALL}"),
        (
            "https://shop.example/?utm_source=mine",
            "https://shop.example/?utm_source=mine&" + ALL.partition("&")[2],
        ),
    ],
)
def test_every_link_to_a_web_page_has_the_four(is_tracked, written, leads_to):
    compiled = compile_body(f'<a href="{written}">x</a> {{{{ unsubscribe_url }}}}', is_tracked=is_tracked)
    (href,) = list_hrefs(compiled)
    if "/t/c/" in href:
        href = compiled.target(int(href.rpartition("/")[2]), READER)
    assert href == leads_to


@pytest.mark.parametrize("is_tracked", [True, False])
@pytest.mark.parametrize(
    "written",
    [
        "mailto:shop@shop.example", "MAILTO:shop@shop.example?subject=Hi", "tel:+4930123", "sms:+4930123", "#part", "#",
        "{{ mail }}", "mailto:{{ mail | remove: 'mailto:' }}", "whatsapp://send?text=hi",
        "{{ unsubscribe_url }}", "{{ preferences_url }}", "http://{{ unsubscribe_url }}", "{{unsubscribe_url}}?a=1",
    ],
)  # fmt: skip
def test_nothing_else_has_any(is_tracked, written):
    body = f'<a href="{written}">x</a> <p id="part">{{{{ unsubscribe_url }}}}</p>'
    (href,) = list_hrefs(compile_body(body, is_tracked=is_tracked))
    assert "utm_" not in href
    assert "/t/c/" not in href


def test_the_headers_and_the_text_part_keep_the_links_of_our_own_pages_bare():
    body = '<a href="{{ preferences_url }}">P</a> <a href="{{ unsubscribe_url }}">U</a>'
    mail = compile_body(body, is_tracked=True).render(READER, LINKS)
    assert b"utm_" not in mail
    assert b"List-Unsubscribe: <https://m.shop.test/u/unsub>" in mail


def test_one_that_is_left_empty_is_not_added():
    compiled = compile_body(
        '<a href="https://shop.example">x</a> {{ unsubscribe_url }}', is_tracked=False, utm_content=""
    )
    (href,) = list_hrefs(compiled)
    assert dict(parse_qsl(urlsplit(href).query)) == {name: UTM[name] for name in list(UTM)[:3]}
