"""The names of a person's fields in merge tags of other programs, and our names for them."""

import re

from .names import PREFERENCES, UNSUBSCRIBE

_KNOWN = {
    **dict.fromkeys(("fname", "firstname", "first", "givenname", "name", "vorname", "merge1"), "first_name"),
    **dict.fromkeys(("lname", "lastname", "last", "surname", "nachname", "merge2"), "last_name"),
    **dict.fromkeys(("email", "emailaddr", "emailaddress", "merge0"), "email"),
    **dict.fromkeys(("phone", "phonenumber"), "phone"),
    **dict.fromkeys(
        ("unsub", "unsubscribe", "unsubscribelink", "unsubscribeurl", "unsubcenterurl", "removeweb"),
        UNSUBSCRIBE,
    ),
    **dict.fromkeys(
        ("updateprofile", "managepreferences", "preferencecenterurl", "preferencesurl", "updateprofileurl"),
        PREFERENCES,
    ),
}
_FULL_NAMES = frozenset(("fullname", "custname", "customername", "contactname", "recipientname"))
# In brackets these are nothing but merge tags, however they are written …
_SURE = _FULL_NAMES | frozenset(
    """fname lname firstname lastname givenname emailaddress companyname unsubscribelink unsubscribeurl vorname nachname
    webversion""".split()
)
# … and these when they are written in capitals
_IN_CAPITALS = _SURE | frozenset(
    """name surname email mail phone mobile city country zip zipcode postcode company address unsubscribe unsub anrede
    salutation prenom nom nombre apellido birthday coupon couponcode voucher vouchercode discountcode promocode username
    ort plz""".split()
)
_PEOPLE = frozenset("contact lead recipient subscriber person profile customer member user".split())
_simple = re.compile(r"[A-Za-z_][\w.]*").fullmatch


def is_merge_name(said: str) -> bool:
    """Return whether a text in brackets is the name of a person's field, and not just words."""
    name = _squeeze(said)
    return name in _SURE or (said.isupper() and (name in _IN_CAPITALS or "_" in said.strip("_")))


def name_here(said: str) -> str:
    """Return our name of an attribute for a name in another program."""
    name = re.sub(r"[^\w.]+", "_", said.strip().lstrip("@$")).strip("_.")
    of, _, field = name.partition(".")
    if field and of.lower() in _PEOPLE:
        name = field
    return _KNOWN.get(_squeeze(name)) or (name.lower() if name.isupper() else name)


def is_about_people(said: str) -> bool:
    """Return whether a name means a field of the recipient, not of the sender or of an order."""
    of, dot, _ = said.partition(".")
    return not dot or of.strip().lower() in _PEOPLE


def write_output(said: str, default: str = "") -> str:
    """Return the Liquid that writes a field, or `default` when it has no value."""
    if _squeeze(said.rpartition(".")[2]) in _FULL_NAMES and not default:
        return "{{ first_name }} {{ last_name }}"
    quote = "'" if '"' in default else '"'
    return f"{{{{ {name_here(said)}{f' | default: {quote}{default}{quote}' if default else ''} }}}}"


def is_simple(said: str) -> bool:
    """Return whether a text is a plain name, perhaps with full stops in it."""
    return _simple(said) is not None


def _squeeze(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).lower()
