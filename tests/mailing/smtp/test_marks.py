"""The mark before the dot: what is not marked is never sent."""

import asyncio

import pytest

from mailing.smtp.client import Outcome, Timeouts
from mailing.smtp.replies import Stage
from tests.hostile_smtp import HostileSmtp, Settings, hostile_smtp
from tests.mailing.smtp.dialogue import (
    open_connection,
    send,
    times_recorded,
    until,
)


@pytest.mark.parametrize("answer", [False, None, 0, 1, "yes"])
def test_a_message_whose_mark_is_not_granted_is_never_sent(run, answer):
    async def main(server: HostileSmtp) -> None:
        async def refuse():
            return answer

        async with open_connection(server) as connection:
            result = await send(connection, 1, refuse)
            assert (result.outcome, result.stage, result.uncertain) == (Outcome.WITHHELD, Stage.DATA, False)
            assert not connection.is_usable
        await until(lambda: server.stats()["open"] == 0)
        assert "body 421" not in server.stats()
        assert server.accepted == []

    with hostile_smtp(Settings(rules=["body 421 a byte of it came"])) as server:
        run(main(server))


def test_a_mark_that_fails_ends_the_connection_and_the_error_goes_on(run):
    async def main(server: HostileSmtp) -> None:
        async def fail() -> bool:
            raise LookupError("the database went away")

        async with open_connection(server) as connection:
            with pytest.raises(LookupError, match="the database went away"):
                await send(connection, 1, fail)
            assert not connection.is_usable
        assert server.accepted == []

    with hostile_smtp() as server:
        run(main(server))


def test_a_mark_is_asked_for_only_when_the_recipient_is_accepted(run):
    async def main(server: HostileSmtp) -> None:
        asked = []

        async def mark() -> bool:
            asked.append(server.stats()["accepted"])
            return True

        async with open_connection(server) as connection:
            assert (await send(connection, 1, mark)).outcome is Outcome.REFUSED
            assert (await send(connection, 2, mark)).outcome is Outcome.ACCEPTED
        assert asked == [0]

    with hostile_smtp(Settings(rules=["rcpt to=customer1@ 550 5.1.1 no"])) as server:
        run(main(server))


def test_a_server_that_leaves_while_the_mark_is_written_got_nothing(run):
    async def main(server: HostileSmtp) -> None:
        async def mark() -> bool:
            await asyncio.sleep(0.1)
            return True

        async with open_connection(server) as connection:
            result = await send(connection, 1, mark)
            assert (result.outcome, result.stage, result.uncertain) == (Outcome.DROPPED, Stage.DATA, False)
        assert server.accepted == []

    with hostile_smtp(Settings(rules=[r"data raw 354 go\r\n421 4.3.2 or rather not\r\n"])) as server:
        run(main(server))


@pytest.mark.parametrize("where", ["in the mark", "after the dot"])
def test_a_task_cancelled_on_the_way_closes_its_connection(run, where):
    async def main(server: HostileSmtp) -> None:
        async def slow() -> bool:
            await asyncio.sleep(60 if where == "in the mark" else 0)
            return True

        async with open_connection(server, Timeouts()) as connection:
            task = asyncio.ensure_future(send(connection, 1, slow))
            await asyncio.sleep(0.15)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert not connection.is_usable
            await until(lambda: server.stats()["open"] == 0)
        assert times_recorded(server, 1) == (where == "after the dot")

    with hostile_smtp(Settings(rules=["ack stall"])) as server:
        run(main(server))
