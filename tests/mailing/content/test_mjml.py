"""MJML beside the reference: the same HTML of the same templates, and a sentence with the line where it is none.

`mjml/reference.json` was made by MJML's own compiler (see `mjml/reference.mjs`), so that no run needs it.
"""

import json
import re
from pathlib import Path
from urllib.parse import unquote

import pytest
from selectolax.lexbor import LexborHTMLParser

from mailing import content
from mailing.content import ContentError, Recipient, compile, find_problems, render_preview
from mailing.content.mjml import to_html
from mailing.content.protected_liquid import ProtectedLiquid

from .corpus import LINKS, source

FOLDER = Path(__file__).parent / "mjml"
TEMPLATES = json.loads((FOLDER / "templates.json").read_text())
REFERENCE = json.loads((FOLDER / "reference.json").read_text())

# On purpose not as the reference: why
OTHERWISE = {
    "wrapper-gap": "the reference's margin is overruled by its own style; ours is a section as high as the gap",
    "preview-markup": "a preview is text: the reference writes the tags into the hidden line",
    "cdata": "the reference keeps the marks of CDATA, which browsers show",
}


def page_of(text: str) -> str:
    held = ProtectedLiquid(text)
    return to_html(held.as_comments(held.liquid(text)), held, "und")


def outline(page: str) -> list[str]:
    """Tags with their attributes and words in order, without what makes no difference.

    That is the order of attributes, empty ones, where a comment for Outlook ends and the next begins, random ids, and
    the decimals of a width.
    """
    text = re.sub(r"\s+", " ", page[page.index("<body") :])
    text = re.sub(r"<!-- .*?-->", " ", text)
    text = re.sub(r"<!--\[if [^\]]*\]>|<!\[endif\]-->|<!--<!\[endif\]-->|<!-->|-->", " ", text)
    text = re.sub(r"(<td [^>]*)/>", r"\1></td>", text)
    text = re.sub(r"\b([0-9a-f]{16}|0{7}\d|carousel-radio-\w+)\b", "ID", text)
    text = re.sub(r"carousel-(radio-)?[0-9a-f]{6,16}", "carousel-ID", text)
    text = re.sub(r"#([0-9a-f])([0-9a-f])([0-9a-f])\b", r"#\1\1\2\2\3\3", text)
    text = re.sub(r"(\d+)[.-]\d+", r"\1", text)
    found = []
    for piece in re.findall(r"<[a-zA-Z/!][^>]*>|[^<]+|<", text):
        tag = re.match(r"<([a-zA-Z][^\s/>]*)", piece)
        if not tag:
            found.append(piece.strip())
            continue
        values = dict(re.findall(r'([\w:-]+)="([^"]*)"', piece))
        # neither has an effect: one is an attribute of CSS, the other one that mrml leaves out
        values = {
            name: value for name, value in values.items() if name not in ("vertical-align", "title") and value
        }
        for name, separator in (("class", " "), ("style", ";")):
            parts = (part.strip().replace(" ", "") for part in values.get(name, "").split(separator))
            values[name] = separator.join(sorted(filter(None, parts)))
        found.append(f"<{tag[1]} {sorted((name, value.strip()) for name, value in values.items() if value)}>")
    return [piece for piece in found if piece]


@pytest.mark.parametrize("name", [name for name in TEMPLATES if name not in OTHERWISE])
def test_the_html_is_that_of_the_reference(name):
    assert outline(page_of(TEMPLATES[name])) == outline(REFERENCE[name])


def test_a_gap_stands_between_the_sections_of_a_wrapper_and_nowhere_else():
    page = page_of(TEMPLATES["wrapper-gap"])
    assert page.count("height:20px;line-height:20px;") == 1
    assert page.index(">A<") < page.index("height:20px;line-height:20px;") < page.index(">B<")


def test_the_arrows_of_a_carousel_are_hidden_nowhere_but_where_the_reference_hides_them():
    page = page_of(TEMPLATES["carousel"])
    assert "@media screen yahoo" in page
    assert "@media screen, yahoo" not in page


def test_a_raw_piece_for_the_start_of_the_file_stands_before_its_doctype():
    assert page_of(TEMPLATES["raw-start"]).startswith("<!-- first --><!doctype html>")


def test_two_menus_open_by_themselves():
    menu = '<mj-navbar hamburger="hamburger"><mj-navbar-link href="/a">A</mj-navbar-link></mj-navbar>'
    page = page_of(
        f"<mjml><mj-body><mj-section><mj-column>{menu}{menu}</mj-column></mj-section></mj-body></mjml>"
    )
    first, its_label, second, label = re.findall(r'(?:id|for)="(\w+)"', page)
    assert first == its_label != second == label


def test_b50_the_text_of_a_preview_with_markup_is_its_words():
    assert ">bold not<" in page_of(TEMPLATES["preview-markup"])
    assert "a < b" in page_of(TEMPLATES["cdata"])


def test_b53_attributes_of_html_are_set_on_what_their_path_chooses():
    head = (
        '<mj-head><mj-html-attributes><mj-selector path=".a div"><mj-html-attribute name="data-id">{{ city }} & 1'
        '</mj-html-attribute></mj-selector><mj-selector path="img"><mj-html-attribute name="alt">New'
        "</mj-html-attribute></mj-selector></mj-html-attributes></mj-head>"
    )
    body = (
        '<mj-section><mj-column><mj-text css-class="a">x</mj-text><mj-text>y</mj-text>'
        '<mj-image src="https://x.test/a.png" alt="Old" /></mj-column></mj-section>'
    )
    mail = source(f"<mjml>{head}<mj-body>{body}</mj-body></mjml>", body_format="mjml")
    html = render_preview(mail, Recipient("a@b.test", {"city": "Graz"})).html
    assert html.count('data-id="Graz &amp; 1"') == 1
    assert 'alt="New"' in html
    assert "data-mjml-n" not in html


def wrap_in_mjml(inner: str) -> str:
    link = '<mj-text>all <a href="{{ unsubscribe_url }}">U</a></mj-text>'
    last = f"<mj-section><mj-column>{link}</mj-column></mj-section>"
    return f"<mjml><mj-body><mj-wrapper>{inner}{last}</mj-wrapper></mj-body></mjml>"


SECRET = "<mj-section><mj-column><mj-text>VIPONLY code GOLD50</mj-text></mj-column></mj-section>"
ITEM = "<mj-section><mj-column><mj-text>Item {{ i }}</mj-text></mj-column></mj-section>"


@pytest.mark.parametrize("vip", [True, False])
@pytest.mark.parametrize(
    "inner",
    [
        f"{{% if vip %}}{SECRET}{{% endif %}}",
        f"<mj-raw>{{% if vip %}}</mj-raw>{SECRET}<mj-raw>{{% endif %}}</mj-raw>",
        f"{{% unless vip %}}{{% else %}}{SECRET}{{% endunless %}}",
        f"{SECRET.replace('VIPONLY', 'first')}{{% if vip %}}{SECRET}{{% endif %}}",
    ],
)
def test_b3_a_condition_round_a_section_of_a_wrapper_holds_for_both_parts(inner, vip):
    mail = source(wrap_in_mjml(inner), body_format="mjml")
    shown = render_preview(mail, Recipient("a@b.test", {"vip": vip}))
    assert ("VIPONLY" in shown.html, "VIPONLY" in shown.text) == (vip, vip)
    outlook = re.sub(r"<!--\[if [^\]]*\]>|<!\[endif\]-->", "", shown.html)
    for name in ("table", "tr", "td"):
        assert len(re.findall(rf"<{name}\b", outlook)) == outlook.count(f"</{name}>"), "as Outlook reads it"
    assert shown.html.count("<!--[if") == shown.html.count("<![endif]-->")


def test_b3_a_loop_round_a_section_of_a_wrapper_writes_each_round_in_both_parts():
    mail = source(wrap_in_mjml(f"{{% for i in items %}}{ITEM}{{% endfor %}}"), body_format="mjml")
    shown = render_preview(mail, Recipient("a@b.test", {"items": ["a", "b"]}))
    for part in (shown.html, shown.text):
        assert part.index("Item a") < part.index("Item b") < part.index("all")


@pytest.mark.parametrize("before", ["", "\ufeff", "\n<!-- a -->\n"])
def test_b51_an_xml_declaration_may_stand_before_the_root(before):
    text = f"{before}<?xml version='1.0' encoding='UTF-8'?>\n<mjml><mj-body>{SECTION}</mj-body></mjml>"
    mail = source(text.format("<mj-text>Hi</mj-text>"), body_format="mjml")
    assert compile(mail).preview(Recipient("a@b.test"), LINKS).text == "Hi\n"


SECTION = "<mj-section><mj-column>{}</mj-column></mj-section>"
NARROW_CONTAINERS = [  # what takes only its own kind of children
    SECTION.format(container).split("{}")
    for container in (
        "<mj-navbar>{}</mj-navbar>",
        "<mj-social>{}</mj-social>",
        "<mj-carousel>{}</mj-carousel>",
        "<mj-accordion>{}</mj-accordion>",
        "<mj-accordion><mj-accordion-element>{}</mj-accordion-element></mj-accordion>",
    )
]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<mj-text>2 < 3 and 5 > 4</mj-text>", "2 < 3 and 5 > 4"),
        ("<mj-text>see <a href=https://x.test/a>x</a></mj-text>", "see x <https://"),
        ("<mj-text>Hi<BR>there</mj-text>", "Hi\nthere"),
        ("<mj-text>a & b &copy; &nbsp;c</mj-text>", "a & b ©"),
        ("<mj-text><p>one<p>two</mj-text>", "one\n\ntwo"),
        ("<mj-button href='https://x.test/'>Go & <b>buy</b></mj-button>", "Go & buy <https://"),
        ("<mj-table><tr><td>a<td>b</table></mj-table>", "a b"),
        ("<mj-text color=red>{Hi|Hello}</mj-text>", "H"),
    ],
)
def test_b52_what_holds_html_may_hold_any(text, words):
    mail = source(f"<mjml><mj-body>{SECTION.format(text)}</mj-body></mjml>", body_format="mjml")
    assert words in compile(mail).preview(Recipient("a@b.test"), LINKS).text


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "<mjml>\n<mj-body>\n<mj-include path='./x.mjml' /></mj-body></mjml>",
            "line 3: <mj-include> is not possible",
        ),
        (
            "<mjml><mj-head>\n<mj-attributes>{% if a %}<mj-all color='red' />{% endif %}</mj-attributes></mj-head>"
            "<mj-body></mj-body></mjml>",
            "line 2: Liquid cannot stand in <mj-attributes>",
        ),
        (
            "<mjml>\n<mj-body><mj-section><mj-column><mj-carousel>{% if a %}<mj-carousel-image src='x' />{% endif %}"
            "</mj-carousel></mj-column></mj-section></mj-body></mjml>",
            "line 2: Liquid cannot stand in <mj-carousel>",
        ),
        (
            "<mjml>\n<mj-head>\n{% if a %}<mj-style>p{}</mj-style>{% endif %}</mj-head><mj-body></mj-body></mjml>",
            "line 3: Liquid cannot stand here: {% if a %}",
        ),
        ("<mjml><mj-body>\n\n<mj-text>x</mj-body></mjml>", "line 3: <mj-text> is not closed"),
        ("<mjml>\n<mj-foo>x</mj-foo><mj-body></mj-body></mjml>", "line 2: <mj-foo> cannot stand here"),
        (
            "<mjml>\n<mj-head><mj-html-attributes><mj-selector path='..['><mj-html-attribute name='a'>b"
            "</mj-html-attribute></mj-selector></mj-html-attributes></mj-head><mj-body></mj-body></mjml>",
            "the path “..\\[” cannot be read",
        ),
        ("<mjml><mj-body></mj-body></mjml>\n<mjml></mjml>", "line 2: <mjml> stands outside <mjml>"),
        ("<mjml><mj-body></mj-body></mjml>\n\nand", "line 3: “and” stands outside <mjml>"),
        (
            "<mjml><mj-body><mj-section><mj-column>\nHello</mj-column></mj-section></mj-body></mjml>",
            "line 2: “Hello” stands straight inside <mj-column>, where nobody can read it",
        ),
        (
            "<mjml><mj-body><mj-wrapper>\n<p>Dear <b>you</b></p></mj-wrapper></mj-body></mjml>",
            "line 2: “Dear” stands straight inside <mj-wrapper>, where nobody can read it",
        ),
        (
            "<mjml><mj-body><mj-hero>\n<p>Dear <b>you</b></p></mj-hero></mj-body></mjml>",
            "line 2: “Dear” stands straight inside <mj-hero>, where nobody can read it",
        ),
        (
            "<mjml><mj-body><mj-section><mj-column>\n<mj-raw><!-- a --><tr><td>\nTea &amp; cake</td></tr></mj-raw>"
            "</mj-column></mj-section></mj-body></mjml>",
            "line 3: “Tea” stands straight inside <mj-column>, where nobody can read it",
        ),
        *[
            (
                f"<mjml>\n<mj-body>{before}<p>Dear you</p>{after}</mj-body></mjml>",
                "line 2: <p> cannot stand here",
            )
            for before, after in NARROW_CONTAINERS
        ],
    ],
)
def test_b50_b53_what_does_not_compile_is_told_with_its_element_and_line(text, sentence):
    mail = source(text, body_format="mjml")
    with pytest.raises(ContentError, match=sentence):
        compile(mail)
    assert any(re.search(sentence, said) for _, said in find_problems(mail))


@pytest.mark.parametrize(
    "raw",
    [
        "<style>p { color: red }</style>",
        "<!-- htmlmin:ignore -->",
        "<!--[if mso]><table><tr><td>x</td></tr></table><![endif]-->",
        "<tr><td>&nbsp;</td></tr>",
        "<tr><td style='font-size:14px'>Words</td></tr>",
        "<tr><td class='small'>Words</td></tr>",
    ],
)
def test_raw_html_that_can_be_read_or_has_no_words_may_stand_in_a_column(raw):
    body = SECTION.format(f"<mj-raw>{raw}</mj-raw>")
    compile(source(f"<mjml><mj-body>{body}</mj-body></mjml>", body_format="mjml"))


def test_a_value_set_in_the_head_is_known_in_the_body():
    text = "<mjml><mj-head>{% assign x = 'set' %}</mj-head><mj-body>" + SECTION.format(
        "<mj-text>[{{ x }}]</mj-text>"
    )
    mail = source(f"{text}</mj-body></mjml>", body_format="mjml")
    assert "[set]" in render_preview(mail, Recipient("a@b.test")).html


def test_b3_a_value_straight_inside_a_wrapper_is_refused_with_its_line():
    body = (
        "<mjml><mj-body><mj-wrapper>\n{{ first_name }}<mj-section><mj-column><mj-text>all</mj-text></mj-column>"
        "</mj-section></mj-wrapper></mj-body></mjml>"
    )
    written = content.Source(subject="S", from_email="a@shop.test", body=body, body_format="mjml")
    with pytest.raises(content.ContentError, match="line 2: a value"):
        content.compile(written)


@pytest.mark.parametrize(
    "value",
    [
        "a\\b",
        "C:\\new",
        "tea\u00adpot",
        "9\u00a0€",
        "👨\u200d👩\u200d👧",
        "e\u0301",
        "हिन्दी",
        "\u200ba",
        "\u202ea",
        "ｶﾞ",
    ],
)
def test_any_letter_of_an_attribute_comes_out_as_it_was_written(value):
    """The parser writes them as Rust writes a text for programmers: with an escape between the parts of an emoji."""
    body = SECTION.format(
        f'<mj-image src="https://x.test/a.png" alt="{value}" /><mj-button href="https://x.test/{value}">B</mj-button>'
    )
    mail = source(f"<mjml><mj-body>{body}</mj-body></mjml>", body_format="mjml", track_clicks=False)
    tree = LexborHTMLParser(render_preview(mail, Recipient("a@b.test")).html)
    assert tree.css_first("img").attributes["alt"] == value
    assert unquote(tree.css_first("a").attributes["href"]) == f"https://x.test/{value}"


def test_lines_in_an_address_are_left_out_as_browsers_do():
    mail = source(
        "<mjml><mj-body>"
        + SECTION.format('<mj-button href="https://x.test/a?\n\tb=1">B</mj-button>')
        + "</mj-body></mjml>",
        body_format="mjml",
    )
    assert compile(mail).target(0, Recipient("a@b.test")) == "https://x.test/a?b=1"


@pytest.mark.parametrize(
    "comment", ["<!-- a -- b -->", "<!---- x ---->", "<!-- x --->", "<!-- var(--tea) -->"]
)
def test_a_comment_may_hold_two_dashes(comment):
    text = "<mjml><mj-head>{0}</mj-head><mj-body>{0}{1}</mj-body></mjml>".format(
        comment, SECTION.format(f"{comment}<mj-text>tea</mj-text>")
    )
    mail = source(text, body_format="mjml")
    assert render_preview(mail, Recipient("a@b.test")).text.split() == ["tea"]


def test_letters_that_have_a_size_may_stand_outside_a_text():
    text = '<p style="font-size:14px">one</p><table class="sized"><tr><td>two</td></tr></table>'
    mail = source(f"<mjml><mj-body>{SECTION.format(text)}</mj-body></mjml>", body_format="mjml")
    assert "one" in render_preview(mail, Recipient("a@b.test")).text
