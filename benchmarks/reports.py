"""How long each page of a report takes for a campaign of a million recipients, beside one SELECT of the campaign.

    python -m benchmarks.reports [--deliveries 1000000]

A database of its own. The ledger is made as a launch makes it and then answered by SQL: two in five open, one in eight
clicks, one in fifty bounces; a fifth of the opens names nobody. What a page shows of a whole ledger is counted by the
queue's task, which is measured too. A search goes through a part of the ledger a page: the slowest finds nobody.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from benchmarks import progress
from benchmarks.mailing import rig
from benchmarks.results import note_result

DATABASE = "fanfare_bench_reports"
GOAL_MS = 200

ANSWERS = """
UPDATE mailing_delivery SET
    status = CASE WHEN id %% 50 = 0 THEN 'bounced' ELSE 'accepted' END, due_at = NULL, attempts = 1,
    sent_at = CASE WHEN id %% 50 <> 0 THEN %(at)s + id %% 3600 * interval '1 second' END, stage = 'dot',
    code = CASE WHEN id %% 50 = 0 THEN 550 + id %% 5 ELSE 250 END, text = 'Queued as 4bT1',
    opened_at = CASE WHEN id %% 50 <> 0 AND id %% 5 < 2 THEN %(at)s + id %% 160000 * interval '1 second' END,
    clicked_at = CASE WHEN id %% 50 <> 0 AND id %% 40 < 5 THEN %(at)s + id %% 160000 * interval '1 second' END
WHERE campaign_id = %(campaign)s
"""
EVENTS = """
INSERT INTO mailing_event (delivery_id, campaign_id, kind, at, link, how, origin, device, client, system, basis)
SELECT delivery.id, campaign_id, kind, at, link, '', origin,
       (ARRAY['desktop', 'mobile', 'tablet'])[1 + delivery.id %% 3],
       (ARRAY['Outlook', 'Apple Mail'])[1 + delivery.id %% 2],
       (ARRAY['Windows', 'iOS', 'Android'])[1 + delivery.id %% 3], 'interest'
FROM mailing_delivery AS delivery, LATERAL (VALUES
    ('opened', opened_at, NULL, 'human'), ('opened', CASE WHEN delivery.id %% 4 = 0 THEN sent_at END, NULL, 'machine'),
    ('clicked', clicked_at, delivery.id %% 20, 'human')
) AS noted (kind, at, link, origin)
WHERE campaign_id = %(campaign)s AND noted.at IS NOT NULL
"""
NAMELESS = """
INSERT INTO mailing_eventcount (campaign_id, kind, origin, link, device, client, system, at, amount)
SELECT %(campaign)s, 'opened', 'human', NULL, (ARRAY['desktop', 'mobile'])[1 + n %% 2], 'Outlook', 'Windows',
       date_trunc('hour', %(at)s + n %% 48 * interval '1 hour'), 1
FROM generate_series(1, %(amount)s) AS n
"""


# Any: as launch_small_campaign
def answer_campaign(campaign: Any) -> None:
    """Let recipients open and click."""
    from django.db import connection

    values = {"campaign": campaign.pk, "at": campaign.launched_at, "amount": campaign.total // 10}
    with connection.cursor() as cursor:
        for statement in (ANSWERS, EVENTS, NAMELESS):
            cursor.execute(statement, values)
        cursor.execute("VACUUM ANALYZE mailing_delivery, mailing_event, mailing_eventcount, mailing_tally")


# Any: models are not imported before the set-up
def launch_small_campaign() -> Any:
    """Return a second campaign, to a list of its own with one member."""
    from campaigns import lifecycle
    from mailing import launch
    from mailing.models import Contact, ContactList, EmailCampaign, Membership

    people = ContactList.objects.create(name="Few")
    Membership.objects.create(list=people, contact=Contact.objects.earliest("pk"))
    campaign = lifecycle.fire(rig.draft(people.pk, 2526), "launch")
    launch.prepare(campaign.pk)
    return EmailCampaign.objects.get(pk=campaign.pk)


def measure(count: int) -> None:
    """Measure the reports of a campaign with `count` recipients."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext
    from django.utils import timezone

    from campaigns import doctor, lifecycle
    from mailing import tallies
    from mailing.models import EmailCampaign
    from mailing.reports import stored_counts

    client = rig.sign_in()

    campaign = progress.launch_campaign(count)
    other = launch_small_campaign()
    answer_campaign(campaign)
    tallies.fold_tallies(timezone.now())
    tallies.fold_event_counts(timezone.now())
    lifecycle.fire(EmailCampaign.objects.get(pk=campaign.pk), "complete")

    def row(what: str, act: Callable[[], object]) -> float:
        act()
        cpu = time.process_time()
        median, worst = progress.milliseconds(act)
        cpu = (time.process_time() - cpu) * 1000 / progress.ROUNDS
        with CaptureQueriesContext(connection) as captured:
            act()
        print(
            f"  {what:40} {median:8.1f} ms   worst {worst:8.1f} ms   {cpu:6.1f} ms CPU of ours"
            f"   {len(captured):3} queries",
            flush=True,
        )
        return median

    begun = time.monotonic()
    stored_counts.keep_counts(campaign.pk)
    print(f"the queue counts {count:,} deliveries in {time.monotonic() - begun:.1f} s")
    row("floor: one SELECT of the campaign", lambda: EmailCampaign.objects.get(pk=campaign.pk))
    report = progress.path(campaign, "report/")
    last = campaign.deliveries.order_by("pk").last()
    pages = {
        "the report": report,
        "its recipients, the last page": f"{report}?after={last.pk - 51}",
        "those that bounced": f"{report}?status=bounced",
        "a code of which there are few": f"{report}?code=554",
        "an address that is there": f"{report}?q={last.email}",
        "an address that nobody has": f"{report}?q=nobody@nowhere.test",
        "the clicks on the mail": f"{report}click-map/",
        "all campaigns by the week": "/reports/email/?weeks=52",
        "two campaigns compared": f"/reports/email/compare/?campaign={campaign.pk}&campaign={other.pk}",
    }
    slowest = max(row(what, partial(client.get, address)) for what, address in pages.items())
    note_result(f"slowest page of a report, {count:,} deliveries", slowest, "ms", at_most=GOAL_MS)
    print(f"the slowest page takes {slowest:.0f} ms; the goal is {GOAL_MS} ms")
    begun = time.monotonic()
    # Any: the stubs know nothing of streaming_content here
    answer: Any = client.get(progress.path(campaign, "report.csv"))
    size = sum(len(part) for part in answer.streaming_content)
    print(f"the file of all recipients: {size / 2**20:.0f} MB in {time.monotonic() - begun:.1f} s")
    begun = time.monotonic()
    breaches = list(doctor.find_breaches())
    print(f"doctor: {len(breaches)} breaches, in {time.monotonic() - begun:.1f} s", *breaches[:5], sep="\n  ")


def main() -> None:
    """Measure reports of a small and of a large campaign."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--deliveries", type=int, default=1_000_000)
    count = parser.parse_args().deliveries
    with rig.database(DATABASE):
        measure(count)


if __name__ == "__main__":
    main()
