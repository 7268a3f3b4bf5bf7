"""Fields whose values are those of the engine, and whose texts are those that people type.

Money is kept in minor units, a percent in hundredths, codes as a tuple, a time of day as `HH:MM`.
"""

from decimal import Decimal
from typing import Any

from babel.numbers import get_currency_precision
from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.formats import get_format
from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.annotations import Argument, ColumnValue, Words
from campaigns.typed_numbers import describe_ambiguity, is_ambiguous

MAX_MONEY = 10**12  # of promotions.engine.rules.Money
MAX_CODE = 64  # of promotions.engine.rules.Text
MOST_DIGITS = 40  # before or after the point of a number that is read at all


class ScaledField(forms.DecimalField):
    """A decimal number that is kept as an integer, `places` digits longer.

    `smallest` and `largest` bound what is kept. It is shown as the language of the page writes it, and typed with a
    point or a comma: a browser's control for numbers takes what its own language writes, and hands over nothing of
    what it cannot read.
    """

    widget = forms.TextInput

    def __init__(
        self, label: Words, *, places: int, unit: str, smallest: int = 0, largest: int, **kwargs: Argument
    ) -> None:
        super().__init__(label=label, **kwargs)
        self.smallest = smallest
        self.largest = largest
        self.plain_label = label
        self.scale(places, unit)

    def scale(self, places: int, unit: str) -> None:
        """Set the unit and the number of decimal places."""
        self.places = places
        self.unit = unit
        self.label = self.plain_label if unit == "%" else format_lazy("{} ({})", self.plain_label, unit)
        self.widget.attrs |= {"inputmode": "decimal"}

    def to_python(self, value: ColumnValue) -> Decimal | None:  # type: ignore[override]  # stubs: of whole numbers
        """Read a number with a decimal point or a decimal comma.

        Raises:
            ValidationError: it is no number, or its comma may set thousands apart.
        """
        if isinstance(value, str) and value.count(",") == 1 and "." not in value:
            if self.places > 2 and is_ambiguous(value):  # else these are too many digits after the comma
                raise ValidationError(describe_ambiguity(value))
            value = value.replace(",", ".")
        return super().to_python(value)

    def clean(self, value: ColumnValue) -> int | None:
        number = super().clean(value)
        if number is None:
            return None
        # 9e999999 would overflow, and be written out with a million digits
        if abs(number.adjusted()) > MOST_DIGITS or number.as_tuple().exponent < -MOST_DIGITS:
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        scaled = number.scaleb(self.places)
        # nobody types 12.500 for 12.5, but a German does for twelve thousand and a half
        if -number.as_tuple().exponent > self.places:
            most = (
                _("at most %(places)s digits after the point") % {"places": self.places}
                if self.places
                else _("no digits after the point")
            )
            raise ValidationError(
                _("%(number)s: write %(most)s.") % {"number": self.write(number), "most": most}
            )
        if not self.smallest <= scaled <= self.largest:
            is_small = scaled < self.smallest
            bound = self.write(Decimal(self.smallest if is_small else self.largest).scaleb(-self.places))
            said = _("At least %(bound)s.") if is_small else _("At most %(bound)s.")
            raise ValidationError(said % {"bound": bound})
        return int(scaled)

    def write(self, number: Decimal) -> str:
        """Return a number with its unit, as English writes it: 12.5%, but 12.50 EUR."""
        return f"{number:f}%" if self.unit == "%" else f"{number:f} {self.unit}"

    def prepare_value(self, value: ColumnValue) -> ColumnValue:
        return self.write_plainly(self.unscale(value)) if isinstance(value, int) else value

    def unscale(self, kept: int) -> Decimal:
        """Return the number that is kept as an integer."""
        return Decimal(kept).scaleb(-self.places)

    def write_plainly(self, number: Decimal) -> str:
        """Write a number as it is typed, with the decimal sign of the language: 12.50 or 12,50."""
        return f"{number:f}".replace(".", get_format("DECIMAL_SEPARATOR"))

    def has_changed(self, initial: ColumnValue, data: ColumnValue) -> bool:
        return super().has_changed(self.unscale(initial) if isinstance(initial, int) else initial, data)


class MoneyField(ScaledField):
    """An amount of a currency: 12.50 euros are kept as 1250."""

    def __init__(self, label: Words, *, currency: str = "", **kwargs: Argument) -> None:
        currency = currency or settings.CURRENCY
        places = get_currency_precision(currency)
        super().__init__(label, places=places, unit=currency, largest=MAX_MONEY, **kwargs)

    def in_currency(self, currency: str) -> None:
        self.scale(get_currency_precision(currency), currency)


class PercentField(ScaledField):
    """A percent with up to two places: 12.5% is kept as 1250."""

    def __init__(self, label: Words, **kwargs: Argument) -> None:
        super().__init__(label, places=2, unit="%", largest=100_00, **kwargs)

    def prepare_value(self, value: ColumnValue) -> ColumnValue:
        # 1000 is shown as 10, not as 10.00
        return self.write_plainly(self.unscale(value).normalize()) if isinstance(value, int) else value


class CodesField(forms.CharField):
    """Codes (SKUs, categories, brands, customer ids), separated by commas or lines; kept as a tuple, each once.

    `sold_kind`: which of promotions.sold_articles.NOUNS they are; empty: none of them. `sold_count`: how many articles
    that tills sold lately have one of them, and how many sales hold such an article; None: not counted.
    """

    sold_kind = ""
    sold_count: tuple[int, int] | None = None

    def __init__(self, **kwargs: Argument) -> None:
        kwargs.setdefault("help_text", gettext_lazy("Separated by commas."))
        kwargs.setdefault("required", False)
        super().__init__(**kwargs)
        self.widget.attrs |= {"autocapitalize": "off", "spellcheck": "false"}

    def to_python(self, value: Any) -> tuple[str, ...]:  # type: ignore[override]  # stubs: text stays a text
        written = (super().to_python(value) or "").replace("\n", ",").split(",")
        return tuple(dict.fromkeys(code.strip() for code in written if code.strip()))

    def validate(self, value: tuple[str, ...]) -> None:
        super().validate(value)
        if long := next((code for code in value if len(code) > MAX_CODE), None):
            raise ValidationError(
                _("“%(long)s…” is longer than %(max_code)s characters.")
                % {"long": long[:20], "max_code": MAX_CODE}
            )

    def has_changed(self, initial: ColumnValue, data: ColumnValue) -> bool:
        return self.to_python(self.prepare_value(initial)) != self.to_python(data)

    def prepare_value(self, value: ColumnValue) -> ColumnValue:
        return ", ".join(value) if isinstance(value, tuple | list) else value


class ClockField(forms.TimeField):
    """A time of day, kept as `HH:MM`."""

    def __init__(self, **kwargs: Argument) -> None:
        super().__init__(
            widget=forms.TimeInput(format="%H:%M", attrs={"type": "time"}), required=False, **kwargs
        )

    def clean(self, value: ColumnValue) -> str:
        at = super().clean(value)
        return f"{at:%H:%M}" if at else ""
