"""Describes in words which values a type of pos.api.schemas accepts."""

import json
from functools import cache

from msgspec import inspect

from campaigns.annotations import Annotation


@cache
def describe_expected(kind: Annotation) -> str:
    """Describe the values that `kind` accepts, such as “a whole number from 1 to 9”. “or” joins alternatives."""
    return _describe(inspect.type_info(kind))


def _describe(kind: inspect.Type) -> str:
    match kind:
        case inspect.Metadata(type=inner, extra_json_schema={"examples": [example, *_]}):
            return f"{_describe(inner)} such as {json.dumps(example)}"
        case inspect.Metadata(type=inner):
            return _describe(inner)
        case inspect.UnionType(types=types):
            return " or ".join(_describe(one) for one in types if not isinstance(one, inspect.NoneType))
        case inspect.LiteralType(values=values):
            return " or ".join(json.dumps(value) for value in values)
        case inspect.IntType(ge=least, le=most):
            return f"a whole number from {least} to {most}"
        case inspect.StrType(max_length=None):
            return "a text"
        case inspect.StrType(min_length=None, max_length=most):
            return f"a text of at most {most} characters"
        case inspect.StrType(min_length=least, max_length=most):
            return f"a text of {least} to {most} characters"
        case inspect.VarTupleType(max_length=None):
            return "a list of one or more entries"
        case inspect.VarTupleType(max_length=most):
            return f"a list of at most {most} entries"
        case inspect.DateTimeType():
            return 'a time with its zone, such as "2030-01-31T18:05:00+01:00"'
        case inspect.BoolType():
            return "true or false"
        case inspect.StructType():
            return "an object"
    raise TypeError(f"no words for {kind}")
