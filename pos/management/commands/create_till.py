from django.core.management.base import BaseCommand, CommandError, CommandParser

from campaigns.annotations import Argument
from campaigns.refusals import Refused
from pos import keys
from pos.models import Location


class Command(BaseCommand):
    help = "Adds a till and prints its key, once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("location", metavar="LOCATION_CODE")
        parser.add_argument("name", metavar="NAME")

    def handle(self, *args: Argument, location: str, name: str, **options: Argument) -> None:
        found = Location.objects.filter(code=location).first()
        if found is None:
            known = ", ".join(Location.objects.values_list("code", flat=True)) or "none yet"
            raise CommandError(f"There is no location “{location}”. Known: {known}.")
        try:
            _, key = keys.issue(found, name)
        except Refused as refused:
            raise CommandError(str(refused)) from refused
        self.stdout.write(key)
