"""Every filter with every value: it works, or it fails that one mail with a sentence."""

import datetime as dt
import math
import time
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailing.content import ContentError, Recipient, compile, find_problems, render_preview
from mailing.content.sandbox import HTML, TEXT, Settings, Template

from .corpus import AT, LINKS, source

ODD = [
    None,
    True,
    False,
    0,
    -1,
    1e29,
    1e308,
    -1e-320,
    math.nan,
    math.inf,
    10**400,
    10**6000,
    "",
    " ",
    "x",
    "1e999999",
    "NaN",
    "-0",
    "9" * 5000,
    "٣",
    "\x00",
    "\ud800",
    "İ" * 1000,
    "<a " * 30_000,
    "<script>" * 10_000,
    "&" * 90_000,
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "99999999999999999999",
    [],
    [1, "a", None, {"a": 1}],
    [[[[[[[1]]]]]]],
    [{"a": 1}, {"a": [1]}, {}],
    ["x" * 90_000] * 50,
    list(range(5000)),
    {},
    {"a": {"b": [1]}},
    b"bytes",
    Decimal("NaN"),
    Decimal("sNaN"),
    Decimal("1e999999"),
    dt.date.min,
    dt.date.max,
    dt.datetime.min.replace(tzinfo=dt.UTC),
    dt.datetime.max.replace(tzinfo=dt.UTC),
    dt.datetime(2027, 1, 1),  # noqa: DTZ001 one without a zone
    dt.time(23, 59),
    range(10),
    object(),
]
FILTERS = sorted(TEXT.filters)
ARGUMENTS = ["", ": y", ": y, y", ": y, 'a', 1", ": context: y", ": environment: y"]


def render(text: str, environment=TEXT, zone: str = "UTC", locale: str = "en", **values: object) -> str:
    return Template(text, environment, Settings(time_zone=zone, locale=locale)).whole(values, "seed", AT)


def what_is_said(template: Template, **values: object) -> str:
    """The sentence that a render fails with; "" when it does not."""
    try:
        template.whole(values, "seed", AT)
    except ContentError as error:
        return str(error).strip() or "nothing"
    return ""


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_works_with_any_value_or_says_why_not(name):
    for arguments in ARGUMENTS:
        template = Template(
            f"{{{{ x | {name}{arguments} }}}}", HTML, Settings(time_zone="Pacific/Kiritimati")
        )
        for value in ODD:
            for other in ODD if arguments == ": y" else [None, -1, 10**29, math.nan, [1], "x", object()]:
                said = what_is_said(template, x=value, y=other)
                assert "\n" not in said
                assert said != "nothing"
                assert "object" not in said.replace("is a object, not plain data", "")


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.sampled_from(FILTERS), min_size=1, max_size=4),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30) | st.datetimes(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
        max_leaves=8,
    ),
)
def test_filters_in_a_row_work_or_say_why_not(names, value):
    chain = "".join(f" | {name}: y" for name in names)
    said = what_is_said(Template(f"{{{{ x{chain} }}}}", TEXT, Settings()), x=value, y=value)
    assert "\n" not in said
    assert said != "nothing"


def test_a_value_that_breaks_a_filter_fails_that_mail_and_no_other():
    compiled = compile(source("<p>{{ price | times: 2 }} {{ price }}</p><p>{{ unsubscribe_url }}</p>"))
    with pytest.raises(ContentError, match="times: a number that is too large"):
        compiled.render(Recipient("a@b.test", {"price": 1e300}), LINKS)
    with pytest.raises(ContentError, match="a number of too many digits"):
        compile(source("<p>{{ price }}</p>")).render(Recipient("a@b.test", {"price": 10**6000}), LINKS)
    assert b"6.0" in compiled.render(Recipient("a@b.test", {"price": 3.0}), LINKS)


BOMBS = {
    "a filter five hundred times": "{{ a" + " | uniq" * 500 + " }}",
    "filters in a loop": "{% for i in (1..9999) %}{{ a | sort | reverse | uniq | join: ' ' | size }}{% endfor %}",
    "a search in a loop": "{% for i in (1..9999) %}"
    + "{% if t contains 'aaaaab' %}{% endif %}" * 100
    + "{% endfor %}",
    "nothing written in a loop": "{% for i in (1..9999) %}" + "{{ '' }}" * 2000 + "{% endfor %}",
    "conditions in a loop": "{% for i in (1..9999) %}" + "{% if false %}{% endif %}" * 1500 + "{% endfor %}",
    "turns in a loop": "{% for i in (1..9999) %}" + "{% cycle t, i %}" * 500 + "{% endfor %}",
    "captures in a loop": "{% for i in (1..9999) %}"
    + "{% capture x %}{{ 'a' }}{% endcapture %}" * 500
    + "{% endfor %}",
    "loops that skip": "{% for i in (1..9999) %}{% for j in (1..9999) offset: 9998 limit: 1 %}{% endfor %}{% endfor %}",
    "one item many times": "{% assign x = t | split: '|' %}"
    + "{% assign x = x | concat: x %}" * 12
    + "{{ x | join }}",
    "tags that are left open": "{% for i in (1..9999) %}{{ tags | strip_html }}{% endfor %}",
}


@pytest.mark.parametrize("name", BOMBS)
def test_filters_and_tags_count_against_the_time(name):
    values = {"a": [str(n) for n in range(1900)], "t": "a " * 40_000, "tags": "<a " * 30_000}
    template = Template(BOMBS[name], TEXT, Settings())
    started = time.thread_time()
    with pytest.raises(ContentError):
        template.whole(values, "seed", AT)
    assert time.thread_time() - started < 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{{ "2026-06-30T21:00:00+02:00" | date: "%s" }}', "1782846000"),
        ('{{ "2026-06-30T21:00:00Z" | date: "%s" }}', "1782853200"),
        ('{{ "2026-06-30 21:00" | date: "%s %%s" }}', "1782853200 %s"),
        ('{{ "2026-06-30T21:00:00+02:00" | date: "%H:%M" }}', "19:00"),
        ('{{ "March 14, 2016" | date: "%b %d, %y" }}', "Mar 14, 16"),
        ('{{ "14 March 2016" | date: "%Y-%m-%d" }}', "2016-03-14"),
        ('{{ "Mon, 14 Mar 2016 10:30:00 +0100" | date: "%Y-%m-%d %H:%M" }}', "2016-03-14 09:30"),
        ('{{ "Mar. 3rd, 2016" | date: "%Y-%m-%d" }}', "2016-03-03"),
        ('{{ "15.01.2024" | date: "%Y-%m-%d" }}', "2024-01-15"),
        ('{{ "15.1.2024 18:05" | date: "%Y-%m-%d %H:%M" }}', "2024-01-15 18:05"),
        ('{{ "03/14/2016" | date: "%d" }}', "14"),
        ('{{ "14/03/2016" | date: "%d" }}', "14"),
        ('{{ "2016/03/14" | date: "%d" }}', "14"),
        ('{{ "20240115" | date: "%Y-%m-%d" }}', "2024-01-15"),
        ('{{ "3:05 pm" | date: "%d" }}', "3:05 pm"),
        ('{{ "2016-02-30" | date: "%d" }}', "2016-02-30"),
        ('{{ "Smarch 14, 2016" | date: "%d" }}', "Smarch 14, 2016"),
        ('{{ "March 14, 2016 3:05 pm" | date: "%H:%M" }}', "15:05"),
    ],
)
def test_b36_b37_dates_are_read_as_people_write_them(text, expected):
    assert render(text) == expected


def test_dates_in_words_may_be_in_the_language_of_the_campaign():
    assert render('{{ "14. März 2016" | date: "%m" }}', locale="de") == "03"
    assert render('{{ "3 de mayo de 2016" | date: "%m-%d" }}', locale="es") == "05-03"
    assert render('{{ "03/04/2016" | date: "%d" }}', locale="de") == "03"
    assert render('{{ "03/04/2016" | date: "%d" }}', locale="en_US") == "04"


def test_b38_a_moment_is_shown_in_the_zone_of_the_campaign_however_it_came():
    text = '{{ a | date: "%H:%M" }} {{ b | date: "%H:%M" }} {{ c | date: "%H:%M" }}'
    values = {"a": "2026-07-01T10:00:00Z", "b": 1751364000, "c": "2026-07-01T12:00:00"}
    assert render(text, zone="Europe/Berlin", **values) == "12:00 12:00 12:00"


def test_b37_a_date_that_cannot_be_read_is_named_before_the_launch():
    found = find_problems(
        source('<p>{{ d | date: "long" }} {{ unsubscribe_url }}</p>'),
        [Recipient("a@b.test", {"d": "May of 2027 or so"})],
    )
    assert found == [("body", "Body, for a@b.test: “May of 2027 or so” is not a date that can be read.")]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("{{ first_name | default: &quot;friend&quot; }}", "friend"),
        ("{{&nbsp;city&nbsp;}}", "Wien"),
        ("{{\u00a0city\u00a0}}", "Wien"),
        ("{{ nothing | default: “friend” }}", "friend"),
        ("{{ nothing | default: „Freund“ }}", "Freund"),
        ('{{ nothing | default: ‘a "b"’ }}', 'a "b"'),
        ("{% if city == “Wien” %}A{% endif %}", "A"),
        ("{% if city == &#39;Wien&#39; and points &gt; 3 %}A{% endif %}", "A"),
        ("{% if points&nbsp;&lt;&nbsp;9 %}A{% endif %}", "A"),
        ('{{ "a “b” &amp;" }}', "a “b” &amp;"),
        ("{% raw %}{{ “x” }}{% endraw %}", "{{ “x” }}"),
    ],
)
def test_b55_quotes_and_spaces_of_an_editor_are_read_as_they_were_meant(body, expected):
    shown = render_preview(source(f"<p>[{body}]</p>"), Recipient("a@b.test", {"city": "Wien", "points": 5}))
    assert f"[{expected}]" in shown.html


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("<p>\n{{ city | default: “friend }}</p>", "Body, line 2: .*straight quotes"),
        ("<p>\n{{ city | default: &quot;friend }}</p>", "Body, line 2: .*the editor wrote &quot; here"),
        ("<p>{% if city == Wien” %}x{% endif %}</p>", "Body, line 1: .*straight quotes"),
    ],
)
def test_b55_a_quote_that_cannot_be_understood_is_named(body, sentence):
    with pytest.raises(ContentError, match=sentence):
        compile(source(body))


MOODS = ["red", "color:blue", '"><script>', "a:b;c", ":::", "\x00", math.nan, [1], 10**5000]


@pytest.mark.parametrize("mood", MOODS, ids=range(len(MOODS)))  # the last has too many digits for a name
def test_a_value_in_a_style_that_is_inlined_late_fails_its_mail_at_most(mood):
    body = (
        '<style>p{color:red}</style><table {% if city == "Wien" %}class="w"{% endif %}><tr><td>'
        '<p style="{{ mood }}">x</p></td></tr></table><p>{{ unsubscribe_url }}</p>'
    )
    compiled = compile(source(body))
    assert compiled.late
    try:
        mail = compiled.render(Recipient("a@b.test", {"mood": mood, "city": "Wien"}), LINKS)
    except ContentError as error:
        mail = str(error).encode()
    assert b"<script>" not in mail


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({}, "blank"),
        ({"city": None}, "blank"),
        ({"city": ""}, "blank"),
        ({"city": "  "}, "blank"),
        ({"city": False}, "blank"),
        ({"city": []}, "blank"),
        ({"city": 0}, "set"),
        ({"city": "Wien"}, "set"),
    ],
)
def test_what_says_nothing_is_blank(attributes, expected):
    body = (
        "<p>{% if city == blank %}blank{% endif %}{% if city != blank %}set{% endif %}</p>"
        "<p>{% if blank == city %}blank{% else %}set{% endif %}</p><p>{{ unsubscribe_url }}</p>"
    )
    seen = render_preview(source(body), Recipient("a@b.test", attributes))
    assert seen.text.split()[:2] == [expected, expected]
