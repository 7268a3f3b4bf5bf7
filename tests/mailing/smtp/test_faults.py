"""Every stage failing in every way; each fate held against what the server recorded."""

import time

import pytest

from mailing.smtp.client import Outcome
from mailing.smtp.replies import Stage
from tests.hostile_smtp import HostileSmtp, Settings, hostile_smtp
from tests.mailing.smtp.dialogue import (
    CALM,
    FAULTS,
    PIPELINED,
    STEPPED,
    hurry_stage,
    open_connection,
    send,
    send_and_run_late,
    times_recorded,
)


@pytest.mark.parametrize("extensions", [PIPELINED, STEPPED], ids=["pipelined", "stepped"])
@pytest.mark.parametrize("stage", [Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.DOT])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_at_any_stage_is_told_with_its_stage_and_nothing_is_lost_or_doubled(
    run, extensions, stage, fault
):
    action, outcome = FAULTS[fault]

    async def main(server: HostileSmtp) -> None:
        async with open_connection(server, CALM) as connection:
            assert (await send(connection, 1)).outcome is Outcome.ACCEPTED
            if outcome is Outcome.TIMED_OUT:
                hurry_stage(connection, stage)
            server.settings.change(rules=[f"{stage} times=1 {action}"])
            start = time.monotonic()
            result = await send(connection, 2)
            assert time.monotonic() - start < CALM.mail / 2, "no other deadline was waited for"
            assert (result.outcome, result.stage) == (outcome, stage)
            assert result.uncertain is (stage is Stage.DOT and outcome is not Outcome.REFUSED)
            if outcome is Outcome.REFUSED:
                assert str(result.reply) == action
                assert result.verdict is not None
            else:
                assert (result.reply, result.verdict) == (None, None)
                assert f"127.0.0.1:{server.port}" in result.sentence
            survives = fault in ("4xx", "5xx")
            assert connection.is_usable is survives
            third = await send(connection, 3)
            if survives:
                assert third.outcome is Outcome.ACCEPTED
            else:
                late = outcome is Outcome.TIMED_OUT
                assert (third.outcome, third.stage) == (
                    Outcome.TIMED_OUT if late else Outcome.DROPPED,
                    Stage.MAIL,
                )
            assert not third.uncertain
            assert connection.accepted == 1 + survives
        assert (times_recorded(server, 1), times_recorded(server, 2)) == (1, 0)
        assert times_recorded(server, 3) == survives
        assert server.stats().get("violations", 0) == 0

    with hostile_smtp(Settings(extensions=extensions)) as server:
        run(main(server))


@pytest.mark.parametrize(
    ("action", "outcome"),
    [
        ("drop", Outcome.DROPPED),
        ("stall", Outcome.TIMED_OUT),
        ("flood", Outcome.DROPPED),
        (r"raw what?\r\n", Outcome.DROPPED),
        (r"raw 354 go on\r\n", Outcome.DROPPED),
        ("half 250-2.0.0 o", Outcome.TIMED_OUT),
    ],
)
def test_a_message_taken_but_never_confirmed_is_uncertain(run, action, outcome):
    async def main(server: HostileSmtp) -> None:
        async with open_connection(server, CALM) as connection:
            if outcome is Outcome.TIMED_OUT:
                result = await send_and_run_late(connection, 1, lambda: times_recorded(server, 1))
            else:
                result = await send(connection, 1)
            assert (result.outcome, result.stage, result.uncertain) == (outcome, Stage.DOT, True)
            assert connection.accepted == 0
            assert not connection.is_usable
        assert times_recorded(server, 1) == 1

    with hostile_smtp(Settings(rules=[f"ack {action}"])) as server:
        run(main(server))


def test_a_connection_lost_in_the_middle_of_a_small_message_is_uncertain(run):
    """The kernel took all of it at once: nobody here can tell how far it came."""

    async def main(server: HostileSmtp) -> None:
        async with open_connection(server) as connection:
            result = await send(connection, 1)
            assert (result.outcome, result.stage, result.uncertain) == (Outcome.DROPPED, Stage.DOT, True)
        assert times_recorded(server, 1) == 0

    with hostile_smtp(Settings(rules=["body drop"])) as server:
        run(main(server))


def test_a_connection_lost_while_the_dot_still_waits_here_is_certain(run):
    async def main(server: HostileSmtp) -> None:
        async with open_connection(server, CALM) as connection:
            result = await send(connection, 1, size=20_000_000)
            assert (result.outcome, result.uncertain) == (Outcome.DROPPED, False)
        assert times_recorded(server, 1) == 0

    with hostile_smtp(Settings(rules=["body drop"])) as server:
        run(main(server))


def test_a_long_message_whose_dot_has_left_unanswered_is_uncertain(run):
    """This server reads on to the end, and never answers."""

    async def main(server: HostileSmtp) -> None:
        async with open_connection(server, CALM) as connection:

            def has_all_left() -> bool:
                return server.stats().get("unheard", 0) > 19_000_000 and not connection._is_backlogged

            result = await send_and_run_late(connection, 1, has_all_left, size=20_000_000)
            assert (result.outcome, result.uncertain) == (Outcome.TIMED_OUT, True)
        assert times_recorded(server, 1) == 0

    with hostile_smtp(Settings(rules=["body stall"])) as server:
        run(main(server))


def test_a_long_message_that_the_server_stopped_reading_is_certain(run):
    async def main(server: HostileSmtp) -> None:
        async with open_connection(server, CALM) as connection:
            result = await send_and_run_late(
                connection, 1, lambda: server.stats().get("body freeze"), size=20_000_000
            )
            assert (result.outcome, result.uncertain) == (Outcome.TIMED_OUT, False)
        assert times_recorded(server, 1) == 0

    with hostile_smtp(Settings(rules=["body freeze"])) as server:
        run(main(server))
