"""Load on a server over HTTP: wrk asks for as long as one measures, and says how fast it was answered."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

CONNECTIONS = 8
# The end of each script of wrk: what it prints is read by `run_wrk`.
DONE = """
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format('RESULT {"rate": %.3f, "p50": %.3f, "p95": %.3f, "wrong": %d}\\n',
    summary.requests / (summary.duration / 1e6), latency:percentile(50) / 1000, latency:percentile(95) / 1000,
    e.status + e.connect + e.read + e.write + e.timeout))
end
"""


def run_wrk(
    script: Path,
    address: str,
    seconds: float,
    *arguments: str | Path,
    connections: int = CONNECTIONS,
    options: Sequence[str] = (),
) -> dict[str, float]:
    """Ask `address` for so many seconds: `rate`, requests a second; `p50` and `p95`, milliseconds.

    Args:
        script: for wrk, in Lua; it ends with `DONE`.
        arguments: what the script is given.
        options: more for wrk itself.

    Raises:
        SystemExit: requests went wrong.
    """
    command: list[str | Path] = [
        "wrk",
        "-t1",
        f"-c{connections}",
        f"-d{seconds:.0f}s",
        *options,
        "-s",
        script,
    ]
    command += [address, "--", *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    (result,) = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    measured: dict[str, float] = json.loads(result.removeprefix("RESULT "))
    if measured["wrong"]:
        raise SystemExit(f"{address}: {measured['wrong']:.0f} requests went wrong")
    return measured
