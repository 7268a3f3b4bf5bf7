"""Lines about a connection and the domain its mails come from: SPF, DKIM, DMARC, reverse name, encryption."""

import ipaddress
from collections.abc import Callable, Iterator, Sequence

from campaigns.sentences import keep, mark
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
    yield look_up_line(mark("Reverse name"), lambda: _check_reverse_name(smtp, resolver))
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
            keep("The SPF record of %(domain)s is broken: %(fault)s.", domain=domain, fault=policy.fault),
            mark("Correct the record in DNS."),
        )
    if not policy.record:
        advice = keep(
            "Add a TXT record for %(domain)s that names your mail server, such as “v=spf1 include:… "
            "~all”: your mail provider says which.",
            domain=domain,
        )
        return Line(mark("SPF"), State.FAIL, keep("%(domain)s has no SPF record.", domain=domain), advice)
    if policy.rest in OPEN_RECORDS:
        return Line(
            "SPF",
            State.WARN,
            keep(
                "The SPF record of %(domain)s lets anybody send (“%(rest)sall”).",
                domain=domain,
                rest=policy.rest,
            ),
            mark("End it with ~all or -all."),
        )
    if included := spf.find_include(smtp.host):
        if included in policy.included:
            return Line(
                mark("SPF"),
                State.OK,
                keep(
                    "The SPF record of %(domain)s includes %(included)s, as %(host)s asks.",
                    domain=domain,
                    included=included,
                    host=smtp.host,
                ),
            )
        said = keep(
            "The SPF record of %(domain)s does not include %(included)s, from where %(host)s sends.",
            domain=domain,
            included=included,
            host=smtp.host,
        )
        return Line(
            mark("SPF"), State.WARN, said, keep("Add include:%(included)s to the record.", included=included)
        )
    addresses = list_public_addresses(smtp, resolver)
    permitted = [address for address in addresses if policy.permits(address)]
    if permitted:
        return Line(
            mark("SPF"),
            State.OK,
            keep("The SPF record of %(domain)s names %(host)s.", domain=domain, host=smtp.host),
        )
    if policy.is_open_ended or not addresses:
        return Line(
            mark("SPF"),
            State.UNKNOWN,
            keep(
                "%(domain)s has an SPF record. Whether it names the server cannot be seen from here.",
                domain=domain,
            ),
        )
    advice = mark(
        "Add the server, as your mail provider says. If it sends from other addresses than it is reached at, look at "
        "the headers of a test mail: they should say spf=pass."
    )
    return Line(
        "SPF",
        State.WARN,
        keep(
            "The SPF record of %(domain)s does not name %(host)s (%(addresses)s).",
            domain=domain,
            host=smtp.host,
            addresses=", ".join(addresses[:2]),
        ),
        advice,
    )


def _check_dkim(domain: str, signing: Sequence[DkimKey], resolver: Resolver) -> Line:
    try:
        domains.make_signer(signing)
    except SecretUnreadable as error:
        return Line("DKIM", State.FAIL, str(error))
    if not signing:
        advice = mark(
            "Make keys on the page of the domain, unless your mail server signs: then a test mail says dkim=pass."
        )
        return Line(
            mark("DKIM"), State.WARN, keep("Mails of %(domain)s are not signed here.", domain=domain), advice
        )
    for row in signing:
        fault = keys.find_record_fault(resolver.list_texts(str(row)), row.algorithm, row.public_key)
        if fault:
            return Line(
                "DKIM",
                State.FAIL,
                f"{row}: {fault}",
                mark("Publish the record as the page of the domain shows it."),
            )
    return Line(
        mark("DKIM"),
        State.OK,
        keep("Mails of %(domain)s are signed, and the records are in DNS.", domain=domain),
    )


def check_dmarc(domain: str, return_domain: str, resolver: Resolver, *, is_signed: bool) -> Line:
    """Which DMARC policy holds for a domain, and whether its mails pass it. Raises LookupFailed."""
    policy = dmarc.read_policy(domain, resolver)
    if policy is None:
        advice = keep(
            "Add a TXT record at _dmarc.%(domain)s: “v=DMARC1; p=none; rua=mailto:you@%(domain)s” to "
            "begin with.",
            domain=domain,
        )
        return Line(
            mark("DMARC"),
            State.FAIL,
            keep("%(domain)s has no DMARC record. Gmail and Yahoo ask for one.", domain=domain),
            advice,
        )
    if policy.fault:
        return Line(
            mark("DMARC"),
            State.FAIL,
            keep(
                "The DMARC record at %(found_at)s is broken: %(fault)s.",
                found_at=policy.found_at,
                fault=policy.fault,
            ),
            mark("Correct it in DNS."),
        )
    is_returned = dmarc.are_aligned(domain, return_domain, resolver, is_strict=policy.is_strict_spf)
    said = keep("The policy of %(found_at)s is %(policy)s.", found_at=policy.found_at, policy=policy.policy)
    if not (is_signed or is_returned):
        return Line(
            "DMARC",
            State.FAIL,
            keep(
                "%(said)s Neither a signature nor the return path (%(return_domain)s) belongs to "
                "%(domain)s: its mails fail DMARC.",
                said=said,
                return_domain=return_domain,
                domain=domain,
            ),
            keep(
                "Sign the mails of %(domain)s, or let bounces come back to an address of it.", domain=domain
            ),
        )
    if not is_signed:
        return Line(
            mark("DMARC"),
            State.WARN,
            keep("%(said)s Only SPF covers %(domain)s: forwarded mails fail.", said=said, domain=domain),
            mark("Sign the mails too."),
        )
    if not policy.has_reports:
        return Line(
            "DMARC",
            State.OK,
            said,
            mark("Add rua=mailto:… to the record to get reports of who sends in your name."),
        )
    return Line(mark("DMARC"), State.OK, said)


def _check_reverse_name(smtp: SmtpConnection, resolver: Resolver) -> Line:
    title = mark("Reverse name")
    addresses = list_public_addresses(smtp, resolver)
    if not addresses:
        return Line(
            title,
            State.UNKNOWN,
            keep(
                "%(host)s has no public address: the addresses that it sends from cannot be seen from here.",
                host=smtp.host,
            ),
        )
    for address in addresses:
        names = resolver.list_names(address)
        if not names:
            return Line(
                title,
                State.WARN,
                keep("%(address)s has no name in DNS (PTR).", address=address),
                mark("Ask who runs the server to set one."),
            )
        if not any(address in resolver.list_addresses(name) for name in names):
            return Line(
                title,
                State.WARN,
                keep(
                    "%(address)s is called %(names)s, which does not lead back to it.",
                    address=address,
                    names=names[0],
                ),
                mark("Ask who runs the server to let the name and the address point to each other."),
            )
    return Line(title, State.OK, keep("%(host)s: name and address point to each other.", host=smtp.host))


def _check_login(smtp: SmtpConnection) -> Line:
    title = mark("Encryption and login")
    verdict = connections.reach_connection(smtp)
    if not verdict.works:
        return Line(
            title,
            State.FAIL,
            keep("“%(smtp)s”: %(name)s. %(said)s", smtp=smtp, name=verdict.name, said=verdict.sentence),
            mark("See the page of the connection."),
        )
    if smtp.tls == SmtpConnection.Tls.NONE and not is_loopback(smtp.host):
        return Line(
            title,
            State.WARN,
            keep("Mails go to %(host)s without encryption.", host=smtp.host),
            mark("Choose STARTTLS or TLS for the connection."),
        )
    return Line(title, State.OK, verdict.sentence)


def list_public_addresses(smtp: SmtpConnection, resolver: Resolver) -> list[str]:
    """List the addresses of a connection's server that the rest of the world can see. Raises LookupFailed."""
    try:
        addresses = [str(ipaddress.ip_address(smtp.host))]
    except ValueError:
        addresses = resolver.list_addresses(smtp.host)
    return [address for address in addresses if ipaddress.ip_address(address).is_global]
