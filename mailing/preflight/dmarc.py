"""DMARC (RFC 7489, and the walk up the tree of its successor): what receivers do with forged mails of a domain."""

import msgspec

from campaigns.sentences import keep
from mailing.senders.keys import LONGEST_TAG, read_tags
from mailing.senders.lookups import Resolver

MOST_STEPS = 8  # of a walk: longer names are cut to so many labels
POLICIES = ("none", "quarantine", "reject")


class Policy(msgspec.Struct, frozen=True):
    """The record that counts for a domain.

    found_at: the domain it stands at. policy: for this domain. is_strict_spf: the domains must be the same, not only of
    one organisation. has_reports: it names an address for reports. fault: why receivers ignore it.
    """

    found_at: str
    policy: str
    is_strict_spf: bool = False
    has_reports: bool = False
    fault: str = ""


def read_policy(domain: str, resolver: Resolver) -> Policy | None:
    """Return the policy of a domain, its own or that of its organisation; None when there is none."""
    records = _walk(domain, resolver)
    if not records:
        return None
    at, tags = records[0] if records[0][0] == domain else _find_top(records)
    wanted = tags.get("p", "")
    if at != domain:
        wanted = tags.get("sp", wanted)
    policy = wanted.lower()
    return Policy(
        found_at=at,
        policy=policy,
        is_strict_spf=tags.get("aspf", "r").lower() == "s",
        has_reports=bool(tags.get("rua")),
        fault=""
        if policy in POLICIES
        else keep(
            "p=%(wanted)s is not one of %(policies)s",
            wanted=wanted[:LONGEST_TAG],
            policies=", ".join(POLICIES),
        ),
    )


def find_organisation(domain: str, resolver: Resolver) -> str:
    """Return the domain of the whole organisation; the domain itself when no record tells."""
    records = _walk(domain, resolver)
    return _find_top(records)[0] if records else domain


def are_aligned(one: str, other: str, resolver: Resolver, *, is_strict: bool) -> bool:
    """Return whether receivers treat two domains as one sender's.

    Raises:
        LookupFailed: DNS gave no answer.
    """
    if one == other:
        return True
    return not is_strict and find_organisation(one, resolver) == find_organisation(other, resolver)


def _walk(domain: str, resolver: Resolver) -> list[tuple[str, dict[str, str]]]:
    """Return the DMARC records from a domain up to the top, with the domain of each."""
    labels = domain.split(".")
    names = [domain]
    rest = labels[-(MOST_STEPS - 1) :] if len(labels) > MOST_STEPS else labels[1:]
    names += [".".join(rest[place:]) for place in range(len(rest))]
    records = []
    for name in names:
        if text := read_text(name, resolver):
            tags = read_tags(text)
            records.append((name, tags))
            if tags.get("psd") == "n":
                break
    return records


def _find_top(records: list[tuple[str, dict[str, str]]]) -> tuple[str, dict[str, str]]:
    """Return the record of the organisation: the highest one that is not of a public suffix."""
    own = [record for record in records if record[1].get("psd") != "y"]
    return own[-1] if own else records[-1]


def read_text(domain: str, resolver: Resolver) -> str:
    """Return the text of the one DMARC record of a domain itself; "" where there is none, or more than one."""
    texts = [text for text in resolver.list_texts(f"_dmarc.{domain}") if _is_dmarc(text)]
    return texts[0] if len(texts) == 1 else ""


def _is_dmarc(text: str) -> bool:
    return text.partition(";")[0].replace(" ", "").lower() == "v=dmarc1"
