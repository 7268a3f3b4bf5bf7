"""Numbers as people and programs may type them into the fields for money and percents."""

import pytest
from django.core.exceptions import ValidationError
from django.utils import translation

from promotions.forms.fields import MoneyField, PercentField

ODD = [
    "9e999999", "-9e999999", "1e-999999", "0e999999", "1e500000", "1" * 400, "1." + "0" * 400 + "1", "NaN", "sNaN",
    "Infinity", "-1", "1.234,56", "1 234,56", "1'234", "½", "1,000", "1.000,00",
    "²", "0x10", "5 €", "5%", "\u202e5", "5\u200b", "--1",
]  # fmt: skip


@pytest.mark.parametrize("language", ["en", "de", "fr"])
@pytest.mark.parametrize("field", [MoneyField("Amount"), PercentField("Percent")], ids=["money", "percent"])
@pytest.mark.parametrize("text", ODD)
def test_an_odd_number_is_refused_with_one_short_sentence(field, text, language):
    with translation.override(language), pytest.raises(ValidationError) as refused:
        field.clean(text)
    [sentence] = refused.value.messages
    assert len(sentence) < 700


@pytest.mark.parametrize(
    ("text", "kept"),
    [("12.5", 1250), ("12,50", 1250), (" 0,5 ", 50), ("1e2", 10000), ("٣", 300), (" 5 ", 500), ("-0", 0)],
)
def test_a_number_in_any_digits_is_kept_as_minor_units(text, kept):
    assert MoneyField("Amount").clean(text) == kept


@pytest.mark.parametrize("text", ["1.000", "12.500", "1.00000", "1,000", "12,500"])
def test_more_decimals_than_there_are_may_be_thousands(text):
    for field in (MoneyField("Budget"), PercentField("Percent"), MoneyField("Budget", currency="JPY")):
        with pytest.raises(ValidationError, match="digits after the point"):
            field.clean(text)
    assert MoneyField("Budget", currency="KWD").clean("1.234") == 1234
    with pytest.raises(ValidationError, match="can be read in two ways"):
        MoneyField("Budget", currency="KWD").clean("1,234")


@pytest.mark.parametrize(
    ("language", "amount", "percent"),
    [("en", "800.50", "12.5"), ("de", "800,50", "12,5"), ("fr", "800,50", "12,5")],
)
def test_a_number_is_shown_as_the_language_writes_it_and_is_no_change_when_it_comes_back(
    language, amount, percent
):
    with translation.override(language):
        for field, kept, shown in (
            (MoneyField("Budget"), 80050, amount),
            (PercentField("Percent"), 1250, percent),
        ):
            assert field.prepare_value(kept) == shown
            assert field.clean(shown) == kept
            assert not field.has_changed(kept, shown)
            assert field.has_changed(kept, "1")
