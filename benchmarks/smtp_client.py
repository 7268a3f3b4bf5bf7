"""Messages a second and CPU a message of SMTP clients, against a sink in another process, all in one run.

    python -m benchmarks.smtp_client [--messages 20000] [--connections 10] [--bytes 12600] [--rounds 3]

Ours (with a mark before every dot, one message at a time and chained; on uvloop and asyncio), smtplib in threads, and
aiosmtplib when it is installed. Rounds are interleaved; medians are printed, and the ratio to smtplib of the same run.
CPU is that of the sending process (getrusage), so that a busy machine moves it less than the rate. Not a test.
"""

import argparse
import asyncio
import importlib.util
import json
import resource
import smtplib
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator

from benchmarks.mailing.sinks import sink
from benchmarks.results import note_result
from mailing.smtp.client import Connection, Mail, Outcome, Server, connect

SENDER = "bounces@shop.example"


def messages(count: int, size: int) -> Iterator[tuple[str, bytes]]:
    """Yield `count` pairs of recipient and message, each of about `size` bytes."""
    line = b"quoted-printable text of a newsletter, seventy-two characters a line =20=\r\n"
    body = line * (size // len(line))
    for n in range(count):
        yield (
            f"customer{n}@example.net",
            b"Message-ID: <%d@shop.example>\r\nSubject: benchmark\r\n\r\n%b" % (n, body),
        )


class Marks:
    """Stands for the ledger: marks of all connections that wait are granted together, once a turn of the loop."""

    def __init__(self) -> None:
        self.waiting: list[asyncio.Future[bool]] = []

    def mark(self) -> asyncio.Future[bool]:
        loop = asyncio.get_running_loop()
        if not self.waiting:
            loop.call_soon(self._commit)
        future: asyncio.Future[bool] = loop.create_future()
        self.waiting.append(future)
        return future

    def _commit(self) -> None:
        waiting, self.waiting = self.waiting, []
        for future in waiting:
            future.set_result(True)


async def ours(
    port: int, connections: int, source: Iterator[tuple[str, bytes]], chained: bool, ready: bool
) -> int:
    """Send through our client; return how many messages were accepted."""
    server, marks = Server("127.0.0.1", port), Marks()

    async def one_by_one(connection: Connection) -> int:
        for recipient, content in source:
            result = await connection.send(SENDER, recipient, content, before_dot=marks.mark, ready=ready)
            if result.outcome is not Outcome.ACCEPTED:
                raise RuntimeError(result)
        return connection.accepted

    async def chain(connection: Connection) -> int:
        mails = (Mail(SENDER, recipient, content, ready) for recipient, content in source)
        mail = next(mails, None)
        while mail:
            if (refused := await connection.offer(mail)) is not None:
                raise RuntimeError(refused)
            await marks.mark()
            following = next(mails, None)
            await connection.deliver(then=following)
            mail = following
        return connection.accepted

    opened = [await connect(server) for _ in range(connections)]
    sent = await asyncio.gather(*((chain if chained else one_by_one)(c) for c in opened))
    await asyncio.gather(*(c.quit() for c in opened))
    return sum(sent)


def with_smtplib(port: int, connections: int, source: Iterator[tuple[str, bytes]]) -> int:
    """Send through smtplib, one thread for each connection; return how many were sent."""
    lock, sent = threading.Lock(), []

    def run() -> None:
        count = 0
        with smtplib.SMTP("127.0.0.1", port) as smtp:
            while True:
                with lock:
                    item = next(source, None)
                if item is None:
                    break
                smtp.sendmail(SENDER, item[0], item[1])
                count += 1
        sent.append(count)

    threads = [threading.Thread(target=run) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(sent)


async def with_aiosmtplib(port: int, connections: int, source: Iterator[tuple[str, bytes]]) -> int:
    """Send through aiosmtplib, one task for each connection; return how many were sent."""
    import aiosmtplib  # type: ignore[import-not-found]  # measured where it is installed

    async def run() -> int:
        count = 0
        async with aiosmtplib.SMTP("127.0.0.1", port, use_tls=False, start_tls=False) as smtp:
            for recipient, content in source:
                await smtp.sendmail(SENDER, recipient, content)
                count += 1
        return count

    return sum(await asyncio.gather(*(run() for _ in range(connections))))


def on_uvloop(main: Callable[[], Coroutine[None, None, int]]) -> int:
    """Run a coroutine on uvloop's loop."""
    import uvloop

    return uvloop.run(main())


CLIENTS: dict[str, Callable[[int, int, Iterator[tuple[str, bytes]]], object]] = {
    "ours chained, ready, uvloop": lambda p, c, s: on_uvloop(lambda: ours(p, c, s, True, True)),
    "ours chained, uvloop": lambda p, c, s: on_uvloop(lambda: ours(p, c, s, True, False)),
    "ours pipelined, ready, uvloop": lambda p, c, s: on_uvloop(lambda: ours(p, c, s, False, True)),
    "ours pipelined, uvloop": lambda p, c, s: on_uvloop(lambda: ours(p, c, s, False, False)),
    "ours pipelined, asyncio": lambda p, c, s: asyncio.run(ours(p, c, s, False, False)),
    "smtplib in threads": with_smtplib,
    "aiosmtplib, uvloop": lambda p, c, s: on_uvloop(lambda: with_aiosmtplib(p, c, s)),
}


def measure(name: str, count: int, connections: int, size: int) -> dict[str, float]:
    """Run one client in this process; return seconds and CPU seconds of the sending alone."""
    with sink(None) as target:
        source = iter(list(messages(count, size)))
        before, start = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
        sent = CLIENTS[name](target.port, connections, source)
        wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF)
    if sent != count:
        raise RuntimeError(f"{name} sent {sent} of {count}.")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"rate": count / wall, "cpu": cpu / count * 1e6}


def main() -> None:
    """Measure our SMTP client beside the others, round by round."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--connections", type=int, default=10)
    parser.add_argument("--bytes", type=int, default=12_600)
    parser.add_argument("--rounds", type=int, default=3)
    # the name of one client, run in a process of its own
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    sizes = (options.messages, options.connections, options.bytes)
    if options.one:
        print(json.dumps(measure(options.one, *sizes)))
        return
    names = [n for n in CLIENTS if not n.startswith("aiosmtplib") or importlib.util.find_spec("aiosmtplib")]
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    for _ in range(options.rounds):
        for name in names:
            command = [sys.executable, "-m", "benchmarks.smtp_client", *sys.argv[1:], "--one", name]
            runs[name].append(json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout))
    base = statistics.median(run["cpu"] for run in runs["smtplib in threads"])
    print(f"{'client':32} {'messages/s':>12} {'CPU µs each':>12} {'least':>8} {'of smtplib':>11}")
    for name, results in runs.items():
        cpu = statistics.median(run["cpu"] for run in results)
        rate = statistics.median(run["rate"] for run in results)
        least = min(run["cpu"] for run in results)
        if name.startswith("ours"):
            note_result(f"{name}: CPU, of smtplib's", cpu / base)
        print(f"{name:32} {rate:12,.0f} {cpu:12.1f} {least:8.1f} {cpu / base:11.2f}")


if __name__ == "__main__":
    main()
