"""What an administrator does with the DKIM keys of a sender domain, and which keys sign the mails of a campaign."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import lru_cache

import msgspec
from django.db import transaction
from django.db.models import Count, Q
from django.utils.translation import gettext as _

from campaigns import database_time, dates
from campaigns.refusals import Refused
from campaigns.sentences import keep
from mailing.addresses import normalise_address
from mailing.models import DkimKey, SenderDomain, SmtpConnection
from mailing.models.sender import SIGNING, WAITING
from mailing.secrets import SecretUnreadable, UnreadableSecret, read_stored
from mailing.senders import keys, lookups
from mailing.senders.lookups import LookupFailed, Resolver
from mailing.senders.signing import Signer, SigningKey

KEPT_AFTER = timedelta(days=7)  # mails that wait at a server are delivered and checked within five days


def read_domain_name(text: str) -> str:
    """Return the domain in the spelling of sender addresses.

    Raises:
        ValueError: the text is no domain.
    """
    return normalise_address(f"postmaster@{text.strip().rstrip('.')}").partition("@")[2]


class DomainState(msgspec.Struct, frozen=True):
    """A sender domain, and how many of its keys sign and how many wait."""

    name: str
    signing: int
    waiting: int


def list_domain_states() -> list[DomainState]:
    """Return the domains that somebody added, and the domains that connections send from."""
    counted = SenderDomain.objects.annotate(
        signing=Count("keys", filter=Q(keys__switched_on_at__isnull=False, keys__replaced_at__isnull=True)),
        waiting=Count("keys", filter=Q(keys__switched_on_at__isnull=True)),
    )
    known = {row.name: DomainState(row.name, row.signing, row.waiting) for row in counted}
    for smtp in SmtpConnection.objects.filter(is_enabled=True):
        for name in (*smtp.allowed_domains, smtp.from_email.rpartition("@")[2]):
            if name:
                known.setdefault(name, DomainState(name, 0, 0))
    return [known[name] for name in sorted(known)]


def delete_domain(name: str) -> None:
    """Delete a domain that somebody added.

    Raises:
        Refused: it has keys.
    """
    with transaction.atomic():
        domain = SenderDomain.objects.select_for_update().filter(name=name).first()
        if domain is None:
            return
        if domain.keys.exists():
            raise Refused(_("%(name)s has DKIM keys: delete them first.") % {"name": name})
        domain.delete()


def make_keys(name: str) -> list[DkimKey]:
    """Make a key of each kind for a domain, unless one of that kind waits already; return the new keys.

    Raises:
        Refused: keys of both kinds wait already.
    """
    with transaction.atomic():
        domain = _lock_domain(name)
        waiting = set(domain.keys.filter(WAITING).values_list("algorithm", flat=True))
        made = [
            _make_key(domain, algorithm) for algorithm in keys.Algorithm if algorithm.value not in waiting
        ]
    if not made:
        raise Refused(
            _("New keys of %(name)s wait already: publish their records and switch them on.") % {"name": name}
        )
    return made


def _lock_domain(name: str) -> SenderDomain:
    SenderDomain.objects.get_or_create(name=name)
    return SenderDomain.objects.select_for_update(no_key=True).get(name=name)


def _make_key(domain: SenderDomain, algorithm: keys.Algorithm) -> DkimKey:
    """Return a key under a selector that the domain never had, so that no old record can be mistaken for its record."""
    month = f"ff{database_time.now():%Y%m}{algorithm.value[0]}"
    taken = set(domain.keys.values_list("selector", flat=True))
    selector, number = month, 1
    while selector in taken:
        number += 1
        selector = f"{month}{number}"
    pair = keys.make_pair(algorithm)
    return DkimKey.objects.create(
        domain=domain,
        algorithm=algorithm,
        selector=selector,
        private_key=pair.private,
        public_key=pair.public,
    )


def check_keys(name: str, resolver: Resolver | None = None) -> list[DkimKey]:
    """Look in DNS for the record of each key that signs or waits, and note what was found."""
    resolver = resolver or lookups.DnsResolver()
    rows = list(DkimKey.objects.filter(domain__name=name, replaced_at__isnull=True).select_related("domain"))
    for row in rows:
        _look_for_record(row, resolver)
    return rows


def _look_for_record(row: DkimKey, resolver: Resolver) -> None:
    try:
        row.finding = keys.find_record_fault(resolver.list_texts(str(row)), row.algorithm, row.public_key)
        row.is_found = not row.finding
    except LookupFailed as error:
        row.is_found, row.finding = None, str(error)
    row.checked_at = database_time.now()
    row.save(update_fields=["is_found", "finding", "checked_at"])


def switch_on(key_id: int, *, is_forced: bool = False, resolver: Resolver | None = None) -> DkimKey:
    """Switch a key on, in place of the domain's other key of its kind.

    Args:
        is_forced: do it even if DNS has no record of the key.

    Raises:
        Refused: its record is not found, or it was replaced.
    """
    row = DkimKey.objects.select_related("domain").get(pk=key_id)
    if not row.waits:
        raise Refused(_("%(row)s was switched on already.") % {"row": row})
    _look_for_record(row, resolver or lookups.DnsResolver())
    if not row.is_found and not is_forced:
        raise Refused(_("%(row)s is not switched on. %(finding)s") % {"row": row, "finding": row.finding})
    with transaction.atomic():
        _lock_domain(row.domain.name)
        row.refresh_from_db()
        if not row.waits:
            raise Refused(_("%(row)s was switched on already.") % {"row": row})
        now = database_time.now()
        row.domain.keys.filter(SIGNING, algorithm=row.algorithm).update(replaced_at=now)
        row.switched_on_at = now
        row.save(update_fields=["switched_on_at"])
    return row


def switch_off(key_id: int) -> DkimKey:
    """Switch a key off.

    Raises:
        Refused: it does not sign.
    """
    changed = DkimKey.objects.filter(SIGNING, pk=key_id).update(replaced_at=database_time.now())
    row = DkimKey.objects.select_related("domain").get(pk=key_id)
    if not changed:
        raise Refused(_("%(row)s does not sign.") % {"row": row})
    return row


def needed_until(row: DkimKey) -> datetime | None:
    """Return until when a replaced key is needed to check its mails; None for a key that signs or never signed."""
    return row.replaced_at + KEPT_AFTER if row.replaced_at else None


def delete_key(key_id: int) -> DkimKey:
    """Delete a key that never signed, or whose mails have all arrived.

    Raises:
        Refused: it signs, or its record is still needed.
    """
    with transaction.atomic():
        row = DkimKey.objects.select_related("domain").select_for_update(of=("self",)).get(pk=key_id)
        if row.signs:
            raise Refused(
                _("%(row)s signs: switch another key on first, or switch this one off.") % {"row": row}
            )
        until = needed_until(row)
        if until and until > database_time.now():
            raise Refused(
                _("Mails that %(row)s signed are still on their way: keep it and its record until %(until)s.")
                % {"row": row, "until": dates.write_day_of(until)}
            )
        row.delete()
    return row


def list_signing(name: str) -> list[DkimKey]:
    """Return the keys that sign the mails of a domain."""
    return list(
        DkimKey.objects.select_related("domain").filter(SIGNING, domain__name=name).order_by("algorithm")
    )


def sign_message(address: str, message: bytes) -> bytes:
    """Return a message with the signatures of its sender's domain, if the domain has keys.

    Raises:
        SecretUnreadable: a key is stored, but nothing reads it.
    """
    signer = find_signer(address)
    return signer.sign(message) if signer else message


def find_signer(address: str) -> Signer | None:
    """Return the signer for mails from an address; None when its domain has no key that signs.

    Raises:
        SecretUnreadable: a key of it cannot be read with today's ENCRYPTION_KEYS.
    """
    return make_signer(list_signing(address.rpartition("@")[2].lower()))


def make_signer(rows: Sequence[DkimKey]) -> Signer | None:
    """Return the signer with these keys of one domain; None when there are none.

    Raises:
        SecretUnreadable: as `find_signer`.
    """
    if not rows:
        return None
    return _make_signer(rows[0].domain.name, [(row.selector, row.private_key) for row in rows])


def load_stored_signer(domain: str, stored: Iterable[tuple[str, str]]) -> Signer | None:
    """Return the signer of a domain, from selectors and private keys as their columns hold them.

    Raises:
        SecretUnreadable: as `find_signer`.
    """
    own = [(selector, read_stored(private)) for selector, private in stored]
    return _make_signer(domain, own) if own else None


def describe_trouble(key: DkimKey) -> str:
    """Return why nothing can be signed with a key; "" when it can be read."""
    return _describe_trouble(key.domain.name, key.selector, key.private_key)


def _describe_trouble(domain: str, selector: str, private: str) -> str:
    if not isinstance(private, UnreadableSecret):
        return ""
    return keep(
        "The DKIM key %(selector)s of %(domain)s cannot be read with today's ENCRYPTION_KEYS: "
        "give the lost key back, or switch this one off on the page of the domain.",
        selector=selector,
        domain=domain,
    )


def _make_signer(domain: str, own: list[tuple[str, str]]) -> Signer:
    for selector, private in own:
        if sentence := _describe_trouble(domain, selector, private):
            raise SecretUnreadable(sentence)
    return _load_signer(domain, tuple(own))


@lru_cache(maxsize=32)
def _load_signer(domain: str, private_keys: tuple[tuple[str, str], ...]) -> Signer:
    return Signer(
        domain, [SigningKey(selector, keys.load_private_key(private)) for selector, private in private_keys]
    )
