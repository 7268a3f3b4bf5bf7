"""Finds contacts by parts of their addresses, names and customer numbers.

Where PostgreSQL has its extension pg_trgm, an index of all runs of three letters finds them; elsewhere every contact is
read. The query is the same for both: the index is of the very text that the query searches.
"""

from django.db import DatabaseError, connection, transaction
from django.db.models import Func, QuerySet, TextField, Value
from django.db.models.functions import Coalesce, Lower

from mailing.models import Contact

INDEX = "mailing_contact_parts_of_words"
SEARCHED = "lower(email || ' ' || first_name || ' ' || last_name || ' ' || coalesce(customer_id, ''))"
MAKE_INDEX = f"""
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE INDEX IF NOT EXISTS {INDEX} ON mailing_contact USING gin (({SEARCHED}) gin_trgm_ops)
"""


class SearchedText(Func):
    """The text of SEARCHED in a query; an index helps only while both are one expression, which a test holds."""

    template = "lower(%(expressions)s)"
    arg_joiner = " || ' ' || "

    def __init__(self) -> None:
        number = Coalesce("customer_id", Value(""))
        super().__init__("email", "first_name", "last_name", number, output_field=TextField())


def with_words(contacts: QuerySet[Contact], words: str) -> QuerySet[Contact]:
    """Return those of the contacts that have each of these words in their address, name or customer number."""
    for word in words.split():
        contacts = contacts.alias(searched=SearchedText()).filter(searched__contains=Lower(Value(word)))
    return contacts


def with_beginning(contacts: QuerySet[Contact], beginning: str) -> QuerySet[Contact]:
    """Return those of the contacts of whom a name or the customer number begins with these words."""
    searched = contacts.alias(searched=SearchedText())
    return searched.filter(searched__contains=Lower(Value(f" {beginning}")))


def is_indexed() -> bool:
    """Return whether the index is there."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [INDEX])
        return bool(cursor.fetchone()[0])


def make_index() -> bool:
    """Make the index, and the extension that it needs. Contacts cannot be changed meanwhile.

    Returns:
        Whether it is there now: the server may lack the extension, or not let us make it.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_trgm')")
        if not cursor.fetchone()[0]:
            return False
        try:
            with transaction.atomic():
                cursor.execute(MAKE_INDEX)
        except DatabaseError as error:
            if getattr(error.__cause__, "sqlstate", "") != "42501":  # insufficient privilege
                raise
            return False
    return True
