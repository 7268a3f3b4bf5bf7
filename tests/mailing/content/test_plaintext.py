"""The text part says what readers of the HTML see: by the rules of HTML, for every branch of the Liquid."""

import pytest

from mailing.content import Recipient, compile, render_preview

from .corpus import AT, LINKS, UNSUBSCRIBE, source
from .wire import parse_message, text_of

VALUES = {"items": ["a", "b"], "vip": True, "old": "9,99 €", "euros": 9, "cents": 99}


def text(body: str, body_format: str = "html", **values: object) -> str:
    person = Recipient("x@y.test", VALUES | values, "Ada")
    return render_preview(source(body, body_format=body_format), person).text.strip()


def section(content: str) -> str:
    return f"<mj-section><mj-column>{content}</mj-column></mj-section>"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('<html><head><meta charset="utf-8"><!--[if !mso]>--><meta name="x"><!--<![endif]--></head><body><h1>Sale</h1>'
         "<p>Ten</p></body></html>", "Sale\n\nTen"),
        ("<p>One</p><!--[if !mso]> --><p>Two</p><!-- <![endif]--><p>Three {a|a}</p>", "One\n\nTwo\n\nThree a"),
        ("<p>One</p><!--[if !mso]><!--><p>Two</p><!--<![endif]--><p>Three</p>", "One\n\nTwo\n\nThree"),
        ("<p>T</p><![if !vml]><span>S</span><![endif]>", "T\n\nS"),
        ("a<!-->b<!--->c<!-- x --!>d<!x>e<?y>f</ z>g", "abcdefg"),
        ("a < b, 2 <3", "a < b, 2 <3"),
    ],
)  # fmt: skip
def test_b2_b64_a_comment_ends_where_the_standard_says(body, expected):
    assert text(body) == expected


@pytest.mark.parametrize(
    "body",
    [
        '<!DOCTYPE html><html lang="en"><head><title>T</title><body><p>Hello</p>',
        "<!DOCTYPE html><html><head><title>T</title><style>p{color:red}</style><p>Hello</p></html>",
        "<head><meta charset=utf-8><title>T</title></head>{% assign x = 1 %}<p>Hello</p>",
        "<title>T</title><p>Hello",
        "<html><p>Hello",
    ],
)
def test_b7_tags_may_be_left_out(body):
    assert text(body) == "Hello"


def test_ends_of_paragraphs_items_and_cells_may_be_left_out():
    assert text("<p>a<p>b<ul><li>c<li>d</ul><table><tr><td>e<td>f<tr><td>g</table>") == (
        "a\n\nb\n\n- c\n- d\n\ne f\ng"
    )


@pytest.mark.parametrize(
    "hidden",
    [
        "<p hidden>H</p>",
        '<p hidden="until-found">H</p>',
        '<p style="visibility:hidden">H</p>',
        '<p style="DISPLAY : none !important; display:block">H</p>',
        "<p style='opacity:0'>H</p>",
        "<p style=font-size:0px>H</p>",
        "<p style='font:0/0 a'>H</p>",
        "<div style='max-height:0px; overflow: hidden'>H<p>H</p></div>",
        "<div style='position:absolute;left:-9999px'>H</div>",
        "<div style='color:transparent'>H</div>",
        "<div style='color:rgba(0,0,0,0)'>H</div><div style='color:#FFFFFF00'>H</div>",
        "<div style='color:rgb(0 0 0 / 0%)'>H</div><div style='color:#fff0'>H</div>",
        "<div style='transform:translateX(-9999px)'>H</div><div style='transform:translate(0,-200em)'>H</div>",
        "<style>.h{display:none}</style><p class=h>H</p>",
        "<template>H</template><dialog>H</dialog><datalist><option>H</datalist>",
        "<svg><title>H</title><desc>H</desc></svg>",
        "<div style='font-size:0'>&zwnj;&nbsp;&zwnj;&nbsp;</div>",
        "<div>&#847;&zwnj;&nbsp;&#8203;&shy;</div>",
    ],
)
def test_b39_what_nobody_sees_is_left_out(hidden):
    assert text(f"<p>a</p>{hidden}<p>b</p>") == "a\n\nb"


@pytest.mark.parametrize(
    "shown",
    [
        '<p style="display:none;display:block">S</p>',
        '<p hidden style="display:block">S</p>',
        '<div style="visibility:hidden"><p style="visibility:visible">S</p></div>',
        '<div style="font-size:0"><p style="font-size:14px">S</p></div>',
        '<p aria-hidden="true">S</p>',
        "<noscript><p>S</p></noscript>",
        "<style>@media (max-width:600px){.m{display:none}}</style><p class=m>S</p>",
        '<style>.h{display:none}</style><p class=h style="display:block !important">S</p>',
        '<p title="display:none" data-style="display:none">S</p>',
        "<p style='max-height:0'>S</p>",
        "<p style='mso-hide:all'>S</p>",
        "<p style='color:rgb(0,0,0)'>S</p>",
        "<p style='color:#ff0000'>S</p>",
        "<p style='transform:translate(-50%,-50%)'>S</p>",
        "<details><summary>S</summary></details>",
        "<textarea>S</textarea>",
        "<div style='display:none;'><!-- --></div><svg><text>S</text></svg>",
    ],
)
def test_what_is_seen_is_said(shown):
    assert text(f"<p>a</p>{shown}<p>b</p>").split() == ["a", "S", "b"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("9<sup>99</sup> €", "9.99 €"),
        ("€ 1,299<sup>00</sup>", "€ 1,299.00"),
        ("9<sub>99</sub> 9,<sup>99</sup> 9<sup>.99</sup> 9<sup>99 €</sup>", "9.99 9,99 9.99 9.99 €"),
        ('9<span style="font-size:60%;vertical-align:super">99</span>', "9.99"),
        ("9,99<sup>1</sup> € <sup>1</sup>5,99", "9,99^1 € 1 5,99"),
        ("10<sup>3</sup> m<sup>2</sup> H<sub>2</sub>O 1<sup>st</sup> Shop<sup>®</sup>", "10^3 m2 H2O 1st Shop®"),
        ("{{ euros }}<sup>{{ cents }}</sup> €", "9.99 €"),
        ("9<sup>{% if vip %}49{% else %}99{% endif %}</sup> €", "9.49 €"),
        ("<s>9,99 €</s> 5,99 €", "~~9,99 €~~ 5,99 €"),
        ("<p><del> 9,99 € </del>5,99 €</p><s> </s>x", "~~9,99 €~~ 5,99 €\n\nx"),
        ("<strike>{{ old }}</strike> <b>5,99 €</b>", "~~9,99 €~~ 5,99 €"),
        ("<s>{% if vip %}9{% else %}8{% endif %} €</s> 5 €", "~~9 €~~ 5 €"),
        ('<span style="text-decoration:line-through">9</span> 5', "~~9~~ 5"),
        ("<style>.old{text-decoration:line-through}</style><table><tr><td class=old>9<td>5</table>", "~~9~~ 5"),
    ],
)  # fmt: skip
def test_a_price_stays_the_price_it_is(body, expected):
    assert text(body) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("<ol start=3><li>a<li>b</ol>", "3. a\n4. b"),
        ("<ol start='-1'><li>a<li>b</ol>", "-1. a\n0. b"),
        ("<ol reversed><li>a<li>b<li>c</ol>", "3. a\n2. b\n1. c"),
        ("<ol><li>a<li value=7>b<li>c</ol>", "1. a\n7. b\n8. c"),
        ("<ol type=a><li>a<li>b</ol><ol type=I start=4><li>c</ol>", "a. a\nb. b\n\nIV. c"),
        ("<ol>{% for item in items %}<li>{{ item }}</li>{% endfor %}</ol>", "1. a\n2. b"),
    ],
)
def test_lists_are_counted_as_their_author_says(body, expected):
    assert text(body) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("<p>{% echo first_name %}</p><p>Second</p>", "Ada\n\nSecond"),
        ('<p>{% cycle "a","b" %}</p><p>Second</p>', "a\n\nSecond"),
        ("<p>{% liquid\nassign x = 1\necho x %}</p><p>Second</p>", "1\n\nSecond"),
        ("<p>{% increment n %}</p><p>x</p>", "0\n\nx"),
        ("<p hidden>{% assign x = 1 %}{% increment n %}</p><p>{{ x }}{% increment n %}</p>", "11"),
        ("<p>A</p>{%- if vip -%}<p>B</p>{%- endif -%}<p>C</p>", "A\n\nB\n\nC"),
        ("<ul>{%- for i in items -%}<li>{{ i }}</li>{%- endfor -%}</ul><p>x</p>", "- a\n- b\n\nx"),
        ("a {%- if vip -%} b {%- endif %} c {{- euros -}} d", "ab c9d"),
        ("<p>Hi</p><!--[if mso]>{% if vip == 0 %}<table><tr><td><![endif]--><p>no</p><!--[if mso]></td></tr></table>"
         "{% endif %}<![endif]-->", "Hi"),
        ("{% if vip %}<div hidden>{% endif %}secret{% if vip %}</div>{% endif %}<p>x</p>", "x"),
        ("<p {% if vip %}hidden{% endif %}>secret</p><p>x</p>", "x"),
        ('<p style="display:{% if vip %}none{% else %}block{% endif %}">secret</p><p>x</p>', "x"),
        ('<style>.h{display:none}</style><p class="{% if vip %}h{% endif %}">secret</p><p>x</p>', "x"),
        ("<table>{% if vip == 0 %}secret{% endif %}<tr><td>x</table>", "x"),
        ("<table><tr>{% tablerow i in items %}{{ i }}{% endtablerow %}</table>", "a b"),
        ("<p>a{% if vip == 0 %}<p>b{% endif %}<p>c", "a\n\nc"),
        ("{% capture c %}<b>bold</b>{% endcapture %}<p>{{ c }}</p>", "bold"),
        ("<p>{{ 'a & b' | escape }} {{ '<i>x</i>' }}{{ nothing | default: '&copy; y' }}</p>", "a & b x© y"),
        ("<ul>{% for i in items %}<li>{{ i }}{% break %}</li>{% endfor %}</ul>x", "- a\n\nx"),
        ("{% raw %}<b>{{ x }}</b>{% endraw %}", "{{ x }}"),
    ],
)  # fmt: skip
def test_b8_b34_b35_html_and_text_agree_on_what_liquid_does(body, expected):
    assert text(body) == expected


@pytest.mark.parametrize("vip", [True, False])
def test_b3_a_condition_inside_a_wrapper_of_mjml_holds_in_both_parts(vip):
    for opened, closed in (
        ("{% if vip %}", "{% endif %}"),
        ("<mj-raw>{% if vip %}</mj-raw>", "<mj-raw>{% endif %}</mj-raw>"),
    ):
        body = (
            f"<mjml><mj-body><mj-wrapper>{opened}{section('<mj-text>GOLD50</mj-text>')}{closed}"
            f"{section('<mj-text>all</mj-text>')}</mj-wrapper></mj-body></mjml>"
        )
        compiled = compile(source(body, body_format="mjml"))
        mail = compiled.preview(Recipient("x@y.test", {"vip": vip}), LINKS)
        assert ("GOLD50" in mail.html, "GOLD50" in mail.text) == (vip, vip)
        assert mail.html.count("<!--[if") == mail.html.count("<![endif]-->")
        assert not compiled.late


def test_b8_loops_in_mjml_and_markdown_begin_lines():
    looped = "{% for i in items %}" + section("<mj-text>Item {{ i }}</mj-text>") + "{% endfor %}"
    mjml = f"<mjml><mj-body><mj-wrapper>{looped}</mj-wrapper></mj-body></mjml>"
    assert text(mjml, "mjml").split() == ["Item", "a", "Item", "b"]
    column = section("{%- for i in items %}<mj-text>Hello {{ i }}</mj-text>{%- endfor %}")
    assert text(f"<mjml><mj-body>{column}</mj-body></mjml>", "mjml") == "Hello a\nHello b"
    assert text("One\n\n{%- if vip -%}\n\nTwo\n\n{%- endif -%}\n\nThree", "markdown") == "One\n\nTwo\n\nThree"


def test_blocks_of_style_keep_words_apart():
    assert text('<span style="display:block">a</span><span style="display:block">b</span>') == "a\nb"
    assert (
        text('<div style="display:inline-block">a</div><div style="display:inline-block">b</div>') == "a\nb"
    )
    assert text('<div style="display:inline">a</div><div style="display:inline">b</div>') == "ab"
    assert text("<pre>a\n b</pre><p style='white-space:pre-line'>c\nd</p>") == "a\n b\n\nc\nd"


def test_a_text_that_only_the_rendered_page_tells_is_made_from_it():
    body = f"<p {{% if vip %}}hidden{{% endif %}}>Secret</p><p>{{{{ first_name }}}}</p>{UNSUBSCRIBE}"
    compiled = compile(source(body))
    for vip in (True, False):
        person = Recipient("x@y.test", {"vip": vip}, "Ada")
        message = compiled.render(person, LINKS, at=AT)
        assert message == compiled.render_in_full(person, LINKS, at=AT)
        said = text_of(parse_message(message))
        assert said == compiled.preview(person, LINKS, at=AT).text
        assert ("Secret" in said) is not vip


def test_a_link_that_runs_a_script_is_not_written_out():
    assert text('<a href="javascript:alert(1)">a</a> <a href=" java\nscript:x">b</a>') == "a b"


@pytest.mark.parametrize(
    ("style", "expected"),
    [
        ("<style media=print>.h{display:none}</style>", "S H"),
        ('<style media="only screen and (max-width:600px)">.h{display:none}</style>', "S H"),
        ("<style>@media print{.h{display:none}}</style>", "S H"),
        ("<style>@media (max-width:600px){.h{display:none}} @media (prefers-color-scheme:dark){.h{opacity:0}}</style>",
         "S H"),
        ("<style>.h{opacity:0} @media (max-width:600px){.h{opacity:1}}</style>", "S"),
        ("<style>@media not screen{.h{display:none}} @media speech{.h{visibility:hidden}}</style>", "S H"),
        ("<style>@media screen{.h{display:none}}</style>", "S"),
        ("<style>@supports (display:grid){.h{display:none}}</style>", "S"),
        ("<style>@supports not (display:grid){.h{display:none}}</style>", "S H"),
        ("<style>@media screen{@supports (display:grid){.h{color:rgba(1,1,1,0)}}}</style>", "S"),
        ("<style media=screen>.h{display:none}</style>", "S"),
        ('<style media="only screen and (min-width:600px)">.h{display:none}</style>', "S"),
        ("<style>.h{display:block} @media print, all {a{b:c} .h{display:none}} p{color:red}</style>", "S"),
        ('<style>p{content:"}"} @media only screen and (min-width:37.5em){/* } */ .h{display:none!important}}</style>',
         "S"),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "around", ["{}", "{{% if vip %}}<div>{{% endif %}}{}{{% if vip %}}</div>{{% endif %}}"]
)
def test_styles_count_that_hold_on_a_wide_screen(style, expected, around):
    compiled = compile(source(style + around.format("S<i class=h> H</i>")))
    mail = compiled.preview(Recipient("x@y.test", VALUES), LINKS)
    assert mail.text.strip() == expected
    message = compiled.render(Recipient("x@y.test", VALUES), LINKS, at=AT)
    assert text_of(parse_message(message)) == mail.text


OPENED = ".p{display:none}.p p{margin:0}"  # what is hidden at first


@pytest.mark.parametrize(
    ("style", "body"),
    [
        ("#t:checked ~ .p{display:block}", "<input id=t type=checkbox><label for=t>A</label><div class=p>B</div>"),
        ("#t:checked~.p{display:block!important}", "<input id=t type=radio name=r>A<div class=p>B</div>"),
        (":checked + .p{display:block}", "A<input type=checkbox><div class=p>B</div>"),
        ("@media screen{input:checked + .p{display:block}}", "A<input type=checkbox><div class=p>B</div>"),
        ("#t:checked ~ .p{display:block}.p *{color:red}",
         "A<input id=t type=checkbox><div class=p><p>B</p></div>"),
        ("input:checked + .q .p{display:block}",
         "A<label><input type=checkbox><div class=q><p class=p>B</p></div></label>"),
        (".p:target{display:block}", "<a href='#b'>A</a><div class=p id=b>B</div>"),
        ("div:focus-within .p{display:block}", "<div tabindex=0>A<p class=p>B</p></div>"),
        (".d:has(input:checked) .p{display:block}", "<div class=d>A<input type=checkbox><p class=p>B</p></div>"),
        ("details[open] .p{display:block}", "<details><summary>A</summary><p class=p>B</p></details>"),
        ("details:not([open]) .q{display:none}", "<details><summary>A</summary><p class=q>B</p></details>"),
        (".q{display:block}#t:not(:checked) ~ .q{display:none}", "<input id=t type=checkbox>A<p class=q>B</p>"),
        ("#t:checked ~ #u:not(:checked) ~ .p{display:block}",
         "<input id=t type=checkbox><input id=u type=checkbox>A<p class=p>B</p>"),
        (".q{max-height:0;overflow:hidden}#t:checked ~ .q{max-height:500px}",
         "<input id=t type=checkbox>A<div class=q>B</div>"),
        (".q{visibility:hidden;opacity:0}:checked ~ .q{visibility:visible;opacity:1}",
         "<input type=checkbox>A<div class=q>B</div>"),
        (".q:checked ~ .r{display:block}",
         "<input class=q type=checkbox>A<div class=r style='display:none'>no</div><div>B</div>"),
        (".q:checked ~ .r{display:block!important}",
         "<input class=q type=checkbox>A<div class=r style='display:none'>B</div>"),
        ("#t:checked ~ .p{display:block}", "<input id=t type=checkbox checked>A<div class=p>B</div>"),
        ("/* :checked */ i{color:red}", "A<div>B</div><div class=p>no</div>"),
        ("#t:checked ~ .o{display:block}", "A<div>B</div><div class=p>no</div>"),
        (".o:checked ~ .p{display:block}", "<input type=checkbox>A<div>B</div><div class=p>no</div>"),
        (":checked ~ .p{color:red}", "<input type=checkbox>A<div>B</div><div class=p>no</div>"),
        (":checked ~ .q{display:block}", "<input type=checkbox>A<div>B</div><div class=p><p class=q>no</p></div>"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("around", ["{}", "{{% if vip %}}<i>{{% endif %}}{}{{% if vip %}}</i>{{% endif %}}"])
def test_what_only_a_click_opens_is_said_and_what_is_hidden_for_good_is_not(style, body, around):
    compiled = compile(source(f"<style>{OPENED}{style}</style>" + around.format(body)))
    mail = compiled.preview(Recipient("x@y.test", VALUES), LINKS)
    assert [word[0] for word in mail.text.split() if word[0] != "<"] == ["A", "B"]
    message = compiled.render(Recipient("x@y.test", VALUES), LINKS, at=AT)
    assert text_of(parse_message(message)) == mail.text


def test_the_answers_of_an_accordion_of_mjml_are_said_without_its_arrows():
    answers = "".join(
        f"<mj-accordion-element><mj-accordion-title>Why {n}?</mj-accordion-title>"
        f"<mj-accordion-text>So {n}.</mj-accordion-text></mj-accordion-element>"
        for n in (1, 2)
    )
    body = f"<mjml><mj-body>{section(f'<mj-accordion>{answers}</mj-accordion>')}</mj-body></mjml>"
    words = [word for word in text(body, "mjml").split() if word != "+"]
    assert words == ["Why", "1?", "So", "1.", "Why", "2?", "So", "2."]


@pytest.mark.parametrize(
    "rule",
    [
        ".p{display:none}#t:checked ~ .p{display:block}",
        "#t:not(:checked) ~ .p{display:none}",
        ".p{display:none}@media (min-width:1px){#t:checked ~ .p{display:block}}",
    ],
)
def test_what_a_click_changes_is_not_copied_into_an_attribute_that_would_win(rule):
    body = f"<style>.p{{color:red}}{rule}</style><input id=t type=checkbox><div class=p>B</div>"
    mail = render_preview(source(body), Recipient("x@y.test", VALUES))
    assert '<div class=p style="color: red;">B</div>' in mail.html


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("<ruby>漢<rp>(</rp><rt>kan</rt><rp>)</rp></ruby>字", "漢(kan)字"),
        ("<ruby>漢<rt>kan</rt>字<rt>ji</rt></ruby>", "漢(kan)字(ji)"),
        ("<ruby>漢<rt>{{ euros }}</rt></ruby>", "漢(9)"),
        ("<ruby>漢<rt></rt></ruby>", "漢"),
        ("<ruby>漢<rt hidden>kan</rt></ruby>", "漢"),
    ],
)
def test_a_reading_above_its_letters_stands_in_brackets_behind_them(body, expected):
    assert text(body) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("{% if vip == 0 %}<p>V</p>{% endif %}<p>B</p>", "B\n"),
        ("{% if vip == 0 %}V {% endif %}B", "B\n"),
        ("Dear {% if vip %}Ada{% endif %} friend", "Dear Ada friend\n"),
        ("Dear {% if vip %}Ada{% endif %}, hello", "Dear Ada, hello\n"),
        ("Dear {% if vip == 0 %}Ada{% endif %}, hello", "Dear , hello\n"),
        ("<p>A</p>{% for i in items %}{% if vip == 0 %}<p>{{ i }}</p>{% endif %}{% endfor %}<p>B</p>", "A\n\nB\n"),
        ("a{% for i in items %}{% if vip == 0 %}<p>{{ i }}</p>{% else %}b {% endif %}{% endfor %}", "ab b\n"),
        ("{% for i in items %}<p>{{ i }}</p>{% endfor %}", "a\n\nb\n"),
        ("{% for i in items %}<p>{{ i }}</p>{% endfor %}{% for i in items %}<p>{{ i }}</p>{% endfor %}",
         "a\n\nb\n\na\n\nb\n"),
        ("{% for i in items %}<p>{{ i }}</p>{% endfor %}{% if vip %}<p>V</p>{% endif %}<p>B</p>",
         "a\n\nb\n\nV\n\nB\n"),
        ("{% for i in items %}<p>{{ i }}</p>{% endfor %}{% if vip == 0 %}V{% endif %}<p>B</p>", "a\n\nb\n\nB\n"),
    ],
)  # fmt: skip
def test_a_branch_that_is_not_taken_leaves_no_empty_lines(body, expected):
    compiled = compile(source(body))
    person = Recipient("x@y.test", VALUES)
    message = compiled.render(person, LINKS, at=AT)
    assert text_of(parse_message(message)) == compiled.preview(person, LINKS).text == expected


@pytest.mark.parametrize(
    "button",
    [
        '<div><!--[if mso]><v:roundrect href="https://x.test/a"><center>Buy</center></v:roundrect><![endif]-->'
        '<a href="https://x.test/a" style="color:#fff;display:inline-block;mso-hide:all;">Buy</a></div>',
        '<!--[if !mso]><!-- --><a href="https://x.test/a"><table><tr><td style="mso-hide:all">Buy</td></tr></table></a>'
        "<!--<![endif]-->",
        '<div style="mso-hide:all"><a href="https://x.test/a">Buy</a></div>',
    ],
)
def test_a_button_that_outlook_gets_in_a_form_of_its_own_is_in_the_text(button):
    """The common way to make a button: Outlook draws it by VML, and hides the link that all others see."""
    assert text(f"<p>a</p>{button}<p>b</p>").split()[:2] == ["a", "Buy"]
