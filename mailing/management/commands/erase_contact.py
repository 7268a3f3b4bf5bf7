from django.core.management.base import BaseCommand, CommandError, CommandParser

from campaigns.annotations import Argument
from mailing import privacy
from mailing.models import Contact


class Command(BaseCommand):
    help = (
        "Erases a contact, and replaces their address wherever something counts. Figures stay as they were."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("address", metavar="ADDRESS")
        parser.add_argument(
            "--with-sales", action="store_true", help="sales lose the contact's customer number as well"
        )

    def handle(self, *args: Argument, address: str, with_sales: bool, **options: Argument) -> None:
        contact = Contact.objects.filter(email=address.strip().lower()).first()
        if contact is None:
            raise CommandError(f"There is no contact with the address “{address}”.")
        privacy.erase_contact(contact, with_sales=with_sales)
        self.stdout.write("The contact is erased.")
