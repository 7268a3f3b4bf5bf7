"""DNS lookups, through a resolver that can be replaced.

The library is dnspython (ISC licence, maintained since 2003, no dependencies). checkdmarc would read SPF and DMARC too,
but it brings fourteen packages for what a few lines do here, and asks much that no page shows.
"""

import time
from typing import TYPE_CHECKING, Any, Protocol

from campaigns.sentences import keep
from campaigns.texts import UNSTORABLE

if TYPE_CHECKING:  # dnspython takes a while to import, and no till needs it
    import dns.name

TIMEOUT = 4.0  # seconds for one question, over all servers
SECONDS_IN_ALL = 20.0  # for all questions of one resolver: each name server of a chain may be slow


class LookupFailed(Exception):
    """DNS gave no answer: nobody knows whether the record is there. `str()` is a sentence."""


class Resolver(Protocol):
    """Asks DNS. Each method returns [] where there is no such record, and raises LookupFailed without an answer."""

    def list_texts(self, name: str) -> list[str]:
        """Return the TXT records of a name, the strings of each joined."""

    def list_addresses(self, name: str) -> list[str]:
        """Return the IPv4 and IPv6 addresses of a name."""

    def list_mail_hosts(self, name: str) -> list[str]:
        """Return the hosts that take mail for a name."""

    def list_names(self, address: str) -> list[str]:
        """Return the names of an IP address."""


class DnsResolver:
    """Asks the servers of this machine, or others."""

    def __init__(self, servers: list[str] | None = None, port: int = 53) -> None:
        import dns.resolver

        self._resolver = dns.resolver.Resolver(configure=servers is None)
        self._until = time.monotonic() + SECONDS_IN_ALL
        if servers is not None:
            self._resolver.nameservers = list(servers)
            self._resolver.port = port

    def list_texts(self, name: str) -> list[str]:
        found = [b"".join(each.strings).decode("utf-8", "replace") for each in self._ask(name, "TXT")]
        return [UNSTORABLE.sub("�", text) for text in found]  # any byte may stand in a record, NUL too

    def list_addresses(self, name: str) -> list[str]:
        return [each.address for kind in ("A", "AAAA") for each in self._ask(name, kind)]

    def list_mail_hosts(self, name: str) -> list[str]:
        found = sorted(self._ask(name, "MX"), key=lambda each: each.preference)
        return [host for each in found if (host := _write_name(each.exchange))]

    def list_names(self, address: str) -> list[str]:
        import dns.reversename

        return [_write_name(each.target) for each in self._ask(dns.reversename.from_address(address), "PTR")]

    # Any: a record of whatever kind is asked for
    def _ask(self, name: "str | dns.name.Name", kind: str) -> list[Any]:
        import dns.exception
        import dns.resolver

        seconds = min(TIMEOUT, self._until - time.monotonic())
        if seconds <= 0:
            raise LookupFailed(
                keep("DNS was too slow to be asked for %(name)s. Check again later.", name=name)
            )
        try:
            answer = self._resolver.resolve(name, kind, search=False, lifetime=seconds)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except dns.exception.DNSException as error:
            raise LookupFailed(
                keep(
                    "DNS gave no answer for %(name)s (%(name_2)s). Check again later.",
                    name=name,
                    name_2=type(error).__name__,
                )
            ) from error
        return list(answer)


def _write_name(name: "dns.name.Name") -> str:
    return name.to_text(omit_final_dot=True).lower().removesuffix(".")
