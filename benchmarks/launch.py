"""A launch to a million recipients: how long it takes, and what memory it and the senders after it need.

    python -m benchmarks.launch [--recipients 1000000] [--send 100000]

The campaign is validated, launched and prepared in this process, whose memory is then compared with what it was; a
`mail` cluster sends some of the million, and the memory of its largest worker is printed. Goals: launch to prepared in
less than 60 s, workers below 150 MB. Not a test.
"""

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from benchmarks.mailing import rig
from benchmarks.mailing.sinks import sink
from benchmarks.results import note_result

T = TypeVar("T")

CONNECTIONS = 100
GOAL_RECIPIENTS, GOAL_SECONDS = 1_000_000, 8
PATIENCE = 900.0  # seconds


def main() -> None:
    """Measure a launch: preparing the recipients, then sending the first of them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--recipients", type=int, default=1_000_000)
    parser.add_argument("--send", type=int, default=100_000, help="stop after so many messages")
    parser.add_argument("--sink", type=Path, help="the program faultsink; without it a slower one in Python")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        rig.server(Path(folder)),
        rig.database("fanfare_bench_launch"),
        sink(options.sink) as target,
    ):
        campaign = launch(options.recipients, target.port)
        send(campaign, min(options.send, options.recipients), Path(folder))


def launch(recipients: int, port: int) -> int:
    """Launch and prepare a campaign, and say what it took; return its key."""
    from django.db import connection

    from campaigns import lifecycle
    from mailing import launch as launching
    from mailing.models import EmailCampaign

    begun = time.monotonic()
    campaign = rig.draft(rig.contacts_of(recipients), port, max_connections=CONNECTIONS)
    print(f"making {recipients:,} contacts     {time.monotonic() - begun:8.1f} s")
    problems, took = time_call(lambda: launching.find_problems(campaign))
    print(f"validation                    {took:8.1f} s   {problems or 'nothing stands against it'}")
    before = peak_mb()
    _, fired = time_call(lambda: lifecycle.fire(campaign, "launch"))
    _, prepared = time_call(lambda: launching.prepare(campaign.pk))
    total = EmailCampaign.objects.get(pk=campaign.pk).total
    print(f"launched                      {fired:8.1f} s")
    print(f"prepared: {total:>10,} rows     {prepared:8.1f} s   together {fired + prepared:.1f} s, goal 60")
    note_result(
        f"launch of {recipients:,}",
        fired + prepared,
        "s",
        at_most=GOAL_SECONDS if recipients == GOAL_RECIPIENTS else None,
    )
    print(f"memory of the process         {peak_mb():8.0f} MB  before {before:.0f}")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_total_relation_size('mailing_delivery') / 1e6")
        print(f"the ledger                    {cursor.fetchone()[0]:8.0f} MB")
    key: int = campaign.pk
    return key


def send(campaign_id: int, messages: int, logs: Path) -> None:
    """Let a cluster send so many, and say what memory its processes had at most."""
    from mailing.tallies import read_sums

    def count_accepted() -> int:
        return read_sums(campaign_id).get("accepted", 0)

    with rig.product("mail", "clock", logs=logs) as product:
        # looked for often: a few thousand are gone in a second
        if not rig.wait(lambda: count_accepted() > 0, PATIENCE, 0.01):
            raise SystemExit("No mail was accepted.")
        begun, before, cpu = time.monotonic(), count_accepted(), rig.cpu_seconds(product.cluster)
        if not rig.wait(lambda: count_accepted() >= messages, PATIENCE, 0.25):
            raise SystemExit(f"Only {count_accepted():,} of {messages:,} were accepted.")
        seconds, sent = time.monotonic() - begun, count_accepted()
        cpu = rig.cpu_seconds(product.cluster) - cpu
        peak = max(map(rig.peak_mb, product.cluster))
    print(f"sent of them {sent:>10,}       {seconds:8.1f} s   {(sent - before) / seconds:,.0f} a second")
    if sent > before:
        note_result("CPU of a mail", 1e6 * cpu / (sent - before), "µs")
    note_result("memory of the largest worker", peak, "MB", at_most=150)
    print(f"memory of the largest worker  {peak:8.0f} MB  goal 150")


def time_call(act: Callable[[], T]) -> tuple[T, float]:
    """Return what `act` returns, and the seconds it took."""
    begun = time.monotonic()
    return act(), time.monotonic() - begun


def peak_mb() -> float:
    """Return the most memory that this process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
