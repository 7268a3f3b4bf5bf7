"""Drawings of figures over time."""

import pytest
from django.utils import translation

from campaigns import formats
from campaigns.workspace.plots import Point, draw_plot, round_up_scale


@pytest.mark.parametrize(("most", "expected"), [
    (0, 1), (1, 1), (2, 2), (3, 4), (7, 10), (10, 10), (11, 20), (4_136, 5_000), (50_001, 100_000),
])  # fmt: skip
def test_a_scale_ends_at_a_round_number_that_holds_the_most(most, expected):
    assert round_up_scale(most) == expected


def draw_values(*values: tuple[int, ...]):
    points = [Point(f"day {place}", str(place), of, tuple(map(str, of))) for place, of in enumerate(values)]
    return draw_plot(points, ("Given",), str)


def test_columns_are_in_percent_of_the_scale_and_nothing_is_drawn_below_it():
    drawn = draw_values((5, 1), (20, -3))
    assert drawn.scale == ("20", "10", "0")
    assert [[bar.height for bar in column.bars] for column in drawn.columns] == [["25", "5"], ["100", "0"]]
    assert [[bar.y for bar in column.bars] for column in drawn.columns] == [["75", "95"], ["0", "100"]]


def test_the_series_stand_side_by_side_within_their_column():
    drawn = draw_values((1, 1), (1, 1))
    assert [(bar.series, bar.x, bar.width) for bar in drawn.columns[1].bars] == [
        (1, "11", "4"),
        (2, "15", "4"),
    ]
    assert drawn.width == 80  # the first columns of many are not drawn as wide as the page
    assert draw_values(*[(1,)] * 9).width == 90


def test_a_scale_whose_half_is_no_whole_number_is_not_named_there():
    assert draw_values((1,)).scale == ("1", "", "0")


@pytest.mark.parametrize(("points", "named"), [(0, 0), (1, 1), (6, 3), (7, 4), (24, 6), (31, 5)])
def test_a_small_screen_has_room_for_the_names_under_a_drawing(points, named):
    assert sum(column.short != "" for column in draw_values(*[(1,)] * points).columns) == named


@pytest.mark.parametrize(
    ("amount", "currency", "language", "written"),
    [
        (40_000, "EUR", "en", "€400"),
        (0, "EUR", "en", "€0"),
        (50, "EUR", "en", "€0.50"),
        (100_000_000, "EUR", "en", "€1,000,000"),
        (400, "JPY", "en", "¥400"),
        (100_000, "EUR", "de", "1.000\xa0€"),
        (50, "EUR", "de", "0,50\xa0€"),
        (100_000, "EUR", "fr", "1\u202f000\xa0€"),
    ],
)
def test_an_amount_beside_a_drawing_has_decimals_only_where_it_needs_them(
    amount, currency, language, written
):
    with translation.override(language):
        assert formats.money_on_scale(amount, currency) == written
