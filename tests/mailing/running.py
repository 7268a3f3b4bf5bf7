"""A campaign under way, in tests: made, launched, and sent without a queue's processes."""

import contextlib
import threading
import time
from collections import Counter

import pytest
from django.db import connection
from django.utils import timezone
from django_q.models import OrmQ

from campaigns import lifecycle
from mailing import clock, launch, tallies
from mailing.models import Delivery, EmailCampaign, Lane, Membership, Route, SmtpConnection, Target
from mailing.sending import lanes, runs, sending_run
from tests.factories import ContactFactory, ContactListFactory, SmtpConnectionFactory
from tests.waiting import wait_for

# Runs have connections of their own, so that what they see must be committed.
SEPARATE = pytest.mark.django_db(transaction=True)

BODY = "Hello {{ first_name }},\n\n[News](https://shop.example/news)\n\n[Unsubscribe]({{ unsubscribe_url }})"


def list_down_connections(connection_ids):
    """Those of the connections that cannot be used now, because the breaker took them out or a person did."""
    rows = SmtpConnection.objects.filter(pk__in=connection_ids)
    return {
        row.pk
        for row in rows.select_related("pace")
        if not row.is_enabled or (hasattr(row, "pace") and row.pace.down_since)
    }


def draft(recipients=3, *, connection=None, routes=(), **fields):
    """A draft that passes the launch validation; `recipients` a number of contacts, or the contacts."""
    contacts = ContactFactory.create_batch(recipients) if isinstance(recipients, int) else recipients
    given = {
        "name": "Autumn",
        "subject": "News for {{ first_name }}",
        "from_name": "The Shop",
        "from_email": "shop@example.com",
        "body": BODY,
    }
    campaign = EmailCampaign(**given | fields)
    if not routes:
        campaign.connection = connection or SmtpConnectionFactory()
    campaign.save()
    Target.objects.create(campaign=campaign, list=ContactListFactory(contacts=contacts))
    for position, (smtp, share) in enumerate(routes):
        Route.objects.create(campaign=campaign, connection=smtp, share=share, position=position)
    return campaign


def launch_campaign(recipients=3, **fields):
    """The same, launched and prepared: everybody waits."""
    campaign = lifecycle.fire(draft(recipients, **fields), "launch")
    launch.prepare(campaign.pk)
    OrmQ.objects.all().delete()
    return fresh(campaign)


def fresh(campaign):
    return EmailCampaign.objects.get(pk=campaign.pk)


def to(server, **fields):
    """An SMTP connection to a test's server."""
    return SmtpConnectionFactory(**{"port": server.port} | fields)


def send(campaign, *, seconds=60.0, until=lambda campaign: campaign.status != "running"):
    """Let the clock and both lanes of its connections work until the campaign stands where it should."""
    deadline = time.monotonic() + seconds
    while not until(fresh(campaign)):
        assert time.monotonic() < deadline, f"{counts(campaign)} after {seconds} s"
        clock.tick(timezone.now())
        for pk in fresh(campaign).planned:
            for number in range(lanes.LANES_PER_CONNECTION):
                runs.run_lane(int(pk), number)
    return fresh(campaign)


def counts(campaign):
    """The ledger, counted."""
    return dict(Counter(Delivery.objects.filter(campaign=campaign).values_list("status", flat=True)))


def count_tallies(campaign):
    """The same from the tallies."""
    figures = tallies.read_sums(campaign.pk)
    return {status: figures[status] for status in Delivery.Status if figures.get(status)}


def addresses(server):
    """Who got mail, and how many."""
    return Counter(message.recipient for message in server.accepted)


@contextlib.contextmanager
def in_thread(act):
    """Run `act` in a thread with a connection of its own; its exception, if any, is raised at the end."""
    raised = []

    def run():
        try:
            act()
        except BaseException as error:  # noqa: BLE001 raised again below
            raised.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    yield thread
    thread.join(60)
    if raised:
        raise raised[0]


def wait_for_the_dead():
    """Wait until PostgreSQL has noticed that the killed are gone: their locks are held until then."""
    with connection.cursor() as cursor:

        def has_others():
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
            )
            return cursor.fetchone()[0] > 0

        wait_for(lambda: not has_others())


def members(contact_list):
    return Membership.objects.filter(list=contact_list)


def run_until(condition, connection_id, number=0, *, before_end=lambda run: None):
    """Run a lane whose time is over once `condition` holds, however busy the machine is; return what was accepted."""

    def watch(run, loop):
        if condition():
            before_end(run)
            run.stop()
        else:
            loop.call_later(0.01, watch, run, loop)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sending_run.SendingRun, "_watch_for_the_end", watch)
        return runs.run_lane(connection_id, number)


def count_held(server, stage="dot"):
    """How many answers the server holds back, or has withheld for good."""
    stats = server.stats()
    return stats.get(f"{stage} hold", 0) + stats.get(f"{stage} stall", 0)


def join_runs():
    """Wait until every run has ended and nobody waits for an answer any more."""
    for thread in threading.enumerate():
        if thread.name.startswith("run-"):
            thread.join(20)
            assert not thread.is_alive()
    assert not Lane.objects.filter(number__gte=lanes.LANES_PER_CONNECTION).exists()
