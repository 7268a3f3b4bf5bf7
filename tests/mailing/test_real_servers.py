"""A campaign through the real OpenSMTPD and Exim, where they are installed: each mail once, within their limits.

Both run by hand on ports of the loopback, with folders of their own: no service is started, nothing leaves the machine.
"""

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailing.models import Delivery, Pace
from mailing.smtp import sessions
from tests.factories import SmtpConnectionFactory
from tests.mailing.running import SEPARATE, counts, launched, send

pytestmark = SEPARATE
OPENSMTPD = """
table everybody { "@" = "nobody" }
listen on 127.0.0.1 port %(port)s hostname mail.shop.example
action "store" maildir "%(mail)s" virtual <everybody>
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
  directory = %(mail)s
"""


def find_free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextlib.contextmanager
def started(command: list[str], port: int) -> Iterator[None]:
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, umask=0o022, **silent) as process:  # its users write beside it
        try:
            deadline = time.monotonic() + 10
            while True:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                if process.poll() is not None or time.monotonic() > deadline:
                    pytest.skip(f"{command[0]} does not start here")
                time.sleep(0.1)
            yield
        finally:
            process.terminate()


def recipients_of(folder: Path) -> Counter[str]:
    """Whom the mails are for that the server took: from its maildir, or Exim's log of what it received."""
    log = folder / "mainlog"
    if log.exists():
        lines = log.read_text(errors="replace").splitlines()
        return Counter(line.rpartition(" for ")[2] for line in lines if " <= " in line)
    mails = [path.read_text(errors="replace") for path in folder.glob("mail/box/new/*")]
    heads = [mail.partition("\n\n")[0].splitlines() for mail in mails]
    return Counter(line.split(":", 1)[1].strip() for head in heads for line in head if line.startswith("To:"))


@pytest.mark.parametrize(
    ("program", "configuration", "options", "a_session"),
    [("smtpd", OPENSMTPD, ["-d", "-f"], 100), ("exim4", EXIM, ["-bdf", "-C"], 20)],
    ids=["OpenSMTPD", "Exim"],
)
def test_a_real_server_gets_each_mail_once_however_many_it_takes_on_a_connection(
    tmp_path, monkeypatch, program, configuration, options, a_session
):
    found = shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin")
    if not found or os.geteuid() != 0:
        pytest.skip(f"{program} is not installed, or may not be started")
    if program == "smtpd" and not Path("/usr/libexec/opensmtpd").exists():
        pytest.skip("this smtpd is not OpenSMTPD")
    monkeypatch.setattr(sessions, "_sizes", {})
    mail, port = tmp_path / "mail", find_free_port()
    for folder in (mail, tmp_path / "spool"):
        folder.mkdir()
        folder.chmod(0o777)  # each server has users of its own
    for folder in tmp_path.parents[:2]:
        folder.chmod(0o755)
    tmp_path.chmod(0o777)
    (tmp_path / "configuration").write_text(
        configuration % {"port": port, "mail": mail / "box", "folder": tmp_path, "program": found}
    )
    listens = ["-oX", f"127.0.0.1.{port}"] if program == "exim4" else []
    with started([found, *options, str(tmp_path / "configuration"), *listens], port):
        smtp = SmtpConnectionFactory(port=port, max_connections=2)
        campaign = launched(250, connection=smtp)
        send(campaign, seconds=60)
        assert counts(campaign) == {"accepted": 250}
        assert set(Delivery.objects.filter(campaign=campaign).values_list("attempts", flat=True)) == {1}
        assert Pace.objects.get(pk=smtp.pk).level == 0, "nothing was taken for throttling"
        assert next(iter(sessions._sizes.values()))[0] == a_session
        deadline = time.monotonic() + 30
        while (arrived := recipients_of(tmp_path)).total() < 250 and time.monotonic() < deadline:
            time.sleep(0.2)
    assert arrived.total() == 250
    assert set(arrived.values()) == {1}
