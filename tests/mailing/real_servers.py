"""Real mail software for tests, where it is installed: run by hand on ports of the loopback, with folders of its own.

No service is started and nothing leaves the machine. What is missing skips the test with the reason.
"""

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailing.models import Delivery
from tests.factories import ContactFactory
from tests.mailing.running import counts, launch_campaign

SYSTEM = "/usr/sbin:/usr/lib/postfix/sbin"
START = 20.0  # seconds a server may take to listen
ARRIVE = 60.0  # seconds what was accepted may take into the maildir


def find_program(name: str) -> str:
    """Return where a program is; skip the test where it is not, or may not be started."""
    found = shutil.which(name, path=f"{os.environ['PATH']}:{SYSTEM}")
    if not found:
        pytest.skip(f"{name} is not installed")
    if os.geteuid() != 0:
        pytest.skip(f"{name} can only be started by root")
    return found


def find_free_port() -> int:
    """Return a port of the loopback that nobody uses."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextlib.contextmanager
def make_open_folder() -> Iterator[Path]:
    """Make a folder that the server's own users may enter and write to, and take it away again.

    Not in pytest's: its folders are this user's alone, one level deeper for each worker of xdist.
    """
    folder = Path(tempfile.mkdtemp(prefix="fanfare-mail-", dir="/tmp"))
    try:
        folder.chmod(0o777)
        for name in ("mail", "spool"):
            (folder / name).mkdir()
            (folder / name).chmod(0o777)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)  # a server that is ending may still write


@contextlib.contextmanager
def run_program(command: list[str], port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server in the foreground until the end of the block; skip the test when it does not listen."""
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, umask=0o022, **silent) as process:  # its users write beside it
        try:
            wait_for_port(process, port)
            yield process
        finally:
            process.terminate()


def wait_for_port(process: subprocess.Popen[bytes], port: int) -> None:
    """Wait until something listens on `port`; skip the test when its process has ended before."""
    deadline = time.monotonic() + START
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        if process.poll() is not None or time.monotonic() > deadline:
            pytest.skip(f"{process.args[0]} does not start here")  # type: ignore[index]
        time.sleep(0.1)


def launch_to_new_people(count: int, **fields):
    """Launch a campaign to people of a domain that no other test ever used: a server may keep mail of earlier ones."""
    domain = f"{uuid.uuid4().hex}.example"
    contacts = [ContactFactory(email=f"n{number}@{domain}") for number in range(count)]
    return launch_campaign(contacts, **fields)


def read_maildir(folder: Path, campaign) -> Counter[str]:
    """Count the mails in a maildir for each recipient of the campaign."""
    domain = campaign.deliveries.first().email.partition("@")[2]
    arrived: Counter[str] = Counter()
    for path in folder.glob("new/*"):
        for line in path.read_text(errors="replace").splitlines():
            if line.startswith("To:") and domain in line:
                arrived[line.rpartition("<")[2].rpartition(":")[2].strip(" >")] += 1
                break
    return arrived


def list_accepted(campaign) -> Counter[str]:
    """Return whom the ledger says the server accepted a mail for."""
    return Counter(campaign.deliveries.filter(status="accepted").values_list("email", flat=True))


def check_each_arrived_once(campaign, read_arrived, count: int) -> None:
    """Hold that all were accepted, and that the mails that arrived are those of the ledger, once each."""
    assert counts(campaign) == {"accepted": count}
    wait_for_mail(read_arrived, count)
    assert read_arrived() == list_accepted(campaign)


def wait_for_mail(read_arrived, count: int) -> None:
    """Wait until so many mails have arrived, or nothing more can be expected."""
    deadline = time.monotonic() + ARRIVE
    while read_arrived().total() < count and time.monotonic() < deadline:
        time.sleep(0.2)


def count_tries(campaign) -> set[int]:
    """Return the numbers of tries that the recipients have had."""
    return set(Delivery.objects.filter(campaign=campaign).values_list("attempts", flat=True))
