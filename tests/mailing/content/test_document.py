"""The body in its formats: one HTML document, its CSS inlined, its Liquid where it was; and the text made from it."""

import re

import pytest

from mailing.content import ContentError, Recipient, Source, compile, find_problems, render_preview

from .corpus import RECIPIENTS, TEMPLATES, UNSUBSCRIBE, source

LANGUAGE = ' lang="en" dir="ltr"'


def additions(scheme: str = "light dark") -> str:
    """What every head gets where its author left it out."""
    names = ("color-scheme", "supported-color-schemes")
    return "".join(f'<meta name="{name}" content="{scheme}">' for name in names) + "<title>News</title>"


def page(body: str, recipient: Recipient = RECIPIENTS["plain"], **fields: object) -> str:
    return render_preview(source(body, **fields), recipient).html


def text(body: str, recipient: Recipient = RECIPIENTS["plain"], **fields: object) -> str:
    return render_preview(source(body, **fields), recipient).text


def is_late(body: str) -> bool:
    return compile(source(body)).late


def test_a_fragment_becomes_a_document():
    assert (
        page("<p>é {{ city }}</p>", locale="de").split()
        == (
            '<!DOCTYPE html> <html lang="de" dir="ltr"><head><meta charset="utf-8"><meta name="viewport" '
            f'content="width=device-width, initial-scale=1">{additions()}</head> <body> <p>é Leeds</p> </body></html>'
        ).split()
    )


@pytest.mark.parametrize(
    ("body", "sent"),
    [
        ("<body>x</body>", f"<html{LANGUAGE}>{additions()}<body>x</body>"),
        (
            "<!DOCTYPE html><html><body class=a>x</body></html>",
            f"<!DOCTYPE html><html{LANGUAGE}>{additions()}<body class=a>x</body></html>",
        ),
    ],
)
def test_a_document_stays_as_it_was_written_but_for_what_every_mail_says_of_itself(body, sent):
    assert page(body) == sent


def test_a_document_without_a_body_gets_one():
    sent = f"<html{LANGUAGE}><head>{additions()}</head><body><p>x</p></body></html>"
    assert page("<html><p>x</p></html>") == sent


def test_css_is_inlined_and_the_style_sheet_stays_for_what_cannot_be():
    shown = page(
        "<style>p.a{color:red}@media print{p{color:blue}}a:hover{color:green}</style><p class=a>x</p>"
    )
    assert '<p class=a style="color: red;">x</p>' in shown
    assert "<style>p.a{color:red}@media print{p{color:blue}}a:hover{color:green}</style>" in shown


@pytest.mark.parametrize("link", ["file:///etc/passwd", "https://127.0.0.1:1/a.css", "a.css"])
def test_a_linked_style_sheet_is_not_fetched(link):
    head = f'<link rel="stylesheet" href="{link}"><style>p{{color:red}}</style>'
    shown = page(f"<html><head>{head}</head><body><p>x</p></body></html>")
    assert "root:" not in shown
    assert f'<link rel="stylesheet" href="{link}">' in shown


@pytest.mark.parametrize(
    "body",
    [
        "<table>{% for tag in tags %}<tr><td>{{ tag }}</td></tr>{% endfor %}</table>",
        "<table><thead><tr><th>x</th></tr></thead> {% if vip %}<tr><td>a</td></tr>{% endif %}</table>",
        "<table><tbody><tr>{% for tag in tags %}<td>{{ tag }}</td>{% endfor %}</tr></tbody></table>",
        "<ul>{% for tag in tags %}<li>{{ tag }}</li>{% endfor %}</ul>",
        '<p class="{% if vip %}a{% endif %}" title="{{ city }} > {{ first_name }}">{% if points > 1 %}x{% endif %}</p>',
        "{% assign x = 1 %}<p>{{ x }}</p>{% comment %}<td>{% endcomment %}",
        "<p>{a|<b>b</b>} {c|d} {{ city | default: '<i>' }}</p>",
    ],
)
def test_liquid_stays_where_it_was_when_css_is_inlined(body):
    styled = "<style>td,li,p{color:red}</style>" + body
    assert not is_late(styled)
    for who in ("plain", "nobody", "hostile"):
        bare = page(body, RECIPIENTS[who]).replace("<thead>", "").replace("</thead>", "")
        inlined = page(styled, RECIPIENTS[who]).partition("</style>")[2].replace(' style="color: red;"', "")
        for name in ("tbody", "thead"):
            inlined = inlined.replace(f"<{name}>", "").replace(f"</{name}>", "")
            bare = bare.replace(f"<{name}>", "").replace(f"</{name}>", "")
        assert "".join(inlined.split()).replace("&quot;", "&#34;") == "".join(
            bare.partition("<body>")[2].split()
        ).replace("&#39;", "'").replace("class=a", 'class="a"')


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (
            "<p {% if vip %}class=a{% else %}class=b{% endif %}>x</p>",
            '<p class=a style="color: red;">x</p>',
        ),
        (
            '<p class="a" title="{% if vip %}v" title="{% endif %}">x</p>',
            '<p class="a" title="v" title="" style="color: red;">x</p>',
        ),
        ("<p class=a>{% if vip %}x<p class=a>{% endif %}y", '<p class=a style="color: red;">x'),
    ],
)
def test_where_a_parser_would_move_liquid_css_is_inlined_after_it(body, shown):
    styled = "<style>.a{color:red}</style>" + body
    assert is_late(styled)
    assert shown in page(styled)


def test_markdown_keeps_tags_out_of_paragraphs_and_lists():
    shown = page(
        "{% if vip %}\n# {{ city }}\n{% endif %}\n- a\n{% for tag in tags %}\n- {{ tag }}\n{% endfor %}\n\n"
        '{{ nothing | default: "<b>" }} *{{ first_name }}* | x_{{ city }}_y\n',
        body_format="markdown",
    )
    body = "".join(shown.partition("<body")[2].partition(">")[2].split("\n"))
    assert body == (
        "<h1>Leeds</h1><ul><li>a</li></ul><ul><li>new</li></ul><ul><li>loyal</li></ul>"
        "<p><b> <em>Ada</em> | x_Leeds_y</p></body></html>"
    )


@pytest.mark.parametrize("level", ["> ", "- "])
def test_what_is_nested_deep_in_markdown_is_shown_or_refused_with_its_line(level):
    """Its reader leaves out what is deeper than it goes, with all that follows."""
    for deep in (9, 19, 20, 45):
        body = "".join(f"{level * n}a\n" for n in range(deep)) + f"{level * deep}WORD\n\nAFTER"
        shown = text(body, body_format="markdown")
        assert "WORD" in shown
        assert "AFTER" in shown
    with pytest.raises(ContentError, match="too many lists or quotations inside each other: line 2"):
        compile(source(f"a\n{level * 200}WORD", body_format="markdown"))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\r\r\n"])
@pytest.mark.parametrize("body_format", ["html", "markdown", "mjml"])
def test_lines_may_end_in_any_way(body_format, end):
    lines = {
        "html": ["<p>one</p>", "<p>two</p>", "<form></form>"],
        "markdown": ["one", "", "two", "", "<form></form>"],
        "mjml": ["<mjml><mj-body><mj-section><mj-column><mj-text>one</mj-text>", "<mj-text>two</mj-text>",
                 "<mj-text><form></form></mj-text></mj-column></mj-section></mj-body></mjml>"],
    }[body_format]  # fmt: skip
    mail = source(end.join(lines), body_format=body_format, text=end.join(["a", "b"]))
    assert (mail.text.split(), mail.text.count("\r")) == (["a", "b"], 0)
    line = len(lines) if end != "\r\r\n" else 2 * len(lines) - 1
    assert [said for _, said in find_problems(mail) if "<form>" in said] == [
        f"Body, line {line}: mail clients do not send a <form>; link to a page with the form in its place."
    ]


def test_markdown_has_tables_and_html():
    shown = page("| a |\n|---|\n| {{ city }} |\n\n<i>{{ city }}</i>", body_format="markdown")
    assert ">Leeds</td>" in shown
    assert "<i>Leeds</i>" in shown


def test_mjml_is_compiled_with_liquid_between_its_sections():
    mjml = TEMPLATES["mjml"].body
    vip, other = (page(mjml, RECIPIENTS[who], body_format="mjml") for who in ("plain", "nobody"))
    assert not compile(TEMPLATES["mjml"]).late
    assert "Hi Ada" in vip or "Hello Ada" in vip
    assert "Ada" not in other
    assert re.findall(r"<td[^>]*>(new|loyal)</td></tr>", vip) == ["new", "loyal"]
    assert '<html lang="en"' in vip
    assert "fonts.googleapis" not in vip
    assert "<mj" not in vip


@pytest.mark.parametrize(
    ("mjml", "reason"),
    [
        ("hello", "does not compile: line 1: it must begin with <mjml>$"),
        ("<mjml>\n<mj-body>\n<mj-section>", "does not compile: line 3: <mj-section> is not closed$"),
        (
            "<mjml><mj-body>\n<mj-section></mj-body></mjml>",
            "line 2: <mj-section> is not closed before </mj-body>$",
        ),
        ("<mjml><mj-body>\n</mj-text></mj-body></mjml>", "line 2: </mj-text> closes nothing$"),
        (
            "{% if\nemail %}\n{% endif %}<mjml><mj-body>\n<mj-raw></mj-body></mjml>",
            "line 4: <mj-raw> is not closed",
        ),
        ("<mjml><mj-body><mj-include path='/etc/passwd'/></mj-body></mjml>", "does not compile"),
        (
            "<mjml><mj-body>\n\n<mj-botton>x</mj-botton></mj-body></mjml>",
            "holds <mj-botton> where .* line 3$",
        ),
    ],
)
def test_mjml_that_does_not_compile_is_refused(mjml, reason):
    with pytest.raises(ContentError, match=reason) as caught:
        compile(source(mjml, body_format="mjml"))
    assert caught.value.field == "body"


def test_mjml_as_a_browser_sends_it_is_the_same():
    body = TEMPLATES["mjml"].body
    typed = body.replace("\n", "\r\n")
    assert page(typed, body_format="mjml").split() == page(body, body_format="mjml").split()


def test_the_preheader_is_read_first_and_seen_nowhere():
    shown = page("<body><p>x</p></body>", preheader="For {{ first_name }} & <all>")
    assert shown.partition("<body>")[2].startswith('<div style="display:none;')
    assert ">For Ada &amp; &lt;all&gt;&#847;" in shown
    assert text("<body><p>x</p></body>", preheader="For {{ first_name }}") == "x\n"


def test_literal_braces_never_become_liquid():
    assert ">{{ city }} {a|b}</p>" in page("&#123;&#123; city }} \\{a|b\\}", body_format="markdown")
    assert "&#123;&#123; city }}" in page("<style>p{}</style><p>&#123;&#123; city }}</p>")
    assert text("<style>p{}</style><p>&#123;&#123; city }}</p>") == "{{ city }}\n"
    assert ">&#123;Leeds}</p>" in page("<style>p{}</style><p>&#123;{{ city }}}</p>")


@pytest.mark.parametrize("opening", ["<table>", "<table><thead><tr><td>h</td></tr></thead>"])
@pytest.mark.parametrize("who", ["plain", "nobody"])
def test_rows_in_a_loop_or_a_condition_leave_no_element_open(opening, who):
    rows = "{% for tag in tags %}<tr><td>{{ tag }}</td></tr>{% endfor %}{% if vip %}<tr><td>v</td></tr>{% endif %}"
    shown = page(f"<style>td{{color:red}}</style>{opening}\n{rows}</table>", RECIPIENTS[who])
    assert "tbody" not in shown, "it stays as it was written"
    assert shown.count("<tr>") == shown.count("</tr>")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("<h1>Hi</h1><p>a  b\n c<br>d</p><p>e</p>", "Hi\n\na b c\nd\n\ne"),
        ("<ul><li>a</li><li><p>b</p></li></ul>c", "- a\n- b\n\nc"),
        ("<ol><li>c<ul><li>d</li></ul></li><li>e</li></ol>", "1. c\n  - d\n2. e"),
        ('<a href="https://x.test/?a=1&amp;b=2">shop</a>!', "shop <https://x.test/?a=1&b=2>!"),
        ('<a href="https://x.test">https://x.test</a> <a href="mailto:a@b.test">a@b.test</a> <a href="#t">t</a>',
         "https://x.test a@b.test t"),
        ('<a href="https://x.test"><img src="i.png" alt="A &amp; B"></a><img src="p.png">', "A & B <https://x.test>"),
        ('<a href="https://x.test"><img src="i.png"></a>', "https://x.test"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"),
        ("<style>p{}</style><title>t</title><script>s</script><div style='display: none'>h<b>h</b></div>v", "v"),
        ("<pre>a\n  b</pre>&lt;é&nbsp;&amp;&#128512;", "a\n  b\n\n<é &😀"),
        ("a<!-- c --><!--[if mso]><p>o</p><![endif]-->b<hr>c", "ab\n\n---\n\nc"),
        ("<p>Hi{% if vip %} <b>VIP</b>{% else %} you{% endif %}, {{ city }}</p>", "Hi VIP, Leeds"),
        ("{% if vip %}<p>a</p>{% endif %}<p>b</p>{% if nothing %}<p>c</p>{% endif %}<p>d</p>", "a\n\nb\n\nd"),
        ("Hi {% if nothing %}a{% endif %} {% if vip %}b{% endif %}! {% if vip %} c{% endif %}d", "Hi b! cd"),
        ("<p>a</p>{% if nothing %}b{% endif %}c", "a\n\nc"),
        ("x {% for tag in tags %}<p>{% if vip %}{{ tag }}{% endif %}</p>{% else %}n{% endfor %} y",
         "x\n\nnew\n\nloyal\n\ny"),
        ("x{% for tag in nothing %}a{% else %}<p>none</p>{% endfor %}y", "x\n\nnone\n\ny"),
        ("{% unless vip %}<p>a</p>{% else %}<p>b</p>{% endunless %}<p>c</p>", "b\n\nc"),
        ("<ul>{% for tag in tags %}<li>{{ tag }}</li>{% endfor %}</ul><p>x</p>", "- new\n- loyal\n\nx"),
        ("<p>x</p>{% for tag in tags %}{{ tag }}<br>{% endfor %}y", "x\n\nnew\nloyal\ny"),
        ("{% for tag in tags %}{{ tag }} {% endfor %}", "new loyal"),
        ("{% case city %}{% when 'Leeds' %}<p>N</p>{% else %}<p>S</p>{% endcase %}<p>x</p>", "N\n\nx"),
        ("{{ '<b>' }}{{ city }}", "Leeds"),
        ("</p></ul></a>x", "x"),
    ],
)  # fmt: skip
def test_the_text_part_says_what_the_html_says(body, expected):
    assert text(body).strip() == expected


def test_an_own_text_part_is_sent_as_it_was_written():
    own = "Hi {{ first_name }},\n\n  https://shop.test/?a=b <b>&amp;\n"
    assert text("<p>x</p>", text=own, utm_source="news") == own.replace("{{ first_name }}", "Ada")


def test_a_draft_that_lacks_a_sender_can_be_looked_at():
    draft = Source(subject="", from_email="", list_id="campaigns.", body="{{ city }}", body_format="markdown")
    assert ">Leeds</p>" in render_preview(draft, RECIPIENTS["plain"]).html
    with pytest.raises(ContentError, match="there is no filter shout"):
        render_preview(Source(subject="", from_email="", body="{{ city | shout }}"), RECIPIENTS["plain"])


def test_a_preview_shows_subject_sender_and_links_that_lead_straight_on():
    preview = render_preview(
        source(
            '<a href="https://shop.test/">x</a>' + UNSUBSCRIBE,
            subject=" Hi {{ city }} ",
            from_name="{{ city }}",
        ),
        RECIPIENTS["plain"],
    )
    assert (preview.subject, preview.sender) == ("Hi Leeds", "Leeds")
    assert '<a href="https://shop.test/">' in preview.html
    assert "/t/" not in preview.html + preview.text


def test_b64_a_page_with_a_style_sheet_stays_as_it_was_written_but_for_styles():
    before = (
        '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" '
        '"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">\n'
        "<html xmlns='x'><head><style>p{color:red}</style></head><body>\n"
        "<table cellpadding=0><tr><td>a&nbsp;&#8364;<br/><![if !vml]><span>S</span><![endif]>\n<p>"
    )
    sent = before[:-1] + ' style="color: red;">x</body></html>'
    sent = sent.replace("xmlns='x'", f"xmlns='x'{LANGUAGE}").replace(
        "</head>", f"{additions('light')}</head>"
    )
    assert page(before + "x</body></html>") == sent.replace("=0>", '=0 role="presentation">')


@pytest.mark.parametrize(
    "style", ["color", "color:", ";;:", "{", '"', "a:b;c", "font-size:12px;{{ city }}", "{{ city }}"]
)
def test_a_malformed_style_is_skipped_as_browsers_do(style):
    sheet, body = "<style>p{color:red}</style>", f"<p style='{style}'>x</p>"
    assert 'style="color: red;' in page(sheet + body)
    assert ">x</p>" in page(f"{sheet}\n\n{body}\n", body_format="markdown")
    mjml = f"<mj-section><mj-column><mj-text>{body}</mj-text></mj-column></mj-section>"
    rule = "p { color: red; }</mj-style>"
    head = f"<mj-head><mj-style inline='inline'>{rule}<mj-style>{rule}</mj-head>"
    assert ">x</p>" in page(f"<mjml>{head}<mj-body>{mjml}</mj-body></mjml>", body_format="mjml")


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("<style media=print>p{display:none}</style><p>x", "<p>x"),
        ('<style media="screen and (max-width: 600px)">p{color:red}</style><p>x', "<p>x"),
        ("<style media=print>p{color:blue}</style><style>p{color:red}</style><p>x", '<p style="color: red;">x'),
        ("<style media=screen>p{color:red}</style><p>x", '<p style="color: red;">x'),
        ("<style>p{color:red;margin:0}@media (max-width:9px){p{color:blue}}</style><p>x", '<p style="margin: 0;">x'),
        ("<style>p{padding:9px}@media (max-width:9px){p{padding-left:1px}}</style><p>x", "<p>x"),
        ("<style>p{color:red}@media (max-width:9px){p{color:blue!important}}</style><p>x", '<p style="color: red;">x'),
        ("<style>p.a{color:red}@media (x){p{color:blue}}</style><p class=a>x", '<p class=a style="color: red;">x'),
        ("<style>p{color:red}@media print{p{color:blue}}</style><p>x", '<p style="color: red;">x'),
        ("<style>p{color:red}@supports (a:b){@media (x){p{color:blue}}}</style><p>x", "<p>x"),
        ("<style>p{display:none}@media (max-width:9px){p{display:block}}</style><p>x", '<p style="display: none;">x'),
        ("<style>p{color:red;background:url('x</style><p style=\"margin:0\">x", '<p style="color: red; margin:0">x'),
    ],
)  # fmt: skip
def test_what_a_rule_for_some_screens_changes_is_not_made_stronger_than_it(written, sent):
    assert sent in page(written)
