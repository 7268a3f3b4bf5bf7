"""CSV that is safe in every spreadsheet, and that our own import reads back as it was."""

import csv
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.workspace import spreadsheets

FORMULA = re.compile(r"[\s\0-\x08\x0e-\x1f\ufeff\u200b]*[=+\-@＝＋－＠]").match
NUMBER = re.compile(r"[+-][\d\s().,/-]*").fullmatch

texts = st.one_of(
    st.text(alphabet="=+-@'\"; ,|\t\r\n\u00a0\ufeff＝＠a1.", max_size=12),
    st.text(alphabet="=+@' \x00\x01\x1c\x1f\u1680\u2003\u202f\u3000\ufeff1", max_size=6),
    st.text(max_size=8),
    st.sampled_from(
        ["=1+1", "'=1", "''00184", "'00184", "+49 (30) 12-34", "-5", "@handle", "x;=cmd|' /C calc'!A0"]
    ),
)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("=1+1", "'=1+1"),
        ("@handle", "'@handle"),
        ("-info@x.test", "'-info@x.test"),
        ("＝1+1", "'＝1+1"),
        ("  =1+1", "  '=1+1"),
        ("a\x1c=1+1", "a\x1c'=1+1"),
        ("\x1f=1+1", "\x1f'=1+1"),
        ("\u2003\x01=1+1", "\u2003\x01'=1+1"),
        ("Rome;=1+1", "Rome;'=1+1"),
        ("Rome; =1+1", "Rome; '=1+1"),
        ("Rome\n=1+1", "Rome\n'=1+1"),
        ("Rome\r\n@x", "Rome\r\n'@x"),
        ("Rome|=1", "Rome|'=1"),
        ("a\t=1", "a\t'=1"),
        ("\tx", "'\tx"),
        ("\rx", "'\rx"),
        ("'00184", "''00184"),
        ("+49 30 12 34", "+49 30 12 34"),
        ("-12.50", "-12.50"),
        ("a=b", "a=b"),
        ("O'Brien", "O'Brien"),
        (7, 7),
        (None, None),
    ],
)
def test_what_could_begin_a_formula_is_marked_as_text(value, written):
    assert spreadsheets.write_cell(value) == written
    if isinstance(value, str):
        assert spreadsheets.remove_mark(written) == value


@settings(max_examples=1000)
@given(st.lists(texts, min_size=1, max_size=3))
def test_no_separator_makes_a_formula_of_a_cell(row):
    line = "".join(spreadsheets.csv_lines([row]))
    for delimiter in (",", ";", "\t", "|"):
        for cells in csv.reader(line.splitlines(keepends=True), delimiter=delimiter):
            for cell in cells:
                # a line of one cell per piece at worst
                pieces = cell.split(",") if delimiter != "," else [cell]
                assert not FORMULA(pieces[0]) or NUMBER(cell) or NUMBER(pieces[0]), (delimiter, cell)


@settings(max_examples=1000)
@given(texts)
def test_the_marks_come_off_again(text):
    assert spreadsheets.remove_mark(str(spreadsheets.write_cell(text))) == text


@pytest.mark.parametrize(
    ("foreign", "meant"),
    [("'00184", "00184"), ("'+39333000000", "+39333000000"), ("'90s", "'90s"), ("'t Hooft", "'t Hooft")],
)
def test_the_mark_that_other_systems_put_before_numbers_comes_off(foreign, meant):
    assert spreadsheets.remove_mark(foreign) == meant
