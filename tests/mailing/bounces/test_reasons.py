"""Reasons as real reports word them, and how much each says of its address: reasons.tsv, one line for each."""

from pathlib import Path

import pytest

from mailing.bounces.verdicts import judge_failure
from mailing.smtp.phrases import find_meaning

LINES = Path(__file__).with_name("reasons.tsv").read_text(encoding="utf-8").splitlines()
CASES = [line.split("\t") for line in LINES if not line.startswith("#")]


@pytest.mark.parametrize(("severity", "reason", "source"), CASES, ids=[case[1][:80] for case in CASES])
def test_a_real_reason_is_taken_for_what_it_says_of_the_address(severity, reason, source):
    assert judge_failure("x@y.example", "", reason).severity == severity, (find_meaning(reason), source)
