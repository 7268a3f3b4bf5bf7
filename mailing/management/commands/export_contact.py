from django.core.management.base import BaseCommand, CommandError, CommandParser

from campaigns.annotations import Argument
from mailing import privacy
from mailing.models import Contact


class Command(BaseCommand):
    help = "Prints everything that is kept of a contact, as JSON or as CSV."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("address", metavar="ADDRESS")
        parser.add_argument("--csv", action="store_true", help="as CSV, a line for each value")

    def handle(self, *args: Argument, address: str, csv: bool, **options: Argument) -> None:
        contact = Contact.objects.filter(email=address.strip().lower()).first()
        if contact is None:
            raise CommandError(f"There is no contact with the address “{address}”.")
        said = "".join(privacy.csv_lines(contact)) if csv else privacy.write_json(contact).decode()
        self.stdout.write(said, ending="")
