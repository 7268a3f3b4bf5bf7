"""The variables a template may read besides the recipient's attributes."""

UNSUBSCRIBE = "unsubscribe_url"
PREFERENCES = "preferences_url"
CLICK = "__click"  # `<base>/t/c/<token>`, written by the compiler before a link's index
OPEN = "__open"  # the open pixel's address, written by the compiler
SUBJECT = "__subject"  # the subject as this recipient reads it, for the title of the page

OFFER = "offer"  # what the mail carries for this recipient: a code, and what goes with it
OFFER_FIELDS = ("code", "label", "ends_at", "until", "min_spend", "page", "qr", "barcode")
# each is spliced like a variable of its own
OFFER_PATHS = {f"{OFFER}.{field}": field for field in OFFER_FIELDS}

TRAP = 999_999  # the number of the honeypot link: far above any that a link can have

OWN_ADDRESSES = frozenset((UNSUBSCRIBE, PREFERENCES))  # whole addresses of pages of ours, never tracked
# never the same for two recipients
OF_DELIVERY = frozenset(
    (*OWN_ADDRESSES, CLICK, OPEN, "email", *(f"{OFFER}.{each}" for each in ("code", "page", "qr", "barcode")))
)
RESERVED = frozenset((*OWN_ADDRESSES, "email", "first_name", "last_name", "attributes"))

URL_OPENING = "{% __url %}"  # before an address that is known only with its recipient's values
