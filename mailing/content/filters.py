"""The filters a template may use: Liquid's own that are safe on people's data, and ours for dates and money."""

import datetime as dt
import re
from collections.abc import Callable
from decimal import Context as DecimalContext
from decimal import Decimal, localcontext
from functools import wraps

from babel.dates import format_date
from babel.numbers import format_currency
from liquid import Environment, Markup
from liquid.exceptions import (
    FilterArgumentError,
    FilterError,
    FilterValueError,
    LiquidError,
    ResourceLimitError,
)
from liquid.filter import with_context
from liquid.undefined import is_undefined

from campaigns.sentences import keep, mark
from mailing.content.source import LiquidContext

from . import dates

TEXT_LIMIT = 100_000  # characters a filter may return, the size of the largest e-mail
LIST_LIMIT = 2_000  # items a filter may take or return; some of Liquid's own compare each with each
LIST_TEXT_LIMIT = 500_000  # characters of all items of a list
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
def date(value: object, style: object = "medium", *, context: LiquidContext) -> object:
    """Write `value` as a date: `style` is a strftime pattern, or short, medium, long or full in its language.

    Takes a date, a date-time, a date as text (see `dates.read_date`), seconds since 1970, or "now". A moment with an
    offset is shown in the campaign's zone. Nothing gives nothing; what is no date is returned as it is, as Liquid does,
    and noted when it has a digit.
    """
    if is_undefined(value) or value is None or value == "":
        return ""
    moment = context.moment(context.at) if value in ("now", "today") else dates.read_date(value, context)
    if moment is None:
        if any(letter.isdigit() for letter in str(value)):  # other words are words: "soon"
            context.notes.append(keep("“%(value)s” is not a date that can be read", value=str(value)[:40]))
        return value
    pattern = "medium" if is_undefined(style) or style is None else str(style)
    if pattern in BABEL_LENGTHS:
        return format_date(moment, pattern, locale=context.settings.babel_locale)
    if len(pattern) > 100:
        raise FilterArgumentError(mark("date: the pattern is longer than 100 characters"), token=None)
    return dates.write_date(moment, pattern, context)


@with_context
def money(value: object, currency: object = None, *, context: LiquidContext) -> object:
    """Return `value`, an amount in whole units such as 12.5, as money in the campaign's language and currency.

    `currency` is an ISO 4217 code. Nothing gives nothing; what is no number is returned as it is.
    """
    if is_undefined(value) or value is None or value == "" or isinstance(value, bool):
        return ""
    try:
        amount = Decimal(str(value).strip())
    except ArithmeticError:
        return value
    if not amount.is_finite() or abs(amount) > NUMBER_LIMIT:
        return value
    code = context.settings.currency if is_undefined(currency) or not currency else str(currency)
    # the usual 28 digits are too few for the cents of large amounts
    with localcontext(DecimalContext(prec=60)):
        return format_currency(amount, code, locale=context.settings.babel_locale)


def strip_html(value: object) -> str:
    """Return text without tags, comments, scripts and style sheets, in one pass even if some are not closed."""
    text = "" if value is None or is_undefined(value) else str(value)
    out: list[str] = []
    missing: set[str] = set()  # what is looked for once in vain is not there further on either
    position = 0
    while (start := text.find("<", position)) >= 0:
        out.append(text[position:start])
        opener = text[start : start + 7].lower()
        begin = next((each for each in _HIDDEN if opener.startswith(each) and each not in missing), "")
        end = _HIDDEN[begin].search(text, start) if begin else None
        if begin and end is None:
            missing.add(begin)
        position = end.end() if end else text.find(">", start) + 1
        if position == 0:
            position = start
            break
    return "".join(out) + text[position:]


_HIDDEN = {
    "<!--": re.compile("-->"),
    "<script": re.compile("</script>", re.IGNORECASE),
    "<style": re.compile("</style>", re.IGNORECASE),
}


def uniq(value: object, key: object = None) -> list[object]:
    """Return the items of a list, each once; with `key` items with the same value under that key count as equal."""
    known: set[object] = set()
    kept = []
    for item in _flatten_items(value):
        try:
            part = item if key is None or is_undefined(key) else item.get(str(key))  # type: ignore[attr-defined]
        except AttributeError as error:
            raise FilterError(keep("uniq: an item has no “%(key)s”", key=key), token=None) from error
        mark = repr(part) if isinstance(part, list | tuple | dict) else part
        if mark not in known:
            known.add(mark)
            kept.append(item)
    return kept


def _flatten_items(value: object) -> list[object]:
    """Return the items of a list and of the lists in it, or the one value."""
    if not isinstance(value, list | tuple):
        return [value]
    items: list[object] = []
    waiting: list[tuple[object, int]] = [(each, 0) for each in reversed(value)]
    while waiting:
        each, level = waiting.pop()
        if isinstance(each, list | tuple) and level < 5:
            waiting += [(inner, level + 1) for inner in reversed(each)]
        else:
            items.append(each)
        if len(items) + len(waiting) > LIST_LIMIT:
            raise FilterValueError(
                keep("a list of over %(list_limit)s items", list_limit=LIST_LIMIT), token=None
            )
    return items


def bound_filter(name: str, filter_: Callable[..., object]) -> Callable[..., object]:
    """Return the filter with its input and output counted, so that none can use up the memory or the time.

    Values come from people's files, so a value that the filter cannot use leads to a sentence.
    """
    wants = [each for each in ("context", "environment") if getattr(filter_, f"with_{each}", False)]

    @wraps(filter_)
    def apply(context: LiquidContext, value: object, *arguments: object, **options: object) -> object:
        try:
            context.charge(sum(measure_value(name, each) for each in (value, *arguments, *options.values())))
            if name in ("replace", "join"):
                _check_growth(name, value, arguments)
            given = {"context": context, "environment": context.env}
            result = filter_(value, *arguments, **options | {each: given[each] for each in wants})
            measure_value(name, result)
        except ResourceLimitError:
            raise
        except LiquidError as error:
            if isinstance(error.__cause__, TypeError | AttributeError):
                raise FilterValueError(
                    keep("%(name)s: %(value)s is not what it works with", name=name, value=_name_kind(value)),
                    token=None,
                ) from error
            raise
        except (ArithmeticError, LookupError, AttributeError, TypeError, ValueError, RecursionError) as error:
            raise FilterValueError(
                keep("%(name)s: %(value)s is not what it works with", name=name, value=_name_kind(value)),
                token=None,
            ) from error
        return result

    return apply


def measure_value(name: str, value: object) -> int:
    """Return how many characters or items a filter has to read.

    Raises:
        FilterValueError: more than a filter may take or return.
    """
    if isinstance(value, str):
        if len(value) > TEXT_LIMIT:
            raise FilterValueError(
                keep("%(name)s: text over %(text_limit)s characters", name=name, text_limit=TEXT_LIMIT),
                token=None,
            )
        return len(value)
    if isinstance(value, list | tuple):
        if len(value) > LIST_LIMIT:
            raise FilterValueError(
                keep("%(name)s: a list of over %(list_limit)s items", name=name, list_limit=LIST_LIMIT),
                token=None,
            )
        items = _flatten_items(value)
        size = len(items) + sum(len(each) for each in items if isinstance(each, str))
        if size > LIST_TEXT_LIMIT:
            raise FilterValueError(
                keep(
                    "%(name)s: a list of over %(list_text_limit)s characters",
                    name=name,
                    list_text_limit=LIST_TEXT_LIMIT,
                ),
                token=None,
            )
        return size
    if isinstance(value, int | float | Decimal) and not -NUMBER_LIMIT <= value <= NUMBER_LIMIT:
        raise FilterValueError(keep("%(name)s: a number that is too large", name=name), token=None)
    return 1


def _name_kind(value: object) -> str:
    """Name the kind of a value, for the start of a sentence."""
    if value is None or is_undefined(value):
        return "nothing"
    for kinds, words in _KINDS:
        if isinstance(value, kinds):
            return words
    return f"a {type(value).__name__}"


_KINDS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (str, "text"),
    (bool, mark("true or false")),
    ((int, float, Decimal), mark("such a number")),
    ((list, tuple), mark("a list with such items")),
    (dict, mark("a group of fields")),
    ((dt.date, dt.time), "a date"),
)


def _check_growth(name: str, value: object, arguments: tuple[object, ...]) -> None:
    """Measure two of Liquid's filters before they run, not after: they multiply text by text."""
    if name == "replace" and arguments:
        old, new = str(arguments[0]), str(arguments[1]) if len(arguments) > 1 else ""
        size = str(value).count(old) * len(new)
    else:
        size = (
            len(_flatten_items(value)) * len(str(arguments[0]))
            if arguments and isinstance(value, list | tuple)
            else 0
        )
    if size > TEXT_LIMIT:
        raise FilterValueError(
            keep("%(name)s: text over %(text_limit)s characters", name=name, text_limit=TEXT_LIMIT),
            token=None,
        )


def register(environment: Environment) -> None:
    """Give `environment` the allowed filters, each bounded, and no others."""
    chosen = {name: filter_ for name, filter_ in environment.filters.items() if name in ALLOWED}
    chosen |= {"date": date, "money": money, "strip_html": _escaping_strip_html, "uniq": uniq}
    environment.filters = {name: bound_filter(name, filter_) for name, filter_ in chosen.items()}


def _escaping_strip_html(value: object) -> str:
    """Strip tags; return HTML for HTML, and for text a text that still has to be escaped."""
    return Markup(strip_html(value)) if isinstance(value, Markup) else strip_html(value)
