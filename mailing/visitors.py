"""Reads who made a request: human or machine, and with what kind of device and program.

The header is reduced to a few words of closed lists and then forgotten: no row, file or log keeps it. Since the lists
are closed, nobody can write a name of their own choice into our reports.
"""

from functools import lru_cache

import msgspec
import ua_parser

from mailing.models import Event

Origin, Device = Event.Origin, Event.Device

LONGEST_HEADER = 1_000  # characters that are looked at
PREFETCHES = (  # what Apple Mail asks with for its users; what Gmail loads before anybody looks
    "Mozilla/5.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/42.0.2311.135 "
    "Safari/537.36 Edge/12.246 Mozilla/5.0",
)
# load pictures mostly when people open
PROXIES = {
    "GmailImageProxy": "Gmail",
    "YahooMailProxy": "Yahoo Mail",
}
PROXY_WORDS = {"GoogleImageProxy": "Gmail", "ggpht.com": "Gmail", "YahooMailProxy": "Yahoo Mail"}
CLIENTS = {
    name: name
    for name in (
        "Airmail",
        "Apple Mail",
        "Chrome",
        "Edge",
        "Evolution",
        "Firefox",
        "K-9 Mail",
        "Lotus Notes",
        "Opera",
        "Outlook",
        "Postbox",
        "Safari",
        "Samsung Internet",
        "Spark",
        "The Bat!",
        "Thunderbird",
        "Windows Live Mail",
    )
} | {
    "Chrome Mobile": "Chrome",
    "Chrome Mobile iOS": "Chrome",
    "Chrome Mobile WebView": "Chrome",
    "Edge Mobile": "Edge",
    "Firefox Mobile": "Firefox",
    "Firefox iOS": "Firefox",
    "IE": "Internet Explorer",
    "Mobile Safari": "Safari",
    "Mobile Safari UI/WKWebView": "Apple Mail",  # and other programs of an iPhone that show pages
    "Opera Mobile": "Opera",
    "Outlook-Android": "Outlook",
    "Outlook-iOS": "Outlook",
    "MacOutlook": "Outlook",
    "Windows Mail": "Windows Mail",
}
SYSTEMS = {
    "Android": "Android",
    "Chrome OS": "ChromeOS",
    "Fedora": "Linux",
    "Linux": "Linux",
    "Mac OS X": "macOS",
    "Ubuntu": "Linux",
    "Windows": "Windows",
    "iOS": "iOS",
}


class Visitor(msgspec.Struct, frozen=True):
    """Who made a request, as far as it tells; "" for what it does not tell."""

    origin: str = Origin.HUMAN
    device: str = ""
    client: str = ""
    system: str = ""


@lru_cache(maxsize=1024)  # in memory only, and beside nothing that names a person
def read_visitor(user_agent: str) -> Visitor:
    """Reduce the User-Agent header of a request.

    A program that no list knows counts as human: there are many mail programs, and some say nothing.
    """
    header = user_agent[:LONGEST_HEADER].strip()
    if header in PREFETCHES:
        return Visitor(Origin.MACHINE)
    found = ua_parser.parse(header)
    family = found.user_agent.family if found.user_agent else ""
    if name := PROXIES.get(family) or next((PROXY_WORDS[word] for word in PROXY_WORDS if word in header), ""):
        return Visitor(Origin.UNKNOWN, client=name)  # the system it names is the proxy's
    device = found.device.family if found.device else ""
    if device == "Spider":
        return Visitor(Origin.MACHINE)
    system = SYSTEMS.get(found.os.family if found.os else "", "")
    return Visitor(Origin.HUMAN, _choose_device(header, system, device), CLIENTS.get(family, ""), system)


def _choose_device(header: str, system: str, device: str) -> str:
    if system == "iOS":
        return Device.TABLET if "iPad" in device else Device.MOBILE
    if system == "Android":
        return Device.MOBILE if "Mobile" in header else Device.TABLET
    return Device.DESKTOP if system else ""
