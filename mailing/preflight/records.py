"""SPF and DMARC of a sender domain, for its page: how they stand, and the records to set."""

import ipaddress
from collections.abc import Sequence
from functools import partial

import msgspec

from campaigns import database_time
from campaigns.sentences import keep, mark
from campaigns.texts import is_storable
from mailing.models import SenderDomain, SmtpConnection
from mailing.preflight import dmarc, servers, spf
from mailing.preflight.lines import Line, State, write_storable
from mailing.senders import domains, lookups
from mailing.senders.lookups import LookupFailed, Resolver

FIRST_POLICY = mark(
    "Begin with p=none, which changes nothing for any mail. Once the reports name your own servers only, write "
    "p=quarantine."
)
LONGEST_RECORD = 2000  # characters of a record that the page proposes; a longer one no server answers with
_ORDER = (State.FAIL, State.WARN, State.UNKNOWN, State.OK)  # the worst first


class Record(msgspec.Struct, frozen=True):
    """How one record stands. name, text: of the TXT record to set, "" where nothing is to be changed."""

    title: str
    state: State
    said: str
    advice: str = ""
    name: str = ""
    text: str = ""


def check_domain(name: str, resolver: Resolver | None = None) -> list[Record]:
    """Look in DNS for SPF and DMARC of a domain, and keep what was found for its page."""
    asks = servers.CachedResolver(resolver or lookups.DnsResolver())
    by_return_domain: dict[str, list[SmtpConnection]] = {}
    for smtp in _list_connections(name):
        by_return_domain.setdefault(servers.find_return_domain(smtp, name), []).append(smtp)
    found = [_check_spf(domain, smtps, asks) for domain, smtps in (by_return_domain or {name: []}).items()]
    found.append(_check_dmarc(name, next(iter(by_return_domain), name), asks))
    row, _ = SenderDomain.objects.get_or_create(name=name)
    row.records, row.records_at = [_write_row(record) for record in found], database_time.now()
    row.save(update_fields=["records", "records_at"])
    return found


def _list_connections(name: str) -> list[SmtpConnection]:
    """List the connections that are there for a domain; without any those that take every sender."""
    enabled = list(SmtpConnection.objects.filter(is_enabled=True).order_by("pk"))
    own = [
        smtp
        for smtp in enabled
        if name in (*smtp.allowed_domains, smtp.from_email.rpartition("@")[2].lower())
    ]
    return own or [smtp for smtp in enabled if smtp.takes_sender(f"x@{name}")]


def _write_row(record: Record) -> dict[str, str]:
    """Return a record as it is stored, without a proposal that is too long or holds what no column takes."""
    if len(record.text) > LONGEST_RECORD or not is_storable(record.text):
        record = msgspec.structs.replace(record, name="", text="")
    return write_storable(record)


def read_records(row: SenderDomain | None) -> list[Record]:
    """Return what was found of a domain when DNS was last asked."""
    return msgspec.convert(row.records, list[Record]) if row else []


def _check_spf(domain: str, smtps: Sequence[SmtpConnection], resolver: Resolver) -> Record:
    """Judge the record of a domain that mails come back to; of several servers the worst counts."""
    lines = [
        servers.look_up_line("SPF", partial(servers.check_spf, smtp, domain, resolver)) for smtp in smtps
    ]
    worst = min(lines, key=lambda line: _ORDER.index(line.state), default=None)
    try:
        policy = spf.read_policy(domain, resolver)
        line = worst or _judge_without_server(domain, policy)
        # of a broken one only a person knows what it is meant to say
        is_kept = policy.fault or line.state in (State.OK, State.UNKNOWN)
        text = "" if is_kept else _write_spf(policy, smtps, resolver)
    except LookupFailed as error:
        return Record("SPF", State.UNKNOWN, str(error))
    return Record("SPF", line.state, line.said, line.advice, domain if text else "", text)


def _judge_without_server(domain: str, policy: spf.Policy) -> Line:
    if policy.fault:
        return Line(
            mark("SPF"),
            State.FAIL,
            keep("The SPF record of %(domain)s is broken: %(fault)s.", domain=domain, fault=policy.fault),
            mark("Correct it in DNS."),
        )
    if not policy.record:
        return Line(
            mark("SPF"),
            State.FAIL,
            keep("%(domain)s has no SPF record.", domain=domain),
            mark("Add the connection that sends for it first."),
        )
    said = keep(
        "%(domain)s has an SPF record. No connection sends for it, so that no server can be "
        "compared with it.",
        domain=domain,
    )
    return Line("SPF", State.UNKNOWN, said)


def _write_spf(policy: spf.Policy, smtps: Sequence[SmtpConnection], resolver: Resolver) -> str:
    """Write the record as it has to be: what is there, with the servers it lacks; "" where no server is known."""
    words = policy.record.split() or ["v=spf1"]
    known = {word.lower().lstrip("+") for word in words}
    wanted = dict.fromkeys(term for smtp in smtps for term in _list_terms(smtp, policy, resolver))
    missing = [term for term in wanted if term.lower() not in known]
    if not policy.record and not missing:
        return ""
    ends = [
        word for word in words if word.lower().lstrip("+-~?") == "all" or word.lower().startswith("redirect=")
    ]
    kept = [word for word in words if word not in ends]
    end = ends[0] if ends and ends[0].startswith(("-", "~", "redirect=")) else "~all"
    return " ".join([*kept, *missing, end])


def _list_terms(smtp: SmtpConnection, policy: spf.Policy, resolver: Resolver) -> list[str]:
    """List what lets the server of a connection send; [] where it may, or nobody can see it from here."""
    if included := spf.find_include(smtp.host):
        return [] if included in policy.included else [f"include:{included}"]
    host = smtp.host.lower().rstrip(".")
    addresses = servers.list_public_addresses(smtp, resolver)
    if any(policy.permits(address) for address in addresses):
        return []
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return [f"a:{host}"] if addresses else []
    return [f"ip{address.version}:{address}"] if address.is_global else []


def _check_dmarc(domain: str, return_domain: str, resolver: Resolver) -> Record:
    is_signed = bool(domains.list_signing(domain))
    line = servers.look_up_line(
        "DMARC", lambda: servers.check_dmarc(domain, return_domain, resolver, is_signed=is_signed)
    )
    reports = f"rua=mailto:postmaster@{domain}"
    name = text = ""
    advice = line.advice
    if line.state is not State.UNKNOWN:
        policy = dmarc.read_policy(domain, resolver)
        if policy is None or policy.fault:
            name, text = f"_dmarc.{domain}", f"v=DMARC1; p=none; {reports}"
            advice = FIRST_POLICY
        elif not policy.has_reports:
            name = f"_dmarc.{policy.found_at}"
            text = f"{dmarc.read_text(policy.found_at, resolver).strip().rstrip(';')}; {reports}"
    return Record("DMARC", line.state, line.said, advice, name, text)
