"""Numbers that may be read in two ways, in each language."""

import pytest
from django import forms
from django.core.exceptions import ValidationError
from django.utils import translation

from campaigns.typed_numbers import describe_ambiguity, is_ambiguous
from mailing.forms import EmailCampaignForm


@pytest.mark.parametrize("text", ["1.234", "1,234", "999.000", "-12,345", " 10.000 "])
def test_thousands_or_three_decimals(text):
    assert is_ambiguous(text)


@pytest.mark.parametrize(
    "text",
    ["1234", "1.23", "0.125", "0,125", "1234.567", "1.2340", "1,234.50", "1.234.567", "", "x", "１.２３４"],
)
def test_what_can_be_read_in_one_way_only_or_is_refused_anyway(text):
    assert not is_ambiguous(text)


@pytest.mark.parametrize("written", ["1,234", "1.234"])
def test_the_sentence_says_how_to_write_either(written):
    assert describe_ambiguity(written) == f"“{written}” can be read in two ways: write 1234 or 1.2340."


@pytest.mark.parametrize("language", ["en", "de", "fr"])
@pytest.mark.parametrize("text", ["1.000", "1,000", "1.0", "12.", "1 000", "1'000"])
def test_a_whole_number_is_typed_in_digits_alone(text, language):
    with translation.override(language):
        with pytest.raises(ValidationError, match="1000"):
            forms.IntegerField().clean(text)
        stored = EmailCampaignForm.base_fields["retry_hours"]
        with pytest.raises(ValidationError, match="1000"):
            stored.clean(text)
