"""Before a launch: links that lead nowhere, what no mail client runs, what nobody sees, and other programs' tags."""

import time

import pytest

from mailing.content import ContentError, Links, Recipient, compile, find_problems, merge_tags

from .corpus import UNSUBSCRIBE, source

LINKS = Links("https://m.shop.test", "tok")
WHO = [Recipient("x@y.test", {"page": "https://x.test/", "vip": True, "n": 1}, "Ada")]


def list_sentences(body: str, **fields: object) -> list[str]:
    return [sentence for _, sentence in find_problems(source(body, **fields), WHO)]


@pytest.mark.parametrize(
    ("markup", "words"),
    [
        ('<a href="www.x.test">x</a>', "the link “www.x.test” has no scheme, and an e-mail has no page it could be "
         "relative to; write https://www.x.test"),
        ("<a href=/shop>x</a>", "the link “/shop” has no scheme"),
        ("<a href='x.test/a'>x</a>", "write https://x.test/a"),
        ('<a href="//x.test/a">x</a>', "write https://x.test/a"),
        ('<a href="index.html">x</a>', "the link “index.html” has no scheme"),
        ('<a href="info@x.test">x</a>', "is an e-mail address; write mailto:info@x.test"),
        ('<a href="http:/x.test">x</a>', "has no host"),
        ('<a href="java&#10;script:alert(1)">x</a>', "does nothing in an e-mail"),
        ("<a href=JAVASCRIPT:void(0)>x</a>", "does nothing in an e-mail"),
        ('<!--[if mso]><v:rect href="/a"></v:rect><![endif]-->', "the link “/a” has no scheme"),
        ('<img src="/logo.png">', "the picture “/logo.png” has no host"),
        ('<img src="cid:logo">', "is not on a server"),
        ("<img alt=x>", "a picture has no address"),
        ('<table><td background="bg.png">x</table>', "the picture “bg.png” has no host"),
        ("<script>x()</script>", "no mail client runs a <script>"),
        ("<form><input></form>", "do not send a <form>"),
        ('<p onclick="x()">y</p>', "runs onclick= of <p>"),
        ('<a href="htps://x.test/a">x</a>', "has a scheme that is not known, htps:; write https://x.test/a"),
        ("<a href=htttp:x.test>x</a>", "write https://x.test"),
        ("<a href='mail:a@x.test'>x</a>", "write mailto:a@x.test"),
        ('<a href="myshop://p/1">x</a>', "myshop:, which mail programs do not open"),
        ('<a href="x.test:8000/a">x</a>', "write https://x.test:8000/a"),
        ('<a href="mailto:">x</a>', "has no e-mail address"),
        ('<a href="mailto://a@x.test">x</a>', "write mailto:a@x.test"),
        ('<a href="https://mailto:a@x.test">x</a>', "write mailto:a@x.test"),
        ('<a href="http://info@x.test">x</a>', "write mailto:info@x.test"),
        ('<a href="">x</a>', "a link has no address"),
        ("<a href>x</a>", "a link has no address"),
        ("<a class=button><b>x</b></a>", "an <a> links nowhere"),
        ('<a href="https://s test/x">x</a>', "has a space in its host"),
        ('<a href="https://x..test/">x</a>', "has an impossible host: “x..test”"),
        ('<a href="https://x.test:port/">x</a>', "has a port that is not a number"),
        ('<a href="http://localhost:8000/x">x</a>', "which no recipient can reach: “localhost”"),
        ('<a href="http://127.0.0.1/x">x</a>', "leads into your own network"),
        ('<a href="http://2130706433/x">x</a>', "leads into your own network"),
        ('<a href="http://[::1]/x">x</a>', "leads into your own network"),
        ('<a href="https://intranet/x">x</a>', "leads into your own network"),
        ('<img src="http://192.168.1.5/a.png">', "leads into your own network"),
        ('<img src="https://nas.local/a.png">', "leads into your own network"),
        ('<img src="data:image/png;base64,AA">', "is embedded in the e-mail itself, and many mail"),
        ('<img src="https://x.test/a.png" srcset="https://x.test/b,c.png 1x, d.png 2x">', "“d.png” in srcset="),
        ('<p style="background:url(/a.png)">x</p>', "the address url(/a.png) in a style has no host"),
        ("<style>p{color:red}\nq{background:url('a.png')}</style>", "the address url(a.png) in a style has no host"),
        ('<iframe src="https://x.test"></iframe>', "do not show what <iframe> loads"),
        ('<object data="https://x.test/a.swf"></object>', "do not show what <object> loads"),
        ('<embed src="https://x.test/a.swf">', "do not show what <embed> loads"),
        ('<base href="https://x.test/">', "few mail clients follow <base href=…>"),
        ('<meta http-equiv="Refresh" content="0;url=https://x.test">', "no mail client follows a <meta>"),
    ],
)  # fmt: skip
def test_b41_what_cannot_work_in_an_email_is_named_with_its_line(markup, words):
    [sentence] = list_sentences(f"<p>one</p>\n{markup}\n{UNSUBSCRIBE}")
    line = 3 if "\n" in markup else 2
    assert sentence.startswith(f"Body, line {line}: ")
    assert words in sentence


@pytest.mark.parametrize(
    "markup",
    [
        '<a href="#top">x</a><a href="mailto:a@b.test">x</a><a href="tel:+49 30 1">x</a><a href=sms:1>x</a>',
        '<a href="{{ page }}">x</a><a href="https://x.test:8000/a">x</a><a href="webcal://x.test">x</a><a name=x>',
        '<img src="{{ page }}"><img src="https://x.test/a.png" alt=x srcset="https://x.test/b.png 2x, {{ page }}x 3x">',
        '<a id=x>text</a><a><img src="https://x.test/a.png"></a><a {% if vip %}href="https://x.test"{% endif %}>x</a>',
        '<a href="https://{{ n }}.test/a b">x</a><a href="https://bücher.test/ä ö">x</a><a href="https://x_y.test.">x</a>',
        '<a href="https://[2001:db8::1]/">x</a><a href="https://u:p@x.test/">x</a><a href="https://x.test/?a=b@c.d">x</a>',
        '<a href="mailto:?subject=x">x</a><a href="mailto:{{ n }}">x</a><a href="whatsapp://send?text={{ n }}">x</a>',
        "<style>v\\:*{behavior:url(#default#VML)} p{background:url({{ page }})} /* url(x.png) */ q{a:url()}</style>",
        '<p style="background:url(https://x.test/a.png)">x</p><table background=""><tr><td>x</table>',
        '<base target="_blank"><meta http-equiv="X-UA-Compatible" content="IE=edge">',
        "[1] [Sale] [NEW] [name] [x] [A-Z] a@@b a@@b.test |*a*|*b*| $USD$ «Bonjour» <b>@home@work {!|?} [% off",
        '<script type="application/ld+json">{}</script><link href="/a.css">',
        "<style>p{color:red} .name{x:y}</style><p>100% {a|b} 50 % [x] \\{name\\} {% raw %}[[n]]{% endraw %}",
        '<a href="https://x.test/?a=%C3%BC%20%5B">x</a> {{ page | default: "{name}" }}',
    ],
)  # fmt: skip
def test_what_works_is_not_named(markup):
    assert list_sentences(markup + UNSUBSCRIBE) == []


def test_links_of_a_navbar_are_relative_to_its_own_address():
    links = '<mj-navbar-link href="/a">x</mj-navbar-link>'
    for base, count in ((' base-url="https://x.test"', 0), ("", 1)):
        column = (
            f"<mj-column><mj-navbar{base}>{links}</mj-navbar><mj-text>{UNSUBSCRIBE}</mj-text></mj-column>"
        )
        body = f"<mjml><mj-body><mj-section>{column}</mj-section></mj-body></mjml>"
        assert len(list_sentences(body, body_format="mjml")) == count


def test_an_address_of_an_app_that_holds_a_value_stays_what_it_is():
    body = f'<a href="whatsapp://send?text={{{{ n }}}}">x</a>{UNSUBSCRIBE}'
    preview = compile(source(body)).preview(WHO[0], LINKS)
    assert 'href="whatsapp://send?text=1"' in preview.html
    assert "x <whatsapp://send?text=1>" in preview.text


def test_markdown_is_named_by_its_lines_too():
    body = "text\n\n[a](/shop) and ![x](logo.png)\n\n- <a href=foo>x</a>\n\n[u]({{ unsubscribe_url }})"
    assert [sentence[:25] for sentence in list_sentences(body, body_format="markdown")] == [
        "Body, line 3: the link “/",
        "Body, line 3: the picture",
        "Body, line 5: the link “f",
    ]
    body = "`<a>x</a>` [U]({{ unsubscribe_url }})\n\n<a>**x**</a> <a name=x></a>[EMAIL](https://x.test)"
    assert [sentence[:32] for sentence in list_sentences(body, body_format="markdown")] == [
        "Body, line 3: an <a> links nowhe"
    ]


@pytest.mark.parametrize(
    "body",
    [
        f'<div style="display:none">{UNSUBSCRIBE}</div><p>x</p>',
        f"<p>x</p><!--[if mso]>{UNSUBSCRIBE}<![endif]-->",
        f"<style>.h{{opacity:0}}</style><p>x</p><div class=h>{UNSUBSCRIBE}</div>",
        f"<p hidden>{UNSUBSCRIBE.replace('<p>', '').replace('</p>', '')}</p><p>x</p>",
    ],
)
def test_b6_an_unsubscribe_link_that_nobody_sees_is_told(body):
    [sentence] = list_sentences(body)
    assert "nobody can see its unsubscribe link" in sentence
    [sentence] = list_sentences(body, text="x {{ unsubscribe_url }}")
    assert "nobody can see its unsubscribe link" in sentence


def test_a_text_part_without_words_is_told():
    body = '<a href="{{ unsubscribe_url }}"><img src="https://x.test/a.png"></a>'
    assert "Text part, for x@y.test: it has no words" in list_sentences(body)[0]
    assert list_sentences(body, text="Read {{ unsubscribe_url }}") == []


@pytest.mark.parametrize("scheme", ["http://", "https://", "//", " https:", "mailto:"])
def test_b6_a_scheme_before_the_unsubscribe_link_is_taken_off(scheme):
    body = f'<p><a href="{scheme}{{{{ unsubscribe_url }}}}">U</a></p>'
    assert list_sentences(body) == []
    preview = compile(source(body)).preview(WHO[0], LINKS)
    assert 'href="https://m.shop.test/u/tok"' in preview.html
    assert "U <https://m.shop.test/u/tok>" in preview.text


def test_a_scheme_before_a_value_that_has_one_is_taken_off():
    compiled = compile(source('<a href="http://{{ page }}">x</a>' + UNSUBSCRIBE))
    assert 'href="https://x.test/"' in compiled.preview(WHO[0], LINKS).html


@pytest.mark.parametrize(
    ("written", "here"),
    [
        ("*|FNAME|*", "{{ first_name }}"),
        ("*|UNSUB|*", "{{ unsubscribe_url }}"),
        ("*|IF:CITY=Wien|*a*|ELSEIF:VIP|*b*|ELSE:|*c*|END:IF|*",
         '{% if city == "Wien" %}a{% elsif vip %}b{% else %}c{% endif %}'),
        ("*|IFNOT:VIP|*a*|END:IF|*", "{% unless vip %}a{% endunless %}"),
        ("*|UPPER:FNAME|* *|CURRENT_YEAR|*", '{{ first_name | upcase }} {{ "now" | date: "%Y" }}'),
        ("*|MC:SUBJECT|* *|ARCHIVE|*", "*|MC:SUBJECT|* *|ARCHIVE|*"),
        ("{{#if vip}}a{{else if n}}b{{else}}c{{/if}}", "{% if vip %}a{% elsif n %}b{% else %}c{% endif %}"),
        ("{{#unless vip}}a{{/unless}}", "{% unless vip %}a{% endunless %}"),
        ("{{#each items}}{{this}}{{name}}{{@index}}{{../n}}{{/each}}{{name}}",
         "{% for item in items %}{{ item }}{{ item.name }}{{ forloop.index0 }}{{ n }}{% endfor %}{{name}}"),
        ("{{#each items as |x|}}{{x.name}}{{/each}}", "{% for x in items %}{{x.name}}{% endfor %}"),
        ("{{{page}}} {{&page}} {{!-- note --}}{{! note }}", "{{ page }} {{ page }} "),
        ("{{#vip}}a{{/vip}}{{^vip}}b{{/vip}}", "{% if vip %}a{% endif %}{% unless vip %}b{% endunless %}"),
        ('{{#if (eq city "Wien")}}a{{/if}}', '{% if city == "Wien" %}a{% endif %}'),
        ("%%first%% [[n]] ${n} #{n} {$n} {name} %FIRSTNAME% <%= n %>",
         "{{ first_name }} {{ n }} {{ n }} {{ n }} {{ n }} {{ first_name }} {{ first_name }} {{ n }}"),
        ("{!Contact.Name} {!Contact.FirstName} {!firstname_fix} {!Opportunity.Amount}",
         "{{ first_name }} {{ last_name }} {{ first_name }} {{ first_name }} {!Opportunity.Amount}"),
        ('{!BLANKVALUE(Contact.FirstName, "you")} {{{Recipient.Email}}} {{lead.First Name:default=you}}',
         '{{ first_name | default: "you" }} {{ email }} {{ first_name | default: "you" }}'),
        ("[% first_name %] @@name@@ |*FNAME*| @FIRSTNAME@ $FIRSTNAME$ «First_Name» <<First Name>>",
         " ".join(["{{ first_name }}"] * 7)),
        ("[FIRSTNAME] [First Name] [UNSUBSCRIBE] [ORDER_ID]",
         "{{ first_name }} {{ first_name }} {{ unsubscribe_url }} {{ order_id }}"),
        ('[first_name fallback=there] [Name,fallback=] [[FIRSTNAME OR "you"]] ${name!"you"}',
         '{{ first_name | default: "there" }} {{ first_name }} {{ first_name | default: "you" }} '
         '{{ first_name | default: "you" }}'),
        ('{{${first_name}}} {{ ${n} | default: "x" }} <?= $n ?> <?php echo $n; ?>',
         '{{ first_name }} {{ n | default: "x" }} {{ n }} {{ n }}'),
        ("[% IF x %] <% end %> <?php f() ?> ${a.b()}", "[% IF x %] <% end %> <?php f() ?> ${a.b()}"),
        ("{{ .Subscriber.Name }} {{.Subscriber.FirstName}} {{ .Subscriber.Attribs.city }} {{ .Campaign.Subject }}",
         "{{ first_name }} {{ last_name }} {{ first_name }} {{ city }} {{ .Campaign.Subject }}"),
        ('<a href="{{ TrackLink "https://x.test/?a=1" . }}"> <a href="https://x.test/@TrackLink"> a@TrackLinks',
         '<a href="https://x.test/?a=1"> <a href="https://x.test/"> a@TrackLinks'),
        ("{contactfield=firstname|there} {leadfield=city} {pagelink=3} {size=1|x}",
         '{{ first_name | default: "there" }} {{ city }} {pagelink=3} {size=1|x}'),
        ("{{ city | default: 'x' }} {% if n %}{{ n }}{% endif %} {a|b}",
         "{{ city | default: 'x' }} {% if n %}{{ n }}{% endif %} {a|b}"),
    ],
)  # fmt: skip
def test_merge_tags_of_other_programs_become_liquid(written, here):
    assert merge_tags.convert_merge_tags(written) == here
    assert merge_tags.convert_merge_tags(here) == here, "what was converted stays"


@pytest.mark.parametrize(
    "written",
    """*|FNAME|* %%first%% [[n]] ${n} {name} %FIRSTNAME% {!Contact.FirstName} [%x%] @@name@@ |*FNAME*| [FIRSTNAME]
    [first_name,fallback=there] <%=name%> #{name} {{{name}}}""".split(),
)
def test_a_merge_tag_of_another_program_is_named_with_its_line(written):
    [sentence] = list_sentences(f"<p>a</p>\n<p>{written}</p>" + UNSUBSCRIBE)
    assert sentence.startswith(f"Body, line 2: “{written}” is written for another program; here it is {{{{ ")
    [sentence] = list_sentences(UNSUBSCRIBE, subject=written)
    assert sentence.startswith("Subject, line 1: ")
    assert list_sentences(f'<a href="https://x.test/{written}">x</a>' + UNSUBSCRIBE)


def test_a_block_of_handlebars_is_named_where_it_does_not_compile():
    with pytest.raises(
        ContentError, match=r"line 2: “\{\{#if n\}\}” is written for another program; here it is"
    ):
        compile(source("<p>\n{{#if n}}x{{/if}}</p>" + UNSUBSCRIBE))


@pytest.mark.parametrize(
    "open_",
    [
        "{{!--",
        "{{",
        "<style>",
        "{% raw %}",
        "*|",
        "${",
        "{{#if x",
        "[[a ",
        "%%a ",
        "|*a",
        "[%a",
        "@@a ",
        "[A ",
        "<%a",
        "<?=a",
        "{!a",
        "<<a ",
        "$AA",
        "{{${a",
        "{{lead.a ",
        "{{.a ",
        '{{ TrackLink "',
        "{pagelink=",
    ],
)
def test_thousands_of_open_tags_are_read_at_once(open_):
    started = time.process_time()
    merge_tags.find_merge_tags(open_ * 30_000)
    assert time.process_time() - started < 2
