"""The values of one recipient while a part of their message is spliced."""

from typing import Any

from liquid.stringify import to_liquid_string

from mailing.content.source import Values

from .mime import encode_quoted_html, encode_quoted_printable, is_plain_in_html
from .names import OFFER, OFFER_PATHS
from .sandbox import PLAIN, Context, Template
from .source import ContentError


class Wires(dict[str, str]):
    """The recipient's values by name, in quoted-printable; each is made when it is first asked for."""

    __slots__ = ("given",)

    def __init__(self, given: Values) -> None:
        self.given = given

    def __missing__(self, name: str) -> str:
        value = self.given.get(name)
        if value is None and name in OFFER_PATHS:
            value = read_value(self.given, name)
        wire = self[name] = encode_quoted_printable(value if type(value) is str else write_value(name, value))
        return wire


class EscapedWires(Wires):
    """The same for HTML. `unescaped` has the values that need no escape too: most values are like that."""

    __slots__ = ("unescaped",)

    def __init__(self, unescaped: Wires) -> None:
        super().__init__(unescaped.given)
        self.unescaped = unescaped

    def __missing__(self, name: str) -> str:
        value = self.given.get(name)
        if value is None and name in OFFER_PATHS:
            value = read_value(self.given, name)
        wire = value if type(value) is str else write_value(name, value)
        if is_plain_in_html(wire):
            self.unescaped[name] = wire
        else:
            wire = encode_quoted_html(wire)
        self[name] = wire
        return wire


class Rendering:
    """The recipient's values, as they are and on the wire, and Liquid's context once it is needed."""

    __slots__ = ("_context", "at", "seed", "template", "values", "wires")

    def __init__(self, template: Template, wires: Wires, seed: object, at: float) -> None:
        self.template = template
        self.wires = wires
        self.values = wires.given
        self.seed = seed
        self.at = at
        self._context: Context | None = None

    @property
    def context(self) -> Context:
        if self._context is None:
            self._context = self.template.context(self.values, self.seed, self.at)
        return self._context


# Any: plain data of any kind, as `Values`
def read_value(values: Values, name: str) -> Any:
    """Return a recipient's value by its name, or by its path where it is part of the offer; None without one."""
    value = values.get(name)
    if value is None and name in OFFER_PATHS and isinstance(offer := values.get(OFFER), dict):
        return offer.get(OFFER_PATHS[name])
    return value


# Any: plain data of any kind, as `Values`
def write_value(name: str, value: Any) -> str:
    """Return a recipient's value as Liquid writes it in text.

    Raises:
        ContentError: the value is not plain data.
    """
    kind = type(value)
    if kind is str:
        text: str = value
        return text
    if kind is int:
        return str(value)
    if kind not in PLAIN:
        raise ContentError(f"{name} is a {kind.__name__}, not plain data")
    return to_liquid_string(value, autoescape=False)
