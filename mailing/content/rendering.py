"""One part of the message being spliced for one recipient."""

from collections.abc import Mapping
from typing import Any

from liquid.stringify import to_liquid_string

from .mime import quoted, quoted_html
from .sandbox import PLAIN, Context, Template
from .source import ContentError


class Rendering:
    """The recipient's values, those already encoded, and Liquid's context if needed."""

    __slots__ = ("_context", "at", "escaped", "seed", "template", "values", "wires")

    def __init__(self, template: Template, values: Mapping[str, Any], seed: object, at: float) -> None:
        self.template = template
        self.escaped: bool = template.env.autoescape
        self.values = values
        self.seed = seed
        self.at = at
        self.wires: dict[str, str] = {}
        self._context: Context | None = None

    @property
    def context(self) -> Context:
        if self._context is None:
            self._context = self.template.context(self.values, self.seed, self.at)
        return self._context

    def wire(self, name: str) -> str:
        """One value of the recipient, in quoted-printable."""
        wire = self.wires.get(name)
        if wire is None:
            value = self.values.get(name)
            plain = value if type(value) is str else shown(name, value)
            wire = self.wires[name] = quoted_html(plain) if self.escaped else quoted(plain)
        return wire


def shown(name: str, value: Any) -> str:
    """A recipient's value as Liquid writes it in text. Raises ContentError: it is no plain data."""
    if type(value) not in PLAIN:
        raise ContentError(f"{name} is a {type(value).__name__}, not plain data")
    return to_liquid_string(value, autoescape=False)
