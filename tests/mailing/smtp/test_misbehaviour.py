"""What a server must not do, and does."""

import asyncio
import contextlib
import time

import pytest

from mailing.smtp.client import Outcome, Server, connect
from mailing.smtp.replies import Reply, Stage
from mailing.smtp.verdicts import Kind, Verdict
from tests.hostile_smtp import HostileSmtp, Settings, hostile_smtp
from tests.mailing.smtp.dialogue import (
    CALM,
    PIPELINED,
    STEPPED,
    chain,
    let_time_pass,
    limit_stage,
    open_connection,
    send,
    times_recorded,
    until,
)


@pytest.mark.parametrize("extensions", [PIPELINED, STEPPED], ids=["pipelined", "stepped"])
@pytest.mark.parametrize(
    ("rule", "stage"),
    [
        (r"mail raw 250 ok\r\n250 one too many\r\n", None),
        (r"rcpt raw 250 ok\r\n250 one too many\r\n", None),
        (r"data raw 354 go\r\n250 accepted before it came\r\n", Stage.DATA),
        (r"data raw 250 accepted before it came\r\n", Stage.DATA),
        (r"mail raw 354 go\r\n", Stage.MAIL),
        (r"rcpt raw 354 go\r\n", Stage.RCPT),
        (r"mail raw 334 who\r\n", Stage.MAIL),
    ],
)
def test_answers_out_of_step_end_the_connection_before_a_message_leaves(run, extensions, rule, stage):
    async def main(server: HostileSmtp) -> None:
        async with open_connection(server) as connection:
            result = await send(connection, 1)
            assert (result.outcome, result.uncertain) == (Outcome.DROPPED, False)
            assert stage in (None, result.stage)
            assert not connection.is_usable
        assert server.accepted == []

    with hostile_smtp(Settings(extensions=extensions, rules=[rule])) as server:
        run(main(server))


def test_an_answer_too_many_after_the_dot_ends_the_connection_but_not_the_message(run):
    async def main(server: HostileSmtp) -> None:
        async with open_connection(server) as connection:
            result = await send(connection, 1)
            assert (result.outcome, result.reply) == (Outcome.ACCEPTED, Reply(250, "", "ok"))
            assert not connection.is_usable
            assert "what was not asked" in connection.ended_because

    with hostile_smtp(Settings(rules=[r"ack raw 250 ok\r\n250 and for the next one too\r\n"])) as server:
        run(main(server))


def test_a_server_that_drips_its_answer_has_no_more_time_than_one_that_is_silent(run):
    async def main(port: int) -> None:
        connection = await connect(Server("127.0.0.1", port, timeouts=limit_stage(Stage.MAIL)))
        start = time.monotonic()
        result = await send(connection, 1)
        assert (result.outcome, result.stage) == (Outcome.TIMED_OUT, Stage.MAIL)
        assert time.monotonic() - start < 30, "it drips for a minute"

    async def drip(reader, writer) -> None:
        writer.write(b"220 slow\r\n")
        await reader.readline()
        writer.write(b"250-slow\r\n250 PIPELINING\r\n")
        with contextlib.suppress(ConnectionError):
            for _ in range(3000):
                writer.write(b"250-patience\r\n")
                await writer.drain()
                await asyncio.sleep(0.02)
        writer.close()

    async def both() -> None:
        server = await asyncio.start_server(drip, "127.0.0.1", 0)
        async with server:
            await main(server.sockets[0].getsockname()[1])
            await asyncio.sleep(0.1)

    run(both())


def test_each_answer_of_a_group_has_its_own_time(run):
    """Nine tenths of the time of each pass before its answer comes: more than any one of them has."""

    async def main() -> None:
        may_answer = asyncio.Queue()

        async def slow(reader, writer) -> None:
            writer.write(b"220 slow\r\n")
            await reader.readline()
            writer.write(b"250-slow\r\n250 PIPELINING\r\n")
            for answer in (b"250 Ok\r\n", b"250 Ok\r\n", b"354 go ahead\r\n"):
                await may_answer.get()
                writer.write(answer)
            await reader.readuntil(b"\r\n.\r\n")
            writer.write(b"250 Ok\r\n")
            await reader.readline()
            writer.close()

        async with await asyncio.start_server(slow, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            connection = await connect(Server("127.0.0.1", port, timeouts=CALM))
            sending = asyncio.ensure_future(send(connection, 1))
            for answers in range(3):
                await until(lambda: connection._waiter and len(connection._inbox) == answers)  # noqa: B023
                let_time_pass(connection, 0.9 * CALM.mail)
                may_answer.put_nowait(None)
            assert (await sending).outcome is Outcome.ACCEPTED
            await connection.quit()

    run(main())


def test_a_refused_recipient_with_data_granted_all_the_same_gets_no_message(run):
    async def main(server: HostileSmtp) -> None:
        async with open_connection(server) as connection:
            refused = await send(connection, 1)
            assert (refused.outcome, refused.stage, refused.reply.code) == (Outcome.REFUSED, Stage.RCPT, 550)
            assert connection.is_usable
            assert (await send(connection, 2)).outcome is Outcome.ACCEPTED
        assert [message.recipient for message in server.accepted] == ["customer2@b.example"]

    with hostile_smtp(Settings(lax=1, rules=["rcpt to=customer1@ 550 5.1.1 no"])) as server:
        run(main(server))


def test_a_refused_sender_with_data_granted_all_the_same_ends_the_connection(run):
    """The server took the recipient: even an empty message would reach him."""

    async def main(server: HostileSmtp) -> None:
        async with open_connection(server) as connection:
            refused = await send(connection, 1)
            assert (refused.outcome, refused.stage, refused.reply.code) == (Outcome.REFUSED, Stage.MAIL, 550)
            assert refused.verdict.kind is Kind.CONNECTION
            assert not connection.is_usable
        assert server.accepted == []

    with hostile_smtp(Settings(lax=1, rules=["mail 550 5.7.1 no"])) as server:
        run(main(server))


def test_a_server_that_closes_an_idle_connection_is_noticed_before_the_next_message(run):
    async def main(server: HostileSmtp) -> None:
        async with open_connection(server) as connection:
            await send(connection, 1)
            (session,) = server.open
            server.loop.call_soon_threadsafe(session.transport.write, b"421 4.4.2 idle for too long\r\n")
            server.loop.call_soon_threadsafe(session.transport.close)
            await asyncio.sleep(0.1)
            assert not connection.is_usable
            assert "421 4.4.2 idle for too long" in connection.ended_because
            result = await send(connection, 2)
            assert (result.outcome, result.stage, result.uncertain) == (Outcome.DROPPED, Stage.MAIL, False)
        assert times_recorded(server, 2) == 0

    with hostile_smtp() as server:
        run(main(server))


def test_a_server_that_throttles_costs_no_attempt_and_names_its_time(run):
    async def main(server: HostileSmtp) -> None:
        async with open_connection(server) as connection:
            assert (await send(connection, 1)).outcome is Outcome.ACCEPTED
            result = await send(connection, 2)
            assert (result.outcome, result.stage, result.reply.code) == (Outcome.REFUSED, Stage.MAIL, 454)
            assert result.verdict == Verdict(Kind.THROTTLE, spends_attempt=False, retry_after=1)
            assert connection.is_usable

    with hostile_smtp(Settings(rate=0.01)) as server:
        run(main(server))


def test_a_server_that_takes_so_many_messages_a_connection_says_421_and_a_new_one_goes_on(run):
    async def main(server: HostileSmtp) -> None:
        async with open_connection(server) as connection:
            results = await chain(connection, 5)
            assert [r.outcome for r in results] == [Outcome.ACCEPTED, Outcome.ACCEPTED, Outcome.REFUSED]
            assert (results[2].stage, results[2].reply.code, results[2].verdict.kind) == (
                Stage.MAIL,
                421,
                Kind.THROTTLE,
            )
            assert not connection.is_usable
        async with open_connection(server) as connection:
            assert (await send(connection, 3)).outcome is Outcome.ACCEPTED
        assert len(server.accepted) == 3

    with hostile_smtp(Settings(messages_per_connection=2)) as server:
        run(main(server))
