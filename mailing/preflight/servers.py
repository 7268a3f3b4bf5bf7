"""Lines about a connection and the domain its mails come from: SPF, DKIM, DMARC, reverse name, encryption."""

import ipaddress
from collections.abc import Callable, Iterator, Sequence

from mailing import connections
from mailing.models import DkimKey, SmtpConnection
from mailing.preflight import dmarc, spf
from mailing.preflight.lines import Line, State
from mailing.secrets import SecretUnreadable
from mailing.senders import domains, keys
from mailing.senders.lookups import LookupFailed, Resolver
from mailing.sending import return_paths
from mailing.smtp.server import is_loopback

OPEN_RECORDS = ("+", "?")  # signs before `all` that let anybody send


class CachedResolver:
    """Asks another resolver, and each question only once."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        self._known: dict[tuple[str, str], list[str] | LookupFailed] = {}

    def list_texts(self, name: str) -> list[str]:
        return self._ask("texts", name, self._resolver.list_texts)

    def list_addresses(self, name: str) -> list[str]:
        return self._ask("addresses", name, self._resolver.list_addresses)

    def list_mail_hosts(self, name: str) -> list[str]:
        return self._ask("hosts", name, self._resolver.list_mail_hosts)

    def list_names(self, address: str) -> list[str]:
        return self._ask("names", address, self._resolver.list_names)

    def _ask(self, kind: str, name: str, ask: Callable[[str], list[str]]) -> list[str]:
        key = kind, name
        if key not in self._known:
            try:
                self._known[key] = ask(name)
            except LookupFailed as error:
                self._known[key] = error
        answer = self._known[key]
        if isinstance(answer, LookupFailed):
            raise answer
        return answer


def list_domain_lines(domain: str, return_domain: str, resolver: Resolver) -> Iterator[Line]:
    """Yield the lines about DKIM and DMARC of a sender domain whose return path is at `return_domain`."""
    signing = domains.list_signing(domain)
    yield look_up_line("DKIM", lambda: _check_dkim(domain, signing, resolver))
    yield look_up_line("DMARC", lambda: check_dmarc(domain, return_domain, resolver, is_signed=bool(signing)))


def list_server_lines(smtp: SmtpConnection, return_domain: str, resolver: Resolver) -> Iterator[Line]:
    """Yield the lines about SPF, reverse name and encryption of a connection; its return path is at `return_domain`."""
    yield look_up_line("SPF", lambda: check_spf(smtp, return_domain, resolver))
    yield from list_host_lines(smtp, resolver)


def list_host_lines(smtp: SmtpConnection, resolver: Resolver) -> Iterator[Line]:
    """Yield the lines about the reverse name and the encryption of a connection."""
    yield look_up_line("Reverse name", lambda: _check_reverse_name(smtp, resolver))
    yield _check_login(smtp)


def find_return_domain(smtp: SmtpConnection, domain: str) -> str:
    """Return the domain of the return path of mails from a sender domain over a connection."""
    address = smtp.bounce_address or return_paths.find_bounce_address(domain)
    return address.rpartition("@")[2] or domain


def look_up_line(title: str, check: Callable[[], Line]) -> Line:
    """Return the line of `check`, or a line that DNS gave no answer."""
    try:
        return check()
    except LookupFailed as error:
        return Line(title, State.UNKNOWN, str(error))


def check_spf(smtp: SmtpConnection, domain: str, resolver: Resolver) -> Line:
    """Whether the SPF record of a domain lets the server of a connection send. Raises LookupFailed."""
    policy = spf.read_policy(domain, resolver)
    if policy.fault:
        return Line(
            "SPF",
            State.FAIL,
            f"The SPF record of {domain} is broken: {policy.fault}.",
            "Correct the record in DNS.",
        )
    if not policy.record:
        advice = (
            f"Add a TXT record for {domain} that names your mail server, such as “v=spf1 include:… ~all”: your mail "
            "provider says which."
        )
        return Line("SPF", State.FAIL, f"{domain} has no SPF record.", advice)
    if policy.rest in OPEN_RECORDS:
        return Line(
            "SPF",
            State.WARN,
            f"The SPF record of {domain} lets anybody send (“{policy.rest}all”).",
            "End it with ~all or -all.",
        )
    if included := spf.find_include(smtp.host):
        if included in policy.included:
            return Line(
                "SPF", State.OK, f"The SPF record of {domain} includes {included}, as {smtp.host} asks."
            )
        said = f"The SPF record of {domain} does not include {included}, from where {smtp.host} sends."
        return Line("SPF", State.WARN, said, f"Add include:{included} to the record.")
    addresses = list_public_addresses(smtp, resolver)
    permitted = [address for address in addresses if policy.permits(address)]
    if permitted:
        return Line("SPF", State.OK, f"The SPF record of {domain} names {smtp.host}.")
    if policy.is_open_ended or not addresses:
        return Line(
            "SPF",
            State.UNKNOWN,
            f"{domain} has an SPF record. Whether it names the server cannot be seen from here.",
        )
    advice = (
        "Add the server, as your mail provider says. If it sends from other addresses than it is reached at, look at "
        "the headers of a test mail: they should say spf=pass."
    )
    return Line(
        "SPF",
        State.WARN,
        f"The SPF record of {domain} does not name {smtp.host} ({', '.join(addresses[:2])}).",
        advice,
    )


def _check_dkim(domain: str, signing: Sequence[DkimKey], resolver: Resolver) -> Line:
    try:
        domains.make_signer(signing)
    except SecretUnreadable as error:
        return Line("DKIM", State.FAIL, str(error))
    if not signing:
        advice = "Make keys on the page of the domain, unless your mail server signs: then a test mail says dkim=pass."
        return Line("DKIM", State.WARN, f"Mails of {domain} are not signed here.", advice)
    for row in signing:
        fault = keys.find_record_fault(resolver.list_texts(str(row)), row.algorithm, row.public_key)
        if fault:
            return Line(
                "DKIM",
                State.FAIL,
                f"{row}: {fault}",
                "Publish the record as the page of the domain shows it.",
            )
    return Line("DKIM", State.OK, f"Mails of {domain} are signed, and the records are in DNS.")


def check_dmarc(domain: str, return_domain: str, resolver: Resolver, *, is_signed: bool) -> Line:
    """Which DMARC policy holds for a domain, and whether its mails pass it. Raises LookupFailed."""
    policy = dmarc.read_policy(domain, resolver)
    if policy is None:
        advice = (
            f"Add a TXT record at _dmarc.{domain}: “v=DMARC1; p=none; rua=mailto:you@{domain}” to begin with."
        )
        return Line(
            "DMARC", State.FAIL, f"{domain} has no DMARC record. Gmail and Yahoo ask for one.", advice
        )
    if policy.fault:
        return Line(
            "DMARC",
            State.FAIL,
            f"The DMARC record at {policy.found_at} is broken: {policy.fault}.",
            "Correct it in DNS.",
        )
    is_returned = dmarc.are_aligned(domain, return_domain, resolver, is_strict=policy.is_strict_spf)
    said = f"The policy of {policy.found_at} is {policy.policy}."
    if not (is_signed or is_returned):
        return Line(
            "DMARC",
            State.FAIL,
            f"{said} Neither a signature nor the return path ({return_domain}) belongs to {domain}: its mails fail "
            "DMARC.",
            f"Sign the mails of {domain}, or let bounces come back to an address of it.",
        )
    if not is_signed:
        return Line(
            "DMARC",
            State.WARN,
            f"{said} Only SPF covers {domain}: forwarded mails fail.",
            "Sign the mails too.",
        )
    if not policy.has_reports:
        return Line(
            "DMARC",
            State.OK,
            said,
            "Add rua=mailto:… to the record to get reports of who sends in your name.",
        )
    return Line("DMARC", State.OK, said)


def _check_reverse_name(smtp: SmtpConnection, resolver: Resolver) -> Line:
    title = "Reverse name"
    addresses = list_public_addresses(smtp, resolver)
    if not addresses:
        return Line(
            title,
            State.UNKNOWN,
            f"{smtp.host} has no public address: the addresses that it sends from cannot be seen from here.",
        )
    for address in addresses:
        names = resolver.list_names(address)
        if not names:
            return Line(
                title,
                State.WARN,
                f"{address} has no name in DNS (PTR).",
                "Ask who runs the server to set one.",
            )
        if not any(address in resolver.list_addresses(name) for name in names):
            return Line(
                title,
                State.WARN,
                f"{address} is called {names[0]}, which does not lead back to it.",
                "Ask who runs the server to let the name and the address point to each other.",
            )
    return Line(title, State.OK, f"{smtp.host}: name and address point to each other.")


def _check_login(smtp: SmtpConnection) -> Line:
    title = "Encryption and login"
    verdict = connections.reach_connection(smtp)
    if not verdict.works:
        return Line(
            title,
            State.FAIL,
            f"“{smtp}”: {verdict.name}. {verdict.sentence}",
            "See the page of the connection.",
        )
    if smtp.tls == SmtpConnection.Tls.NONE and not is_loopback(smtp.host):
        return Line(
            title,
            State.WARN,
            f"Mails go to {smtp.host} without encryption.",
            "Choose STARTTLS or TLS for the connection.",
        )
    return Line(title, State.OK, verdict.sentence)


def list_public_addresses(smtp: SmtpConnection, resolver: Resolver) -> list[str]:
    """List the addresses of a connection's server that the rest of the world can see. Raises LookupFailed."""
    try:
        addresses = [str(ipaddress.ip_address(smtp.host))]
    except ValueError:
        addresses = resolver.list_addresses(smtp.host)
    return [address for address in addresses if ipaddress.ip_address(address).is_global]
