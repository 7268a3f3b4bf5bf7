"""What every mail says of itself, whoever wrote it: language, title, color schemes, tables that only lay out."""

import re

import pytest

from mailing.content import Links, Recipient, Source, compile
from tests.browser.mail_bodies import list_bodies

LINKS = Links("https://mail.shop.test", "token")
ADA = Recipient("ada@example.test", {"dense": False}, "Ada")
LEAVE = '<a href="{{ unsubscribe_url }}">Leave</a>'
MJML = """<mjml><mj-body><mj-section><mj-column><mj-text>Hello <a href="{{ unsubscribe_url }}">Leave</a></mj-text>
</mj-column></mj-section></mj-body></mjml>"""


def make_page(body, *, body_format="html", subject="News & more", recipient=ADA, **fields):
    source = Source(
        subject=subject, from_email="news@shop.test", from_name="The Shop", body=body, body_format=body_format,
        track_opens=False, track_clicks=False, **fields,
    )  # fmt: skip
    return compile(source).preview(recipient, LINKS).html


def find_tag(page, name):
    return re.search(rf"<{name}\b[^>]*>", page, re.IGNORECASE)[0]


def check_complete(page):
    assert re.search(r'<html\b[^>]*\slang="[a-zA-Z-]+"', page, re.IGNORECASE) or "lang='en'" in page
    assert re.search(r'<html\b[^>]*\sdir="(ltr|rtl|auto)"', page, re.IGNORECASE)
    assert re.search(r"<title[^>]*>\s*\S", page, re.IGNORECASE)
    assert page.count('name="color-scheme"') == page.count('name="supported-color-schemes"') == 1
    assert page.lower().count("<html") == 1
    assert page.lower().count("<title") == 1


@pytest.mark.parametrize(
    ("body_format", "body"),
    [
        ("markdown", "Hello [Leave]({{ unsubscribe_url }})"),
        ("mjml", MJML),
        ("html", LEAVE),
        ("html", f"<body>{LEAVE}</body>"),
        ("html", f"<html><body>{LEAVE}</body></html>"),
        ("html", f"<HTML><HEAD></HEAD><BODY>{LEAVE}"),
        ("html", f"<head><style>p {{ margin: 0 }}</style></head>{LEAVE}"),
        ("html", f"<!doctype html><html lang=''><head><title> </title><body>{LEAVE}"),
        (
            "html",
            f"<!-- a --><!--[if mso]><html><![endif]-->\n{LEAVE}".replace("<html>", "<div>"),
        ),
    ],
)
def test_each_kind_of_body_is_complete(body_format, body):
    page = make_page(body, body_format=body_format)
    check_complete(page)
    assert re.search("<title>News &amp; more ?</title>", page)


@pytest.mark.parametrize(("name", "body"), list(list_bodies()), ids=lambda value: value[:30])
def test_nothing_of_a_body_changes_but_what_is_added(name, body):
    page = make_page(re.sub(r"<style.*?</style>", "", body, flags=re.DOTALL))
    check_complete(page)
    doctype = re.match(r"(?:<!--.*?-->\s*)?<!doctype[^>]*>", body, re.IGNORECASE)
    assert page.startswith(doctype[0] if doctype else "<html")
    added = (
        r'\s(?:lang|dir)="(?:en|ltr)"|\srole="presentation"'
        r'|<meta name="(?:supported-)?color-schemes?" content="[a-z ]+">'
    )
    written = re.sub(r"<style.*?</style>", "", body, flags=re.DOTALL)
    written = written.replace("{{ first_name }}", "Ada").replace(
        "{{ unsubscribe_url }}", "https://mail.shop.test/u/token"
    )
    assert re.sub(added, "", page) == re.sub(added, "", written)


TABLES = [
    ("<table><tr><td>a</table>", 1),
    ("<table role='grid'><tr><td>a</table>", 0),
    ("<table><tr><th>a</th></tr></table>", 0),
    ("<table><caption>Prices</caption><tr><td>a</td></tr></table>", 0),
    ('<table><tr><td scope="row">a</td></tr></table>', 0),
    ('<table><tr><td headers="x">a</td></tr></table>', 0),
    ("<table><tr><td><table><tr><th>a</th></tr></table></td></tr></table>", 1),
    ("<table><tr><td><table><tr><td>b</td></tr></table></td><th>a</th></tr></table>", 1),
    ("<!--[if mso]><table><tr><td><![endif]--><table><tr><th>a</table><!--[if mso]></table><![endif]-->", 1),
    ("{% if dense %}<table><tr><th>a{% else %}<table><tr><td>b{% endif %}</table>", 1),
    ("<TABLE WIDTH=90%><TR><TD>a", 1),
]


@pytest.mark.parametrize(("table", "count"), TABLES)
def test_tables_that_lay_out_get_the_role_and_tables_of_data_do_not(table, count):
    page = make_page(f"<html><body>{table}{LEAVE}</body></html>")
    assert len(re.findall(r"<table[^>]*role=.?presentation", page, re.IGNORECASE)) == (
        1 if "{% if" in table else count
    )


def test_liquid_inside_a_tag_survives_and_wins():
    body = (
        '<html {% if dense %}lang="fr"{% endif %}><body>'
        '<table {% if dense %}role="grid" width="1"{% else %}width="600"{% endif %}><tr><td>a</td></tr></table>'
        f"{LEAVE}</body></html>"
    )
    page = make_page(body)
    assert find_tag(page, "html") == '<html  lang="en" dir="ltr">'
    assert find_tag(page, "table") == '<table width="600" role="presentation">'
    dense = make_page(body, recipient=Recipient("ada@example.test", {"dense": True}))
    assert find_tag(dense, "html").startswith('<html lang="fr"')
    assert find_tag(dense, "table").startswith('<table role="grid" width="1"')


def test_the_title_is_the_subject_as_each_recipient_reads_it():
    compiled = compile(
        Source(
            subject="{Hi|Hello} {{ first_name }} <3", from_email="a@shop.test", from_name="Shop", body=f"<p>{LEAVE}",
            text="{{ unsubscribe_url }}",
        )
    )  # fmt: skip
    reader = Recipient("zoe@example.test", {}, "Zoë & co", seed=5, message_id="m")
    preview = compiled.preview(reader, LINKS)
    assert f"<title>{preview.subject.replace('&', '&amp;').replace('<', '&lt;')}</title>" in preview.html
    assert compiled.render(reader, LINKS, at=0) == compiled.render_in_full(reader, LINKS, at=0)


def test_a_subject_that_looks_like_liquid_or_a_mark_stays_what_it_is():
    page = make_page(f"<p>{LEAVE}", subject="{% raw %}{{ a }}{% endraw %} liquid000000z")
    assert "<title>{{ a }} liquid000000z</title>" in page


@pytest.mark.parametrize(
    ("locale", "html", "language", "direction"),
    [
        ("de", "<html>", "de", "ltr"),
        ("ar", "<html>", "ar", "rtl"),
        ("he_IL", "<html>", "he-IL", "rtl"),
        ("en", '<html lang="fa">', "fa", "rtl"),
        ("ar", '<html xml:lang="en">', "en", "ltr"),
        ("en", '<html dir="rtl">', "en", "rtl"),
        ("en", '<html lang="xx-odd">', "xx-odd", "ltr"),
    ],
)
def test_language_and_direction(locale, html, language, direction):
    page = make_page(f"{html}<body>{LEAVE}</body></html>", locale=locale)
    tag = find_tag(page, "html")
    assert f' lang="{language}"' in tag
    assert f' dir="{direction}"' in tag


@pytest.mark.parametrize(
    ("head", "scheme"),
    [
        ("", "light dark"),
        ("<style>p { color: #111 }</style>", "light"),
        ("<style>p { background: #eee }</style>", "light"),
        (
            "<style>p { color: #111 } @media (prefers-color-scheme: dark) { p { color: #eee } }</style>",
            "light dark",
        ),
        ("<style>:root { color-scheme: light only }</style>", "light only"),
        ('<meta name="color-scheme" content="only light">', "only light"),
        (
            '<meta name="supported-color-schemes" content="light dark"><style>p { color: red }</style>',
            "light dark",
        ),
    ],
)
def test_dark_screens_are_promised_only_what_the_mail_can_do(head, scheme):
    page = make_page(f"<html><head>{head}</head><body><p>Hi {LEAVE}</p></body></html>")
    for name in ("color-scheme", "supported-color-schemes"):
        assert f'name="{name}" content="{scheme}"' in page
