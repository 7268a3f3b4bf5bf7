"""The tasks of this app. Each may run twice, late, or after its campaign has stopped."""

import msgspec
from django_q.tasks import async_task

from campaigns.annotations import Columns
from mailing import (
    endings,
    global_hold_out,
    importing,
    launch,
    mail_tests,
    password_reset,
    preferences,
    segment_groups,
    stored_revenue,
    tracking,
)
from mailing.bounces import mailboxes
from mailing.preflight import runs as preflights
from mailing.reports import stored_counts
from mailing.sending import runs

SPOOL_SECONDS = 20  # the clock queues the rest
IMPORT_SECONDS = 20  # far below a task's time; the rest is queued anew


def prepare(campaign_id: int) -> None:
    """Do steps 2 to 4 of a launch, then queue the runs that send; count an unforeseen error against the campaign."""
    with endings.counting_errors(lambda: [campaign_id]):
        launch.prepare(campaign_id)


def run_lane(connection_id: int, lane: int) -> int:
    """Feed a connection for a while; return how many messages it accepted."""
    return runs.run_lane(connection_id, lane)


def close(campaign_id: int) -> int:
    """Skip the recipients that a cancelled or failed campaign has left; return how many."""
    return endings.close_campaign(campaign_id)


def count_report(campaign_id: int) -> None:
    """Count what the report of a large campaign shows, and keep it."""
    stored_counts.keep_counts(campaign_id)


def measure_hold_out(period_id: int) -> None:
    """Count what the global hold-out shows of one period, and keep it."""
    global_hold_out.keep_counts(period_id)


def measure_revenue(campaign_id: int) -> None:
    """Measure what of a large campaign's revenue needs the sales of all recipients, and keep it."""
    stored_revenue.keep_revenue(campaign_id)


def send_test(campaign_id: int, addresses: list[str], variant: int = 0) -> Columns:
    """Send a campaign's test mails; return the result, for the page that waits for it."""
    return msgspec.structs.asdict(mail_tests.send_test_mails(campaign_id, addresses, variant))


def send_password_reset(email: str) -> int:
    """Send the accounts with this address a link to set a new password; return to how many."""
    return password_reset.send_reset_links(email)


def send_invitation(user_id: int) -> bool:
    """Mail an invited person a link to set a password; return whether it was sent."""
    return password_reset.send_invitation(user_id)


def send_address_link(change_id: int) -> bool:
    """Mail the link that confirms a contact's new address; return whether it was sent."""
    return preferences.send_address_link(change_id)


def send_address_notice(change_id: int) -> None:
    """Tell a contact's old address that it is no longer used."""
    preferences.send_address_notice(change_id)


def import_upload(upload_id: int) -> None:
    """Work on a file of contacts or suppressions for a while and queue the rest."""
    if importing.run(upload_id, seconds=IMPORT_SECONDS):
        async_task("mailing.tasks.import_upload", upload_id)


def fill_group(segment_id: int) -> int:
    """Fill a segment's customer group with the customers it chooses now; return how many."""
    return segment_groups.refill_group(segment_id)


def read_bounces(mailbox_id: int) -> int:
    """Read the messages of a bounce mailbox; return how many were handled."""
    return mailboxes.read_mailbox(mailbox_id)


def write_spooled() -> int:
    """Write opens and clicks that came while the database was away; return how many it went through."""
    return tracking.write_spooled(SPOOL_SECONDS)


def run_preflight(preflight_id: int) -> None:
    """Run the check of a campaign or a connection that somebody asked for."""
    preflights.run_check(preflight_id)
