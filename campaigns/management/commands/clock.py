import signal
import threading

from django.core.management.base import BaseCommand, CommandParser
from django.db import connection

from campaigns import clock
from campaigns.annotations import Argument


class Command(BaseCommand):
    help = "The clock: one beat every 5 seconds until it is told to stop. Any number may run."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--every", type=float, default=5, help="seconds between two beats (default 5)")

    def handle(self, *args: Argument, every: float, **options: Argument) -> None:
        stopped = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopped.set())
        while not stopped.wait(every):
            clock.tick()
            connection.close_if_unusable_or_obsolete()  # after a restart of the database the next beat connects anew
