"""Messages a second from launch to the last answer recorded, with the whole ledger, through real processes.

    python -m benchmarks.mail [--messages 20000] [--connections 100] [--sink COMMAND]

A campaign of 10 KB mails with 10 variables and 20 tracked links is launched; a `mail` cluster sends it, as in
production: claim, `in_data` and result of every message committed with fsync. `--sink` is the command of an SMTP server
that accepts everything, "{port}" in it for the port; without one a Python sink is used, which takes a good part of a
core for itself. Printed: seconds to prepare, messages a second, CPU a message, peak memory. Not a test.
"""

import argparse
import shlex
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.mailing import rig

SINK = f"{sys.executable} -m benchmarks.mailing.sink {{port}}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--connections", type=int, default=100)
    parser.add_argument("--sink", default=SINK)
    parser.add_argument("--seconds", type=float, default=600)
    options = parser.parse_args()
    with rig.database("fanfare_bench_mail"), tempfile.TemporaryDirectory() as logs:
        measure(options, Path(logs))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def measure(options: argparse.Namespace, logs: Path) -> None:
    from campaigns import lifecycle
    from mailing import doctor
    from mailing.models import EmailCampaign
    from mailing.progress import sums

    port = free_port()
    everybody = rig.contacts_of(options.messages)
    campaign = rig.draft(everybody, port, max_connections=options.connections)
    sink = subprocess.Popen(shlex.split(options.sink.format(port=port)), stdout=subprocess.DEVNULL)
    try:
        with rig.programs("mail", "clock", logs=logs) as programs:
            rig.wait(lambda: len(programs["mail"].pids) > 6, 20)
            time.sleep(2)
            pids = programs["mail"].pids
            before = rig.cpu_seconds(pids)
            begun = time.monotonic()
            lifecycle.fire(campaign, "launch")

            def now() -> EmailCampaign:
                return EmailCampaign.objects.get(pk=campaign.pk)

            rig.wait(lambda: now().prepared_at is not None, options.seconds)
            prepared = time.monotonic() - begun
            done = rig.wait(
                lambda: sums(campaign.pk).get("accepted", 0) == options.messages or now().is_final,
                options.seconds,
                0.25,
            )
            elapsed = time.monotonic() - begun
            cpu = rig.cpu_seconds(pids) - before
            peak = max(map(rig.peak_mb, pids))
            complete = rig.wait(lambda: now().status == "completed", 30)
    finally:
        sink.terminate()
        sink.wait()
    sending = elapsed - prepared
    print(f"{options.messages} messages over {options.connections} connections, all accepted: {done}")
    print(f"prepared after            {prepared:8.2f} s")
    print(f"from launch to recorded   {elapsed:8.2f} s   {options.messages / elapsed:9.0f} messages/s")
    print(f"while sending             {sending:8.2f} s   {options.messages / sending:9.0f} messages/s")
    print(f"workers' CPU              {1e6 * cpu / options.messages:8.0f} µs a message")
    print(f"peak memory of a worker   {peak:8.0f} MB")
    print(f"completed by itself: {complete}; sums equal the ledger: {not list(doctor.breaches())}")


if __name__ == "__main__":
    main()
