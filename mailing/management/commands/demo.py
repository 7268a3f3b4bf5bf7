import random

from django.core.management.base import BaseCommand
from django.db import connection
from django.utils import timezone

from mailing.demo import logins, mails, people, promotions


class Command(BaseCommand):
    help = "Load the demo; whatever is there already stays as it is."

    def add_arguments(self, parser):
        parser.add_argument("--logins", action="store_true", help="only print the logins and the till key")

    def handle(self, *args, **options):
        if options["logins"]:
            self.greet()
            return
        with connection.cursor() as cursor:  # a demo that a power cut loses is loaded again
            cursor.execute("SET synchronous_commit = off")
        users, now = logins.load(), timezone.now()
        people.load(random.Random(18))
        promotions.load(users, now)
        mails.load(users, now)

    def greet(self):
        lines = [f"  {name:<10}{logins.password(name)}" for name in logins.LOGINS]
        lines += ["", f"  till key  {logins.till_key()}"]
        self.stdout.write("\n".join(lines))
