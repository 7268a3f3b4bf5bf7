"""What an A/B test tests: its variants, and what stands against it before the launch."""

import pytest

from campaigns import lifecycle
from campaigns.refusals import Refused
from mailing import launch
from mailing.models import (
    EmailCampaign,
    SplitTest,
)
from mailing.variants import find_test_problems, list_variants
from tests.mailing.running import draft
from tests.mailing.variants.testing import (
    add_test,
)

database = pytest.mark.django_db


def test_the_variants_are_every_combination_in_the_order_of_their_letters():
    campaign = EmailCampaign(subject="S1", body="B1", from_name="F1")
    test = SplitTest(subjects=["S2", " "], bodies=["B2"], from_names=[])
    found = [(each.letter, each.subject, each.body, each.content) for each in list_variants(campaign, test)]
    assert found == [("A", "S1", "B1", 1), ("B", "S1", "B2", 2), ("C", "S2", "B1", 1), ("D", "S2", "B2", 2)]
    assert [each.letter for each in list_variants(campaign, None)] == ["A"]


def test_hundreds_of_texts_are_counted_and_not_combined():
    texts = [str(number) for number in range(300)]
    test = SplitTest(subjects=texts, bodies=texts, from_names=texts)
    campaign = EmailCampaign(subject="a", body="b", from_name="c")
    assert dict(find_test_problems(campaign, test))["variants"].startswith(
        "The A/B test makes 27,270,901 variants"
    )
    assert [each.letter for each in list_variants(campaign, test)] == list("ABCDEFGHIJKLMNOP")


@database
@pytest.mark.parametrize(
    ("test", "words"),
    [
        ({"subjects": []}, "has one variant"),
        ({"subjects": ["2", "3"], "from_names": ["2", "3"]}, "makes 9 variants: at most 8"),
        ({"subjects": ["News for {{ first_name }}"]}, "Two subjects of the A/B test are the same"),
        ({"split": "weighted", "weights": [50]}, "2 variants and 1 weight"),
        ({"split": "weighted", "weights": [0, 0]}, "a weight above 0"),
        ({"bodies": ["{{ first_name | shout }}"]}, "Variant B: "),
        ({"subjects": ["{{ broken"]}, "Variant B: "),
        ({"bodies": ["No way to leave"]}, "Variant B: "),
    ],
)
def test_what_stands_against_a_test_is_said_before_the_launch(test, words):
    campaign = draft(3)
    add_test(campaign, **test)
    problems = launch.find_problems(campaign)
    assert any(field == "variants" and words in sentence for field, sentence in problems), problems
    with pytest.raises(Refused, match=r"[Vv]ariant|A/B test"):
        lifecycle.fire(campaign, "launch")


@database
def test_a_test_by_what_is_not_tracked_is_refused():
    campaign = draft(3, track_clicks=False)
    add_test(campaign)
    assert "decided by clicks" in str(launch.find_problems(campaign))
