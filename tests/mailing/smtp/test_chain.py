"""Chained: content, dot and the next envelope in one write."""

import hashlib
import time

import pytest

from mailing.smtp.client import Mail, Outcome, Server, Timeouts, connect
from mailing.smtp.replies import Stage
from tests.hostile_smtp import HostileSmtp, Settings, hostile_smtp
from tests.mailing.smtp.dialogue import (
    CALM,
    FAULTS,
    PIPELINED,
    SENDER,
    STEPPED,
    chain,
    content,
    hurry_stage,
    mail,
    open_connection,
    send,
    times_recorded,
    until,
)


@pytest.mark.parametrize("extensions", [PIPELINED, STEPPED], ids=["pipelined", "stepped"])
def test_a_chain_delivers_each_message_once_and_whole(run, extensions):
    async def main(server: HostileSmtp) -> None:
        async with open_connection(server) as connection:
            results = await chain(connection, 50)
        assert [result.outcome for result in results] == [Outcome.ACCEPTED] * 50
        assert [message.message_id for message in server.accepted] == [
            f"<{n}@a.example>" for n in range(1, 51)
        ]
        for n, message in enumerate(server.accepted, 1):
            body = content(n).partition(b"\r\n\r\n")[2]
            assert message.sha256 == hashlib.sha256(body).hexdigest()
            assert message.recipient == f"customer{n}@b.example"
        assert server.stats().get("violations", 0) == 0

    with hostile_smtp(Settings(extensions=extensions)) as server:
        run(main(server))


def test_a_chain_takes_one_round_trip_a_message(run):
    async def main(server: HostileSmtp) -> None:
        async with open_connection(server, Timeouts()) as connection:
            await send(connection, 99)
            start = time.monotonic()
            await chain(connection, 10)
            assert 11 * 0.05 <= time.monotonic() - start < 18 * 0.05  # unchained: 20

    with hostile_smtp(Settings(latency=0.05)) as server:
        run(main(server))


@pytest.mark.parametrize("stage", [Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.DOT])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_a_chain_hurts_its_own_message_only(run, stage, fault):
    action, outcome = FAULTS[fault]

    async def main(server: HostileSmtp) -> None:
        async with open_connection(server, CALM) as connection:

            def hurry_third(n: int) -> None:
                if n == 3 and outcome is Outcome.TIMED_OUT:
                    hurry_stage(connection, stage)

            results = await chain(connection, 5, before_offer=hurry_third)
        survives = fault in ("4xx", "5xx")
        assert len(results) == (5 if survives else 4 if stage is Stage.DOT else 3)
        for n, result in enumerate(results, 1):
            if n == 3:
                assert (result.outcome, result.stage) == (outcome, stage)
                assert result.uncertain is (stage is Stage.DOT and outcome is not Outcome.REFUSED)
            elif n == 4 and not survives:  # its envelope was on the wire behind the message that failed
                assert result.outcome in (Outcome.DROPPED, Outcome.TIMED_OUT)
                assert (result.stage, result.uncertain) == (Stage.MAIL, False)
            else:
                assert result.outcome is Outcome.ACCEPTED
            assert times_recorded(server, n) == (result.outcome is Outcome.ACCEPTED)
        assert (
            len(server.accepted) == connection.accepted == sum(r.outcome is Outcome.ACCEPTED for r in results)
        )

    # MAIL comes before its recipient is known: `after` counts the messages taken
    condition = "after=2 times=1" if stage is Stage.MAIL else "to=customer3@"
    with hostile_smtp(Settings(rules=[f"{stage} {condition} {action}"])) as server:
        run(main(server))


def test_a_mark_refused_in_a_chain_keeps_the_messages_before_it(run):
    async def main(server: HostileSmtp) -> None:
        left = 3

        async def until_paused() -> bool:
            nonlocal left
            left -= 1
            return left >= 0

        async with open_connection(server) as connection:
            results = await chain(connection, 10, until_paused)
        assert [r.outcome for r in results] == [Outcome.ACCEPTED] * 3 + [Outcome.WITHHELD]
        assert len(server.accepted) == 3

    with hostile_smtp() as server:
        run(main(server))


def test_a_message_that_cannot_be_chained_is_refused_when_it_is_offered(run):
    async def main(server: HostileSmtp) -> None:
        nobody = Mail(SENDER, "nobody", b"x")
        async with open_connection(server) as connection:
            assert await connection.offer(mail(1)) is None
            assert (await connection.deliver(then=nobody)).outcome is Outcome.ACCEPTED
            refused = await connection.offer(nobody)
            assert (refused.outcome, refused.stage, refused.verdict.suppress) == (
                Outcome.REFUSED,
                Stage.RCPT,
                True,
            )
            assert (await send(connection, 2)).outcome is Outcome.ACCEPTED

    with hostile_smtp() as server:
        run(main(server))


def test_a_connection_left_in_mid_chain_is_closed_without_a_word_more(run):
    """Its server waits for content: QUIT would be taken for the first line of it."""

    async def main(server: HostileSmtp) -> None:
        connection = await connect(Server("127.0.0.1", server.port, timeouts=CALM))
        assert await connection.offer(mail(1)) is None
        assert (await connection.deliver(then=mail(2))).outcome is Outcome.ACCEPTED
        with pytest.raises(RuntimeError, match="another message is on the wire"):
            await connection.offer(mail(3))
        with pytest.raises(RuntimeError, match="waits for a message"):
            await connection.reset()
        await connection.quit()
        await until(lambda: server.stats()["open"] == 0)
        assert "body 421" not in server.stats()
        assert len(server.accepted) == 1

    with hostile_smtp(Settings(rules=["body after=1 421 a byte of it came"])) as server:
        run(main(server))
