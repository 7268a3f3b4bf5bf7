"""Names for types that a checker cannot describe better than `Any`, each with the reason.

`Any` alone says nothing: signatures use these names, and `Any` itself has its reason on the same line or above.
"""

from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

# Handed on as it came to a function of Django or of a library, whose stubs give each parameter a type of its own.
Argument: TypeAlias = Any
# A row of any model, in what all admin pages share.
AdminRow: TypeAlias = Any
# The value of a column: each field has a type of its own.
ColumnValue: TypeAlias = Any
# The values of columns by name, as models and domain functions take them.
Columns: TypeAlias = dict[str, Any]
# What a form has read: each field has a type of its own.
CleanedData: TypeAlias = dict[str, Any]
# A value of decoded JSON, before it is checked.
Json: TypeAlias = Any
# An object of decoded JSON, before it is checked.
JsonObject: TypeAlias = dict[str, Any]
# What a template shows, by name.
PageContext: TypeAlias = dict[str, Any]
# A row that a cursor gives: the statement says what it holds.
Row: TypeAlias = tuple[Any, ...]
# How a campaign stands: each kind has figures of its own, and its templates know them.
RowFigures: TypeAlias = Any
# A row of another app's model, or its key: an app imports none of those above it.
RowOrKey: TypeAlias = Any
# What a JSON column holds, or a change of it tells.
StoredValue: TypeAlias = Any
# A type as annotations spell it: a class, a union, or one with constraints.
Annotation: TypeAlias = Any
# A text that people read: it is translated when it is shown.
Words: TypeAlias = "StrOrPromise"
