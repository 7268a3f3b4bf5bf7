"""Limits failed logins, and logs them. All processes share the count in PostgreSQL.

There are limits for an account from one address, for all accounts from one address, and for an account from all
addresses. Each allows some failures at once, and then one from time to time. For an address from which the account has
logged in lately only the first limit counts. So many guesses from one place keep nobody else out of an account. The
first try from an address that has not tried the account lately has a wider limit of its own over all addresses: who
guesses from ever new ones is held up too. Whoever is kept out by that has a new password mailed: the address from which
it is set counts as one that the account has logged in from.

A try is counted before the password is checked, so that a hundred tries at once cannot pass, and is taken back when the
password was right. The check is in the authentication backend, not in a form, so every login page is limited.
"""

import hashlib
import logging
import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from ipaddress import IPv4Address, ip_address, ip_network
from typing import NamedTuple

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext, ngettext

from campaigns import database_time
from campaigns.annotations import Argument
from campaigns.models import LoginLimit, LoginPlace
from campaigns.requests import client_address

logger = logging.getLogger(__name__)

TRANSLATED = (ip_network("64:ff9b::/96"), ip_network("::ffff:0:0:0/96"))  # RFC 6052, RFC 2765
REMEMBER = timedelta(days=90)  # how long an address stays one from which the account has logged in


class Limit(NamedTuple):
    """`burst` failures at once, and one more each `every`."""

    burst: int
    every: timedelta


ACCOUNT_AT_ADDRESS = Limit(5, timedelta(seconds=60))
ADDRESS = Limit(20, timedelta(seconds=30))
ACCOUNT = Limit(20, timedelta(seconds=30))
ACCOUNT_AT_NEW_ADDRESSES = Limit(100, timedelta(seconds=60))


class TooManyLogins(ValidationError):
    """Somebody must wait before the next try; the message is what the page says."""


class Attempt:
    """One try to log in as `username` from `address`."""

    newcomers = ""  # the key of the limit for first tries, where there is one
    counted: Sequence[str] = ()  # the keys of the limits under which this try is counted

    def __init__(self, username: str, address: str) -> None:
        account, place = username.casefold(), find_network(address)
        self.pair = _digest("account at address", account, place)
        self.address = _digest("address", place)
        self.account = _digest("account", account)
        self.newcomers = _digest("account at new addresses", account)
        self.limits = {
            self.pair: ACCOUNT_AT_ADDRESS,
            self.address: ADDRESS,
            self.account: ACCOUNT,
            self.newcomers: ACCOUNT_AT_NEW_ADDRESSES,
        }

    def count(self, now: datetime) -> timedelta:
        """Count the try as a failure and return zero; or, over a limit, count nothing and return how long to wait."""
        with transaction.atomic():
            missing = [LoginLimit(key=key, free_at=now) for key in sorted(self.limits)]
            # so that there is something to lock
            LoginLimit.objects.bulk_create(missing, ignore_conflicts=True)
            rows = {row.key: row for row in missing} | {row.key: row for row in self._lock()}
            held_to = self._choose_limits(rows, now)
            if wait := max(self._wait(rows[key], now) for key in held_to):
                return wait
            # that of new addresses counts the first tries alone
            self.counted = [key for key in self.limits if key != self.newcomers or key in held_to]
            for key in self.counted:
                rows[key].free_at = max(rows[key].free_at, now) + self.limits[key].every
            LoginLimit.objects.bulk_create(
                [rows[key] for key in self.counted],
                update_conflicts=True,
                update_fields=["free_at"],
                unique_fields=["key"],
            )
        return timedelta(0)

    def take_back(self, now: datetime) -> None:
        """Take back what was counted for this try, as the password was right, and remember the address."""
        with transaction.atomic():
            for row in self._lock():
                if row.key in self.counted:
                    row.free_at -= self.limits[row.key].every
                    row.save()
            LoginPlace.objects.update_or_create(pk=self.pair, defaults={"at": now})

    def _choose_limits(self, rows: dict[str, LoginLimit], now: datetime) -> list[str]:
        """Return the keys of the limits that count for this try."""
        if LoginPlace.objects.filter(pk=self.pair, at__gt=now - REMEMBER).exists():
            return [self.pair]
        over_all_addresses = self.newcomers if rows[self.pair].free_at <= now else self.account
        return [self.pair, self.address, over_all_addresses]

    def _lock(self) -> QuerySet[LoginLimit]:
        return LoginLimit.objects.select_for_update(no_key=True).filter(pk__in=self.limits).order_by("pk")

    def _wait(self, row: LoginLimit, now: datetime) -> timedelta:
        limit = self.limits[row.key]
        return max(row.free_at - now - (limit.burst - 1) * limit.every, timedelta(0))


class TriesInAll(Attempt):
    """One try at another page that is open to everybody. It is counted apart from logins, under all three limits."""

    def __init__(
        self, what: str, account: str, place: str, *, at_address: Limit, address: Limit, account_limit: Limit
    ) -> None:
        account, place = account.casefold(), find_network(place)
        self.pair = _digest(what, "account at address", account, place)
        self.address = _digest(what, "address", place)
        self.account = _digest(what, "account", account)
        self.limits = {self.pair: at_address, self.address: address, self.account: account_limit}

    def _choose_limits(self, rows: dict[str, LoginLimit], now: datetime) -> list[str]:
        return list(self.limits)


class OwnPasswordAttempt(TriesInAll):
    """One try to name the password of who is signed in already, perhaps in somebody else's browser."""

    def __init__(self, username: str) -> None:
        self.pair = _digest("own password", username.casefold())
        self.limits = {self.pair: ACCOUNT_AT_ADDRESS}


class ThrottledBackend(ModelBackend):
    """Checks a password, unless there were too many failures."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Argument,
    ) -> User | None:
        """Return the user with this name and password, None when there is none.

        Raises:
            TooManyLogins: too many logins failed lately.
        """
        if request is None or username is None or password is None:  # no page: nobody guesses
            return super().authenticate(request, username, password, **kwargs)
        address, now = client_address(request), read_clock()
        attempt = Attempt(username, address)
        if wait := attempt.count(now):
            logger.warning(
                "A login to %s from %s was put off.", _name(username), address or "an unknown address"
            )
            raise TooManyLogins(write_wait_sentence(wait), code="throttled")
        user = super().authenticate(request, username, password, **kwargs)
        if user is None:
            logger.warning("A login to %s from %s failed.", _name(username), address or "an unknown address")
        else:
            attempt.take_back(read_clock())
            logger.info("%s logged in from %s.", _name(username), address or "an unknown address")
        return user

    def get_user(self, user_id: Argument) -> User | None:
        """Load the signed-in user with their settings, in one query."""
        user = User.objects.select_related("settings").filter(pk=user_id).first()
        return user if user and self.user_can_authenticate(user) else None


def remember_place(username: str, address: str) -> None:
    """Note an address as one from which the account has logged in: somebody proved in another way whose it is."""
    LoginPlace.objects.update_or_create(pk=Attempt(username, address).pair, defaults={"at": read_clock()})


def read_clock() -> datetime:
    """Return the time that counts for tries."""
    return database_time.now()


def delete_old_tries(now: datetime) -> None:
    """Delete rows that do not count any more. The clock calls it."""
    LoginLimit.objects.filter(free_at__lt=now).delete()
    LoginPlace.objects.filter(at__lt=now - REMEMBER).delete()


def write_wait_sentence(wait: timedelta) -> str:
    """Say how long to wait."""
    return gettext("Too many attempts to log in did not succeed. Try again in %(time)s.") % {
        "time": describe_wait(wait)
    }


def describe_wait(wait: timedelta) -> str:
    """Write a wait in seconds up to a minute, else in minutes."""
    seconds = math.ceil(wait.total_seconds())
    return (
        ngettext("%(count)s second", "%(count)s seconds", seconds) % {"count": seconds}
        if seconds <= 60
        else ngettext("%(count)s minute", "%(count)s minutes", math.ceil(seconds / 60))
        % {"count": math.ceil(seconds / 60)}
    )


def _name(username: str) -> str:
    """Return the user name for a log, if there is such a user: another text may be a password typed by mistake."""
    known = User.objects.filter(username=username).values_list("pk", flat=True).first()
    return f"user {known}" if known else "an account that does not exist"


def find_network(address: str) -> str:
    """Return the network of one customer of a provider: an IPv4 address, or the first 48 bits of an IPv6 address.

    Translators between the two put an IPv4 address into the last 32 bits.
    """
    if not address or ip_address(address).version == 4:
        return address
    if any(ip_address(address) in network for network in TRANSLATED):
        return str(IPv4Address(int(ip_address(address)) & 0xFFFFFFFF))
    return str(ip_network((address, 48), strict=False))


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode(errors="replace")).hexdigest()
