"""Content that would keep a parser busy or end its process: refused with a sentence, and at once."""

import threading
import time

import pytest

from mailing.content import ContentError, Recipient, Source, compile, find_problems, render_preview

from .corpus import LINKS, UNSUBSCRIBE, source

STYLE = "<style>p{color:red}</style>"


def mjml(body: str) -> Source:
    return source(f"<mjml><mj-body>{body}</mj-body></mjml>", body_format="mjml")


def page(body: str) -> Source:
    return source(STYLE + body + UNSUBSCRIBE)


TOO_DEEP = {
    "wrappers in wrappers": mjml("<mj-wrapper>" * 500 + "</mj-wrapper>" * 500),
    "HTML in a text": mjml(
        "<mj-section><mj-column><mj-text>"
        + "<div>" * 5000
        + "</div>" * 5000
        + "</mj-text></mj-column></mj-section>"
    ),
    "divs": page("<div>" * 5000),
    "divs in Markdown": source(UNSUBSCRIBE + "\n\n" + "<div>" * 5000, body_format="markdown"),
    "end tags that a table hides": page("<div><table><td></div>" * 3000),
    "bold that a table hands on": page("".join(f"<table><b id={n}></table>" for n in range(3000))),
    "bold behind a closed part of a table": page(
        "".join(f"<table><td></tbody><b id={n}>" for n in range(3000))
    ),
    "colours left open": page("<p><font color=red>x" * 2000),
    "cells without a table": page("<tr><td><font>x</td></tr>" * 1000),
    "cells of a drawing": page("<table><td>" + "".join(f"<b id={n}><svg><td>" for n in range(3000))),
    "end tags that close bold alone": page("<b><div></b>" * 3000),
    "bold that goes on behind its block": page("".join(f"<div><b id={n}></div>" for n in range(3000))),
    "forms": page("<form><div></form>" * 3000),
    "spans that cannot end": page("<span><div></span>" * 3000),
    "a style sheet that is none": page("<svg><style>" + "<g>" * 3000),
    "a comment that ends at once": page("<!--><div>" * 3000),
    "a selection": page("<select>" + "<div>" * 3000),
    "what is for readers without scripts": page("<div><noscript></div></noscript>" * 3000),
}


@pytest.mark.parametrize("name", TOO_DEEP)
def test_what_is_nested_too_deep_never_reaches_a_native_parser(name):
    said = []

    def try_all() -> None:
        for use in (compile, lambda each: render_preview(each, Recipient("a@b.test"))):
            with pytest.raises(ContentError, match="elements inside each other") as caught:
                use(TOO_DEEP[name])
            said.append(str(caught.value))
        said.append(
            [sentence for _, sentence in find_problems(TOO_DEEP[name]) if "inside each other" in sentence]
        )

    threading.stack_size(512 * 1024)  # less than any thread of a server has
    try:
        thread = threading.Thread(target=try_all)
        thread.start()
    finally:
        threading.stack_size(0)
    thread.join()
    assert len(said) == 3
    assert said[2]


LEFT_OPEN = "".join(f"<p><TAG id='n{n}'>x</p>" for n in range(240)) + "<p>A paragraph</p>" * 1500
LEFT_OPEN_IN_LISTS = (
    "<ul>" + "".join(f"<li><TAG id='n{n}'>x</li>" for n in range(240)) + "<li>y</li>" * 1500 + "</ul>"
)
LEFT_OPEN_BY_TABLES = (
    "<table>" + "".join(f"<TAG id='n{n}'>" for n in range(240)) + "<tr>x<td>y</td></tr>" * 1500
)


@pytest.mark.parametrize("body_format", ["html", "markdown"])
@pytest.mark.parametrize(
    "body", [LEFT_OPEN, LEFT_OPEN_IN_LISTS, LEFT_OPEN_BY_TABLES], ids=["p", "li", "table"]
)
@pytest.mark.parametrize("name", ["b", "font"])
def test_what_is_left_open_and_would_be_opened_anew_in_every_block_is_refused_at_once(
    name, body, body_format
):
    started = time.thread_time()
    with pytest.raises(ContentError, match="each block has them all again: more than 60,000 elements"):
        compile(source(body.replace("TAG", name) + UNSUBSCRIBE, body_format=body_format))
    assert time.thread_time() - started < 2


def test_a_loop_that_writes_deep_html_fails_its_mail_and_not_the_process():
    late = page("<p {% if vip %}class=a{% endif %}>{% for i in (1..9999) %}<div>{% endfor %}")
    compiled = compile(late)
    assert compiled.late
    with pytest.raises(ContentError, match="elements inside each other"):
        compiled.render(Recipient("a@b.test", {"vip": True}), LINKS)


@pytest.mark.parametrize(
    "body",
    [
        "<table>" * 20 + "<tr><td>" + "<table><tr><td>" * 20 + "x",
        "<ul>" + "<li>point" * 2000,
        "<p>paragraph" * 2000,
        "<table>" + "<tr><td>a<td>b" * 1000,
        "<dl>" + "<dt>a<dd>b" * 1000,
        "<p><font>x" * 100,
        "<table>" + "<tr><td><font>x</td></tr>" * 1000,
        "<p><font color=red>x</font>" * 2000,
    ],
)
def test_html_that_leaves_out_end_tags_as_it_may_is_not_deep(body):
    compile(page(body))


LONG = {
    "wordings": page("<p>" + "{a|b}" * 40_000),
    "wordings in wordings": page("<p>" + "{a|" * 3000 + "b" + "}" * 3000),
    "bars": page("<p>{" + "|" * 100_000 + "}"),
    "statements": page("<p>" + "{{ city }}" * 40_000),
    "conditions": page("{% if a %}" + "{% elsif b %}" * 20_000 + "{% endif %}"),
    "a statement": page("{% if " + "a and " * 3000 + "b %}x{% endif %}"),
    "brackets": page("{{ " + "(" * 900 + " }}"),
    "brackets in brackets": page("{{ " + "a[" * 600 + "b" + "]" * 600 + " }}"),
    "words": page("<p>" + "word " * 200_000),
    "raw that is left open": page("{% raw %}" * 5000),
    "filters in every statement": page(("{{ a" + " | upcase" * 200 + " }}") * 100),
    "blanks in a statement": page(("{% if" + " " * 1900 + "a %}{% endif %}") * 40),
    "tags": page("<br>" * 100_000),
    "rules": source(
        "<style>"
        + "".join(f"p:nth-child({n}n) ~ p{{color:red}}" for n in range(1000))
        + "</style>"
        + "<p>x</p>" * 2000
    ),
    "paths of attributes": source(
        "<mjml><mj-head><mj-html-attributes>"
        + "<mj-selector path='* *'><mj-html-attribute name='a'>1</mj-html-attribute></mj-selector>" * 500
        + "</mj-html-attributes></mj-head><mj-body></mj-body></mjml>",
        body_format="mjml",
    ),
    "notes that are left open": page("{% doc %}" * 5000),
    "braces that are left open": source("{{ " * 20_000),
    "tags that are left open": source("{% if " * 20_000),
    "MJML that makes much HTML": mjml(
        "<mj-section><mj-column><mj-text>a</mj-text></mj-column></mj-section>" * 3000
    ),
    "a long subject": source("<p>x</p>", subject="x" * 20_000),
}


@pytest.mark.parametrize("name", LONG)
def test_what_is_too_long_is_refused_at_once(name):
    started = time.thread_time()
    with pytest.raises(ContentError) as caught:
        compile(LONG[name])
    assert find_problems(LONG[name])
    assert time.thread_time() - started < 3
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_a_limit_names_the_line_it_is_passed_in():
    with pytest.raises(ContentError, match="Body, line 3: more than 2,500 statements"):
        compile(source("<p>\n{{ city }}\n" + "{{ city }}" * 5000))
    with pytest.raises(ContentError, match=r"Body, line 2: expected '\{% endraw %}', found end of file"):
        compile(source("<p>\n{% raw %}"))
    with pytest.raises(ContentError, match=r"more than 100 elements inside each other: line 2$"):
        compile(mjml("\n" + "<mj-wrapper>" * 500))


def test_problems_end_when_the_samples_take_too_long():
    body = page("{% for i in (1..9000) %}{% assign x = i | plus: 1 | times: 2 %}{% endfor %}")
    samples = [Recipient(f"{n}@b.test") for n in range(100)]
    started = time.thread_time()
    found = [sentence for _, sentence in find_problems(body, samples)]
    assert time.thread_time() - started < 6
    assert any("seconds to write for" in sentence for sentence in found)


@pytest.mark.parametrize(
    "bomb",
    ["[" * 50_000, "*a " * 50_000, "[a](" * 20_000, "[a]: /x\n" * 20_000 + "[a]" * 20_000, "**a*" * 30_000],
    ids=["brackets", "stars", "links", "references", "strong"],
)
def test_signs_of_markdown_without_end_are_refused_at_once(bomb):
    started = time.monotonic()
    with pytest.raises(ContentError, match=r"A paragraph has .* signs"):
        compile(Source(subject="S", from_email="a@shop.test", body=bomb, body_format="markdown"))
    assert time.monotonic() - started < 2


def test_brackets_in_a_long_paragraph_of_markdown_are_refused_at_once():
    body = "[a]([a](<style>p{color:red}</style><object id=x></object><![CDATA[<details class=y>" * 400
    started = time.thread_time()
    with pytest.raises(ContentError, match=r"A paragraph of .* characters has 1,600 brackets"):
        compile(source(body, body_format="markdown"))
    assert time.thread_time() - started < 2


def test_a_table_of_markdown_without_end_is_refused_at_once():
    started = time.monotonic()
    body = "|a|b|\n|-|-|\n" + "|x|y|\n" * 20_000
    with pytest.raises(ContentError, match="60,006 cells of tables"):
        compile(Source(subject="S", from_email="a@shop.test", body=body, body_format="markdown"))
    assert time.monotonic() - started < 2


@pytest.mark.parametrize(
    "piece", ["{{ note }}", "{{ note }}<br>", "{{ note | upcase }}", "{% if note %}{{ note }}{% endif %}"]
)
def test_many_long_values_do_not_make_a_mail_of_many_megabytes(piece):
    compiled = compile(source(piece * 100 + UNSUBSCRIBE))
    reader = Recipient("a@b.test", {"note": "long " * 19_000})
    for render in (compiled.render, compiled.render_in_full):
        with pytest.raises(ContentError, match="more than 3,000,000 bytes"):
            render(reader, LINKS)
    assert compiled.render(Recipient("a@b.test", {"note": "short"}), LINKS)
