"""One message at a time, every stage failing in every way; each fate held against what the server recorded."""

import asyncio
import contextlib
import hashlib
import threading
import time

import pytest

from mailing.smtp.client import Connection, Mail, Outcome, Result, Server, Timeouts, connect
from mailing.smtp.replies import Kind, Reply, Stage, Verdict
from tests.hostile_smtp import HostileSmtp, Settings, hostile_smtp

PATIENCE = 0.3  # seconds a stage may take where a server keeps silent
HURRIED = Timeouts(*[PATIENCE] * 10)
CALM = Timeouts(quit=1)
PIPELINED = "PIPELINING,8BITMIME,SMTPUTF8,SIZE 50000000"
STEPPED = "8BITMIME"
SENDER = "shop@a.example"


def content(n: int, size: int = 200) -> bytes:
    return b"Message-ID: <%d@a.example>\r\nSubject: test\r\n\r\nbody %d\r\n.%b\r\n" % (n, n, b"x" * size)


def mail(n: int, size: int = 200) -> Mail:
    return Mail(SENDER, f"customer{n}@b.example", content(n, size))


async def go() -> bool:
    return True


async def send(connection: Connection, n: int, hook=go, size: int = 200) -> Result:
    return await connection.send(SENDER, f"customer{n}@b.example", content(n, size), before_dot=hook)


@contextlib.asynccontextmanager
async def connected(server: HostileSmtp, timeouts: Timeouts = CALM):
    connection = await connect(Server("127.0.0.1", server.port, timeouts=timeouts))
    try:
        yield connection
    finally:
        await connection.quit()


def times_recorded(server: HostileSmtp, n: int) -> int:
    return sum(message.message_id == f"<{n}@a.example>" for message in server.accepted)


async def until(condition, seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        await asyncio.sleep(0.005)


FAULTS = {
    "4xx": ("451 4.3.0 not now", Outcome.REFUSED),
    "5xx": ("550 5.1.1 not ever", Outcome.REFUSED),
    "421": ("421 4.7.0 closing", Outcome.REFUSED),
    "drop": ("drop", Outcome.DROPPED),
    "stall": ("stall", Outcome.TIMED_OUT),
    "garbage": (r"raw what do you want?\r\n", Outcome.DROPPED),
    "flood": ("flood", Outcome.DROPPED),
    "10 MB line": ("half 250 " + "x" * 10_000_000, Outcome.DROPPED),
    "half a reply": ("half 250 2.0.0 o", Outcome.TIMED_OUT),
}


@pytest.mark.parametrize("extensions", [PIPELINED, STEPPED], ids=["pipelined", "stepped"])
@pytest.mark.parametrize("stage", [Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.DOT])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_at_any_stage_is_told_with_its_stage_and_nothing_is_lost_or_doubled(
    run, extensions, stage, fault
):
    action, outcome = FAULTS[fault]

    async def main(server: HostileSmtp) -> None:
        async with connected(server, HURRIED if outcome is Outcome.TIMED_OUT else CALM) as connection:
            assert (await send(connection, 1)).outcome is Outcome.ACCEPTED
            server.settings.change(rules=[f"{stage} times=1 {action}"])
            start = time.monotonic()
            result = await send(connection, 2)
            assert time.monotonic() - start < 2
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
        async with connected(server, HURRIED if outcome is Outcome.TIMED_OUT else CALM) as connection:
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
        async with connected(server) as connection:
            result = await send(connection, 1)
            assert (result.outcome, result.stage, result.uncertain) == (Outcome.DROPPED, Stage.DOT, True)
        assert times_recorded(server, 1) == 0

    with hostile_smtp(Settings(rules=["body drop"])) as server:
        run(main(server))


@pytest.mark.parametrize("action", ["drop", "stall"])
def test_a_connection_lost_while_the_dot_still_waits_here_is_certain(run, action):
    async def main(server: HostileSmtp) -> None:
        async with connected(server, CALM if action == "drop" else HURRIED) as connection:
            result = await send(connection, 1, size=20_000_000)
            assert result.outcome is (Outcome.DROPPED if action == "drop" else Outcome.TIMED_OUT)
            assert result.uncertain is (action == "stall")  # this server reads on, so the dot has left
        assert times_recorded(server, 1) == 0

    with hostile_smtp(Settings(rules=[f"body {action}"])) as server:
        run(main(server))


# The mark before the dot


@pytest.mark.parametrize("answer", [False, None, 0, 1, "yes"])
def test_a_message_whose_mark_is_not_granted_is_never_sent(run, answer):
    async def main(server: HostileSmtp) -> None:
        async def refuse():
            return answer

        async with connected(server) as connection:
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

        async with connected(server) as connection:
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

        async with connected(server) as connection:
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

        async with connected(server) as connection:
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

        async with connected(server, Timeouts()) as connection:
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


# What the server must not do


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
        async with connected(server) as connection:
            result = await send(connection, 1)
            assert (result.outcome, result.uncertain) == (Outcome.DROPPED, False)
            assert stage in (None, result.stage)
            assert not connection.is_usable
        assert server.accepted == []

    with hostile_smtp(Settings(extensions=extensions, rules=[rule])) as server:
        run(main(server))


def test_an_answer_too_many_after_the_dot_ends_the_connection_but_not_the_message(run):
    async def main(server: HostileSmtp) -> None:
        async with connected(server) as connection:
            result = await send(connection, 1)
            assert (result.outcome, result.reply) == (Outcome.ACCEPTED, Reply(250, "", "ok"))
            assert not connection.is_usable
            assert "what was not asked" in connection.ended

    with hostile_smtp(Settings(rules=[r"ack raw 250 ok\r\n250 and for the next one too\r\n"])) as server:
        run(main(server))


def test_a_server_that_drips_its_answer_has_no_more_time_than_one_that_is_silent(run):
    async def main(port: int) -> None:
        connection = await connect(Server("127.0.0.1", port, timeouts=HURRIED))
        start = time.monotonic()
        result = await send(connection, 1)
        assert (result.outcome, result.stage) == (Outcome.TIMED_OUT, Stage.MAIL)
        assert time.monotonic() - start < PATIENCE * 2

    async def drip(reader, writer) -> None:
        writer.write(b"220 slow\r\n")
        await reader.readline()
        writer.write(b"250-slow\r\n250 PIPELINING\r\n")
        with contextlib.suppress(ConnectionError):
            for _ in range(100):
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
    async def slow(reader, writer) -> None:
        writer.write(b"220 slow\r\n")
        await reader.readline()
        writer.write(b"250-slow\r\n250 PIPELINING\r\n")
        for answer in (b"250 Ok\r\n", b"250 Ok\r\n", b"354 go ahead\r\n"):
            await asyncio.sleep(PATIENCE * 0.6)
            writer.write(answer)
        await reader.readuntil(b"\r\n.\r\n")
        writer.write(b"250 Ok\r\n")
        await reader.readline()
        writer.close()

    async def main() -> None:
        async with await asyncio.start_server(slow, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            connection = await connect(Server("127.0.0.1", port, timeouts=HURRIED))
            assert (await send(connection, 1)).outcome is Outcome.ACCEPTED
            await connection.quit()

    run(main())


def test_a_refused_recipient_with_data_granted_all_the_same_gets_no_message(run):
    async def main(server: HostileSmtp) -> None:
        async with connected(server) as connection:
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
        async with connected(server) as connection:
            refused = await send(connection, 1)
            assert (refused.outcome, refused.stage, refused.reply.code) == (Outcome.REFUSED, Stage.MAIL, 550)
            assert refused.verdict.kind is Kind.CONNECTION
            assert not connection.is_usable
        assert server.accepted == []

    with hostile_smtp(Settings(lax=1, rules=["mail 550 5.7.1 no"])) as server:
        run(main(server))


def test_a_server_that_closes_an_idle_connection_is_noticed_before_the_next_message(run):
    async def main(server: HostileSmtp) -> None:
        async with connected(server) as connection:
            await send(connection, 1)
            (session,) = server.open
            server.loop.call_soon_threadsafe(session.transport.write, b"421 4.4.2 idle for too long\r\n")
            server.loop.call_soon_threadsafe(session.transport.close)
            await asyncio.sleep(0.1)
            assert not connection.is_usable
            assert "421 4.4.2 idle for too long" in connection.ended
            result = await send(connection, 2)
            assert (result.outcome, result.stage, result.uncertain) == (Outcome.DROPPED, Stage.MAIL, False)
        assert times_recorded(server, 2) == 0

    with hostile_smtp() as server:
        run(main(server))


def test_a_server_that_throttles_costs_no_attempt_and_names_its_time(run):
    async def main(server: HostileSmtp) -> None:
        async with connected(server) as connection:
            assert (await send(connection, 1)).outcome is Outcome.ACCEPTED
            result = await send(connection, 2)
            assert (result.outcome, result.stage, result.reply.code) == (Outcome.REFUSED, Stage.MAIL, 454)
            assert result.verdict == Verdict(Kind.THROTTLE, spends_attempt=False, retry_after=1)
            assert connection.is_usable

    with hostile_smtp(Settings(rate=0.01)) as server:
        run(main(server))


def test_a_server_that_takes_so_many_messages_a_connection_says_421_and_a_new_one_goes_on(run):
    async def main(server: HostileSmtp) -> None:
        async with connected(server) as connection:
            results = await chain(connection, 5)
            assert [r.outcome for r in results] == [Outcome.ACCEPTED, Outcome.ACCEPTED, Outcome.REFUSED]
            assert (results[2].stage, results[2].reply.code, results[2].verdict.kind) == (
                Stage.MAIL,
                421,
                Kind.THROTTLE,
            )
            assert not connection.is_usable
        async with connected(server) as connection:
            assert (await send(connection, 3)).outcome is Outcome.ACCEPTED
        assert len(server.accepted) == 3

    with hostile_smtp(Settings(messages_per_connection=2)) as server:
        run(main(server))


# Chained: content, dot and the next envelope in one write


async def chain(connection: Connection, count: int, mark=go) -> list[Result]:
    """Send messages 1 to `count` as a sender does; the fates of those offered."""
    results, following, n = [], mail(1), 1
    while following and connection.is_usable:
        current, n = following, n + 1
        following = mail(n) if n <= count else None
        result = await connection.offer(current)
        if result is None:
            result = await connection.deliver(then=following) if await mark() else connection.withhold()
        results.append(result)
    return results


@pytest.mark.parametrize("extensions", [PIPELINED, STEPPED], ids=["pipelined", "stepped"])
def test_a_chain_delivers_each_message_once_and_whole(run, extensions):
    async def main(server: HostileSmtp) -> None:
        async with connected(server) as connection:
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
        async with connected(server, Timeouts()) as connection:
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
        async with connected(server, HURRIED if outcome is Outcome.TIMED_OUT else CALM) as connection:
            results = await chain(connection, 5)
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

        async with connected(server) as connection:
            results = await chain(connection, 10, until_paused)
        assert [r.outcome for r in results] == [Outcome.ACCEPTED] * 3 + [Outcome.WITHHELD]
        assert len(server.accepted) == 3

    with hostile_smtp() as server:
        run(main(server))


def test_a_message_that_cannot_be_chained_is_refused_when_it_is_offered(run):
    async def main(server: HostileSmtp) -> None:
        nobody = Mail(SENDER, "nobody", b"x")
        async with connected(server) as connection:
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
        connection = await connect(Server("127.0.0.1", server.port, timeouts=HURRIED))
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


# Use


def test_misuse_is_named(run):
    async def main(server: HostileSmtp) -> None:
        async with connected(server) as connection:
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
        async with connected(server) as connection:
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
        connection = await connect(Server("127.0.0.1", server.port, timeouts=HURRIED))
        await connection.quit()
        assert not connection.is_usable
        await until(lambda: server.stats()["open"] == 0)

    with hostile_smtp(Settings(rules=[rule])) as server:
        start = time.monotonic()
        run(main(server))
        assert time.monotonic() - start < PATIENCE + 0.5


def test_a_message_in_eight_bits_and_an_address_in_utf8_arrive(run):
    async def main(server: HostileSmtp) -> None:
        async with connected(server) as connection:
            text = "Subject: grüße\r\n\r\näöü\r\n".encode()
            result = await connection.send(SENDER, "jürgen@bücher.example", text, before_dot=go)
            assert result.outcome is Outcome.ACCEPTED
        assert server.accepted[0].recipient == "jürgen@xn--bcher-kva.example"
        assert server.kept[1] == text

    with hostile_smtp(Settings(keep_every=1)) as server:
        run(main(server))


def test_a_message_over_the_servers_limit_is_refused_before_a_byte_of_it_leaves(run):
    async def main(server: HostileSmtp) -> None:
        async with connected(server) as connection:
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
