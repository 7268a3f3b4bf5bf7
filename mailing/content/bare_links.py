"""Turns bare addresses in Markdown into links, as its authors expect."""

import re
from dataclasses import dataclass

from .protected_liquid import TAG, ProtectedLiquid

_address = re.compile(
    r"""(?<![\w@/.:&=-])(?:
      (?P<web> (?:https?://|www\.)[\w-][^\s<>"]*)
    | (?P<email> [A-Za-z0-9.!#$%'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,24})(?![\w@-])
    )""",
    re.VERBOSE | re.IGNORECASE,
)
_CLOSERS = {")": "(", "]": "[", "}": "{"}


@dataclass(frozen=True)
class FoundAddress:
    """A bare address: what markdown-it asks of a match."""

    schema: str
    index: int
    last_index: int
    text: str
    url: str


class BareLinks:
    """Finds bare addresses for markdown-it. Its own finder makes links of file.md and shop.com too."""

    def __init__(self, held: ProtectedLiquid) -> None:
        self._held = held

    def pretest(self, text: str) -> bool:
        """Return whether a text may hold an address."""
        return "@" in text or "://" in text or "www." in text.lower()

    def test(self, text: str) -> bool:
        """Return whether a text holds an address."""
        return bool(self.match(text))

    def match(self, text: str) -> list[FoundAddress] | None:
        """Return all addresses of a text."""
        found = []
        for match in _address.finditer(text):
            address = self._without_end(match[0])
            if match["email"]:
                found.append(
                    FoundAddress("mailto:", match.start(), match.end(), address, f"mailto:{address}")
                )
            elif "." in address.partition("//")[2] or self._held.mark.search(address) or "www." in address:
                url = f"https://{address}" if address[:4].lower() == "www." else address
                found.append(
                    FoundAddress("https:", match.start(), match.start() + len(address), address, url)
                )
        return found or None

    def _without_end(self, address: str) -> str:
        """Return the address up to its first Liquid tag, without signs at the end that belong to the sentence."""
        for mark in self._held.mark.finditer(address):
            if self._held.kind(mark) == TAG:
                address = address[: mark.start()]
                break
        counts = {sign: address.count(sign) for pair in _CLOSERS.items() for sign in pair}
        end = len(address)
        while end:
            last = address[end - 1]
            opener = _CLOSERS.get(last)
            if last not in "?!.,:;*_~'\"|" and not (opener and counts[last] > counts[opener]):
                break
            if opener:
                counts[last] -= 1
            end -= 1
        return address[:end]
