"""Time the pixel and the redirect of clicks over HTTP, beside a trivial view of the same server.

    python -m benchmarks.tracking [--seconds 3] [--repeats 5]

A campaign of 20,000 recipients in a database of its own; the product's page server with one worker, as the Procfile has
it, and one more address that answers a constant behind all the middleware of a page. wrk asks over 8 connections
(`apt install wrk`), each address in turn, several times over; medians are compared. Each request is the open or the
first click of another recipient, so that each writes its event. Exits 1 when one of the two has less than 60% of the
trivial view's rate.
"""

import argparse
import contextlib
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import load
from benchmarks.mailing import rig
from benchmarks.results import note_result

RECIPIENTS = 20_000
GOAL = 0.6


class StayHere(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        """Follow no link."""


OPENER = urllib.request.build_opener(StayHere)
AGENT = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.5 Mobile/15E148 Safari/604.1"
)
SEND = """
local paths, position = {}, 0
function init(args) for line in io.lines(args[1]) do paths[#paths + 1] = line end end
function request() position = position % #paths + 1 return wrk.format("GET", paths[position]) end
"""


@contextmanager
def serve() -> Iterator[tuple[str, int]]:
    """Run the page server; its address and process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = [
        sys.executable,
        "-m",
        "config.page_server",
        "--listen",
        address,
        "--workers",
        "1",
        "--threads",
        "4",
    ]
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "benchmarks.tracked.settings"}
    server = subprocess.Popen(command, env=environment, cwd=rig.ROOT)
    try:
        host, _, port = address.partition(":")
        deadline = time.monotonic() + 60
        while socket.socket().connect_ex((host, int(port))):
            if time.monotonic() > deadline or server.poll() is not None:
                raise SystemExit("The server did not start.")
            time.sleep(0.1)
        yield f"http://{address}", server.pid
    finally:
        server.terminate()
        server.wait(timeout=30)


def read_cpu_seconds(root: int) -> float:
    """Read what a process and those below it have used so far."""
    return rig.cpu_seconds([root, *rig.descendants(root)])


def measure(address: str, pid: int, folder: Path, paths: Path, seconds: float) -> dict[str, float]:
    """Ask for a while; return the rate, times in milliseconds, and microseconds of the server's CPU a request."""
    before = read_cpu_seconds(pid)
    found = load.run_wrk(folder / "send.lua", address, seconds, paths, options=["-H", f"User-Agent: {AGENT}"])
    return found | {"cpu": (read_cpu_seconds(pid) - before) / (found["rate"] * seconds) * 1e6}


def launch_campaign(port: int = 25) -> int:
    """Launch a campaign with as many recipients as there are requests; return its key."""
    from campaigns import lifecycle
    from mailing import launch

    campaign = rig.draft(rig.contacts_of(RECIPIENTS), port)
    lifecycle.fire(campaign, "launch")
    launch.prepare(campaign.pk)
    return int(campaign.pk)


def write_paths(folder: Path, campaign_id: int) -> dict[str, Path]:
    """Write the addresses that each row of the table asks for."""
    from mailing.models import Delivery
    from mailing.sending import tokens

    keys = Delivery.objects.filter(campaign=campaign_id).order_by("pk").values_list("pk", flat=True)
    signed = tokens.sign_tokens(keys, campaign_id)
    addresses = {
        "trivial view": ["/trivial"],
        "pixel": [f"/t/o/{own.open}" for own in signed],
        "redirect": [f"/t/c/{own.click}/0" for own in signed],
    }
    files = {}
    for name, some in addresses.items():
        files[name] = folder / f"{name}.txt"
        files[name].write_text("\n".join(some))
    return files


def main() -> None:
    """Measure, print the table, and exit with 1 below the goal."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, rig.database("fanfare_bench_tracking"):
        folder = Path(name)
        (folder / "send.lua").write_text(SEND + load.DONE)
        files = write_paths(folder, launch_campaign())
        found: dict[str, list[dict[str, float]]] = {each: [] for each in files}
        with serve() as (address, pid):
            for path in files.values():  # the first requests read the program
                for line in path.read_text().split()[:20]:
                    with contextlib.suppress(urllib.error.HTTPError):  # where a click leads, nobody answers
                        OPENER.open(f"{address}{line}", timeout=60)
            for _ in range(options.repeats):
                from mailing.models import Event

                for each, path in files.items():
                    Event.objects.all().delete()
                    found[each].append(measure(address, pid, folder, path, options.seconds))
    rows = {
        each: {figure: statistics.median(row[figure] for row in several) for figure in several[0]}
        for each, several in found.items()
    }
    trivial, missed = rows["trivial view"], []
    for each, row in rows.items():
        share, work = row["rate"] / trivial["rate"], trivial["cpu"] / row["cpu"]
        print(
            f"{each:<14}{row['rate']:>7,.0f} /s  {row['p50']:5.1f} ms  {row['p95']:5.1f} ms  {row['cpu']:6,.0f} µs CPU"
            f"  {share:4.0%} of the rate, {work:4.0%} by CPU"
        )
        if each != "trivial view":
            note_result(f"{each}, of the trivial view's rate", share, at_least=GOAL)
        missed += [each] if share < GOAL else []
    if missed:
        raise SystemExit(f"Below {GOAL:.0%} of the trivial view's rate: {', '.join(missed)}.")


if __name__ == "__main__":
    main()
