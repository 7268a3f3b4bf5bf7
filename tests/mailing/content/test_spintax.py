"""Spintax: which text is a group, which wording is taken, and that it stays taken."""

import re
from collections import Counter

import pytest

from mailing.content import Recipient, compile

from .corpus import AT, LINKS, source
from .wire import html_of, parse_message

NOTHING = {"track_opens": False, "track_clicks": False}


def render_body(body: str, seed: object = 1, **fields: object) -> str:
    compiled = compile(source(f"<body>{body}</body>", **NOTHING, **fields))
    recipient = Recipient("a@b.test", {"city": "Leeds", "odd": "{a|b}"}, seed=seed)
    html = html_of(parse_message(compiled.render(recipient, LINKS, at=AT)))
    return html.partition("<body>")[2].removesuffix("</body>")


def wordings(body: str, **fields: object) -> set[str]:
    return {render_body(body, seed, **fields) for seed in range(60)}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("{a|b}", {"a", "b"}),
        ("x {a|b|c}y", {"x ay", "x by", "x cy"}),
        ("{a|}", {"a", ""}),
        ("{|}", {""}),
        ("{ a| b }", {" a", " b "}),
        ("x{ |-|\n}y", {"x y", "x-y", "x\ny"}),
        ("{a|b}{c|d}", {"ac", "ad", "bc", "bd"}),
        ("{a|{b|c} d}", {"a", "b d", "c d"}),
        ("{ {a|b}|c}", {" a", " b", "c"}),
        ("{Hi {{ city }}|Hello}", {"Hi Leeds", "Hello"}),
        ("{a|b\nc}", {"a", "b\nc"}),
        ("{% if city %}{a|b}{% endif %}", {"a", "b"}),
        ("<b>{a|b}</b>", {"<b>a</b>", "<b>b</b>"}),
    ],
)
def test_a_group_is_one_of_its_wordings(body, expected):
    assert wordings(body) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("{a}", "{a}"),
        ("{", "{"),
        ("}", "}"),
        ("a | b", "a | b"),
        ("{a|b", "{a|b"),
        ("a|b}", "a|b}"),
        ("{ {a} b }", "{ {a} b }"),
        (r"\{a|b\}", "{a|b}"),
        (r"\{ {{ city }} \}", "{ Leeds }"),
        (r"C:\dir", r"C:\dir"),
        ("{{ odd }}", "{a|b}"),
        ("{{ '{a|b}' }}", "{a|b}"),
        ("{% raw %}{a|b}{% endraw %}", "{a|b}"),
        ("{% comment %}{a|b}{% endcomment %}", ""),
        ('<i title="{a|b}">x</i>', '<i title="{a|b}">x</i>'),
        ("<!-- {a|b} -->", "<!-- {a|b} -->"),
        ("{<b>a</b>|b}", "{<b>a</b>|b}"),
        ("<textarea>{a|b}</textarea>", "<textarea>{a|b}</textarea>"),
    ],
)
def test_anything_else_is_text(body, expected):
    assert wordings(body) == {expected}


def test_a_style_sheet_is_no_spintax():
    assert "p{color:red|blue}" in render_body("<style>p{color:red|blue}</style><p>x</p>")


def test_a_bar_or_a_brace_inside_a_group_can_be_escaped():
    assert wordings(r"{a\|b|c\}}") == {"a|b", "c}"}


def test_the_same_delivery_always_says_the_same():
    body = "{a|b|c}{d|e|f}{g|h|i}"
    assert all(render_body(body, seed) == render_body(body, seed) for seed in ("42-1", 7, "é"))


def test_wordings_are_taken_evenly_and_independently():
    compiled = compile(source("x", subject="{a|b}{c|d}"))
    counted = Counter(
        compiled.preview(Recipient("a@b.test", seed=seed), LINKS, at=AT).subject for seed in range(800)
    )
    assert set(counted) == {"ac", "ad", "bc", "bd"}
    assert all(140 < count < 260 for count in counted.values())


def test_subject_sender_and_text_part_spin_too():
    compiled = compile(
        source("x", subject="{a|b} {{ city }}", from_name="{c|d}", text="{e|f}", preheader="{g|h}", **NOTHING)
    )
    seen = set()
    for seed in range(80):
        preview = compiled.preview(Recipient("a@b.test", {"city": "Leeds"}, seed=seed), LINKS, at=AT)
        seen |= {preview.subject, preview.sender, preview.text, *re.findall(r">(\w)&#847;", preview.html)}
        message = parse_message(
            compiled.render(Recipient("a@b.test", {"city": "Leeds"}, seed=seed), LINKS, at=AT)
        )
        assert message["Subject"] == preview.subject
        assert message["From"].addresses[0].display_name == preview.sender
    assert seen == {"a Leeds", "b Leeds", "c", "d", "e", "f", "g", "h"}


def test_the_text_made_from_the_html_takes_the_same_wordings():
    compiled = compile(source("<p>{one|two|three} {{ city }} {four|five}</p>", **NOTHING))
    for seed in range(30):
        preview = compiled.preview(Recipient("a@b.test", {"city": "Leeds"}, seed=seed), LINKS, at=AT)
        assert f"<p>{preview.text.strip()}</p>" in preview.html


def test_markdown_spins_and_escapes():
    compiled = compile(source("{a|b} \\{c|d\\} {**e**|f}", body_format="markdown", **NOTHING))
    pages = {compiled.preview(Recipient("a@b.test", seed=seed), LINKS, at=AT).html for seed in range(30)}
    assert {page.partition("<body")[2].partition("<p>")[2].partition("</p>")[0] for page in pages} == {
        "a {c|d} {<strong>e</strong>|f}",
        "b {c|d} {<strong>e</strong>|f}",
    }
