"""What a server's answer makes of a delivery: how often, how soon and until when it is tried again."""

from datetime import timedelta

import pytest
from django.utils import timezone

from mailing.sending import delivery_results
from mailing.smtp.client import Outcome, Result
from mailing.smtp.replies import Reply, Stage
from mailing.smtp.verdicts import classify

pytestmark = pytest.mark.django_db  # the time is the database's
LATER = timezone.now() + timedelta(hours=48)
OVER = timezone.now() - timedelta(seconds=1)


def build_result(code, enhanced, text, stage=Stage.DOT):
    reply = Reply(code, enhanced, text)
    kind = Outcome.ACCEPTED if code < 400 else Outcome.REFUSED
    return Result(kind, stage, reply, classify(stage, reply))


FULL = build_result(452, "4.2.2", "Mailbox full", Stage.RCPT)
BUSY = build_result(451, "4.7.1", "Slow down")
GREYLISTED = build_result(450, "4.2.0", "Greylisted, try again in 300 seconds", Stage.RCPT)
DROPPED = Result(Outcome.DROPPED, Stage.RCPT, sentence="The server closed the connection.")
IN_DOUBT = Result(Outcome.DROPPED, Stage.DOT, uncertain=True, sentence="The server closed the connection.")


@pytest.mark.parametrize(
    ("attempts", "seconds"), [(0, 60), (1, 120), (3, 480), (6, 3840), (7, 7200), (60, 7200)]
)
def test_each_try_waits_twice_as_long_as_the_one_before_up_to_two_hours(attempts, seconds):
    waits = [delivery_results.decide_result(FULL, attempts, LATER).wait for _ in range(200)]
    assert all(0.8 * seconds <= wait <= 1.2 * seconds for wait in waits)
    assert max(waits) - min(waits) > 0.2 * seconds, "those put off together do not come back together"


@pytest.mark.parametrize(
    ("result", "before", "after"),
    [
        (FULL, ("deferred", 1), ("bounced", 1)),
        (BUSY, ("deferred", 0), ("failed", 1)),
        (GREYLISTED, ("deferred", 0), ("bounced", 1)),
        (DROPPED, ("pending", 0), ("pending", 0)),
        (IN_DOUBT, ("uncertain", 1), ("uncertain", 1)),
    ],
)
def test_what_is_put_off_is_tried_until_the_campaigns_time_is_over(result, before, after):
    for deadline, expected in ((LATER, before), (OVER, after)):
        found = delivery_results.decide_result(result, 2, deadline)
        assert (found.status, found.spent) == expected
        assert (found.wait is None) is (found.status in ("bounced", "failed", "uncertain"))


def test_the_time_a_server_names_is_kept():
    assert 240 <= delivery_results.decide_result(GREYLISTED, 0, LATER).wait <= 360


@pytest.mark.parametrize(
    ("code", "enhanced", "status", "suppress", "fault"),
    [
        *[
            (550, f"5.{each}", "bounced", True, "recipient")
            for each in ("1.1", "1.2", "1.3", "1.6", "1.10", "2.1")
        ],
        *[(554, f"5.{each}", "failed", False, "policy") for each in ("7.1", "3.4", "6.0", "4.4")],
        (250, "2.0.0", "accepted", False, ""),
    ],
)
def test_only_an_address_that_is_no_more_is_suppressed_and_policy_is_our_fault(
    code, enhanced, status, suppress, fault
):
    found = delivery_results.decide_result(build_result(code, enhanced, "recipient rejected"), 0, LATER)
    assert (found.status, found.suppress, found.fault) == (status, suppress, fault)
    assert (found.stage, found.code, found.enhanced_code, found.text) == (
        "dot",
        code,
        enhanced,
        "recipient rejected",
    )


def test_a_text_no_database_could_hold_is_kept_as_far_as_it_can():
    found = delivery_results.decide_result(build_result(550, "5.1.1", "no\0such" + "x" * 5000), 0, LATER)
    assert found.text.startswith("no such")
    assert len(found.text) == 1000
