"""The time a body takes grows with its length and not with the square of it."""

import time

import pytest

from mailing import content

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


def seconds_of(body: str, body_format: content.Format) -> float:
    source = content.Source(subject="S", from_email="a@shop.test", body=body, body_format=body_format)
    best = float("inf")
    for _ in range(2):
        started = time.process_time()
        content.problems(source)
        best = min(best, time.process_time() - started)
    return best


@pytest.mark.parametrize("body_format", ["markdown", "html"])
@pytest.mark.parametrize("name", PIECES)
def test_a_body_twice_as_long_takes_at_most_three_times_as_long(name, body_format):
    piece = PIECES[name]
    once = seconds_of(piece * (SIZE // len(piece)), body_format)
    twice = seconds_of(piece * (2 * SIZE // len(piece)), body_format)
    assert twice < 3 * max(once, 0.02)


def test_markdown_grows_evenly():
    paragraph = (
        "## News\n\nSome **bold** words, [a link](https://x.test/a?b=1&c=2), `code`\n\n- one\n- two\n\n"
    )
    once, twice = (min(seconds_of(paragraph * n, "markdown") for _ in range(3)) for n in (200, 400))
    assert twice < 3 * once
