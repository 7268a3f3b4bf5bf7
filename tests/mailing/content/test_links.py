"""Links: tracked, tagged, or left alone; and where a click leads."""

import html
import re

import pytest

from mailing import content
from mailing.content import Compiled, Recipient, compile, load
from mailing.content.names import TRAP
from mailing.content.urls import add_utm, tidy_url

from .corpus import AT, LINKS, RECIPIENTS, UNSUBSCRIBE, recipient, source
from .wire import html_of, parse_message, text_of

UTM = {"utm_source": "news", "utm_medium": "email", "utm_campaign": "spring sale", "utm_content": "ü&"}
ADDED = "utm_source=news&utm_medium=email&utm_campaign=spring%20sale&utm_content=%C3%BC%26"
CLICK = f"{LINKS.base}/t/c/{LINKS.token}"


def hrefs(compiled: Compiled, person: Recipient) -> list[str]:
    html = html_of(parse_message(compiled.render(person, LINKS, at=AT)))
    return [found for found in re.findall(r'href="([^"]*)"', html) if not found.endswith(f"/{TRAP}")]


def href(link: str, person: Recipient | None = None, **fields: object) -> tuple[str, Compiled]:
    compiled = compile(source(f'<a href="{link}">x</a>', **fields))
    return hrefs(compiled, person or RECIPIENTS["plain"])[0], compiled


@pytest.mark.parametrize(
    ("link", "target"),
    [
        ("https://shop.test", f"https://shop.test?{ADDED}"),
        ("https://shop.test/a?b=c&amp;d=e", f"https://shop.test/a?b=c&d=e&{ADDED}"),
        ("https://shop.test/a?#f", f"https://shop.test/a?{ADDED}#f"),
        ("https://shop.test/a?b#f?g", f"https://shop.test/a?b&{ADDED}#f?g"),
        ("HTTP://shop.test/é b", f"HTTP://shop.test/%C3%A9%20b?{ADDED}"),
        ("https://müller.test:8080/ä", f"https://xn--mller-kva.test:8080/%C3%A4?{ADDED}"),
        ("https://me:p@straße.test/", f"https://me:p@xn--strae-oqa.test/?{ADDED}"),
        (" https://shop.test/ ", f"https://shop.test/?{ADDED}"),
        (
            "https://shop.test/?utm_source=mine&amp;x=%20",
            "https://shop.test/?utm_source=mine&x=%20&" + ADDED[16:],
        ),
    ],
)
def test_a_click_leads_to_the_link_with_its_utm_parameters(link, target):
    found, compiled = href(link, **UTM)
    assert found == f"{CLICK}/0"
    assert compiled.target(0) == target


@pytest.mark.parametrize(
    "link",
    [
        "mailto:a@b.test?subject=x",
        "tel:+4930123",
        "#top",
        "",
        "/relative",
        "shop.test/x",
        "sms:1",
        "https:///x",
    ],
)
def test_what_is_no_web_address_is_left_alone(link):
    found, compiled = href(link, **UTM)
    assert (found, compiled.links) == (link, ())


def test_without_click_tracking_a_link_leads_straight_on():
    found, compiled = href("https://shop.test/a?b=c&amp;d=e", track_clicks=False, **UTM)
    assert found == f"https://shop.test/a?b=c&d=e&{ADDED}".replace("&", "&amp;")
    assert compiled.links == ()


def test_one_address_is_one_link_however_often_it_is_used():
    body = '<a href="https://a.test">1</a><a href="https://b.test">2</a><a href="https://a.test">3</a><area href=https://c.test>'
    compiled = compile(source(body))
    assert compiled.links == ("https://a.test", "https://b.test", "https://c.test")
    assert hrefs(compiled, RECIPIENTS["plain"]) == [f"{CLICK}/{index}" for index in (0, 1, 0, 2)]


@pytest.mark.parametrize(
    ("link", "target"),
    [
        ("https://shop.test/{{ customer_id }}", "https://shop.test/A-17"),
        (
            "https://shop.test/?a=1&amp;id={{ customer_id | downcase }}#{{ city }}",
            "https://shop.test/?a=1&id=a-17#Leeds",
        ),
        ("https://shop.test/{% if vip %}vip{% else %}all{% endif %}", "https://shop.test/vip"),
        ("https://shop.test/?m={{ email | url_encode }}", "https://shop.test/?m=ada%40example.test"),
    ],
)
def test_a_link_that_differs_by_recipient_is_rendered_when_it_is_clicked(link, target):
    found, compiled = href(link)
    assert found == f"{CLICK}/0"
    assert load(compiled.dump()).target(0, RECIPIENTS["plain"]) == target
    assert compiled.target(0).startswith("https://shop.test/"), (
        "and without the recipient it has empty values"
    )


def test_no_value_leads_a_click_to_another_host_or_breaks_a_header():
    _, compiled = href("https://shop.test/{{ customer_id }}")
    person = recipient(customer_id="\r\nLocation: https://evil.test/ <é>")
    assert compiled.target(0, person) == "https://shop.test/Location:%20https://evil.test/%20%3C%C3%A9%3E"


@pytest.mark.parametrize(
    ("link", "sent"),
    [
        ("{{ shop_page }}", "https://shop.test/ada?tab=1&amp;utm_source=news#top"),
        ("https://{{ customer_id }}.shop.test/", "https://A-17.shop.test/?utm_source=news"),
        ("https://shop.test{{ customer_id }}", "https://shop.testA-17?utm_source=news"),
        ("{% if vip %}https://vip.test/{% endif %}", "https://vip.test/?utm_source=news"),
    ],
)
def test_a_link_whose_host_comes_from_a_value_is_sent_direct(link, sent):
    found, compiled = href(link, utm_source="news")
    assert (found, compiled.links) == (sent, ())


@pytest.mark.parametrize(
    "page", ["javascript:alert(1)", "JaVaScRiPt:alert(1)", " java\nscript:alert(1)", "data:text/html,x"]
)
def test_no_value_makes_a_link_run_a_script(page):
    found, _ = href("{{ shop_page }}", recipient(shop_page=page))
    assert found == "#"


def test_a_link_in_a_loop_is_sent_direct():
    compiled = compile(
        source('{% for tag in tags %}<a href="https://shop.test/t/{{ tag }}">x</a>{% endfor %}')
    )
    assert hrefs(compiled, RECIPIENTS["plain"]) == ["https://shop.test/t/new", "https://shop.test/t/loyal"]
    assert compiled.links == ()


def test_a_link_in_a_condition_is_tracked():
    body = '{% if vip %}<a href="https://a.test">x</a>{% else %}<a href="https://b.test">x</a>{% endif %}'
    compiled = compile(source(body))
    assert compiled.links == ("https://a.test", "https://b.test")
    assert hrefs(compiled, RECIPIENTS["plain"]) == [f"{CLICK}/0"]
    assert hrefs(compiled, RECIPIENTS["nobody"]) == [f"{CLICK}/1"]


def test_the_unsubscribe_link_is_neither_tracked_nor_tagged():
    compiled = compile(source(UNSUBSCRIBE + '<a href="{{ unsubscribe_url }}?x=1">y</a>', **UTM))
    url = f"{LINKS.base}/u/{LINKS.token}"
    assert hrefs(compiled, RECIPIENTS["plain"]) == [url, f"{url}?x=1"]
    assert compiled.links == ()


def test_links_for_outlook_are_tracked_and_style_sheets_are_not():
    body = """<html><head><link rel="stylesheet" href="https://css.test/a.css"></head><body>
    <!--[if mso]><v:roundrect href="https://shop.test/"></v:roundrect><![endif]--><a href="https://shop.test/">x</a></body></html>"""
    compiled = compile(source(body))
    assert hrefs(compiled, RECIPIENTS["plain"]) == ["https://css.test/a.css", f"{CLICK}/0", f"{CLICK}/0"]


def test_links_of_markdown_are_tracked_and_so_are_bare_addresses():
    compiled = compile(
        source(
            '[x](https://shop.test/a_b?c=d "t") https://text.test <https://auto.test>', body_format="markdown"
        )
    )
    assert compiled.links == ("https://shop.test/a_b?c=d", "https://text.test", "https://auto.test")


def test_the_text_made_from_the_html_has_the_tracked_links():
    compiled = compile(source('<p>See <a href="https://shop.test/">the shop</a></p>' + UNSUBSCRIBE))
    text = text_of(parse_message(compiled.render(RECIPIENTS["plain"], LINKS, at=AT)))
    assert text == f"See the shop <{CLICK}/0>\n\nUnsubscribe <{LINKS.base}/u/{LINKS.token}>\n"


def test_an_open_is_seen_by_one_image_and_only_when_asked_for():
    pixel = f'<img src="{LINKS.base}/t/o/{LINKS.token}" width="1" height="1"'
    for track, count in ((True, 1), (False, 0)):
        message = compile(source("<body>x</body>", track_opens=track)).render(
            RECIPIENTS["plain"], LINKS, at=AT
        )
        assert html_of(parse_message(message)).count(pixel) == count


@pytest.mark.parametrize("index", [1, -1, 10**9])
def test_there_is_no_link_beyond_the_last(index):
    _, compiled = href("https://shop.test/")
    with pytest.raises(IndexError):
        compiled.target(index)


def test_an_address_is_tidied_and_tagged_once():
    assert (
        tidy_url(tidy_url("https://é.test/ü?a=%C3%BC&b=c d"))
        == "https://xn--9ca.test/%C3%BC?a=%C3%BC&b=c%20d"
    )
    once = add_utm("https://a.test/?x=1", (("utm_source", "n"),))
    assert add_utm(once, (("utm_source", "other"),)) == once == "https://a.test/?x=1&utm_source=n"


PAY = "https://shop.test/pay?ref=1&amount=300.0&currency=EUR&copy=2&section=3&region=x"
IN_MJML = "<mjml><mj-body><mj-section><mj-column>{}</mj-column></mj-section></mj-body></mjml>"


@pytest.mark.parametrize("track_clicks", [True, False])
@pytest.mark.parametrize("url", [PAY, PAY.replace("ref=1", "ref={{ first_name }}")])
@pytest.mark.parametrize(
    ("body", "body_format"),
    [
        ('<p><a href="URL">Pay</a></p>', "html"),
        ('<style>p{color:red}</style><p><a href="URL">Pay</a></p>', "html"),
        (
            '<!--[if mso]><v:roundrect href="URL"><center>Pay</center></v:roundrect><![endif]--><p>x</p>',
            "html",
        ),
        (IN_MJML.format('<mj-text><a href="URL">Pay</a></mj-text>'), "mjml"),
        (IN_MJML.format('<mj-button href="URL">Pay</mj-button>'), "mjml"),
        ("[Pay](URL)", "markdown"),
    ],
)
def test_b1_parameters_named_like_references_stay_as_they_are(body, body_format, url, track_clicks):
    written = content.Source(
        subject="S",
        from_email="a@shop.test",
        body=body.replace("URL", url),
        body_format=body_format,
        track_clicks=track_clicks,
    )
    compiled = content.compile(written)
    recipient = content.Recipient("x@y.test", {}, "Ada")
    meant = url.replace("{{ first_name }}", "Ada")
    if track_clicks:
        assert compiled.target(0, recipient) == meant
        return
    preview = compiled.preview(recipient, content.Links("https://m.shop.test", "tok"))
    assert f'href="{html.escape(meant)}"' in preview.html
    if "roundrect" not in body:
        assert f"Pay <{meant}>" in preview.text


@pytest.mark.parametrize(
    ("link", "text"),
    [
        ("https://x.test/a", "Shop <https://x.test/a>\n"),
        ("javascript:alert(1)", "Shop\n"),
        ("#top", "Shop\n"),
        ("", "Shop\n"),
    ],
)
def test_a_link_whose_value_leads_nowhere_is_not_written_out_in_the_text(link, text):
    written = content.Source(
        subject="S", from_email="a@shop.test", body='<p><a href="{{ link }}">Shop</a></p>', track_opens=False
    )
    recipient = content.Recipient("x@y.test", {"link": link})
    preview = content.compile(written).preview(recipient, content.Links("https://m.shop.test", "tok"))
    assert preview.text == text
