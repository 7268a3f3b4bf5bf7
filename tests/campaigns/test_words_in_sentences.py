"""How a label reads inside a sentence."""

import pytest
from django.utils import translation

from campaigns.formats import in_sentence


@pytest.mark.parametrize(
    ("language", "written"), [("en", "complaint"), ("fr", "complaint"), ("de", "Complaint")]
)
def test_a_label_keeps_its_capital_inside_a_german_sentence_only(language, written):
    with translation.override(language):
        assert in_sentence("Complaint") == written
