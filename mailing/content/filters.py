"""The filters a template may use: Liquid's own that are safe on people's data, and ours for dates and money."""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from functools import wraps
from typing import Any

from babel.dates import format_date
from babel.numbers import format_currency
from liquid import Environment
from liquid.exceptions import FilterArgumentError, FilterValueError
from liquid.filter import with_context
from liquid.undefined import is_undefined

TEXT_LIMIT = 100_000  # characters a filter may return, the size of the largest e-mail
LIST_LIMIT = 2_000  # items a filter may take or return; some of Liquid's own compare each with each
NUMBER_LIMIT = 10**30

# Of Liquid's own, not these: `safe` and `escapejs` (would switch escaping off), base64 (of no use in an e-mail),
# find, has and the like (a template tells, it does not compute), url_decode (would undo a link's encoding).
ALLOWED = frozenset(
    """abs append at_least at_most capitalize ceil compact concat default divided_by downcase escape escape_once first
    floor join last lstrip map minus modulo newline_to_br plus prepend remove remove_first replace replace_first
    reverse round rstrip size slice sort sort_natural split squish strip strip_html strip_newlines sum times truncate
    truncatewords uniq upcase url_encode where""".split()
)
BABEL_LENGTHS = ("short", "medium", "long", "full")


@with_context
def date(value: object, style: object = "medium", *, context: Any) -> object:
    """`value` as a date: `style` is a strftime pattern, or short, medium, long or full in the campaign's language.

    Takes a date, a date-time, ISO 8601 text, seconds since 1970, or "now". Nothing gives nothing; what is no date is
    returned as it is, as Liquid does.
    """
    if is_undefined(value) or value is None or value == "":
        return ""
    moment = context.moment(context.at) if value in ("now", "today") else _moment(value, context)
    if moment is None:
        return value
    pattern = str(style)
    if pattern in BABEL_LENGTHS:
        return format_date(moment, pattern, locale=context.settings.babel_locale)
    if len(pattern) > 100:
        raise FilterArgumentError("date: the pattern is longer than 100 characters", token=None)
    try:
        return moment.strftime(pattern)
    except ValueError as error:
        raise FilterArgumentError(f"date: {error}", token=None) from error


def _moment(value: object, context: Any) -> dt.date | None:
    if isinstance(value, dt.date):
        return value
    try:
        if isinstance(value, str) and not value.isdigit():
            return dt.datetime.fromisoformat(value.strip())
        if isinstance(value, int | str) and not isinstance(value, bool):
            moment: dt.datetime = context.moment(int(value))
            return moment
    except (ValueError, OverflowError, OSError):
        return None
    return None


@with_context
def money(value: object, currency: object = None, *, context: Any) -> object:
    """`value`, an amount in whole units such as 12.5, as money in the campaign's language and currency.

    `currency` is an ISO 4217 code. Nothing gives nothing; what is no number is returned as it is.
    """
    if is_undefined(value) or value is None or value == "" or isinstance(value, bool):
        return ""
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return value
    if not amount.is_finite() or abs(amount) > NUMBER_LIMIT:
        return value
    code = context.settings.currency if is_undefined(currency) or not currency else str(currency)
    return format_currency(amount, code, locale=context.settings.babel_locale)


def bounded(name: str, filter_: Callable[..., object]) -> Callable[..., object]:
    """The filter with what it takes and returns kept small, so that no template can fill the memory."""

    @wraps(filter_)
    def apply(value: object, *arguments: object, **options: object) -> object:
        _check(name, value)
        if name in ("replace", "join"):
            _check_growth(name, value, arguments)
        result = filter_(value, *arguments, **options)
        _check(name, result)
        return result

    return apply


def _check(name: str, value: object) -> None:
    if isinstance(value, str):
        if len(value) > TEXT_LIMIT:
            raise FilterValueError(f"{name}: text over {TEXT_LIMIT:,} characters", token=None)
    elif isinstance(value, list | tuple):
        if len(value) > LIST_LIMIT:
            raise FilterValueError(f"{name}: a list of over {LIST_LIMIT:,} items", token=None)
    elif isinstance(value, int | float | Decimal) and not -NUMBER_LIMIT <= value <= NUMBER_LIMIT:
        raise FilterValueError(f"{name}: a number that is too large", token=None)


def _check_growth(name: str, value: object, arguments: tuple[Any, ...]) -> None:
    """Two of Liquid's filters multiply text by text: measured before, not after."""
    if name == "replace" and arguments:
        old, new = str(arguments[0]), str(arguments[1]) if len(arguments) > 1 else ""
        size = str(value).count(old) * len(new)
    else:
        size = len(value) * len(str(arguments[0])) if arguments and isinstance(value, list | tuple) else 0
    if size > TEXT_LIMIT:
        raise FilterValueError(f"{name}: text over {TEXT_LIMIT:,} characters", token=None)


def register(environment: Environment) -> None:
    """Leave `environment` with the allowed filters alone, each bounded."""
    chosen = {name: filter_ for name, filter_ in environment.filters.items() if name in ALLOWED}
    chosen |= {"date": date, "money": money}
    environment.filters = {name: bounded(name, filter_) for name, filter_ in chosen.items()}
