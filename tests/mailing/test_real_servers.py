"""A campaign through the real OpenSMTPD and Exim, where they are installed: each mail once, within their limits."""

from collections import Counter
from pathlib import Path

import pytest

from mailing.models import Pace
from mailing.smtp import sessions
from tests.factories import SmtpConnectionFactory
from tests.mailing.real_servers import (
    check_each_arrived_once,
    count_tries,
    find_free_port,
    find_program,
    launch_to_new_people,
    make_open_folder,
    read_maildir,
    run_program,
)
from tests.mailing.running import SEPARATE, send

pytestmark = SEPARATE
COUNT = 250
OPENSMTPD = """
table everybody { "@" = "nobody" }
listen on 127.0.0.1 port %(port)s hostname mail.shop.example
action "store" maildir "%(folder)s/mail/box" virtual <everybody>
match from any for any action "store"
"""
EXIM = """
exim_path = %(program)s
primary_hostname = mail.shop.example
spool_directory = %(folder)s/spool
log_file_path = %(folder)s/%%slog
pid_file_path = %(folder)s/exim.pid
log_selector = +received_recipients
domainlist local_domains = *
smtp_accept_max_per_connection = 20
queue_only = true
acl_smtp_rcpt = accept
keep_environment =
begin routers
everybody:
  driver = accept
  transport = store
begin transports
store:
  driver = appendfile
  directory = %(folder)s/mail
"""


@pytest.fixture(autouse=True)
def nothing_learnt(monkeypatch):
    """Nothing is known yet of how many mails a server takes on a connection."""
    monkeypatch.setattr(sessions, "_sizes", {})


def send_through(port: int):
    """Send a campaign over two connections; return it and the server's limit that was learnt."""
    smtp = SmtpConnectionFactory(port=port, max_connections=2)
    campaign = launch_to_new_people(COUNT, connection=smtp)
    send(campaign, seconds=60)
    assert count_tries(campaign) == {1}
    assert Pace.objects.get(pk=smtp.pk).level == 0, "nothing was taken for throttling"
    return campaign, next(iter(sessions._sizes.values()))[0]


def test_opensmtpd_gets_each_mail_once_and_a_hundred_on_a_connection():
    program = find_program("smtpd")
    if not Path("/usr/libexec/opensmtpd").exists():
        pytest.skip("this smtpd is not OpenSMTPD")
    port = find_free_port()
    with make_open_folder() as folder:
        (folder / "configuration").write_text(OPENSMTPD % {"port": port, "folder": folder})
        with run_program([program, "-d", "-f", str(folder / "configuration")], port):
            campaign, most = send_through(port)
            assert most == 100
            check_each_arrived_once(campaign, lambda: read_maildir(folder / "mail" / "box", campaign), COUNT)


def read_log(log: Path) -> Counter[str]:
    """Count the mails that Exim's log says it received, for each recipient."""
    lines = log.read_text(errors="replace").splitlines()
    return Counter(line.rpartition(" for ")[2] for line in lines if " <= " in line)


def test_exim_gets_each_mail_once_and_twenty_on_a_connection():
    program, port = find_program("exim4"), find_free_port()
    with make_open_folder() as folder:
        values = {"port": port, "folder": folder, "program": program}
        (folder / "configuration").write_text(EXIM % values)
        command = [program, "-bdf", "-C", str(folder / "configuration"), "-oX", f"127.0.0.1.{port}"]
        with run_program(command, port):
            campaign, most = send_through(port)
            assert most == 20
            check_each_arrived_once(campaign, lambda: read_log(folder / "mainlog"), COUNT)
