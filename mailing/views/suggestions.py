"""Suggestions that fields of several pages offer while somebody types."""

from mailing.models import Contact

CONTACTS_READ = 500  # of the newest: all would be read to find a few names


def list_attribute_names() -> list[str]:
    """Return the names of attributes that the newest contacts have."""
    known = Contact.objects.order_by("-pk").values_list("attributes", flat=True)[:CONTACTS_READ]
    return sorted({name for attributes in known for name in attributes})
