"""What the search over everything finds in the audience."""

from django.urls import reverse

from campaigns.fields import hold_words
from campaigns.workspace.search import MOST_OF_A_SOURCE, Hit
from mailing import contacts
from mailing.models import Contact, ContactList, Segment


def find_contacts(words: str) -> list[Hit]:
    """Return contacts whose address or name begins like this, or whose customer number it is."""
    numbered = Contact.objects.filter(customer_id=words)[:1]
    found = dict.fromkeys([*numbered, *contacts.suggest_contacts(words)])
    return [
        Hit(
            contact.email,
            reverse("mailing:contact", args=[contact.pk]),
            "user",
            f"{contact.first_name} {contact.last_name}".strip(),
        )
        for contact in [*found][:MOST_OF_A_SOURCE]
    ]


def find_lists(words: str) -> list[Hit]:
    """Return lists with these words in their names."""
    lists = ContactList.objects.filter(hold_words(words, "name")).order_by("name")
    return [
        Hit(each.name, f"{reverse('mailing:contacts')}?list={each.pk}", "list")
        for each in lists[:MOST_OF_A_SOURCE]
    ]


def find_segments(words: str) -> list[Hit]:
    """Return segments with these words in their names."""
    segments = Segment.objects.filter(hold_words(words, "name")).order_by("name")
    return [
        Hit(each.name, reverse("mailing:segment", args=[each.pk]), "segment")
        for each in segments[:MOST_OF_A_SOURCE]
    ]
