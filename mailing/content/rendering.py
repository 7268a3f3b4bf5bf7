"""One part of the message being spliced for one recipient."""

from collections.abc import Callable, Mapping
from typing import Any

from liquid.stringify import to_liquid_string

from .mime import quoted, quoted_html
from .sandbox import PLAIN, Context, Template
from .source import ContentError


class Rendering:
    """The recipient's values, and Liquid's context once it is needed. `encode` brings a value on the wire."""

    __slots__ = ("_context", "at", "encode", "seed", "template", "values")

    def __init__(self, template: Template, values: Mapping[str, Any], seed: object, at: float) -> None:
        self.template = template
        self.encode: Callable[[str], str] = quoted_html if template.env.autoescape else quoted
        self.values = values
        self.seed = seed
        self.at = at
        self._context: Context | None = None

    @property
    def context(self) -> Context:
        if self._context is None:
            self._context = self.template.context(self.values, self.seed, self.at)
        return self._context


def shown(name: str, value: Any) -> str:
    """A recipient's value as Liquid writes it in text. Raises ContentError: it is no plain data."""
    if type(value) not in PLAIN:
        raise ContentError(f"{name} is a {type(value).__name__}, not plain data")
    return to_liquid_string(value, autoescape=False)
