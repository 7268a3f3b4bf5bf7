"""Every page of the workspace over the data of a large retailer: how long the server takes, and how much it asks.

    python -m benchmarks.workspace [--scale 1.0] [--folder var/bench-workspace] [--rounds 3] [--slowest 25]

At scale 1: 1,000,000 contacts, 100 ended mails with 100,000 deliveries each, 10,000 campaigns of promotions with one
promotion and ten codes each, fifty segments, 500,000 sales of three lines in a year. The database is made once, under
`folder`, and kept there; remove the folder to make it anew. One campaign of each kind goes through the product; the
others are its copies.
Pages are asked for by Django's own client, in this process, as a superuser; the first answer of each is not counted.
Goal: 100 ms and 20 queries for each. Beside other work read the CPU, of this process and of the one of PostgreSQL that
serves it (without its parallel workers): it says what a page takes on an idle machine. Not a test.
"""

import argparse
import gc
import logging
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.mailing import retailer, rig

GOAL_MS = 100
GOAL_QUERIES = 20
# What reads no large table, or is no page: a file, a picture, an answer to a till, the page of a customer.
SKIPPED = (
    "guide/<",
    "t/",
    "u/",
    "o/",
    "p/",
    "address/",
    "hooks/",
    "oauth/",
    "password/",
    "logout/",
    "outbox/<",
    "healthz",
    "readyz",
)
# Beside the pages themselves, pages with what people ask of them.
ASKED = {
    "campaigns/": (
        "?q=autumn",
        "?kind=email",
        "?kind=promotion&status=active",
        "?sort=name",
        "?sort=-starts_at",
    ),
    "contacts/": ("?q=user77777", "?q=o%27brien", "?q=nobody"),
    "promotions/": ("?q=promotion+77", "?status=active"),
    "coupons/": ("?q=CODE-77", "?state=usable"),
    "search/": ("?q=autumn", "?q=user77777", "?q=CODE-77-3"),
    "calendar/": ("?view=week", "?view=timeline"),
    "reports/promotions/": (
        "?first=2026-01-01",
        "?by=campaign&first=2026-01-01",
        "?by=coupon&first=2026-01-01",
    ),
}


class Answer(NamedTuple):
    """What one page took."""

    path: str
    milliseconds: float
    cpu: float  # of this process, milliseconds
    database_cpu: float  # of PostgreSQL's, milliseconds
    queries: int
    kilobytes: float

    @property
    def is_over(self) -> bool:
        """Whether it misses the goal."""
        return self.milliseconds > GOAL_MS or self.queries > GOAL_QUERIES

    def tell(self) -> None:
        """Print it in one line, which begins with ! where it misses the goal."""
        print(
            f"{'!' if self.is_over else ' '} {self.milliseconds:7.1f} ms, CPU {self.cpu:6.1f} of ours"
            f" {self.database_cpu:6.1f} of PostgreSQL {self.queries:4} queries {self.kilobytes:6.0f} KB  {self.path}",
            flush=True,
        )


def main() -> None:
    """Make the database unless it is there, ask for each page, and print the slowest."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--folder", type=Path, default=rig.ROOT / "var/bench-workspace")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--slowest", type=int, default=25)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    name = f"fanfare_bench_workspace_{options.scale * 1000:.0f}"
    with rig.server(options.folder):
        with rig.database(name, keep=True) as was_there:
            if not was_there:
                retailer.fill(options.scale)
        with rig.database(name, keep=True):
            answers = sorted(measure_pages(options.rounds), key=lambda each: -each.milliseconds)
    for answer in answers[: options.slowest]:
        answer.tell()
    over = [answer for answer in answers if answer.is_over]
    middle = statistics.median(answer.milliseconds for answer in answers)
    print(
        f"{len(answers)} pages, median {middle:.1f} ms; {len(over)} above {GOAL_MS} ms or {GOAL_QUERIES} queries"
    )
    for answer in over[options.slowest :]:
        answer.tell()


def list_paths() -> list[str]:
    """Return the address of every page, with the first mail and promotion where one names a campaign."""
    from django.urls import get_resolver, reverse

    from mailing.models import Contact, ContactList, EmailCampaign, Segment, SmtpConnection
    from promotions.models import Coupon, Promotion, PromotionCampaign

    mail, till = EmailCampaign.objects.earliest("pk"), PromotionCampaign.objects.earliest("pk")
    rows = {
        "campaigns/email/": mail,
        "campaigns/promotion/": till,
        "campaigns/": mail,
        "contacts/": Contact.objects.earliest("pk"),
        "segments/": Segment.objects.earliest("pk"),
        "lists/": ContactList.objects.earliest("pk"),
        "connections/": SmtpConnection.objects.earliest("pk"),
        "promotions/": Promotion.objects.earliest("pk"),
        "coupons/": Coupon.objects.earliest("pk"),
    }
    words = {"stage": "recipients", "asked": "open", "name": "shop.example", "verb": "archive"}
    paths = []
    for name, route in list_routes(get_resolver()):
        if route.startswith(SKIPPED):
            continue
        row = next((row for prefix, row in rows.items() if route.startswith(prefix)), None)
        values = {"pk": row.pk if row else 0, "promotion": Promotion.objects.earliest("pk").pk, "number": 1}
        asked = [part.split(">")[0].split(":")[-1] for part in route.split("<")[1:]]
        if any(each not in values | words for each in asked) or ("pk" in asked and row is None):
            continue
        paths.append(reverse(name, kwargs={each: (values | words)[each] for each in asked}))
        paths += [paths[-1] + question for question in ASKED.get(route, ())]
    return paths


# Any: Django's resolver is imported once Django is set up
def list_routes(resolver: Any, namespace: str = "", before: str = "") -> Iterator[tuple[str, str]]:
    """Yield each named address outside the admin and the tills, as its name and its route."""
    for pattern in resolver.url_patterns:
        route = before + str(pattern.pattern)
        if hasattr(pattern, "url_patterns"):
            if route not in ("admin/", "pos/v1/"):
                yield from list_routes(pattern, f"{pattern.namespace}:" if pattern.namespace else "", route)
        elif pattern.name:
            yield namespace + pattern.name, route


def measure_pages(rounds: int) -> list[Answer]:
    """Ask for each page, so many times; those that only take what is sent, or are not there, are left out."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    client = rig.sign_in()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (serving,) = cursor.fetchone()
    logging.getLogger("django.request").setLevel(
        logging.ERROR
    )  # an address that takes no GET is left out, not told
    answers = []
    client.get("/")
    gc.collect()
    gc.freeze()  # as the server of the pages does
    for path in list_paths():
        with CaptureQueriesContext(connection) as captured:
            first = client.get(path)
            queries = len(captured)
        if first.status_code != 200 or first.streaming:
            continue
        took = []
        cpu, database_cpu = time.process_time(), read_cpu(serving)
        for _ in range(rounds):
            begun = time.perf_counter()
            client.get(path)
            took.append((time.perf_counter() - begun) * 1000)
        cpu = (time.process_time() - cpu) * 1000 / rounds
        database_cpu = (read_cpu(serving) - database_cpu) * 1000 / rounds
        answers.append(
            Answer(path, statistics.median(took), cpu, database_cpu, queries, len(first.content) / 1024)
        )
        if answers[-1].is_over:
            answers[-1].tell()
    return answers


def read_cpu(process: int) -> float:
    """Read how many seconds of CPU a process of this machine has used; 0 where Linux does not tell."""
    try:
        return int(Path(f"/proc/{process}/schedstat").read_text().split()[0]) / 1e9
    except OSError:
        return 0.0


if __name__ == "__main__":
    main()
