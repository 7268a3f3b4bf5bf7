"""Limits by the second and minute, measured at the server: are they kept to in any stretch, and are they used?

    python -m benchmarks.rates [--seconds 30] [--only 10/s]

A campaign is sent by the product's own processes, two runs at a time, to a server that notes when each message came.
Under each limit it runs for a while, is paused and resumed, and has a busy worker killed. Exits 1 when any stretch of a
second (or minute) holds more messages than the limit, or when over the undisturbed time 5% fewer came than it allows.
"""

import argparse
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.mailing import rig
from benchmarks.results import note_result
from tests.hostile_smtp import Control, hostile_process

LIMITS = {
    "1/s": {"per_second": 1},
    "10/s": {"per_second": 10},
    "100/s": {"per_second": 100},
    "60/min": {"per_minute": 60},
    "10/s of the campaign": {"of_campaign": 10},
}
BLUR = 0.005  # seconds by which the server may note a message too late: other programs run beside it


def measure(
    name: str, seconds: float, people: int, port: int, server: Control, product: rig.Product
) -> list[str]:
    """Send under one limit and return what is wrong."""
    from campaigns import lifecycle
    from mailing.models import EmailCampaign

    limits = dict(LIMITS[name])
    of_campaign = limits.pop("of_campaign", None)
    campaign = rig.draft(people, port, **limits)
    if of_campaign:
        EmailCampaign.objects.filter(pk=campaign.pk).update(per_second=of_campaign)
    server.reset()
    lifecycle.fire(campaign, "launch")
    rig.wait(lambda: server.stats()["accepted"] > 0, 30)
    time.sleep(seconds)
    undisturbed = arrivals(server)
    lifecycle.fire(campaign, "pause")
    time.sleep(2)
    lifecycle.fire(campaign, "resume")
    time.sleep(min(seconds, 8))
    *_, busy = sorted(product.cluster[2:], key=lambda pid: rig.cpu_seconds([pid]))
    os.kill(busy, signal.SIGKILL)
    time.sleep(min(seconds, 8))
    lifecycle.fire(campaign, "cancel")
    time.sleep(2)
    every = arrivals(server)

    stretch = 60 if "per_minute" in limits else 1
    most = of_campaign or limits["per_minute" if stretch == 60 else "per_second"]
    spent = undisturbed[-1] - undisturbed[0]
    share = (len(undisturbed) - 1) / spent / (most / stretch)
    busiest = most_in(every, stretch - BLUR)
    print(
        f"    {name}: {share:.1%} of what it allows over {spent:.0f} s; at most {busiest} in any {stretch} s"
    )
    note_result(f"{name}: of the limit", share, at_least=0.95)
    note_result(f"{name}: most in {stretch} s", busiest, "mails", at_most=most)
    wrong = [f"{busiest} in a stretch of {stretch} s"] if busiest > most else []
    return wrong + ([f"only {share:.1%} of the limit was used"] if share < 0.95 else [])


def arrivals(server: Control) -> list[float]:
    """List when the server accepted each message, in seconds, in order."""
    return sorted(message.at for message in server.list_accepted())


def most_in(times: list[float], seconds: float) -> int:
    """Return the most of the sorted `times` that lie in any stretch of so many seconds."""
    most = first = 0
    for last, at in enumerate(times):
        while at - times[first] >= seconds:
            first += 1
        most = max(most, last - first + 1)
    return most


def main() -> None:
    """Measure how evenly mails leave under each limit; exit with 1 when one is broken."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--only", choices=LIMITS, action="append")
    options = parser.parse_args()
    wrong = []
    with (
        tempfile.TemporaryDirectory() as logs,
        rig.server(Path(logs)),
        rig.database("fanfare_rates"),
        hostile_process("--rule", "dot delay 0.01") as (port, server),
        rig.product("mail", "clock", logs=Path(logs)) as product,
    ):
        people = rig.contacts_of(20_000)
        for name in options.only or LIMITS:
            wrong += [
                f"{name}: {each}" for each in measure(name, options.seconds, people, port, server, product)
            ]
    for each in wrong:
        print(f"WRONG  {each}")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
