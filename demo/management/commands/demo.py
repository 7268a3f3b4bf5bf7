import random

from django.core.management.base import BaseCommand, CommandParser
from django.db import connection

from campaigns import database_time, seeds
from campaigns.annotations import Argument
from demo import logins, mails, people, promotions, revenue


class Command(BaseCommand):
    help = (
        "Load the demo, once: what was made before is not made again, and nothing that is there is changed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--logins", action="store_true", help="only print the logins that still hold")

    def handle(self, *args: Argument, **options: Argument) -> None:
        if options["logins"]:
            self.greet()
            return
        with connection.cursor() as cursor:  # a demo that a power cut loses is loaded again
            cursor.execute("SET synchronous_commit = off")
        logins.load()
        seeds.make_once("demo", self.load)

    def load(self) -> None:
        marketer, now = logins.find_author(), database_time.now()
        people.load(random.Random(18))
        promotions.load(marketer, now)
        mails.load(marketer, now)
        revenue.load(marketer, now)

    def greet(self) -> None:
        self.stdout.write("\n".join(f"  {line}".rstrip() for line in logins.describe()))
