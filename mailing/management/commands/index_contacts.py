from django.core.management.base import BaseCommand, CommandError

from campaigns.annotations import Argument
from mailing import contact_search


class Command(BaseCommand):
    help = (
        "Makes the index for the search of contacts by parts of words, once the server has the extension pg_trgm. "
        "Contacts cannot be changed meanwhile: half a minute for a million."
    )

    def handle(self, *args: Argument, **options: Argument) -> None:
        if not contact_search.make_index():
            raise CommandError(
                "This PostgreSQL has no extension pg_trgm, or lets the role of DATABASE_URL create none: "
                "the search goes on without the index."
            )
        self.stdout.write("Contacts are found by an index of parts of words.")
