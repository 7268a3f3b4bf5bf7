import signal
import threading

from django.core.management.base import BaseCommand, CommandParser
from django.db import Error, connection

from campaigns.annotations import Argument
from pos import folding


class Command(BaseCommand):
    help = "Writes the lines of sales that wait as rows, and what follows from them, and ends."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--every",
            type=float,
            help="go on until told to stop, with so many seconds between two looks; any number may run, one works",
        )
        parser.add_argument("--all", action="store_true", help="fold and tally every sale anew")

    def handle(self, *args: Argument, every: float | None, **options: Argument) -> None:
        if options["all"]:
            folding.refold_all_sales()
        if every is None:
            while folding.fold_sales(is_patient=True):
                pass
            return
        stopped = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopped.set())
        while not stopped.is_set():
            try:
                # what came meanwhile waits for the next look: each pass has a price of its own
                waits = folding.fold_sales() >= folding.MOST_SALES
            except Error as error:
                self.stderr.write(f"The fold goes on when it can: {error}")
                connection.close()
                waits = False
            if not waits and stopped.wait(every):
                return
