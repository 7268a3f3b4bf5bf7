"""The time a body takes grows with its length and not with the square of it."""

import time
from collections.abc import Callable
from contextlib import suppress
from itertools import count

import pytest
from markdown_it import MarkdownIt

from mailing import content
from mailing.content import markup

# What a reader of Markdown, HTML, Liquid or spintax might look for the end of, again and again
PIECES = {
    "unclosed spintax": "{a|",
    "unclosed bold": "**a ",
    "unclosed paragraphs": "<p>x",
    "unclosed links": "[a](",
    "unclosed brackets": "[",
    "unclosed pictures": "![",
    "backticks": "` ``",
    "nested quotes": "> ",
    "lines of quotes": "> a\n",
    "nested lists": "- ",
    "ampersands": "&",
    "number signs": "&#",
    "unclosed comments": "<!--",
    "comments in text": "a<!-- -->",
    "unclosed output": "{{",
    "underscores": "_a",
    "schemes": "http://",
    "addresses that end in full stops": "http://a.b....)))",
    "at signs": "a@",
    "less-than signs": "<",
    "tags that never end": "<a ",
    "values that never end": "<p a='",
    "escaped braces": "\\{",
    "merge tags": "*|",
}
SIZE = 8_000


SOON = 0.06  # seconds of CPU: what is that quick is not measured any closer
numbers = count()


def seconds_of(body: str, body_format: content.Format) -> float:
    body += f" {next(numbers)}"  # else some of it would be remembered
    source = content.Source(subject="S", from_email="a@shop.test", body=body, body_format=body_format)
    started = time.process_time()
    with suppress(content.ContentError):  # what is refused for its depth is refused as soon
        content.find_problems(source)
    return time.process_time() - started


def grows_evenly(measure: Callable[[int], float], size: int) -> bool:
    """Whether twice the size takes less than three times as long; what grows by the square takes four times.

    Each is taken at its best of up to eight turns, one after the other: a busy machine only ever adds to a time.
    """
    once, twice = [], []
    for _ in range(8):
        once.append(measure(size))
        twice.append(measure(2 * size))
        if min(twice) < SOON or min(twice) < 3 * min(once):
            return True
    return False


@pytest.mark.parametrize("body_format", ["markdown", "html"])
@pytest.mark.parametrize("name", PIECES)
def test_a_body_twice_as_long_takes_at_most_three_times_as_long(name, body_format):
    piece = PIECES[name]
    assert grows_evenly(lambda size: seconds_of(piece * (size // len(piece)), body_format), SIZE)


def test_markdown_grows_evenly():
    paragraph = (
        "## News\n\nSome **bold** words, [a link](https://x.test/a?b=1&c=2), `code`\n\n- one\n- two\n\n"
    )
    assert grows_evenly(lambda count: seconds_of(paragraph * count, "markdown"), 200)


LONG = {
    "a newsletter": "Some words of a newsletter, with **bold** words and [a link](https://x.test/a?b=1&c=2) in it.\n\n",
    "short paragraphs": "three short words\n\n",
}


@pytest.mark.parametrize("kind", LONG)
def test_markdown_of_287_kb_compiles_in_a_few_times_what_reading_it_takes(kind):
    """Reading takes 0.4 to 0.6 s, all of it under two: docs/measurements.md has the figures."""
    body = (LONG[kind] * 20_000)[:287_000]
    source = content.Source(subject="S", from_email="a@shop.test", body=body, body_format="markdown")
    reader = MarkdownIt()

    def measure(work) -> float:
        started = time.process_time()
        work()
        return time.process_time() - started

    assert any(
        measure(lambda: content.compile(source)) < 7 * measure(lambda: reader.render(body)) for _ in range(4)
    )


@pytest.mark.parametrize("body_format", ["markdown", "html"])
def test_a_body_is_cut_into_its_pieces_twice(monkeypatch, body_format):
    """Once as its author wrote it, once as a page: what is put into its tags afterwards changes no piece."""
    cut: list[int] = []
    cut_pieces = markup._cut_pieces

    def count(html: str, hidden: bool = False):
        cut.append(len(html))
        return cut_pieces(html, hidden)

    monkeypatch.setattr(markup, "_cut_pieces", count)
    paragraph = "<style>p{color:red}</style><p>a <a href='https://x.test/{{ n }}'>b</a></p>\n\n"
    body = paragraph + "<p>a <a href=https://x.test/>b</a> c</p>\n\n" * 500
    compiled = content.compile(
        content.Source(subject="S", from_email="a@shop.test", body=body, body_format=body_format)
    )
    assert not compiled.late
    assert sum(cut) < 2.2 * len(body)


def test_pages_are_cut_as_they_were_joined():
    body = """<style>a{color:red}</style><a href='https://x.test/?a="b"&amp;c'>x</a><a href=https://x.test/>y</a>
    <p style='color:"x"'>z</p><A HREF = "https://x.test/{{ n }}" style=x>y</A><!--[if mso]><a href="https://x.test/">
    z</a><![endif]--><svg><a href="https://x.test/"/></svg><textarea><a href="https://x.test/"></textarea>"""
    content.compile(content.Source(subject="S", from_email="a@shop.test", body=body))
    assert len(markup._read) == 2
    for page, pieces in markup._read.items():
        assert pieces == tuple(markup._cut_pieces(page))
