"""Liquid in a sandbox: no files, no includes, no Python objects, and limits for every render.

Built on python-liquid. Its own limits look at one loop or one buffer at a time; here loops, steps, output and
processor time are counted over the whole render: at every node, every variable and every filter.
"""

import datetime as dt
import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from decimal import Decimal
from functools import partial
from io import StringIO
from typing import ClassVar
from zoneinfo import ZoneInfo

import liquid
import msgspec
from liquid.ast import Node
from liquid.context import RenderContext
from liquid.exceptions import (
    LiquidError,
    LiquidTypeError,
    LoopIterationLimitError,
    OutputStreamLimitError,
    ResourceLimitError,
    UnknownFilterError,
)
from liquid.utils import ReadOnlyChainMap

from campaigns.annotations import Argument
from campaigns.sentences import keep, mark
from mailing.content.source import Values

from . import expressions, filters, tags
from .expressions import LOOP_LIMIT
from .source import ContentError
from .urls import Utm

STEP_LIMIT = 400_000  # nodes rendered and variables looked up
# characters and list items that filters may go through before the clock is looked at
WORK_BETWEEN_CLOCK_LOOKS = 50_000
OUTPUT_LIMIT = 1_000_000  # characters; mail clients cut an e-mail off at a tenth of that
TIME_LIMIT = 0.5  # seconds of processor time, so that a machine under load fails nobody's e-mail

PLAIN = frozenset(
    (
        *(str, int, float, bool, type(None), list, tuple, dict, range),
        *(dt.date, dt.datetime, dt.time, Decimal, liquid.Markup, liquid.Undefined),
    )
)


class Settings(msgspec.Struct, frozen=True):
    """The language, currency and time zone of the campaign, for the filters."""

    locale: str = "en"
    currency: str = "EUR"
    time_zone: str = "UTC"
    utm: Utm = ()

    @property
    def babel_locale(self) -> str:
        """The language as Babel names it."""
        return self.locale.replace("-", "_")


class Output(StringIO):
    """What a render has written, up to OUTPUT_LIMIT."""

    written = 0

    def write(self, text: str) -> int:
        self.written += len(text)
        if self.written > OUTPUT_LIMIT:
            raise OutputStreamLimitError(
                keep("more than %(output_limit)s characters", output_limit=OUTPUT_LIMIT), token=None
            )
        return super().write(text)


class Context(RenderContext):
    """One render: the recipient's values, and how much of the limits is used."""

    __slots__ = ("settings", "seed", "at", "rounds", "steps", "work", "deadline", "notes")

    def __init__(self, template: "Template", values: Values, seed: object, at: float) -> None:
        super().__init__(template)
        self.globals = values
        # without Liquid's own `now` and `today`, which know no time zone
        self.scope = ReadOnlyChainMap(self.locals, values, self.counters)
        self.settings = template.settings
        self.seed = seed
        self.at = at
        self.rounds = self.steps = self.work = 0
        self.deadline = 0.0
        self.notes: list[str] = []  # what was mailed as it is, since a filter could make nothing of it

    @property  # type: ignore[override]  # a list with python-liquid
    def disabled_tags(self) -> tuple[str, ...]:
        """None. python-liquid asks for them before each node: the one place that every node passes."""
        self.step()
        return ()

    @disabled_tags.setter
    def disabled_tags(self, names: list[str]) -> None:
        pass

    def moment(self, at: float) -> dt.datetime:
        """Return a UNIX time in the campaign's time zone."""
        return dt.datetime.fromtimestamp(at, ZoneInfo(self.settings.time_zone))

    def get(self, path: list[object], *, token: Argument, **options: Argument) -> object:
        self.step()
        value = super().get(path, token=token, **options)
        if type(value) not in PLAIN:
            raise LiquidTypeError(
                keep("%(path)s is a %(name)s, not plain data", path=path[0], name=type(value).__name__),
                token=token,
            )
        return value

    def assign(self, key: str, val: Argument) -> None:
        self.charge(len(self.locals) + filters.measure_value("assign", val))
        super().assign(key, val)

    def cycle(self, key: object, length: int) -> int:
        self.charge(len(str(key)))
        return super().cycle(hash(key), length)  # the key has all the values in it: too large to be kept

    def filter(self, name: str, token: Argument) -> Callable[..., object]:
        """Return the filter of this name, which is told of this render first."""
        if name not in self.env.filters:
            raise UnknownFilterError(keep("unknown filter '%(name)s'", name=name), token=token)
        return partial(self.env.filters[name], self)

    def step(self) -> None:
        """Count one node or variable.

        Raises:
            ResourceLimitError: the render has used up what it may.
        """
        self.steps += 1
        if self.steps & 127:
            return
        if self.steps > STEP_LIMIT:
            raise ResourceLimitError(
                keep("more than %(step_limit)s steps", step_limit=STEP_LIMIT), token=None
            )
        self.look_at_clock()

    def charge(self, amount: int) -> None:
        """Count `amount` characters or list items that are gone through.

        Raises:
            ResourceLimitError: the render has used up what it may.
        """
        self.step()
        self.work += amount
        if self.work > WORK_BETWEEN_CLOCK_LOOKS:
            self.work = 0
            self.look_at_clock()

    def look_at_clock(self) -> None:
        now = time.thread_time()
        self.deadline = self.deadline or now + TIME_LIMIT
        if now > self.deadline:
            raise ResourceLimitError(
                keep("more than %(time_limit)s seconds", time_limit=f"{TIME_LIMIT:g}"), token=None
            )

    def raise_for_loop_limit(self, length: int = 1) -> None:
        self.rounds += length
        if self.rounds > LOOP_LIMIT:
            raise LoopIterationLimitError(
                keep("more than %(loop_limit)s rounds of loops", loop_limit=LOOP_LIMIT), token=None
            )

    def get_buffer(self, buf: Argument = None) -> StringIO:
        return Output()


class Environment(liquid.Environment):
    """The tags and filters a template may use. `autoescape`: values are escaped for HTML."""

    local_namespace_limit: ClassVar[int | None] = 200_000  # bytes held by assign and capture

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        super().setup_tags_and_filters()
        for name in ("include", "render"):
            del self.tags[name]
        self.add_tag(tags.SpinTag)
        self.add_tag(tags.UrlTag)
        self.add_tag(tags.LinkTag)
        filters.register(self)


HTML = Environment(autoescape=True)
TEXT = Environment(autoescape=False)


class Template(liquid.BoundTemplate):
    """A parsed template; `bound` are the names it gives values to itself (assign, capture, loops)."""

    def __init__(self, source: str, environment: Environment, settings: Settings) -> None:
        """Parse the template; refuse, by a LiquidError, a range that is not looped over."""
        super().__init__(environment, environment.from_string(source).nodes)
        self.settings = settings
        self.bound: set[str] = set()
        for node in walk_nodes(self.nodes):
            self.bound.update(map(str, node.template_scope()), map(str, node.block_scope()))
            for expression in node.expressions():
                expressions.replace_expressions(expression)

    def context(self, values: Values, seed: object, at: float) -> Context:
        return Context(self, values, seed, at)

    def names(self) -> set[str]:
        """Return every name the template reads, also those that it sets itself."""
        return set(self.analyze(include_partials=False).variables)

    def whole(self, values: Values, seed: object = "", at: float = 0, notes: list[str] | None = None) -> str:
        """Render the template from its first node to its last; add values that filters cannot use to `notes`.

        Raises:
            ContentError: it does not compile or render.
        """
        context = self.context(values, seed, at)
        if notes is not None:
            context.notes = notes
        buffer = Output()
        with failures:
            for node in self.nodes:
                node.render(context, buffer)
        return buffer.getvalue()


class Failures(AbstractContextManager[None]):
    """Turns errors of Liquid into a ContentError. It is no generator, since each message uses it twice."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        # filters let errors of type and arithmetic through
        if isinstance(error, Exception) and not isinstance(error, ContentError):
            raise ContentError(_describe_runtime_error(error)) from error


failures = Failures()


def walk_nodes(nodes: Iterable[Node]) -> Iterator[Node]:
    """Yield every node of a template, in the order of its text."""
    for node in nodes:
        yield node
        yield from walk_nodes(node.children(None))  # type: ignore[arg-type]  # only asked by tags that load other templates


def describe_error(error: Exception) -> str:
    """Write an error of Liquid about a source in one line, with the number of the line it means."""
    if not isinstance(error, LiquidError):
        return str(error) or type(error).__name__
    said = str(error.message or type(error).__name__)
    place = error.context()
    return keep("line %(place)s: %(said)s", place=place[0], said=said) if place else said


def _describe_runtime_error(error: Exception) -> str:
    """Write an error of Liquid about a template that is being rendered, with the statement it is about.

    The numbers of lines are of no use: they have moved since its author wrote it.
    """
    said = _reword_error(error)
    token = error.token if isinstance(error, LiquidError) else None
    if token is None or token.start_index < 0:
        return said
    start = max(token.source.rfind(edge, 0, token.start_index + 2) for edge in ("{{", "{%"))
    statement = re.match(r"\{[{%].*?[}%]\}", token.source[max(start, 0) :], re.DOTALL)
    return f"{' '.join(statement[0].split())[:80]}: {said}" if statement else said


def _reword_error(error: Exception) -> str:
    """Write an error in one line; an error of Python itself in our words."""
    if isinstance(error, LiquidError):
        return " ".join(str(error.message or type(error).__name__).split())
    if isinstance(error, RecursionError):
        return mark("a value that is nested too deeply")
    if isinstance(error, MemoryError):
        return mark("more memory than there is")
    if isinstance(error, ValueError) and "integer string conversion" in str(error):
        return mark("a number of too many digits")
    return " ".join(str(error).split()) or type(error).__name__
