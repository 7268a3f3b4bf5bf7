"""Drawings of figures: columns over time with the numbers beside them, and bars of several parts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

from campaigns import formats

MAX_COLUMN_NAMES = 6  # columns that can be named under a drawing on a small screen
MAX_LONG_NAMES = 4  # of those with a name of more letters than SHORT_NAME: 14. Sept.
SHORT_NAME = 7
MIN_COLUMNS = 8  # columns that a drawing has room for
SCALE_STEPS = (1, 2, 4, 5, 10)  # a scale ends at one of these times a power of ten: its half is round too
COLUMN_WIDTH = 10  # of one column, with the gap around it, in the drawing's own units; its height is 100
COLUMN_GAP = 2


@dataclass(frozen=True)
class Point:
    """The values of one stretch of time.

    `name` names the stretch and heads its line of the table; `short` names it under the drawing, if there is room.
    `values` are those of the series, in their order, and `cells` are the same as text.
    """

    name: str
    short: str
    values: tuple[int, ...]
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Bar:
    """One value as it is drawn, in the drawing's own units; `series` counts from 1."""

    series: int
    x: str
    y: str
    width: str
    height: str


@dataclass(frozen=True)
class Column:
    """A point as it is drawn from `x` on; `short` is "" when its name is left out."""

    point: Point
    short: str
    x: int
    bars: tuple[Bar, ...]


@dataclass(frozen=True)
class Plot:
    """Columns of one or more `series`, named, and the scale beside them from its top down to 0, as it is written.

    `heads` name the cells of the points. `room`: there is space for at least so many columns.
    """

    series: tuple[str, ...]
    heads: tuple[str, ...]
    columns: list[Column]
    scale: tuple[str, str, str]
    room: int = MIN_COLUMNS

    @property
    def blank(self) -> range:
        """The empty columns after the last point, so that the first ones are not drawn too wide."""
        return range(max(0, self.room - len(self.columns)))

    @property
    def width(self) -> int:
        return COLUMN_WIDTH * max(self.room, len(self.columns))


def draw_plot(
    points: Sequence[Point],
    series: tuple[str, ...],
    written: Callable[[int], str],
    heads: tuple[str, ...] = (),
    room: int = MIN_COLUMNS,
) -> Plot:
    """Return the drawing of `points`; `written` writes a value of the scale. Values below 0 are drawn as 0.

    `heads` are the headings of the table beside it, by default the series. With fewer points than `room`, the rest
    stays empty.
    """
    top = round_up_scale(max((value for point in points for value in point.values), default=0))
    has_long_names = max((len(point.short) for point in points), default=0) > SHORT_NAME
    every = ceil(max(room, len(points)) / (MAX_LONG_NAMES if has_long_names else MAX_COLUMN_NAMES)) or 1
    columns = [
        Column(
            point,
            point.short if place % every == 0 and 2 * (len(points) - place) >= every else "",
            COLUMN_WIDTH * place,
            tuple(_draw_bars(COLUMN_WIDTH * place, [100 * max(0, value) / top for value in point.values])),
        )
        for place, point in enumerate(points)
    ]
    middle = written(top // 2) if top % 2 == 0 else ""
    return Plot(series, heads or series, columns, (written(top), middle, written(0)), room)


def _draw_bars(x: int, heights: Sequence[float]) -> list[Bar]:
    width = (COLUMN_WIDTH - COLUMN_GAP) / len(heights)
    return [
        Bar(
            number,
            f"{x + COLUMN_GAP / 2 + (number - 1) * width:g}",
            f"{100 - height:g}",
            f"{width:g}",
            f"{height:g}",
        )
        for number, height in enumerate(heights, start=1)
    ]


def round_up_scale(most: int) -> int:
    """Return the round number at which a scale up to `most` ends, at least 1."""
    if most <= 1:
        return 1
    power: int = 10 ** floor(log10(most))
    return next(step * power for step in SCALE_STEPS if step * power >= most)


@dataclass(frozen=True)
class BarPart:
    """A part of a bar of 100, as it is drawn; `key` names its colour."""

    key: str
    label: str
    amount: int
    x: str
    width: str


def draw_bar_parts(whole: int, amounts: Sequence[tuple[str, str, int]]) -> list[BarPart]:
    """Return the bar of a `whole` from its amounts, (key, label, amount) in their order; amounts of 0 are left out."""
    drawn, x = [], 0.0
    for key, label, amount in amounts:
        if amount > 0 and whole > 0:
            width = 100 * amount / whole
            drawn.append(BarPart(key, label, amount, f"{x:g}", f"{width:g}"))
            x += width
    return drawn


@dataclass(frozen=True)
class DrawnRow:
    """One amount as a bar of its own, `width` of 100 wide; `share` is what it is of the whole, in percent."""

    label: str
    amount: int
    share: str
    width: str


def draw_rows(whole: int, amounts: Sequence[tuple[str, int]]) -> list[DrawnRow]:
    """Return bars one below the other, each as a share of `whole` and none wider than it."""
    return [
        DrawnRow(
            label,
            amount,
            formats.share(amount, whole),
            f"{min(100.0, 100 * amount / whole):g}" if whole else "0",
        )
        for label, amount in amounts
    ]
