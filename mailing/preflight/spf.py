"""SPF (RFC 7208): which servers may send for a domain."""

import ipaddress
from dataclasses import dataclass, field

from campaigns.sentences import keep
from mailing.senders.lookups import Resolver

MOST_LOOKUPS = 10  # RFC 7208, 4.6.4: receivers stop there and take the record for broken

LONGEST_WORD = 100  # characters of a record's word that a sentence repeats
# What large providers ask for, by the end of the name of their server: mails leave them by other addresses than they
# are taken at. Each one's guide to SPF says so.
INCLUDES = {
    "amazonaws.com": "amazonses.com",
    "brevo.com": "spf.brevo.com",
    "gmail.com": "_spf.google.com",
    "mailgun.org": "mailgun.org",
    "mailjet.com": "spf.mailjet.com",
    "office365.com": "spf.protection.outlook.com",
    "postmarkapp.com": "spf.mtasv.net",
    "resend.com": "amazonses.com",
    "sendgrid.net": "sendgrid.net",
    "sparkpostmail.com": "sparkpostmail.com",
}

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass
class Policy:
    """The record of a domain, worked out.

    record: "" where there is none. networks: of servers that may send. rest: the sign before `all`, "" without it.
    fault: why receivers call it broken. is_open_ended: only the receiver of a mail can work out some of it.
    included: the domains whose records count as well.
    """

    record: str = ""
    networks: list[Network] = field(default_factory=list)
    rest: str = ""
    fault: str = ""
    is_open_ended: bool = False
    lookups: int = 0
    included: set[str] = field(default_factory=set)

    def permits(self, address: str) -> bool:
        """Return whether a server at this address may send."""
        ip = ipaddress.ip_address(address)
        return any(ip in network for network in self.networks if network.version == ip.version)


def find_include(host: str) -> str:
    """Return the domain that the provider of a mail server wants to be included; "" for one that is not known."""
    name = host.lower().rstrip(".")
    return next((what for end, what in INCLUDES.items() if name == end or name.endswith(f".{end}")), "")


def read_policy(domain: str, resolver: Resolver) -> Policy:
    """Read the record of a domain and all records that it includes."""
    policy = Policy()
    policy.record, policy.rest = _follow(domain, policy, resolver, ())
    return policy


def _follow(domain: str, policy: Policy, resolver: Resolver, above: tuple[str, ...]) -> tuple[str, str]:
    """Add the record of a domain to `policy`; return the record, and the sign before its `all`."""
    records = [text for text in resolver.list_texts(domain) if text.lower().split(" ")[0] == "v=spf1"]
    if len(records) != 1:
        if records:
            policy.fault = keep(
                "%(domain)s has %(count)s SPF records: there must be one", domain=domain, count=len(records)
            )
        elif above:
            policy.fault = keep("it includes %(domain)s, which has no SPF record", domain=domain)
        return "", ""
    rest = redirect = ""
    for term in records[0].split()[1:]:
        sign, word = (term[0], term[1:]) if term[0] in "+-~?" else ("+", term)
        name, _, value = word.partition(":")
        if "=" in name and name.lower().startswith("redirect="):
            redirect = name.partition("=")[2]
        elif "=" in name:
            continue  # exp= and what is not known
        elif name.lower() == "all":
            rest = sign
            break
        else:
            _add_term(name.lower(), value, sign, domain, policy, resolver, above)
    if redirect and not rest and _may_look_up(redirect, policy, (*above, domain)):
        rest = _follow(redirect, policy, resolver, (*above, domain))[1]
    return records[0], rest


def _add_term(
    name: str, value: str, sign: str, domain: str, policy: Policy, resolver: Resolver, above: tuple[str, ...]
) -> None:
    kind, slash, prefix = name.partition("/")
    if kind in ("ip4", "ip6"):
        try:
            network = ipaddress.ip_network(value, strict=False)
        except ValueError:
            policy.fault = keep("“%(value)s” is not a network", value=f"{name}:{value}"[:LONGEST_WORD])
            return
        if sign == "+":
            policy.networks.append(network)
        return
    if kind not in ("a", "mx", "include", "ptr", "exists"):
        policy.fault = keep("“%(name)s” is not a term of SPF", name=name[:LONGEST_WORD])
        return
    target, value_slash, value_prefix = value.partition("/")
    slash, prefix = (value_slash, value_prefix) if value_slash else (slash, prefix)
    target = target or domain
    if not _may_look_up(target, policy, (*above, domain) if kind == "include" else ()):
        return
    if kind in ("ptr", "exists") or "%{" in target:
        policy.is_open_ended = True
    elif kind == "include":
        known = len(policy.networks)
        if sign == "+":
            policy.included.add(target.lower())
        _follow(target, policy, resolver, (*above, domain))
        if sign != "+":  # what it names may not send; its DNS lookups and its faults count all the same
            del policy.networks[known:]
    elif sign == "+":
        hosts = [target] if kind == "a" else resolver.list_mail_hosts(target)
        for address in [each for host in hosts[:MOST_LOOKUPS] for each in resolver.list_addresses(host)]:
            policy.networks.append(_widen(address, prefix if slash else ""))


def _may_look_up(target: str, policy: Policy, above: tuple[str, ...]) -> bool:
    """Count one more DNS lookup, and return whether it may be made."""
    if target in above:
        policy.fault = keep("it includes %(target)s in a loop", target=target)
        return False
    policy.lookups += 1
    if policy.lookups > MOST_LOOKUPS:
        policy.fault = keep("it needs more than %(most_lookups)s DNS lookups", most_lookups=MOST_LOOKUPS)
    return policy.lookups <= MOST_LOOKUPS


def _widen(address: str, prefix: str) -> Network:
    """Return the network around an address. `prefix`: such as 24 or 24//64."""
    four, _, six = prefix.partition("//")
    length = six if ":" in address else four
    try:
        return ipaddress.ip_network(f"{address}/{length}" if length else address, strict=False)
    except ValueError:
        return ipaddress.ip_network(address)
