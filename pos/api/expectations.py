"""Describes in words which values a type of pos.api.schemas accepts."""

import json
from collections.abc import Iterable
from functools import cache

from django.utils.translation import get_language, gettext
from msgspec import inspect

from campaigns.annotations import Annotation


def describe_expected(kind: Annotation) -> str:
    """Describe the values that `kind` accepts, such as “a whole number from 1 to 9”. “or” joins alternatives."""
    return _describe_in(get_language() or "", kind)


@cache
def _describe_in(language: str, kind: Annotation) -> str:
    """Describe the values. The language is active; it is given since the answer is cached."""
    return _describe(inspect.type_info(kind))


def _describe(kind: inspect.Type) -> str:
    match kind:
        case inspect.Metadata(type=inner, extra_json_schema={"examples": [example, *_]}):
            return gettext("%(kind)s such as %(example)s") % {
                "kind": _describe(inner),
                "example": json.dumps(example),
            }
        case inspect.Metadata(type=inner):
            return _describe(inner)
        case inspect.UnionType(types=types):
            return _join_alternatives(
                _describe(one) for one in types if not isinstance(one, inspect.NoneType)
            )
        case inspect.LiteralType(values=values):
            return _join_alternatives(json.dumps(value) for value in values)
        case inspect.IntType(ge=least, le=most):
            return gettext("a whole number from %(least)s to %(most)s") % {"least": least, "most": most}
        case inspect.StrType(max_length=None):
            return gettext("a text")
        case inspect.StrType(min_length=None, max_length=most):
            return gettext("a text of at most %(most)s characters") % {"most": most}
        case inspect.StrType(min_length=least, max_length=most):
            return gettext("a text of %(least)s to %(most)s characters") % {"least": least, "most": most}
        case inspect.VarTupleType(max_length=None):
            return gettext("a list of one or more entries")
        case inspect.VarTupleType(max_length=most):
            return gettext("a list of at most %(most)s entries") % {"most": most}
        case inspect.DateTimeType():
            return gettext("a time with its zone, such as %(example)s") % {
                "example": '"2030-01-31T18:05:00+01:00"'
            }
        case inspect.BoolType():
            return _join_alternatives(["true", "false"])
        case inspect.StructType():
            return gettext("an object")
    raise TypeError(f"no words for {kind}")


def _join_alternatives(words: Iterable[str]) -> str:
    return f" {gettext('or')} ".join(words)
