"""Messages a second, from launch to the last answer recorded, beside others who send the same.

    python -m benchmarks.mail [--messages 20000] [--rounds 3] [--peers FOLDER] [--slow-messages 2000]

A campaign of 10 KB mails with 10 variables and 20 tracked links is launched, and a `mail` cluster sends it as in
production: claim, `in_data` and result of every message committed with fsync, two runs at a time. With `--peers` (see
benchmarks.mailing.peers) the same is sent by a bare reference pipeline, by django-post_office and by smtp-source, and
once more by ours and the reference to a relay 20 ms away over 200 connections. All in turn, on one PostgreSQL of their
own, to one sink, whose record must name each recipient once. Medians are printed, and the ratios. Not a test.
"""

import argparse
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.mailing import rig
from benchmarks.mailing.peers import Measured, Meter, Missing, Peers
from benchmarks.mailing.sinks import Sink, sink
from benchmarks.results import note_result
from config import embedded_postgres

CONNECTIONS, FAR_CONNECTIONS = 100, 200  # ours; of the reference's, two processes have half each
NEAR_WINDOW, FAR_WINDOW = 200, 600  # messages the reference may have sent and not recorded
FAR = "rtt_ms=20"
PATIENCE = 600.0  # seconds a run may take

OURS, FAR_OURS = "Fanfare, 100 connections", "Fanfare, 200 connections, 20 ms away"
PSYCOPG = "reference, psycopg 3"
ROW_PSYCOPG = "reference that claims rows, psycopg 3"
ROW_ASYNCPG = "reference that claims rows, asyncpg"
FAR_PSYCOPG = "reference, psycopg 3, 200 connections, 20 ms away"
POST_OFFICE = "django-post_office, tuned"
SOURCE = "smtp-source"
RATIOS = [
    (OURS, PSYCOPG, 0.5),
    (OURS, ROW_PSYCOPG, 0.75),
    (OURS, ROW_ASYNCPG, 0.5),
    (OURS, POST_OFFICE, 10.0),
    (FAR_OURS, FAR_PSYCOPG, 0.5),
]


def main() -> None:
    """Measure sending of the product and of its peers, round by round."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peers", type=Path, help="the folder of peers, installed")
    parser.add_argument("--slow-messages", type=int, default=2_000, help="for django-post_office")
    parser.add_argument("--only", action="append", help="of the rows that begin so; may be repeated")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        rig.server(Path(folder)) as postgres,
        rig.database("fanfare_bench_mail"),
    ):
        try:
            peers = Peers(options.peers.resolve(), postgres, options.messages) if options.peers else None
        except Missing as missing:
            raise SystemExit(str(missing)) from missing
        bench = Bench(options.messages, postgres, Path(folder))
        cases = cases_of(bench, peers, options.slow_messages)
        if options.only:
            cases = {name: run for name, run in cases.items() if name.startswith(tuple(options.only))}
        report(rounds(cases, options.rounds, peers))


def cases_of(
    bench: "Bench", peers: Peers | None, slow_messages: int
) -> dict[str, Callable[[Sink], Measured]]:
    """Return what is run, by the name of its row."""
    ours = {OURS: lambda sink: bench.ours(sink, CONNECTIONS)}
    if peers is None:
        return ours
    return {
        SOURCE: peers.smtp_source,
        ROW_ASYNCPG: lambda sink: peers.reference(sink, driver="asyncpg", design="row"),
        ROW_PSYCOPG: lambda sink: peers.reference(sink, driver="psycopg", design="row"),
        PSYCOPG: lambda sink: peers.reference(sink, driver="psycopg", window=NEAR_WINDOW),
        **ours,
        POST_OFFICE: lambda sink: peers.post_office(sink, slow_messages),
        FAR_PSYCOPG: lambda sink: peers.reference(
            sink, driver="psycopg", connections=FAR_CONNECTIONS // 2, window=FAR_WINDOW
        ),
        FAR_OURS: lambda sink: bench.ours(sink, FAR_CONNECTIONS),
    }


def rounds(
    cases: dict[str, Callable[[Sink], Measured]], count: int, peers: Peers | None
) -> dict[str, list[Measured]]:
    """Return every case `count` times, in turn."""
    measured: dict[str, list[Measured]] = {}
    for number in range(count):
        for name, run in cases.items():
            faults = [FAR] if name in (FAR_OURS, FAR_PSYCOPG) else []
            with sink(peers.faultsink if peers else None, *faults) as target:
                try:
                    result = run(target)
                except Missing as missing:
                    print(f"left out: {missing}")
                    continue
                got = target.recipients()
            if got is not None and len(got) != len(set(got)):
                raise SystemExit(f"{name}: {len(got)} messages for {len(set(got))} recipients.")
            measured.setdefault(name, []).append(result)
            print(f"round {number + 1}: {name}: {result.rate:,.0f} a second", flush=True)
    return measured


class Bench:
    """Our own side: a database full of contacts, and campaigns to all of them."""

    def __init__(self, messages: int, postgres: embedded_postgres.Server, logs: Path) -> None:
        self.messages = messages
        self._postgres, self._logs = postgres, logs
        self._everybody = rig.contacts_of(messages)

    def ours(self, target: Sink, connections: int) -> Measured:
        """Measure the product, from the moment the campaign is prepared until every answer is recorded."""
        from django.db.models import Max

        from campaigns import lifecycle
        from mailing import doctor
        from mailing.models import EmailCampaign
        from mailing.tallies import read_sums

        campaign = rig.draft(self._everybody, target.port, max_connections=connections)

        def now() -> EmailCampaign:
            return EmailCampaign.objects.get(pk=campaign.pk)

        with rig.product("mail", "clock", logs=self._logs) as product:
            pids = product.cluster
            lifecycle.fire(campaign, "launch")
            if not rig.wait(lambda: now().prepared_at is not None, PATIENCE, 0.01):
                raise SystemExit("The campaign was not prepared.")
            meter, before = Meter(target, self._postgres), rig.cpu_seconds(pids)
            # seldom: a sum over the tallies of a run under way costs as much as some messages
            done = rig.wait(
                lambda: read_sums(campaign.pk).get("accepted", 0) == self.messages or now().is_final,
                PATIENCE,
                0.5,
            )
            last = campaign.deliveries.aggregate(Max("sent_at"))["sent_at__max"]
            result = meter.measure(
                self.messages,
                seconds=(last - now().prepared_at).total_seconds(),
                workers=rig.cpu_seconds(pids) - before,
                peak=max(map(rig.peak_mb, pids)),
            )
            completed = rig.wait(lambda: now().status == "completed", 30)
        got = target.recipients()
        breaches = list(doctor.list_breaches())
        if not (done and completed) or breaches or (got is not None and len(got) != self.messages):
            raise SystemExit(
                f"{read_sums(campaign.pk)}, {now().status}, {got and len(got)} at the sink, {breaches}"
            )
        return result


def report(measured: dict[str, list[Measured]]) -> None:
    """Print medians as a table, and what of them the goals speak of."""
    print(f"\n| {'':<52} | messages/s | best | CPU µs a message: workers | PostgreSQL | sink | peak MB |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    medians: dict[str, float] = {}
    for name, results in measured.items():

        def median(field: str, results: list[Measured] = results) -> float:
            middle: float = statistics.median(getattr(result, field) for result in results)
            return middle

        medians[name] = median("rate")
        best = max(result.rate for result in results)
        print(
            f"| {name:<52} | {medians[name]:,.0f} | {best:,.0f} | {median('workers'):.0f} | "
            f"{median('postgres'):.0f} | {median('sink'):.0f} | {median('peak'):.0f} |"
        )
    note_result("mails", medians[OURS], "a second")
    print()
    for one, other, goal in RATIOS:
        if one in medians and other in medians:
            note_result(f"{one}, of {other}", medians[one] / medians[other], at_least=goal)
            print(f"{one} : {other} = {medians[one] / medians[other]:.2f}")


if __name__ == "__main__":
    main()
