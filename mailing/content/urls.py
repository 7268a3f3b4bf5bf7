"""Cleans addresses of links for a header or an attribute, and adds their UTM parameters."""

import re
from urllib.parse import quote

import idna

Utm = tuple[tuple[str, str], ...]

_host = re.compile(r"\A(https?://(?:[^/?#\s@]*@)?)([^/?#\s@:%]+)", re.IGNORECASE)
_web = re.compile(r"https?://[^/?#\s]+", re.IGNORECASE).match
_scheme = re.compile(r"([a-z][a-z0-9+.-]*):", re.IGNORECASE).match
_doubled = re.compile(r"\A(?:https?:/*\s*)+(?=https?://)", re.IGNORECASE)
USUAL_SCHEMES = ("https", "http", "mailto", "tel", "sms")
# Of addresses that other programs open than browsers and mail clients; none of them runs anything by itself
APP_SCHEMES = frozenset(
    """bitcoin callto facetime facetime-audio fb fb-messenger feed ftp ftps geo instagram irc ircs itms itms-apps
    itms-services line magnet maps market mms msteams music sftp sgnl sip sips skype slack smsto spotify tg twitter
    viber webcal webcals whatsapp xmpp zoommtg zoomus""".split()
)
_allowed = APP_SCHEMES.union(USUAL_SCHEMES)


def is_web(url: str) -> bool:
    """Return whether it is an http(s) address with a host."""
    return _web(url.strip()) is not None


def is_runnable(url: str) -> bool:
    """Return whether it has a scheme that no e-mail links to (javascript:, data:). Browsers skip line breaks."""
    scheme = _scheme(re.sub(r"[\x00-\x20\x7f]", "", url))
    return scheme is not None and scheme[1].lower() not in _allowed


def tidy_url(url: str) -> str:
    """Return `url` in ASCII: its host in IDNA, and what no URL may hold percent-encoded (RFC 3986).

    An address of another scheme than those an e-mail links to (http, https, mailto, tel, an app's) becomes "#". Of two
    schemes before one address, as editors write `http://` before a placeholder, the second is meant.
    """
    url = re.sub(r"[\x00-\x1f\x7f]", "", url).strip()
    url = _host.sub(_with_ascii_host, _doubled.sub("", url))
    url = quote(url, safe="%/?#[]:@!$&'()*+,;=~", errors="replace")
    scheme = _scheme(url)
    return url if scheme is None or scheme[1].lower() in _allowed else "#"


def _with_ascii_host(found: re.Match[str]) -> str:
    if found[2].isascii():
        return found[0]
    try:
        return found[1] + idna.encode(found[2], uts46=True).decode()
    except idna.IDNAError:
        return found[0]


def add_utm(url: str, utm: Utm) -> str:
    """Return the http(s) address with the parameters that it lacks; its query and fragment stay as they are."""
    if not utm or not is_web(url):
        return url
    front, hash_, fragment = url.partition("#")
    path, _, query = front.partition("?")
    present = {part.partition("=")[0] for part in query.split("&")}
    added = "&".join(f"{name}={quote(value, safe='')}" for name, value in utm if name not in present)
    if not added:
        return url
    query = f"{query.removesuffix('&')}&{added}" if query else added
    return f"{path}?{query}{hash_}{fragment}"
