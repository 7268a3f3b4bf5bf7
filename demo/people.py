"""The demo's 5,000 contacts in four lists, and the people who work with them."""

import random
from datetime import date, timedelta

from campaigns import database_time
from mailing.models import Contact, ContactList, Membership, Suppression

CONTACTS = 5000
LISTS = {  # name → (description, share of the contacts)
    "Newsletter": ("Everybody who asked for our news.", 0.85),
    "Coffee club": ("Members of the coffee club, from all shops.", 0.30),
    "Online customers": ("Bought in the web shop at least once.", 0.40),
    "Event guests": ("Left their address at a tasting.", 0.08),
}
FIRST_NAMES = (
    "Anna Ben Clara David Emma Felix Greta Hannah Ida Jonas Karla Leon Mia Noah Olivia Paul Romy Samuel Theo Ursula "
    "Valentin Wilma Yara Zoe Jörg Søren Łukasz Zoë Çağla Frédéric"
).split()
LAST_NAMES = (
    "Müller Schmidt Schneider Fischer Weber Meyer Wagner Becker Schulz Hoffmann Schäfer Koch Bauer Richter Klein Wolf "
    "Schröder Neumann Schwarz Zimmermann Braun Krüger Hofmann Hartmann Lange Werner Krause Lehmann Köhler Maier"
).split()
CITIES = [
    ("Berlin", "DE"),
    ("Hamburg", "DE"),
    ("Wien", "AT"),
    ("Leipzig", "DE"),
    ("Potsdam", "DE"),
    ("Graz", "AT"),
]
DOMAIN = "kunden.example"  # by which the demo's contacts are known
PROVIDERS = ("", "", "", "", "", "post.", "post.", "post.", "web.", "firma.")
FAVOURITES = ["coffee", "tea", "chocolate", "ceramics"]
PLAIN = str.maketrans("äöüßøŁłëçÇğé", "aouso" + "LlecCge")


def load(chance: random.Random) -> None:
    """Make the lists, contacts and suppressions that are missing."""
    if not Contact.objects.filter(email__endswith=DOMAIN).exists():
        Contact.objects.bulk_create(
            [make_contact(number, chance) for number in range(CONTACTS)], batch_size=1000
        )
    contacts = list(Contact.objects.filter(email__endswith=DOMAIN).order_by("pk").values_list("pk", "email"))
    for name, (description, share) in LISTS.items():
        contact_list, is_new = ContactList.objects.get_or_create(
            name=name, defaults={"description": description}
        )
        if is_new:
            members = [pk for pk, _ in contacts if chance.random() < share]
            Membership.objects.bulk_create(
                (Membership(list=contact_list, contact_id=pk) for pk in members), batch_size=2000
            )
    if not Suppression.objects.exists():
        reasons = ["unsubscribed", "hard_bounce", "complaint", "manual"]
        suppressed = Suppression.objects.bulk_create(
            Suppression(email=email, reason=chance.choices(reasons, [60, 30, 5, 5])[0], source="manual")
            for _, email in chance.sample(contacts, 120)
        )
        for suppression in suppressed:  # creating dates them now, and they explain campaigns of last summer
            suppression.created_at = database_time.now() - timedelta(days=chance.randrange(200, 700))
        Suppression.objects.bulk_update(suppressed, ["created_at"])


def make_contact(number: int, chance: random.Random) -> Contact:
    """Make up a contact. `number` keeps the address apart from all others."""
    first, last = chance.choice(FIRST_NAMES), chance.choice(LAST_NAMES)
    city, country = chance.choices(CITIES, [40, 20, 15, 10, 8, 7])[0]
    joined = date(2024, 1, 1) + timedelta(days=chance.randrange(900))
    mailbox = f"{first}.{last}.{number:04d}".translate(PLAIN).lower()
    return Contact(
        email=f"{mailbox}@{PROVIDERS[number % len(PROVIDERS)]}{DOMAIN}",
        first_name=first,
        last_name=last,
        city=city,
        country=country,
        score=chance.randrange(0, 101),
        customer_id=f"C{number:05d}" if chance.random() < 0.7 else None,
        attributes={"favourite": chance.choice(FAVOURITES), "member_since": joined.isoformat()},
    )
