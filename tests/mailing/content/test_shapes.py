"""Bodies of every shape: elements nested in themselves and in others, of each size, are shown or refused."""

import time
from itertools import product

import pytest

from mailing import content
from mailing.content.merge_tags import convert_merge_tags
from tests.outside import preview_mail

SECONDS = 8.0  # of CPU, on a machine that does much else
MJML = {
    "wrapper": ("<mj-wrapper>", "</mj-wrapper>"),
    "section": ("<mj-section><mj-column>", "</mj-column></mj-section>"),
    "group": ("<mj-section><mj-group><mj-column>", "</mj-column></mj-group></mj-section>"),
    "hero": ("<mj-hero>", "</mj-hero>"),
    "raw": ("<mj-raw><div>", "</div></mj-raw>"),
    "text": ("<mj-text><div>", "</div></mj-text>"),
}
LIQUID = {
    "if": ("{% if vip %}", "{% endif %}"),
    "unless": ("{% unless nobody %}", "{% endunless %}"),
    "for": ("{% for i in one %}", "{% endfor %}"),
    "case": ("{% case plan %}{% when 'gold' %}", "{% endcase %}"),
    "capture": ("{% capture a %}", "{% endcapture %}{{ a }}"),
}
HTML = {
    "table": ("<table><tr><td>", "</td></tr></table>"),
    "list": ("<ul><li>", "</li></ul>"),
    "bold": ("<b>", "</b>"),
    "comment": ("<!--[if mso]>x<![endif]--><div>", "</div>"),
}
OUT = '<p>WORD <a href="{{ unsubscribe_url }}">U</a></p>'
ATTRIBUTES = {"vip": True, "one": [1], "plan": "gold"}


def show(body: str, body_format: content.Format) -> dict:
    began = time.process_time()
    shown = preview_mail(body, body_format, ATTRIBUTES)
    assert time.process_time() - began < SECONDS
    if error := shown.get("error"):
        assert 5 < len(error) < 500
    return shown


def has_agreed(shown: dict) -> bool:
    """Whether both parts hold the word, or the body was refused."""
    return "error" in shown or ("WORD" in shown["html"]) is ("WORD" in shown["text"])


@pytest.mark.parametrize("deep", [4, 400])
@pytest.mark.parametrize(("outer", "inner"), [*product(MJML, MJML)])
def test_mjml_of_any_nesting_is_shown_or_refused(outer, inner, deep):
    (begin, end), (first, last) = MJML[outer], MJML[inner]
    middle = f"{first}<mj-text>{OUT}</mj-text>{last}" if inner != "text" else f"{first}{OUT}{last}"
    body = f"<mjml><mj-body>{begin * deep}{middle}{end * deep}</mj-body></mjml>"
    shown = show(body, "mjml")
    assert deep < 400 or "error" in shown
    assert has_agreed(shown)


@pytest.mark.parametrize("deep", [1, 300])
@pytest.mark.parametrize(("outer", "inner"), [*product(LIQUID, [*LIQUID, *HTML])])
def test_liquid_of_any_nesting_is_shown_alike_in_both_parts_or_refused(outer, inner, deep):
    (begin, end), (first, last) = LIQUID[outer], (LIQUID | HTML)[inner]
    shown = show(begin * deep + first + OUT + last + end * deep, "html")
    assert has_agreed(shown)
    assert deep > 1 or "WORD" in shown["text"]


@pytest.mark.parametrize("size", [100, 20_000])
@pytest.mark.parametrize("name", [*HTML, *LIQUID])
def test_many_elements_beside_each_other_are_shown_or_refused(name, size):
    begin, end = (LIQUID | HTML)[name]
    shown = show(OUT + f"{begin}a{end}" * (size // len(begin + end)), "html")
    assert has_agreed(shown)


@pytest.mark.parametrize("piece", [
    "*|FNAME|*", "*|IF:VIP|*a*|END:IF|*", "{{#if a}}b{{/if}}", "{{#each a}}{{this}}{{/each}}", "%%first%%", "[[n]]",
    "${n}",
    "{{{raw}}}", "*|", "|*", "{{#if", "{{/if}}", "{{else}}", "%%", "{{!-- a --}}", "*|DATE:d/m/y|*",
])  # fmt: skip
def test_a_megabyte_of_foreign_tags_is_read_at_once(piece):
    began = time.process_time()
    convert_merge_tags(piece * (1_000_000 // len(piece)))
    assert time.process_time() - began < SECONDS
