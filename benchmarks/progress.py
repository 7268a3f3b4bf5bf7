"""How long the figures of a campaign take, of few and of a million deliveries, and the page that shows them.

    python -m benchmarks.progress [--deliveries 1000000]

A database of its own. The ledger is made as a launch makes it, then written to in batches as runs do, so that the
tallies are as many as in a run; measured before and after they are folded. The floor is SELECT 1.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

from benchmarks.mailing import rig
from benchmarks.results import note_result

POLL_GOAL_MS = 50
DATABASE = "fanfare_bench_progress"
ROUNDS = 50
BATCH = 200  # results a commit, as runs write them under load

RESULTS = """
UPDATE mailing_delivery SET status = (ARRAY['accepted', 'accepted', 'accepted', 'bounced', 'deferred'])[1 + id %% 5],
    sent_at = CASE WHEN id %% 5 < 3 THEN now() END, due_at = CASE WHEN id %% 5 = 4 THEN now() END,
    opened_at = CASE WHEN id %% 15 = 0 THEN now() END
WHERE campaign_id = %s AND id > %s AND id <= %s
"""


def milliseconds(act: Callable[[], object]) -> tuple[float, float]:
    """Return median and worst of ROUNDS."""
    times = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        act()
        times.append((time.perf_counter() - begun) * 1000)
    return statistics.median(times), max(times)


# Any: a campaign, and models are not imported before the set-up
def launch_campaign(count: int) -> Any:
    """Launch a campaign to `count` contacts and write what became of its mails."""
    from campaigns import lifecycle
    from mailing import launch
    from mailing.models import EmailCampaign

    campaign = lifecycle.fire(rig.draft(rig.contacts_of(count), 2525), "launch")
    begun = time.monotonic()
    launch.prepare(campaign.pk)
    print(f"{count:,} deliveries made in {time.monotonic() - begun:.1f} s")
    return EmailCampaign.objects.get(pk=campaign.pk)


# Any: as launch_campaign
def worked_on(campaign: Any, commits: int) -> None:
    """Write results for most of the ledger, a few batches of the usual size among large ones."""
    from django.db import connection
    from django.db.models import Max, Min

    from mailing.models import Delivery

    edges = Delivery.objects.filter(campaign=campaign).aggregate(low=Min("id"), high=Max("id"))
    low = edges["low"] - 1
    with connection.cursor() as cursor:
        for _ in range(commits):
            cursor.execute(RESULTS, [campaign.pk, low, low + BATCH])
            low += BATCH
        step = max(1, (edges["high"] - low) // 12)
        for _ in range(10):
            cursor.execute(RESULTS, [campaign.pk, low, low + step])
            low += step


def measure(count: int) -> None:
    """Measure the progress of a campaign with `count` deliveries."""
    from django.db import connection
    from django.utils import timezone

    from mailing import progress, tallies
    from mailing.models import Tally

    client = rig.sign_in()

    def one() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")

    def row(what: str, act: Callable[[], object], goal: float | None = None) -> None:
        median, worst = milliseconds(act)
        if goal:
            note_result(f"{what}, {count:,} deliveries", median, "ms", at_most=goal)
        print(f"  {what:42} {median:8.2f} ms   worst {worst:8.2f} ms", flush=True)

    campaign = launch_campaign(count)
    worked_on(campaign, commits=min(500, count // BATCH // 2))
    row("floor: SELECT 1", one)
    for state in ("not folded yet", "folded"):
        print(f"{Tally.objects.filter(campaign=campaign).count():,} tallies, {state}")
        row("the figures", lambda: progress.read_figures(campaign))
        row(
            "the part a page polls",
            lambda: client.get(path(campaign, "progress/"), headers=HTMX),
            POLL_GOAL_MS,
        )
        tallies.fold_tallies(timezone.now())
    row("the campaign's page", lambda: client.get(path(campaign)))
    row("its report", lambda: client.get(path(campaign, "report/")))


def main() -> None:
    """Measure progress for a small and for the large campaign."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--deliveries", type=int, default=1_000_000)
    count = parser.parse_args().deliveries
    for number in sorted({min(1000, count), count}):
        with rig.database(DATABASE):
            measure(number)


HTMX = {"HX-Request": "true"}


# Any: as launch_campaign
def path(campaign: Any, part: str = "") -> str:
    """Return the address of a page below that of the campaign."""
    return f"{campaign.get_absolute_url()}{part}"


if __name__ == "__main__":
    main()
