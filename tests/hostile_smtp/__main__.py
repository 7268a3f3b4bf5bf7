"""The command line of the hostile server."""

import argparse
import asyncio
import json
import signal
import sys
from dataclasses import asdict
from pathlib import Path

import uvloop

import tests.hostile_smtp
from tests.hostile_smtp.rules import Settings
from tests.hostile_smtp.server import HostileSmtp


async def _serve(options: argparse.Namespace) -> None:
    names = asdict(Settings()).keys() & vars(options).keys()
    settings = Settings(rules=options.rule, **{name: getattr(options, name) for name in names - {"rules"}})
    server = HostileSmtp(settings, options.record, options.keep)
    await server.listen(options.host, options.port, options.control)
    print(json.dumps({"port": server.port, "control": server.control_port}), flush=True)
    stop = asyncio.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, stop.set)
    await stop.wait()


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(
        description=tests.hostile_smtp.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--control", type=int, default=0)
    parser.add_argument("--record", type=Path)
    parser.add_argument("--keep", type=Path, help="a folder for every n-th message, whole")
    parser.add_argument("--rule", action="append", default=[])
    for name, value in asdict(Settings()).items():
        if name != "rules":
            parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(parser.parse_args(arguments)))


if __name__ == "__main__":
    main(sys.argv[1:])
