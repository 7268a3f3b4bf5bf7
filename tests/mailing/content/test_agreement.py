"""HTML and text agree: for any nesting and any branches, the text has the words that are seen of the HTML.

What is seen is worked out by another parser (html5lib), from the HTML that the recipient gets. What a click opens
counts as seen.
"""

import itertools
import re

import html5lib
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mailing.content import ContentError, Recipient, compile, markup, render_preview

from .corpus import AT, LINKS, source
from .mutated import PIECES
from .wire import parse_message, text_of

NAMESPACE = "{http://www.w3.org/1999/xhtml}"
HIDDEN = frozenset("head style script title template datalist".split())
APART = frozenset(
    """address blockquote body br caption center dd div dl dt h1 h2 h3 hr html li ol p pre section table tbody td th tr
    ul""".split()
)
IF_IN_COMMENT = "<!--[if mso]>{% if a %}<table><tr><td><![endif]-->"
NAMES = ("a", "b", "c")
STYLE = (
    "<style>.h,.opened{display:none}p{color:red}"
    "input:checked + div.opened,input:checked + p.opened{display:block}</style>"
)


def visible_words(page: str) -> list[str]:
    """The words of a page that are seen, by html5lib's tree."""
    return "".join(_read_visible_words(html5lib.parse(page), shown=True)).split()


def _read_visible_words(element, shown: bool, follows_box: bool = False):
    name = str(element.tag).removeprefix(NAMESPACE)
    style = element.get("style", "") if isinstance(element.tag, str) else ""
    is_text = isinstance(element.tag, str)
    if (
        not is_text
        or name in HIDDEN
        or "hidden" in element.attrib
        or "display:none" in style.replace(" ", "")
        or ("opened" in element.get("class", "") and not (follows_box and name in ("div", "p")))
    ):
        return
    shown = False if "visibility:hidden" in style else True if "visibility:visible" in style else shown
    gap = " " if name in APART or "display:block" in style else ""
    yield gap
    yield (element.text or "") if shown else ""
    before = ""
    for child in element:
        yield from _read_visible_words(child, shown, before == "input")
        yield (child.tail or "") if shown else ""
        before = str(child.tag).removeprefix(NAMESPACE) if isinstance(child.tag, str) else before
    yield gap


words = st.sampled_from(
    ["one", "two", " three ", "four &amp; five", "{{ a }}", " {{ city }} ", "x<!-- no -->y", "&copy; z"]
)
tags = st.sampled_from(
    ["p", "div", "b", "span", "h1", "ul><li", "table><tr><td", "blockquote", "i", "li", "tr", "td", "section"]
)
attributes = st.sampled_from(
    [
        "", "", "", "", " hidden", ' style="display:none"', " style='visibility:hidden'", ' style="visibility:visible"',
        ' class="h"', ' class="{% if a %}h{% endif %}"', " {% if b %}hidden{% endif %}",
        ' style="display:{% if c %}none{% else %}block{% endif %}"', ' title="a > b"', ' class="opened"',
    ]
)  # fmt: skip


def closing(tag: str) -> str:
    return "".join(f"</{name}>" for name in reversed(tag.split("><")))


def elements(children):
    def whole(tag, attribute, inner):
        return f"<{tag}{attribute}>{inner}{closing(tag)}"

    def open_(tag, attribute, inner):
        return f"<{tag}{attribute}>{inner}"

    def condition(name, first, second, hyphens):
        left, right = ("{%-", "-%}") if hyphens else ("{%", "%}")
        return f"{left} if {name} {right}{first}{left} else {right}{second}{left} endif {right}"

    def box(tag, inner):
        return f'<input type="checkbox"><{tag} class="opened">{inner}</{tag}>'

    rows = st.lists(children, min_size=1, max_size=3).map("".join)
    return st.one_of(
        st.builds(whole, tags, attributes, rows),
        st.builds(whole, tags, attributes, rows),
        st.builds(open_, st.sampled_from(["p", "li", "b", "div", "td", "tr"]), attributes, rows),
        st.builds(condition, st.sampled_from(NAMES), rows, rows, st.booleans()),
        st.builds(condition, st.sampled_from(NAMES), rows, st.just(""), st.booleans()),
        rows.map(lambda row: f"{{% for i in items %}}{row}{{% endfor %}}"),
        rows.map(lambda row: f"<!--[if mso]>{row}<![endif]-->"),
        rows.map(lambda row: f"<!--[if !mso]><!-->{row}<!--<![endif]-->"),
        rows.map(lambda row: f"{IF_IN_COMMENT}{row}<!--[if mso]></table>{{% endif %}}<![endif]-->"),
        st.builds(box, st.sampled_from(["div", "p"]), rows),
        st.sampled_from(["</p>", "</div>", "<br>", "</b>", "{% if a %}</div>{% endif %}"]),
        st.just("{% if b %}<div hidden>{% endif %}"),
    )  # fmt: skip


bodies = st.lists(st.recursive(words, elements, max_leaves=8), min_size=1, max_size=4).map("".join)


def said_words(text: str) -> list[str]:
    """The words of a text part without the bullets and rules that stand for tags."""
    return [word for word in text.split() if not re.fullmatch(r"-|---|\d+\.", word)]


def stray_breaks(text: str, written: str) -> list[str]:
    """The empty lines of a text part at its beginning, at its end, and where more than one stand together."""
    found = re.findall(r"\A\s+\S|\n\n\Z", text)
    return found + ([] if "<br>" in written else re.findall(r"\n\n\n+", text))


@settings(max_examples=80)
@given(body=bodies, styled=st.booleans())
@example(body="<p hidden>one<table><tr><td>one</td></tr></table>", styled=True)
@example(
    body='<input type="checkbox"><div class="opened">one</div><div class="opened">two</div>', styled=True
)
@example(
    body=f"one{IF_IN_COMMENT}</p>{{% for i in items %}}<!--[if mso]>one<![endif]-->{{% endfor %}}"
    "<!--[if mso]></table>{% endif %}<![endif]-->one",
    styled=False,
)
def test_the_words_of_the_text_are_those_seen_of_the_html(body, styled):
    written = STYLE + body if styled else body.replace(' class="opened"', "")
    try:
        compiled = compile(source(written))
    except ContentError:
        return
    for page, pieces in markup._read.items():
        assert pieces == tuple(markup._cut_pieces(page)), written
    for chosen in itertools.product((True, False), repeat=3):
        values = dict(zip(NAMES, chosen, strict=True)) | {"items": [1, 2], "city": "Leeds"}
        mail = compiled.preview(Recipient("x@y.test", values), LINKS)
        assert said_words(mail.text) == visible_words(mail.html), (written, chosen)
        assert not stray_breaks(mail.text, written), (written, chosen, mail.text)


conditions = st.recursive(
    st.sampled_from(
        ["<p>one</p>", "<div>two</div>", "three ", " four", "<ul><li>five</ul>", "<h1>six</h1>", "<b> x</b>"]
    ),
    lambda inner: st.one_of(
        st.builds("{{% if {} %}}{}{{% endif %}}".format, st.sampled_from(NAMES), inner),
        st.builds("{{% if {} %}}{}{{% else %}}{}{{% endif %}}".format, st.sampled_from(NAMES), inner, inner),
        st.builds("{{% unless {} %}}{}{{% endunless %}}".format, st.sampled_from(NAMES), inner),
        st.builds("{{% for i in items %}}{}{{% endfor %}}".format, inner),
        st.builds("<div>{}</div>".format, inner),
        st.lists(inner, min_size=2, max_size=3).map("".join),
    ),
    max_leaves=6,
)  # fmt: skip


@settings(max_examples=150)
@given(body=conditions)
@example("{% if a %}<p>V</p>{% endif %}<p>B</p>")
@example("{% if a %}<p>V</p>{% endif %}{% if b %}<p>W</p>{% endif %}<p>B</p>")
@example("{% if a %}V {% endif %}B")
@example("{% for i in items %}{% if a %}<p>one</p>{% endif %}<p>one</p>{% endfor %}")
@example("{% for i in items %}{% if a %}<p>V</p>{% endif %}{% if b %}<p>W</p>{% endif %}<p>B</p>{% endfor %}")
@example(
    "<div>A</div>{% for i in items %}<p>{% if a %}<i>V</i>{% endif %} {% if b %}W{% endif %} B</p>{% endfor %}"
)
def test_no_combination_of_conditions_leaves_empty_lines(body):
    compiled = compile(source(body))
    for chosen in itertools.product((True, False), repeat=3):
        values = dict(zip(NAMES, chosen, strict=True)) | {"items": [1, 2]}
        person = Recipient("x@y.test", values)
        mail = compiled.preview(person, LINKS, at=AT)
        assert not stray_breaks(mail.text, body), (body, chosen, mail.text)
        message = compiled.render(person, LINKS, at=AT)
        assert message == compiled.render_in_full(person, LINKS, at=AT)
        assert text_of(parse_message(message)) == mail.text
        assert said_words(mail.text) == visible_words(mail.html), (body, chosen)


def test_what_was_found_by_chance_stays_mended():
    for body in (
        "{% for i in items %} three {% if a %}one{% else %} three {% endif %}{% endfor %}",
        "{% for i in items %} three {% if a %}one{% endif %}{% endfor %} end",
        "{% for i in items %}three{% if a %}one{% else %}two {% endif %}{% endfor %} end",
        "{% for i in items %}<div>one</div>two{% endfor %}three",
        "{% for i in items %}<div>one</div>two{% endfor %}{% if a %}three{% endif %} four",
        "{% for i in items %}<div>one</div>two{% endfor %}<p>three",
        "one{% if a %}<br>{% endif %}two",
        "one{% for i in items %}</p>{% endfor %}two",
        "one{% if a %}</p>{% endif %}two",
        "one{% if a %}</p>{% for i in items %}{% endfor %}{% endif %}two",
        "one{% if a %}</p>{% for i in items %}{% endfor %}{% else %}three{% endif %}two",
        "one{% if a %} {% endif %}two",
        "{% for i in items %}<p>one</p>{% if a %}<br>{% endif %}two{% endfor %}three",
        "{% if a %}<td>one{% endif %}<p>two",
        "<b>{% if a %}<p>one</b>{% endif %}two",
    ):
        compiled = compile(source(body))
        for value in (True, False):
            mail = compiled.preview(Recipient("x@y.test", {"a": value, "items": [1, 2]}), LINKS)
            assert said_words(mail.text) == visible_words(mail.html)


@pytest.mark.parametrize("body_format", ["html", "markdown", "mjml"])
@settings(max_examples=150)
@given(
    parts=st.lists(st.sampled_from(PIECES), max_size=25),
    value=st.sampled_from(["red", "<b>", "{{", '"', "display:none", ""]),
)
def test_no_content_raises_anything_but_a_sentence(body_format, parts, value):
    body = '<style>p{color:red}</style><p style="{{ a }}">' + "".join(parts)
    if body_format == "mjml":
        column = f"<mj-column><mj-text>{body}</mj-text></mj-column>"
        body = f"<mjml><mj-body><mj-section>{column}</mj-section></mj-body></mjml>"
    try:
        render_preview(source(body, body_format=body_format), Recipient("x@y.test", {"a": value}))
        said = "shown"
    except ContentError as error:
        said = str(error)
    assert said
    assert "\n" not in said
