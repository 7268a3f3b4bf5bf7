"""Thousands of messages through a server that fails at random: the fate told for each is the one it had."""

import asyncio
import hashlib
import random
from collections import Counter, deque
from collections.abc import Callable

import pytest

from mailing.smtp.client import ConnectFailed, Connection, Mail, Outcome, Result, Server, Timeouts, connect
from mailing.smtp.verdicts import Kind
from tests.hostile_smtp import Accepted, Settings, hostile_process, hostile_smtp

CONNECTIONS = 10
TIMEOUTS = Timeouts(connect=5, greeting=5, ehlo=5, mail=0.4, rcpt=0.4, data=0.4, dot=0.4, quit=0.4)
PIPELINED = "PIPELINING,8BITMIME,ENHANCEDSTATUSCODES,SIZE 50000000"
STEPPED = "8BITMIME"
RULES = [
    "connect p=0.05 421 4.7.0 not now",
    "mail p=0.02 451 4.3.0 not now",
    "mail p=0.005 drop",
    "mail p=0.001 stall",
    "rcpt of=0.05 550 5.1.1 no such user",
    "rcpt p=0.02 450 4.2.1 busy",
    "rcpt p=0.005 drop",
    "data p=0.02 451 4.3.0 not now",
    "data p=0.005 drop",
    "data p=0.002 raw what?\\r\\n",
    "body p=0.005 drop",
    "dot p=0.02 451 4.3.0 not now",
    "dot p=0.01 554 5.6.0 not like this",
    "dot p=0.005 421 4.3.2 closing",
    "dot p=0.01 drop",
    "ack p=0.01 drop",
    "ack p=0.001 stall",
    "ack p=0.002 half 250 2.0.0 O",
    "rset p=0.02 drop",
]


class Run:
    """What is to be sent, what was told of it, and a sender of ten connections with random marks."""

    def __init__(self, count: int, seed: int, *, chained: bool) -> None:
        self.chance = random.Random(seed)
        self.chained = chained
        self.waiting = deque(range(count))
        self.fates: dict[int, Result] = {}
        self.told: Counter[str] = Counter()

    def mail(self, n: int) -> Mail:
        body = b"".join(b".line %d of %d\r\n" % (line, n) for line in range(n % 97))
        content = b"Message-ID: <%d@a.example>\r\n\r\n%b" % (n, body)
        return Mail("shop@a.example", f"customer{n}@b.example", content)

    async def mark(self) -> bool:
        if self.chance.random() < 0.3:
            await asyncio.sleep(self.chance.random() / 200)
        return self.chance.random() >= 0.01

    def tell(self, n: int, result: Result) -> None:
        """A fate that is certain and not final sends the message back to the queue, as the ledger does."""
        assert n not in self.fates
        self.told["uncertain" if result.uncertain else result.outcome] += 1
        refused = result.outcome is Outcome.REFUSED and result.verdict.kind in (Kind.HARD, Kind.POLICY)
        if result.outcome is Outcome.ACCEPTED or result.uncertain or refused:
            self.fates[n] = result
        else:
            self.waiting.append(n)

    def next(self) -> int | None:
        return self.waiting.popleft() if self.waiting else None

    async def lane(self, server: Server) -> None:
        while self.waiting:
            try:
                connection = await connect(server)
            except ConnectFailed:
                await asyncio.sleep(0.01)
                continue
            await self.use(connection)
            await connection.quit()

    async def use(self, connection: Connection) -> None:
        n = self.next()
        current = None if n is None else self.mail(n)
        while n is not None and connection.is_usable:
            following, after = None, None
            result = await connection.offer(current)
            if result is None and not await self.mark():
                result = connection.withhold()
            elif result is None:
                following = self.next()
                after = None if following is None else self.mail(following)
                result = await connection.deliver(then=after if self.chained else None)
            self.tell(n, result)
            n, current = following, after
            if n is None and connection.is_usable and self.waiting:
                n = self.next()
                current = self.mail(n)
        if n is not None:
            self.waiting.append(n)

    async def all(self, port: int) -> None:
        server = Server("127.0.0.1", port, timeouts=TIMEOUTS)
        await asyncio.gather(*(self.lane(server) for _ in range(CONNECTIONS)))

    def compare(self, count: int, accepted: list[Accepted]) -> None:
        """Every fate that was told against what the server recorded."""
        assert sorted(self.fates) == list(range(count))
        times = Counter(int(message.message_id.strip("<>").partition("@")[0]) for message in accepted)
        for message in accepted:
            n = int(message.message_id.strip("<>").partition("@")[0])
            body = self.mail(n).content.partition(b"\r\n\r\n")[2]
            assert message.recipient == f"customer{n}@b.example"
            assert message.sha256 == hashlib.sha256(body).hexdigest()
        for n, result in self.fates.items():
            if result.outcome is Outcome.ACCEPTED:
                assert times[n] == 1
            elif result.uncertain:
                assert times[n] <= 1
            else:
                assert times[n] == 0
        expected_kinds = {"accepted", "refused", "dropped", "withheld", "uncertain"}
        assert expected_kinds <= set(self.told), self.told


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(
    ("extensions", "chained"),
    [(PIPELINED, True), (PIPELINED, False), (STEPPED, True)],
    ids=["chained", "pipelined", "stepped"],
)
def test_under_random_faults_the_fate_told_of_every_message_is_the_one_it_had(
    run: Callable, extensions: str, chained: bool, seed: int
):
    count = 1500
    settings = Settings(
        rules=RULES,
        extensions=extensions,
        seed=seed,
        messages_per_connection=40,
        max_connections=9,
    )
    with hostile_smtp(settings) as server:
        sending = Run(count, seed, chained=chained)
        run(sending.all(server.port))
        sending.compare(count, server.accepted)
        assert server.stats().get("violations", 0) == 0


def test_a_server_in_another_process_records_the_same(tmp_path, run):
    count, record = 1000, tmp_path / "accepted.tsv"
    rules = [word for rule in RULES for word in ("--rule", rule)]
    options = ("--record", str(record), "--keep-every", "100", "--keep", str(tmp_path), *rules)
    with hostile_process(*options) as (port, control):
        sending = Run(count, 4, chained=True)
        run(sending.all(port))
        accepted = control.list_accepted()
        sending.compare(count, accepted)
        assert control.stats()["accepted"] == len(accepted)
        control.reset()
        assert control.stats()["accepted"] == 0
    lines = [line.split("\t") for line in record.read_text().splitlines()]
    assert [line[2] for line in lines] == [message.recipient for message in accepted]
    assert [line[4] for line in lines] == [message.sha256 for message in accepted]
    assert sum(line[6] == "unacked" for line in lines) == sum(not message.acked for message in accepted)
    kept = (tmp_path / "100.eml").read_bytes()
    assert kept.startswith(f"Message-ID: {accepted[99].message_id}\r\n".encode())
