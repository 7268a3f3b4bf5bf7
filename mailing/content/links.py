"""The links of a page: collected, numbered, and turned into tracked addresses.

A link is tracked when its scheme and host are written in the template: then its number stands for it, and no value of
a recipient can make our redirect lead to another host. What Liquid it holds behind the host is rendered anew when it
is clicked. A link whose host comes from a value, or from a name the template binds itself (a loop's), is sent as it
is, direct. mailto:, tel:, # and relative addresses are left alone, and so are the links to unsubscribe
and to the preference page.
"""

import html
import re
from collections.abc import Iterable

from liquid.exceptions import LiquidError

from . import markup
from .names import CLICK, OWN_ADDRESSES, URL_OPENING
from .protected_liquid import OUTPUT, ProtectedLiquid
from .sandbox import TEXT, Settings, Template
from .urls import add_utm, is_web, tidy_url

_host = re.compile(r"\s*https?://[^/?#\s]+", re.IGNORECASE)

_scheme_alone = re.compile(r"\s*(?:[a-z][a-z0-9+.-]*:)?/*\s*", re.IGNORECASE).match


class TrackedLinks:
    """The tracked links of one page by number, each as written; a link that differs by recipient holds Liquid.

    earlier: links of other contents, which have the first numbers.
    """

    def __init__(
        self,
        held: ProtectedLiquid,
        settings: Settings,
        bound: set[str],
        track: bool,
        earlier: Iterable[str] = (),
    ) -> None:
        self.held = held
        self.settings = settings
        self.bound = bound
        self.track = track
        self.urls: list[str] = list(earlier)
        self._numbers: dict[str, int] = {url: number for number, url in enumerate(self.urls)}

    def rewritten(self, page: str) -> str:
        """Return the page with marks, its links replaced by what recipients get."""
        out = list(markup.cut_pieces(page))
        for place, piece in enumerate(out):
            tag = piece.source
            if piece.is_start and piece.name not in ("link", "base") and "href" in tag.lower():
                href = markup.attributes(tag).get("href", "")
                address = self._address(href)
                if address != href:
                    out[place] = piece._replace(source=markup.with_attribute(tag, "href", address))
        return markup.join_pieces(out)

    def _address(self, href: str) -> str:
        """Return what stands in place of `href`, an attribute's value with marks."""
        plain = self.held.without_escapes(markup.unescape_value(href).strip())
        url = self.held.restore(plain)
        if not self.held.mark.search(href):
            if not is_web(plain):
                return href
            return (
                self._track_link(url)
                if self.track
                else html.escape(add_utm(tidy_url(plain), self.settings.utm))
            )
        try:
            names = Template(url, TEXT, self.settings).names()
        except LiquidError:  # a tag that begins or ends outside this attribute
            return href
        if names & OWN_ADDRESSES:
            return self._without_scheme(href)
        host = _host.match(href)
        if self.track and host and not self.held.mark.search(host[0]) and not names & self.bound:
            return self._track_link(url)
        keep = self.held.keep
        return f"{keep(URL_OPENING, OUTPUT)}{href}{keep('{% end__url %}', OUTPUT)}"

    def _without_scheme(self, href: str) -> str:
        """Return the link to a page of ours without the scheme that editors write before it: it is a whole address."""
        mark = self.held.mark.search(href)
        before = _scheme_alone(href)
        return href[mark.start() :] if mark and before and before.end() == mark.start() else href

    def _track_link(self, url: str) -> str:
        number = self._numbers.setdefault(url, len(self.urls))
        if number == len(self.urls):
            self.urls.append(url)
        return f"{self.held.keep(f'{{{{ {CLICK} }}}}', OUTPUT)}/{number}"
