"""Patterns on what other people write take time in proportion to its length, whatever is repeated in it."""

import re
import time
from functools import partial

import pytest

from mailing.bounces import automatic_replies, origins
from mailing.content import looks, markup, media, merge_tags, mjml, page_tree, plaintext, review
from mailing.content.protected_liquid import OUTPUT, ProtectedLiquid
from mailing.forms import bounces
from mailing.importing import rows
from mailing.smtp import phrases, server, verdicts

LENGTH = 100_000
SECONDS = 0.5  # of CPU; what grows with the square of the length takes more than ten times that


def repeat(piece, end=""):
    return (piece * (LENGTH // len(piece) + 1))[:LENGTH] + end


def read_no_authorities(text):
    with pytest.raises(ValueError, match="holds no certificate"):
        server.read_authorities(text.encode())


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (looks._zero, repeat("0", "!")),
        (looks._length, repeat("1", "!")),
        (looks._size_of_font, repeat("1", "!")),
        (looks._clear_colour, "rgba(1,2,3," + repeat("0", "!")),
        (media.unfold_media, repeat("@media\n")),
        (media.holds_on_screen, repeat("\n ")),
        (media._hides, repeat("color : rgb1/")),
        (plaintext._number.search, "1." + repeat("1", "!")),
        (review._colour_in, repeat("rgba(")),
        (bounces._is_folder_name, repeat("-a", "!")),
        (rows._between_lists, repeat(" ")),
        (phrases._BARE.search, repeat("{")),
        (merge_tags.convert_merge_tags, repeat("{{#if x}}")),
        (page_tree._writes_markup, '"' + repeat("<")),
        (page_tree._writes_markup, "{% raw %}" + repeat("%}")),
        (page_tree._writes_markup, repeat("{% raw ")),
        (partial(mjml._outlook.sub, ""), repeat("<!--[if mso | IE]>")),
        (markup._condition.fullmatch, "<!--[if mso]>" + repeat("<![endif] ", "-->")),
        (automatic_replies._SUBJECT, repeat("re: ")),
        (origins._UNSUBSCRIBE.match, repeat("fwd: ")),
        (verdicts.find_retry_seconds, "retry-after" + repeat(" ")),
        (phrases.find_meaning, repeat("{")),
        (read_no_authorities, repeat("-----BEGIN CERTIFICATE-----1\n")),
    ],
    ids=lambda given: given[:20] if isinstance(given, str) else getattr(given, "__name__", ""),
)
def test_time_grows_with_the_length_alone(read, text):
    began = time.process_time()
    read(text)
    assert time.process_time() - began < SECONDS


@pytest.mark.parametrize(
    ("length", "pixels"), [("0.5px", True), ("5.px", True), (".5em", True), ("10", True), ("1.2.3", False)]
)
def test_lengths_are_read_as_before(length, pixels):
    assert bool(looks._length(length)) is pixels


@pytest.mark.parametrize(
    ("text", "number"),
    [("9", "9"), ("from 1.299", "1.299"), ("v1..5", "5"), ("10,9’9", "10,9’9"), ("a.5", "5")],
)
def test_the_number_at_an_end_is_found_whole(text, number):
    assert plaintext._number.search(text)[0] == number


@pytest.mark.parametrize(
    ("piece", "writes"),
    [
        ("{% raw %}a &amp; b{% endraw %}", True),
        ("{%- raw -%}<b>{% endraw %}", True),
        ("{% raw %}{{ name }}{% endraw %}", False),
        ("{{ name | default: '<b>' }}", True),
        ('{{ name | append: "a & b" }}', True),
        ("{{ 'it' | append: name }}", False),
        ("{{ name | strip_html }}", True),
    ],
)
def test_what_writes_markup_is_known_as_before(piece, writes):
    assert bool(page_tree._writes_markup(piece)) is writes


def test_an_outlook_comment_that_never_ends_stays_as_it_is():
    held = ProtectedLiquid("")
    page = "<!--[if mso | IE]>a" + held.keep("{{ name }}", OUTPUT)
    assert mjml._show_between_conditions(page, re.compile("(?!)"), held) == page
