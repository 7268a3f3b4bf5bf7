"""Campaigns through the real Postfix, where it is installed: each mail once, the ledger equal to the maildir."""

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from mailing import progress, reports
from mailing.bounces import mailboxes
from mailing.models import BounceMailbox, HeldReport, Pace, Suppression
from mailing.sending import delivery_results
from mailing.smtp import sessions
from tests.factories import ContactFactory, SmtpConnectionFactory
from tests.mailing.real_servers import (
    check_each_arrived_once,
    count_tries,
    find_free_port,
    find_program,
    launch_to_new_people,
    list_accepted,
    make_open_folder,
    read_maildir,
    run_program,
    wait_for_mail,
    wait_for_port,
)
from tests.mailing.running import SEPARATE, counts, in_thread, launch_campaign, send
from tests.waiting import wait_for

pytestmark = SEPARATE
MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/spool
data_directory = {folder}/data
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mail.shop.example
mynetworks =
mydestination =
virtual_mailbox_domains = static:all
virtual_mailbox_maps = static:box/
virtual_mailbox_base = {folder}/mail
virtual_minimum_uid = 100
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
smtpd_relay_restrictions = permit_auth_destination, reject
smtpd_client_event_limit_exceptions =
smtpd_peername_lookup = no
{more}
"""
MASTER = """
{listens}
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
virtual unix - n n - - virtual
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
proxymap unix - - n - - proxymap
"""
PLAIN = "127.0.0.1:{port} inet n - n - - smtpd"
POSTSCREEN = (
    "127.0.0.1:{port} inet n - n - 1 postscreen\nsmtpd pass - - n - - smtpd\ndnsblog unix - - n - 0 dnsblog"
)


QUEUES = "active bounce corrupt defer deferred flush hold incoming private public saved trace"


class Postfix(NamedTuple):
    """A running Postfix, and what starts it again."""

    port: int
    folder: Path
    command: list[str]
    process: subprocess.Popen[bytes]

    def read_arrived(self, campaign):
        """Count the mails in its maildir for each recipient of the campaign."""
        return read_maildir(self.folder / "mail" / "box", campaign)


def make_folders(folder: Path) -> None:
    """Make the folders of one instance, with the owners that Postfix wants."""
    for name in ("data", "settings", "spool", "spool/pid", *(f"spool/{queue}" for queue in QUEUES.split())):
        (folder / name).mkdir(exist_ok=True)
        (folder / name).chmod(0o755)
    for name in ("data", *(f"spool/{queue}" for queue in QUEUES.split())):
        shutil.chown(folder / name, "postfix")
        (folder / name).chmod(0o700)
    folder.chmod(0o755)


@contextlib.contextmanager
def run_postfix(more: str = "", listens: str = PLAIN) -> Iterator[Postfix]:
    """Run a Postfix that keeps the mail for everybody in one maildir; `more` are further lines of its main.cf."""
    master, port = find_program("master"), find_free_port()
    with make_open_folder() as folder:
        make_folders(folder)
        texts = {
            "main.cf": MAIN.format(folder=folder, more=more),
            "master.cf": MASTER.format(listens=listens.format(port=port)),
        }
        for name, text in texts.items():
            (folder / "settings" / name).write_text(text)
            (folder / "settings" / name).chmod(0o644)
        command = [master, "-c", str(folder / "settings"), "-d"]
        with run_program(command, port) as process:
            yield Postfix(port, folder, command, process)


def encrypt(certificate) -> tuple[str, str]:
    """Return lines of main.cf that encrypt with a certificate of a private authority, and that authority."""
    made = certificate()
    lines = f"""
smtpd_tls_cert_file = {made.chain}
smtpd_tls_key_file = {made.key}
smtpd_tls_security_level = encrypt
"""
    return lines, Path(made.authority).read_text()


@pytest.fixture(autouse=True)
def nothing_learnt(monkeypatch):
    """Nothing is known yet of how many mails a server takes on a connection."""
    monkeypatch.setattr(sessions, "_sizes", {})


def send_whole(postfix: Postfix, count: int, **connection):
    """Send a campaign to its end; hold that each mail arrived once, and return the campaign."""
    connection = {"max_connections": 3} | connection
    campaign = launch_to_new_people(count, connection=SmtpConnectionFactory(port=postfix.port, **connection))
    assert send(campaign).status == "completed"
    check_each_arrived_once(campaign, lambda: postfix.read_arrived(campaign), count)
    return campaign


DOVECOT = """
base_dir = {folder}/run
log_path = {folder}/log
protocols =
ssl = no
auth_mechanisms = plain login
passdb {{
  driver = static
  args = password=secret
}}
service auth {{
  unix_listener {folder}/login {{
    mode = 0666
  }}
}}
service stats {{
  client_limit = 10
}}
"""


@contextlib.contextmanager
def run_dovecot() -> Iterator[Path]:
    """Run a Dovecot that only checks logins, anybody's with the password `secret`; give the path of its socket."""
    dovecot = find_program("dovecot")
    with make_open_folder() as folder:
        (folder / "dovecot.conf").write_text(DOVECOT.format(folder=folder))
        command = [dovecot, "-F", "-c", str(folder / "dovecot.conf")]
        with subprocess.Popen(command, umask=0o022, stderr=subprocess.DEVNULL) as process:
            try:
                wait_for(lambda: (folder / "login").exists() or process.poll() is not None)
                if process.returncode is not None:
                    pytest.skip("dovecot does not start here")
                yield folder / "login"
            finally:
                process.terminate()


def test_starttls_with_a_login_of_sasl(certificate):
    lines, authority = encrypt(certificate)
    with run_dovecot() as login:
        lines += f"""
smtpd_sasl_type = dovecot
smtpd_sasl_path = {login}
smtpd_sasl_auth_enable = yes
smtpd_tls_auth_only = yes
smtpd_client_restrictions = permit_sasl_authenticated, reject
"""
        with run_postfix(lines) as postfix:
            known = {"tls": "starttls", "authority": authority, "username": "ada"}
            send_whole(postfix, 60, password="secret", **known)
            smtp = SmtpConnectionFactory(port=postfix.port, password="wrong", **known)
            refused = launch_to_new_people(3, connection=smtp)
            assert send(refused).status == "paused"
            assert counts(refused) == {"pending": 3}
            assert "535" in refused.history.first().why


def test_tls_from_the_start(certificate):
    lines, authority = encrypt(certificate)
    listens = f"{PLAIN} -o smtpd_tls_wrappermode=yes"
    with run_postfix(lines, listens) as postfix:
        send_whole(postfix, 60, tls="implicit", authority=authority)


def test_without_any_extension():
    words = "pipelining,8bitmime,size,enhancedstatuscodes,dsn,smtputf8,chunking,etrn,vrfy"
    with run_postfix(f"smtpd_discard_ehlo_keywords = {words}") as postfix:
        assert count_tries(send_whole(postfix, 60)) == {1}


def test_a_limit_of_mails_in_a_time_puts_off_and_loses_nobody(short_waits):
    with run_postfix("anvil_rate_time_unit = 2s\nsmtpd_client_message_rate_limit = 30") as postfix:
        campaign = send_whole(postfix, 70)
    assert count_tries(campaign) == {1}, "to be put off for our haste spends no try"


def test_a_limit_of_connections_is_met_with_fewer(short_waits):
    with run_postfix("smtpd_client_connection_count_limit = 2") as postfix:
        assert count_tries(send_whole(postfix, 200, max_connections=8)) == {1}


def test_postscreen_refuses_first_sessions_and_takes_each_mail_once(short_waits):
    tests = """
postscreen_access_list =
postscreen_greet_action = enforce
postscreen_greet_wait = 1s
postscreen_pipelining_enable = yes
postscreen_non_smtp_command_enable = yes
postscreen_bare_newline_enable = yes
postscreen_dnsbl_sites =
"""
    with run_postfix(tests, POSTSCREEN) as postfix:
        send_whole(postfix, 40)


def test_postgrey_puts_each_off_once(short_waits, monkeypatch):
    postgrey, port = find_program("postgrey"), find_free_port()
    monkeypatch.setattr(delivery_results, "GREYLISTED_WAIT_SECONDS", 1.5)
    with make_open_folder() as grey:
        (grey / "spool").chmod(0o777)
        command = [postgrey, f"--inet=127.0.0.1:{port}", "--delay=1", f"--dbdir={grey}/spool"]
        with (
            run_program([*command, "--auto-whitelist-clients=0"], port),
            run_postfix(
                f"smtpd_recipient_restrictions = check_policy_service inet:127.0.0.1:{port}"
            ) as postfix,
        ):
            campaign = send_whole(postfix, 15)
            assert count_tries(campaign) == {1}, "greylisting spends no try"
            deferred = campaign.deliveries.filter(tries__status="deferred").distinct().count()
            assert deferred == 15


def test_a_restart_in_the_middle_of_a_run_loses_and_doubles_nobody(short_waits, settings):
    settings.OUTAGE_MINUTES = 15
    with run_postfix() as postfix:
        smtp = SmtpConnectionFactory(port=postfix.port, max_connections=3)
        campaign = launch_to_new_people(300, connection=smtp)
        with in_thread(lambda: send(campaign)):
            wait_for(lambda: counts(campaign).get("accepted", 0) > 50)
            postfix.process.terminate()
            postfix.process.wait()
            wait_for(lambda: Pace.objects.get(connection=smtp).failures)
            again = subprocess.Popen(postfix.command, umask=0o022)
            try:
                wait_for_port(again, postfix.port)
                wait_for(lambda: not counts(campaign).keys() & {"pending", "claimed", "in_data", "deferred"})
                figures = counts(campaign)
                assert figures["accepted"] + figures.get("uncertain", 0) == 300
                assert figures.get("uncertain", 0) <= 3, "one for each connection"
                wait_for_mail(lambda: postfix.read_arrived(campaign), figures["accepted"])
            finally:
                again.terminate()
                again.wait()
        arrived, accepted = postfix.read_arrived(campaign), list_accepted(campaign)
        assert set(arrived.values()) == {1}
        assert arrived.keys() >= accepted.keys()
        doubtful = set(campaign.deliveries.filter(status="uncertain").values_list("email", flat=True))
        assert arrived.keys() - accepted.keys() <= doubtful


def test_what_postfix_bounces_suppresses_and_stands_in_the_report(settings):
    """Postfix takes every mail, finds no box for it, and bounces into the maildir that we read."""
    with run_postfix(
        """
virtual_mailbox_maps = inline:{bounces@shop.example=bounces/}
smtpd_reject_unlisted_recipient = no
recipient_delimiter = +
"""
    ) as postfix:
        settings.MAILDIRS = postfix.folder / "mail"
        row = BounceMailbox.objects.create(
            name="Bounces", address="bounces@shop.example", kind="maildir", folder="bounces"
        )
        smtp = SmtpConnectionFactory(port=postfix.port)
        contacts = [ContactFactory(email=f"n{number}@gone.example") for number in range(3)]
        campaign = launch_campaign(contacts, connection=smtp, from_email="news@shop.example")
        assert send(campaign).status == "completed"
        wait_for(lambda: len(list((settings.MAILDIRS / "bounces" / "new").glob("*"))) == 3)
        assert mailboxes.read_mailbox(row.pk) == 3
    assert counts(campaign) == {"bounced": 3}
    assert set(Suppression.objects.values_list("reason", flat=True)) == {"hard_bounce"}
    assert not HeldReport.objects.exists()
    assert progress.read_figures(campaign).bounced == 3
    rows = reports.read_page(campaign, reports.read_search("bounced", "", "")).rows
    answers = {row.enhanced_code for row in rows}
    assert answers == {"5.1.1"}, "each row of the report says why"
