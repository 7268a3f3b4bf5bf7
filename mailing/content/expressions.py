"""Our own expressions in place of python-liquid's where those do not suit people's data."""

import operator
from collections.abc import Callable

from liquid.builtin.expressions import BooleanExpression, LoopExpression, Path
from liquid.builtin.expressions.logical import (
    EqExpression,
    GeExpression,
    GtExpression,
    LeExpression,
    LtExpression,
    NeExpression,
)
from liquid.builtin.expressions.primitive import Blank, FloatLiteral, IntegerLiteral, RangeLiteral
from liquid.exceptions import LiquidSyntaxError, LoopIterationLimitError
from liquid.expression import Expression
from liquid.token import Token
from liquid.undefined import is_undefined

from campaigns.annotations import Argument
from campaigns.sentences import keep, mark
from mailing.content.source import LiquidContext

LOOP_LIMIT = 10_000  # rounds of all loops of one render together

_OPERATORS: dict[type[Expression], tuple[str, Callable[[Argument, Argument], bool]]] = {
    LtExpression: ("<", operator.lt),
    LeExpression: ("<=", operator.le),
    GtExpression: (">", operator.gt),
    GeExpression: (">=", operator.ge),
}


class Comparison(Expression):
    """Comparisons such as a < b. A number in a text compares as a number; values that cannot be compared are false.

    Attributes come from CSV files and forms: one "n/a" among a million points is no reason to mail nobody.
    """

    __slots__ = ("compare", "left", "right", "sign")

    def __init__(
        self,
        token: Token,
        sign: str,
        compare: Callable[[Argument, Argument], bool],
        left: Expression,
        right: Expression,
    ):
        super().__init__(token)
        self.sign = sign
        self.compare = compare
        self.left = left
        self.right = right

    def __str__(self) -> str:
        return f"{self.left} {self.sign} {self.right}"

    def evaluate(self, context: LiquidContext) -> bool:
        left, right = self.left.evaluate(context), self.right.evaluate(context)
        try:
            if isinstance(left, str) is not isinstance(right, str):
                left, right = float(left), float(right)  # type: ignore[arg-type]  # TypeError is what it is tried for
            return self.compare(left, right)
        except (TypeError, ValueError):
            return False

    def children(self) -> list[Expression]:
        return [self.left, self.right]


class BlankTest(Expression):
    """a == blank and a != blank. As in Shopify's Liquid, nothing, false, and a text or list without content are blank.

    In python-liquid an attribute that a contact does not have is not blank.
    """

    __slots__ = ("is_wanted", "value")

    def __init__(self, token: Token, value: Expression, is_wanted: bool):
        super().__init__(token)
        self.value = value
        self.is_wanted = is_wanted

    def __str__(self) -> str:
        return f"{self.value} {'==' if self.is_wanted else '!='} blank"

    def evaluate(self, context: LiquidContext) -> bool:
        value = self.value.evaluate(context)
        if isinstance(value, str):
            is_blank = not value.strip()
        else:
            is_blank = value is None or value is False or is_undefined(value) or value in ([], {})
        return is_blank is self.is_wanted

    def children(self) -> list[Expression]:
        return [self.value]


def read_number_test(
    condition: Expression,
) -> tuple[str, Callable[[Argument, Argument], bool], int | float] | None:
    """Read a condition such as `points > 2500`: its variable, comparison and number. None for any other condition."""
    test = condition.expression if isinstance(condition, BooleanExpression) else condition
    if not isinstance(test, Comparison) or not isinstance(test.left, Path) or len(test.left.path) != 1:
        return None
    name = test.left.path[0]
    if not isinstance(name, str) or not isinstance(test.right, IntegerLiteral | FloatLiteral):
        return None
    return name, test.compare, test.right.value


class BoundedRange(Expression):
    """(1..n) in a loop. python-liquid would make a list of a reversed one first, of any length."""

    __slots__ = ("literal",)

    def __init__(self, literal: RangeLiteral) -> None:
        super().__init__(literal.token)
        self.literal = literal

    def __str__(self) -> str:
        return str(self.literal)

    def evaluate(self, context: LiquidContext) -> range:
        values = self.literal.evaluate(context)
        if values and values[-1] - values[0] > LOOP_LIMIT:
            raise LoopIterationLimitError(
                keep("more than %(loop_limit)s rounds of loops", loop_limit=LOOP_LIMIT), token=self.token
            )
        return values

    def children(self) -> list[Expression]:
        return self.literal.children()


def replace_expressions(expression: Expression) -> None:
    """Replace python-liquid's expressions by ours, everywhere below `expression`.

    Raises:
        LiquidSyntaxError: a range stands outside of a loop, where a filter could make a list of it, of any length.
    """
    for place in ("expression", "left", "right", "iterable"):
        child: Argument = getattr(expression, place, None)
        if type(child) in _OPERATORS:
            sign, compare = _OPERATORS[type(child)]
            setattr(expression, place, Comparison(child.token, sign, compare, child.left, child.right))
        elif isinstance(child, EqExpression | NeExpression):
            value = child.left if isinstance(child.right, Blank) else child.right
            if isinstance(child.left, Blank) or isinstance(child.right, Blank):
                setattr(expression, place, BlankTest(child.token, value, isinstance(child, EqExpression)))
        elif isinstance(child, RangeLiteral) and isinstance(expression, LoopExpression):
            expression.iterable = BoundedRange(child)
    for child in expression.children():
        if isinstance(child, RangeLiteral):
            raise LiquidSyntaxError(mark("a range such as (1..5) can only be looped over"), token=child.token)
        replace_expressions(child)
