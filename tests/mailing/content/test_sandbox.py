"""The sandbox: what a template cannot do, and that every render ends."""

import datetime as dt
import time
from decimal import Decimal

import pytest
from liquid.exceptions import LiquidError

from mailing.content import ContentError, Recipient, compile
from mailing.content.filters import ALLOWED
from mailing.content.sandbox import HTML, TEXT, Environment, Settings, Template

from .corpus import AT, LINKS, source

SETTINGS = Settings()


def render_template(
    text: str, environment: Environment = TEXT, settings: Settings = SETTINGS, **values: object
) -> str:
    return Template(text, environment, settings).whole(values, "seed", AT)


@pytest.mark.parametrize(
    "tag", ["include 'x'", "render 'x'", "extends 'x'", "block x", "macro x", "import 'os'"]
)
def test_a_template_loads_no_other(tag):
    with pytest.raises(LiquidError, match="unexpected tag"):
        render_template(f"{{% {tag} %}}")


@pytest.mark.parametrize("name", ["safe", "escapejs", "base64_decode", "url_decode", "json", "nonsense"])
def test_a_filter_that_is_not_allowed_does_not_exist(name):
    assert name not in ALLOWED
    with pytest.raises(ContentError, match=f"unknown filter '{name}'$"):
        render_template(f"{{{{ x | {name} }}}}", x="<b>")


class Thing:
    secret = "s3cret"

    def __str__(self):
        return self.secret


@pytest.mark.parametrize(
    "text",
    [
        "{{ thing }}",
        "{{ list[0] }}",
        "{{ dict.a }}",
        "{% for x in list %}{{ x }}{% endfor %}",
        "{% assign x = thing %}{{ x }}",
        "{{ 'a' | append: thing }}",
        "{% if thing == 'x' %}{% endif %}",
    ],
)
def test_a_template_sees_no_python_object(text):
    thing = Thing()
    with pytest.raises(ContentError, match="is a Thing, not plain data"):
        render_template(text, thing=thing, list=[thing], dict={"a": thing})


def test_a_plain_variable_is_no_python_object_either():
    with pytest.raises(ContentError, match="thing is a Thing, not plain data"):
        compile(source("{{ thing }}")).render(Recipient("a@b.test", {"thing": Thing()}), LINKS)


@pytest.mark.parametrize(
    "path",
    ["__class__", "__class__.__mro__", "__init__", "upper", "a.__class__", "a['__class__']", "thing.secret"],
)
def test_a_path_reads_items_and_never_attributes(path):
    assert (
        render_template(f"[{{{{ {path} }}}}{{{{ x.{path} }}}}]", x="text", a={"b": 1}, thing=Thing()) == "[]"
    )


BOMBS = {
    "a long loop": "{% for i in (1..99999) %}x{% endfor %}",
    "a loop over a range as long as memory": "{% for i in (1..999999999999) reversed %}x{% endfor %}",
    "loops in loops": "{% for i in (1..999) %}{% for j in (1..999) %}{% endfor %}{% endfor %}",
    "loop after loop": "{% for i in (1..9000) %}{% endfor %}" * 3,
    "a table": "{% tablerow i in (1..99999) %}x{% endtablerow %}",
    "doubled text": "{% assign x = 'aaaaaaaa' %}{% for i in (1..99) %}{% assign x = x | append: x %}{% endfor %}",
    "doubled captures": "{% assign x = 'a' %}{% for i in (1..99) %}{% capture x %}{{ x }}{{ x }}{% endcapture %}"
    "{% endfor %}",
    "growing numbers": "{% assign x = 9 %}{% for i in (1..99) %}{% assign x = x | times: x %}{% endfor %}{{ x }}",
    "text replaced by text": "{{ long | replace: 'a', long }}",
    "text put between letters": "{{ long | split: '' | join: long }}",
    "text put everywhere": "{{ long | replace: '', long }}",
    "a list as long as text": "{{ long | split: '' | uniq | size }}",
    "much output": "{% for i in (1..9999) %}{{ long }}{% endfor %}",
    "many steps": "{% for i in (1..9999) %}" + "{% if i == 0 %}{% endif %}" * 50 + "{% endfor %}",
    "deep nesting": "{% if true %}" * 99 + "{% endif %}" * 99,
}


@pytest.mark.parametrize("name", BOMBS)
def test_every_render_ends(name):
    started = time.thread_time()
    with pytest.raises((ContentError, LiquidError)):
        render_template(BOMBS[name], long="a" * 50_000)
    assert time.thread_time() - started < 2


@pytest.mark.parametrize(
    "text", ["{{ (1..9) | join }}", "{% assign x = (1..9) %}", "{% if x contains (1..2) %}{% endif %}"]
)
def test_a_range_is_there_to_be_looped_over(text):
    with pytest.raises(LiquidError, match="can only be looped over"):
        render_template(text)


def test_a_small_range_loops():
    assert (
        render_template("{% for i in (1..stars) %}*{% endfor %}{% for i in (3..1) %}x{% endfor %}", stars="4")
        == "****"
    )


@pytest.mark.parametrize(
    ("text", "html", "plain"),
    [
        ("{{ x }}", "&lt;b&gt; &amp; &#34;&#39;", "<b> & \"'"),
        ("{{ x | upcase }}", "&lt;B&gt; &amp; &#34;&#39;", "<B> & \"'"),
        ("{{ x | append: '<i>' }}", "&lt;b&gt; &amp; &#34;&#39;<i>", "<b> & \"'<i>"),
        ("{{ '<i>' | append: x }}", "<i>&lt;b&gt; &amp; &#34;&#39;", "<i><b> & \"'"),
        ("{{ nothing | default: x }}", "&lt;b&gt; &amp; &#34;&#39;", "<b> & \"'"),
        ("{% capture y %}<i>{{ x }}{% endcapture %}{{ y }}", "<i>&lt;b&gt; &amp; &#34;&#39;", "<i><b> & \"'"),
        ("{{ list | join: '<br>' }}", "&lt;b&gt; &amp; &#34;&#39;<br>&lt;", "<b> & \"'<br><"),
        ("{{ x | newline_to_br }}", "&lt;b&gt; &amp; &#34;&#39;", "<b> & \"'"),
        ("{{ x | strip_html }}", " &amp; &#34;&#39;", " & \"'"),
        ("{{ '<i>' }}", "<i>", "<i>"),
    ],
)
def test_values_are_escaped_in_html_and_nowhere_else(text, html, plain):
    values = {"x": "<b> & \"'", "list": ["<b> & \"'", "<"]}
    assert render_template(text, HTML, **values) == html
    assert render_template(text, TEXT, **values) == plain


@pytest.mark.parametrize(
    ("condition", "value", "holds"),
    [
        ("x > 2500", 3000, True),
        ("x > 2500", "3000", True),
        ("x > 2500", " 3000.5 ", True),
        ("x > 2500", "900", False),
        ("x <= 2500", "2500", True),
        ("x >= 2500", "2500", True),
        ("x < 2500", "n/a", False),
        ("x >= 2500", "n/a", False),
        ("x > 2500", "", False),
        ("x > 2500", None, False),
        ("x < 2500", None, False),
        ("x > 2500", [1], False),
        ("x > 2500", Decimal("2500.01"), True),
        ("x < '2027-06-01'", "2027-03-01", True),
        ("x > 1 and x < 5", "3", True),
        ("x == 'a' or x > 1", "2", True),
    ],
)
def test_numbers_that_came_as_text_compare_as_numbers_and_what_cannot_is_false(condition, value, holds):
    assert render_template(f"{{% if {condition} %}}yes{{% else %}}no{{% endif %}}", x=value) == (
        "yes" if holds else "no"
    )


def test_a_missing_variable_is_empty():
    assert (
        render_template(
            "[{{ x }}{{ x.y.z }}{{ x | upcase }}{{ x | date: '%Y' }}{{ x | money }}]{{ x | default: 'd' }}"
        )
        == "[]d"
    )


@pytest.mark.parametrize(
    ("text", "value", "shown"),
    [
        ("{{ x | date: '%d.%m.%Y' }}", "2027-03-01", "01.03.2027"),
        ("{{ x | date: '%H:%M' }}", "2027-03-01T10:30:00Z", "11:30"),  # one rule for text and seconds
        ("{{ x | date: '%Y' }}", dt.date(2027, 3, 1), "2027"),
        ("{{ x | date }}", "2027-03-01", "01.03.2027"),
        ("{{ x | date: 'long' }}", dt.datetime(2027, 3, 1, 9, tzinfo=dt.UTC), "1. März 2027"),
        ("{{ x | date: '%Y' }}", 1_800_000_000, "2027"),
        ("{{ x | date: '%Y' }}", "1800000000", "2027"),
        ("{{ x | date: '%Y' }}", "soon", "soon"),
        ("{{ x | date: '%Y' }}", 10**30, str(10**30)),
        ("{{ x | date: '%Y' }}", "", ""),
        ("{{ 'now' | date: '%Y-%m-%d %H:%M' }}", None, "2027-01-15 09:00"),
        ("{{ x | money }}", 1234.5, "1.234,50\xa0€"),
        ("{{ x | money }}", "12", "12,00\xa0€"),
        ("{{ x | money: 'USD' }}", Decimal("0.005"), "0,00\xa0$"),
        ("{{ x | money: 'JPY' }}", 1500, "1.500\xa0¥"),
        ("{{ x | money }}", "much", "much"),
        ("{{ x | money }}", "1e999999", "1e999999"),
        ("{{ x | money }}", "NaN", "NaN"),
        ("{{ x | money }}", "", ""),
        ("{{ x | truncate: 5 }}", "Tromsø by", "Tr..."),
        ("{{ x | default: 'there' }}", "", "there"),
    ],
)
def test_filters_show_dates_and_money_in_the_language_of_the_campaign(text, value, shown):
    settings = Settings(locale="de", currency="EUR", time_zone="Europe/Berlin")
    assert render_template(text, settings=settings, x=value) == shown


@pytest.mark.parametrize(
    "text",
    [
        "{{ 1 | divided_by: 0 }}",
        "{{ x | date: pattern }}",
        "{{ list | sort }}",
        "{% break %}",
    ],
)
def test_what_goes_wrong_is_said_in_one_line(text):
    with pytest.raises(ContentError) as caught:
        render_template(text, x="2027-01-01", list=[1, "a", None], pattern="%Y" * 99)
    assert str(caught.value)
    assert "\n" not in str(caught.value)
