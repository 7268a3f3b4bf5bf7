"""How people read the verbs of campaigns."""

import pytest

from campaigns import lifecycle
from campaigns.verbs import VERBS


def test_the_table_has_the_verbs_of_all_kinds_and_those_that_change_no_status():
    steps = {verb for kind in lifecycle.kinds().values() for verb in kind.VERBS}
    phases = {"begin_test", "begin_waiting", "choose_winner"}  # of an A/B test, which stays running
    assert VERBS.keys() == steps | phases | {"duplicate", "delete"}
    assert [verb.name for verb in VERBS.values()] == [*VERBS]


@pytest.mark.parametrize(
    ("name", "question"),
    [
        ("cancel", "Cancel “{Spring}” for good?"),
        ("end_early", "End “{Spring}” now?"),
        ("schedule", "Schedule “{Spring}”"),
        ("pause", "Pause “{Spring}”?"),
    ],
)
def test_a_question_names_the_campaign_whatever_its_name_looks_like(name, question):
    assert VERBS[name].ask_about("{Spring}") == question


def test_only_what_cannot_be_undone_is_red_where_it_is_confirmed():
    red = {name for name, verb in VERBS.items() if verb.confirmation_class == "btn-danger"}
    assert red == {"cancel", "end_early", "delete"}
    assert {name for name, verb in VERBS.items() if verb.takes_reason} == {"cancel", "end_early", "pause"}
