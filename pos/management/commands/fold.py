import signal
import threading

from django.core.management.base import BaseCommand, CommandParser
from django.db import Error, connection

from campaigns.annotations import Argument
from pos import folding


class Command(BaseCommand):
    help = (
        "The fold: writes the lines of sales as rows until it is told to stop. Any number may run, one works."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--every", type=float, default=0.5, help="seconds between two looks (default 0.5)"
        )
        parser.add_argument("--once", action="store_true", help="fold what waits, and end")
        parser.add_argument("--all", action="store_true", help="fold every sale anew")

    def handle(self, *args: Argument, every: float, once: bool, **options: Argument) -> None:
        if options["all"]:
            folding.unfold_all_sales()
        stopped = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopped.set())
        while not stopped.is_set():
            try:
                waits = bool(folding.fold_sales())
            except Error as error:
                if once:
                    raise
                self.stderr.write(f"The fold goes on when it can: {error}")
                connection.close()
                waits = False
            if not waits and (once or stopped.wait(every)):
                return
