"""Using a connection: reset, goodbye, limits, 8-bit text, misuse."""

import asyncio
import threading
import time
from dataclasses import replace

import pytest

from mailing.smtp.client import Outcome, Server, connect
from mailing.smtp.replies import Stage
from mailing.smtp.verdicts import Kind
from tests.hostile_smtp import HostileSmtp, Settings, hostile_smtp
from tests.mailing.smtp.dialogue import (
    CALM,
    PATIENCE,
    SENDER,
    go,
    mail,
    open_connection,
    send,
    until,
)


def test_misuse_is_named(run):
    async def main(server: HostileSmtp) -> None:
        async with open_connection(server) as connection:
            with pytest.raises(RuntimeError, match="No message has been offered"):
                await connection.deliver()
            assert await connection.offer(mail(1)) is None
            with pytest.raises(RuntimeError, match="neither delivered nor withheld"):
                await connection.offer(mail(2))
            with pytest.raises(RuntimeError, match="waits for a message"):
                await connection.reset()
            first = asyncio.ensure_future(connection.deliver())
            await asyncio.sleep(0)
            with pytest.raises(RuntimeError, match="Two tasks"):
                await connection.offer(mail(2))
            await first

    with hostile_smtp(Settings(latency=0.05)) as server:
        run(main(server))


def test_a_transaction_can_be_reset_and_the_connection_goes_on(run):
    async def main(server: HostileSmtp) -> None:
        async with open_connection(server) as connection:
            assert await connection.reset()
            assert (await send(connection, 1)).outcome is Outcome.ACCEPTED
            server.settings.change(rules=["rset 500 5.5.1 what"])
            assert not await connection.reset()
            assert not connection.is_usable

    with hostile_smtp() as server:
        run(main(server))


@pytest.mark.parametrize("rule", ["quit drop", "quit stall", "quit flood", "quit 500 no"])
def test_a_goodbye_never_fails_and_never_waits_long(run, rule):
    async def main(server: HostileSmtp) -> None:
        connection = await connect(Server("127.0.0.1", server.port, timeouts=replace(CALM, quit=PATIENCE)))
        await connection.quit()
        assert not connection.is_usable
        await until(lambda: server.stats()["open"] == 0)

    with hostile_smtp(Settings(rules=[rule])) as server:
        start = time.monotonic()
        run(main(server))
        assert time.monotonic() - start < 20, "no other deadline was waited for"


def test_a_message_in_eight_bits_and_an_address_in_utf8_arrive(run):
    async def main(server: HostileSmtp) -> None:
        async with open_connection(server) as connection:
            text = "Subject: grüße\r\n\r\näöü\r\n".encode()
            result = await connection.send(SENDER, "jürgen@bücher.example", text, before_dot=go)
            assert result.outcome is Outcome.ACCEPTED
        assert server.accepted[0].recipient == "jürgen@xn--bcher-kva.example"
        assert server.kept[1] == text

    with hostile_smtp(Settings(keep_every=1)) as server:
        run(main(server))


def test_a_message_over_the_servers_limit_is_refused_before_a_byte_of_it_leaves(run):
    async def main(server: HostileSmtp) -> None:
        async with open_connection(server) as connection:
            result = await send(connection, 1, size=2000)
            assert (result.outcome, result.stage, result.reply) == (Outcome.REFUSED, Stage.MAIL, None)
            assert result.verdict.kind is Kind.POLICY
            assert "takes at most 1,000" in result.sentence
            assert (await send(connection, 2)).outcome is Outcome.ACCEPTED

    with hostile_smtp(Settings(extensions="PIPELINING,SIZE 1000")) as server:
        run(main(server))


def test_no_thread_is_left_behind():
    with hostile_smtp():
        pass
    assert not [thread for thread in threading.enumerate() if thread.name == "hostile-smtp"]
