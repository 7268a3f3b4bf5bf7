"""What the insert menu of the editor offers: fields of contacts, conditions, the offer, links."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from django.utils.translation import gettext as _

MOST_ATTRIBUTES = 60
FIELDS = ("first_name", "last_name", "email", "city", "country", "language", "score")
_is_name_in_liquid = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,60}").fullmatch


class Insertion(NamedTuple):
    """One entry: what comes before the selected text and what behind it, or what it is in each format."""

    label: str
    before: str = ""
    after: str = ""
    html: str = ""
    markdown: str = ""

    @property
    def mjml(self) -> str:
        """What it is in MJML: pictures have an element of their own."""
        return (
            f"<mj-image{self.html.removeprefix('<img').rstrip('>')} />"
            if self.html.startswith("<img")
            else self.html
        )


def list_insertions(attributes: Iterable[str]) -> list[tuple[str, list[Insertion]]]:
    """Return the entries of the menu by their headings. `attributes`: the names of those that contacts have."""
    written = [name for name in attributes if _is_name_in_liquid(name)][:MOST_ATTRIBUTES]
    return [
        (_("Fields of the contact"), [*map(name_field, FIELDS)]),
        *([(_("Attributes"), [*map(name_field, written)])] if written else []),
        (_("Conditions"), list_conditions()),
        (_("Offer"), list_parts_of_offer()),
        (_("Links"), list_links()),
    ]


def name_field(name: str) -> Insertion:
    """Return the entry of a field, with a default for contacts who have none."""
    if name == "email":
        return Insertion(name, "{{ email }}")
    default = _("there") if name == "first_name" else ""
    return Insertion(name, f'{{{{ {name} | default: "{default}" }}}}')


def list_conditions() -> list[Insertion]:
    """Return what is shown to some recipients only; selected text comes to stand within it."""
    town = _("Hamburg")
    return [
        Insertion(_("Only if the first name is known"), "{% if first_name %}", "{% endif %}"),
        Insertion(_("Only in one town"), f'{{% if city == "{town}" %}}', "{% endif %}"),
        Insertion(_("One text or another"), f'{{% if city == "{town}" %}}', "{% else %}…{% endif %}"),
        Insertion(_("Random wording"), "{", f"|{_('Hello')}|{_('Good day')}}}"),
    ]


def list_parts_of_offer() -> list[Insertion]:
    """Return what a mail can show of its offer."""
    return [
        Insertion(_("Code"), "{{ offer.code }}"),
        Insertion(_("Name of the offer"), "{{ offer.label }}"),
        Insertion(_("Last day"), '{{ offer.ends_at | date: "long" }}'),
        Insertion(_("Minimum spend"), "{{ offer.min_spend }}"),
        Insertion(
            _("QR code"),
            html='<img src="{{ offer.qr }}" alt="{{ offer.code }}" width="180">',
            markdown="![{{ offer.code }}]({{ offer.qr }})",
        ),
        Insertion(
            _("Bar code"),
            html='<img src="{{ offer.barcode }}" alt="{{ offer.code }}" width="300">',
            markdown="![{{ offer.code }}]({{ offer.barcode }})",
        ),
        write_link(_("Link to the page of the code"), _("Show my code"), "offer.page"),
    ]


def list_links() -> list[Insertion]:
    """Return the links to pages of the recipient's own."""
    return [
        write_link(_("Unsubscribe"), _("Unsubscribe"), "unsubscribe_url"),
        write_link(_("Preferences"), _("Choose what you get"), "preferences_url"),
    ]


def write_link(label: str, text: str, name: str) -> Insertion:
    """Return the entry of a link to the address in a variable."""
    return Insertion(
        label, html=f'<a href="{{{{ {name} }}}}">{text}</a>', markdown=f"[{text}]({{{{ {name} }}}})"
    )
