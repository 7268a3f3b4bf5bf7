"""The pictures of the lifecycles in docs/lifecycles.md are those of the code."""

import re

import pytest
from django.conf import settings

from campaigns import diagrams

PAGE = settings.BASE_DIR / "docs" / "lifecycles.md"


def test_the_page_is_as_the_code_draws_it():
    assert diagrams.draw_into(PAGE.read_text()) == PAGE.read_text(), "run `python manage.py draw_lifecycles`"


def test_a_text_without_the_marks_is_refused():
    with pytest.raises(ValueError, match="drawn: email"):
        diagrams.draw_into("# Lifecycles")


def test_every_row_that_a_test_names_is_on_the_page():
    rows = set(re.findall(r"\*\*([EP]\d+) ", PAGE.read_text()))
    assert rows == {f"{kind}{number}" for kind in "EP" for number in range(1, 11)}
    tests = (path.read_text() for path in (settings.BASE_DIR / "tests").rglob("test_*.py"))
    named = {row for text in tests for row in re.findall(r"\b[EP](?:10|[1-9])\b", text)}
    assert named <= rows
