"""Finds what is wrong with the address of a link or a picture.

An e-mail has no page that an address could be relative to. It is read on machines that do not see the sender's own
network, and in programs that know few schemes.
"""

import difflib
import ipaddress
import re
import socket
from collections.abc import Iterator
from typing import NamedTuple

from campaigns.sentences import keep, mark

from . import markup, merge_tags
from .names import OWN_ADDRESSES
from .protected_liquid import ProtectedLiquid
from .urls import APP_SCHEMES, USUAL_SCHEMES, is_runnable, is_web

_OWN_NAMES = ("localhost", "local", "internal", "intranet", "lan", "localdomain", "home.arpa")
_OWN_NETWORKS = [
    ipaddress.ip_network(each)
    for each in """0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.168.0.0/16
    ::/128 ::1/128 fc00::/7 fe80::/10""".split()
]
_scheme = re.compile(r"([a-z][a-z0-9+.-]*):", re.IGNORECASE).match
_web_scheme = re.compile(r"https?(?:[:/]|%3a)", re.IGNORECASE).match
_not_web = re.compile(r"https?://((?:mailto|tel|sms):[^/?#]*)", re.IGNORECASE).match
_email = re.compile(r"[^\s/@:]+@[^\s/@:]+\.[a-z]{2,}\Z", re.IGNORECASE).match
_web_email = re.compile(r"https?://([^\s/@:]+@[^\s/@:?#]+)/?\Z", re.IGNORECASE).match
_host = re.compile(r"(?:[\w-]+\.)+[a-z]{2,}(?=[:/?#]|\Z)", re.IGNORECASE).match
_file = re.compile(r"\.(?:html?|php|aspx?|png|jpe?g|gif|pdf|svg|webp)(?=[?#]|\Z)", re.IGNORECASE).search
_authority = re.compile(r"\s*(?:https?:/*\s*)*https?://([^/?#\\]*)", re.IGNORECASE).match
_port = re.compile(r":0*+([0-9]*)\Z").search
_style_comment = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
_style_url = re.compile(r"\burl\(\s*+(\"[^\"]*\"\s*+|'[^']*'\s*+|[^()\"']*+)\)", re.IGNORECASE)
_candidate = re.compile(r"[^\s,]\S*")
_descriptor = re.compile(r"[+-]?[\d.]+(?:e[+-]?\d+)?[wxh],?\Z", re.IGNORECASE).match


class Target(NamedTuple):
    """The address of a link or a picture: `marked` with its Liquid held, `url` as its author wrote it."""

    marked: str
    url: str
    is_value: bool  # does it begin with a recipient's value?


def read_target(value: str, held: ProtectedLiquid, is_escaped: bool = True) -> Target:
    """Read the address in an attribute; `is_escaped`: as HTML has it."""
    marked = (markup.unescape_value(value) if is_escaped else value).strip()
    return Target(marked, held.restore(marked), held.mark.match(marked) is not None)


def find_link_fault(target: Target, held: ProtectedLiquid) -> str:
    """Return a sentence, without its full stop, about what is wrong with a link; "" when nothing is."""
    url = target.url
    if not url or url[0] == "#" or target.is_value or merge_tags.find_merge_tags(url):
        return ""
    if is_runnable(url) and _is_run_by_browsers(url):
        return keep(
            "the link “%(url)s” does nothing in an e-mail; link to a page, as https://…", url=_short(url)
        )
    if _email(url):
        return keep(
            "the link “%(url)s” is an e-mail address; write mailto:%(url_2)s", url=_short(url), url_2=url
        )
    if any(name in url for name in OWN_ADDRESSES):
        return ""
    if is_web(url):
        return _find_web_fault(target, held)
    if _web_scheme(url):
        return keep("the link “%(url)s” has no host; write https:// and the whole address", url=_short(url))
    if (scheme := _scheme(url)) and not _is_host_with_port(url):
        return _find_scheme_fault(url, scheme[1].lower())
    whole = f"https://{url}" if _host(url) and not _file(url.partition("/")[0]) else "https://…"
    whole = f"https:{url}" if url.startswith("//") else whole
    return keep(
        "the link “%(url)s” has no scheme, and an e-mail has no page it could be relative to; "
        "write %(whole)s",
        url=_short(url),
        whole=_short(whole),
    )


def find_picture_fault(target: Target, held: ProtectedLiquid, called: str = mark("the picture “%s”")) -> str:
    """Return a sentence, without its full stop, about what is wrong with a picture's address; "" when nothing is.

    Args:
        called: what the sentence calls it, with %s for the address.
    """
    url = target.url
    if target.is_value or merge_tags.find_merge_tags(url):
        return ""
    if not url:
        return mark('a picture has no address; write src="https://…"')
    if url.lower().startswith("data:"):
        return keep(
            "%(called)s is embedded in the e-mail itself, and many mail programs do not show it; put "
            "it on a server and write its address, as https://…",
            called=called % _short(url, 30),
        )
    name = called % _short(url)
    if is_web(url):
        said = _find_host_fault(target, held)
        return f"{name} {said}" if said else ""
    if url.startswith("//"):
        return keep("%(name)s has no scheme; write https:%(url)s", name=name, url=_short(url))
    if url.lower().startswith(("cid:", "file:", "blob:")):
        return keep(
            "%(name)s is not on a server; put it on one and write its address, as https://…", name=name
        )
    return keep("%(name)s has no host; write its whole address, as https://…", name=name)


def find_style_faults(style: str, held: ProtectedLiquid) -> Iterator[tuple[int, str]]:
    """Find addresses in CSS that lead nowhere: the place of each, and a sentence without its full stop."""
    if "url(" not in style.lower():
        return
    plain = _style_comment.sub(lambda comment: " " * len(comment[0]), style)
    for match in _style_url.finditer(plain):
        target = read_target(match[1].strip().strip("\"'"), held, is_escaped=False)
        if not target.url or target.url[0] == "#" or target.url.lower().startswith("data:"):
            continue  # an empty one loads nothing; #default#VML is Outlook's
        if said := find_picture_fault(target, held, mark("the address url(%s) in a style")):
            yield match.start(), said


def find_srcset_faults(srcset: str, held: ProtectedLiquid) -> Iterator[str]:
    """Find what is wrong with the pictures of a srcset."""
    for match in _candidate.finditer(markup.unescape_value(srcset)):
        if _descriptor(match[0]):
            continue
        target = read_target(match[0].rstrip(","), held, is_escaped=False)
        if said := find_picture_fault(target, held, mark("the picture “%s” in srcset=")):
            yield said


def _find_web_fault(target: Target, held: ProtectedLiquid) -> str:
    url = target.url
    if found := _not_web(url):
        return keep(
            "the link “%(url)s” has one https:// too many; write %(found)s", url=_short(url), found=found[1]
        )
    if found := _web_email(url):
        return keep(
            "the link “%(url)s” is an e-mail address; write mailto:%(found)s", url=_short(url), found=found[1]
        )
    said = _find_host_fault(target, held)
    return keep("the link “%(url)s” %(said)s", url=_short(url), said=said) if said else ""


def _find_host_fault(target: Target, held: ProtectedLiquid) -> str:
    """Say what is wrong with the host of a web address; "" when nothing is, or a value is part of it."""
    found = _authority(target.marked)
    if found is None or held.mark.search(found[1]):
        return ""
    host = found[1].rpartition("@")[2]
    if not host.startswith("[") and ":" in host:
        port = _port(host)
        if port is None or len(port[1]) > 5 or int(port[1] or 0) > 65535:
            return mark("has a port that is not a number up to 65535; leave it out, or correct it")
        host = host[: port.start()]
    if re.search(r"\s|%20|\+", host):
        return mark("has a space in its host; write the host without it")
    if not _is_host(host):
        return keep(
            "has an impossible host: “%(host)s”; write the name of the server, as in https://shop.example/",
            host=_short(host),
        )
    if _is_own(host):
        return keep(
            "leads into your own network, which no recipient can reach: “%(host)s”; write a public host",
            host=_short(host),
        )
    return ""


def _is_host(host: str) -> bool:
    """Return whether it can be the name or the number of a server."""
    if host.startswith("["):
        try:
            ipaddress.IPv6Address(host.strip("[]"))
        except ValueError:
            return False
        return True
    labels = host.removesuffix(".").split(".")
    return all(re.fullmatch(r"[\w-]+", label) and len(label) <= 63 for label in labels)


def _is_own(host: str) -> bool:
    """Return whether the host means something else, or nothing, outside the sender's network."""
    host = host.lower().removesuffix(".")
    if address := _read_ip_address(host):
        return any(address in network for network in _OWN_NETWORKS)
    return "." not in host or host.endswith(tuple(f".{name}" for name in _OWN_NAMES))


def _read_ip_address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Read an address as browsers do: 127.1, 0x7f000001 and 2130706433 are 127.0.0.1."""
    if host.startswith("["):
        address = ipaddress.IPv6Address(host.strip("[]"))
        return address.ipv4_mapped or address
    if not re.fullmatch(r"(?:0x[0-9a-f]*|\d+)(?:\.(?:0x[0-9a-f]*|\d+)){0,3}", host):
        return None
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except OSError:
        return None


def _find_scheme_fault(url: str, scheme: str) -> str:
    rest = url[len(scheme) + 1 :]
    if scheme == "mailto":
        return _find_mail_fault(url, rest)
    if scheme in USUAL_SCHEMES or scheme in APP_SCHEMES:
        return ""
    shown = keep(
        "the link “%(url)s” has a scheme that is not known, %(scheme)s:", url=_short(url), scheme=scheme
    )
    near = difflib.get_close_matches(scheme, USUAL_SCHEMES, n=1, cutoff=0.6)
    if not near:
        return keep("%(shown)s, which mail programs do not open; link to a page, as https://…", shown=shown)
    mended = f"{near[0]}:{rest}" if near[0] not in ("http", "https") else f"https://{rest.lstrip('/')}"
    return keep("%(shown)s; write %(mended)s", shown=shown, mended=_short(mended))


def _find_mail_fault(url: str, rest: str) -> str:
    address, query, _ = rest.partition("?")
    if rest.startswith("//"):
        return keep(
            "the link “%(url)s” has too many slashes; write mailto:%(value)s",
            url=_short(url),
            value=_short(rest.lstrip("/")),
        )
    if (address and not re.search(r"@|%40|\{[{%]", address)) or not (address or query):
        return keep(
            "the link “%(url)s” has no e-mail address; write mailto:name@shop.example", url=_short(url)
        )
    return ""


def _is_host_with_port(url: str) -> bool:
    """Return whether it begins as shop.test:8000 does. Names of schemes may hold full stops, but none does."""
    return re.match(r"[\w-]+(?:\.[\w-]+)+:\d", url) is not None


def _is_run_by_browsers(url: str) -> bool:
    """Return whether the address shows or runs something in the browser itself."""
    return (
        re.match(
            r"[\s\x00-\x20]*(?:j\s*a\s*v\s*a|v\s*b|data:|file:|about:|blob:|view-source)", url, re.IGNORECASE
        )
        is not None
    )


def _short(url: str, length: int = 80) -> str:
    url = " ".join(url.split())
    return url if len(url) <= length else f"{url[: length - 1]}…"
