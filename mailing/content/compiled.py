"""Content compiled once, and spliced for each recipient."""

from .source import Links, Recipient, Source


class Compiled:
    """The content of one campaign: immutable, storable."""

    links: tuple[str, ...]  # the URL of each tracked link by its index; Liquid where it differs by recipient
    hash: str  # sha256 of dump(), hex

    def dump(self) -> bytes:
        """What `load` makes the same content from again."""
        raise NotImplementedError

    def render(self, recipient: Recipient, links: Links) -> bytes:
        """The whole message: CRLF, ASCII, no line over 76 characters in the body, and no line that begins with a dot,
        so that it needs no dot-stuffing. Raises ContentError: this recipient's values break the template."""
        raise NotImplementedError

    def target(self, index: int, recipient: Recipient | None = None) -> str:
        """The address link `index` leads to. Raises IndexError: there is no such link."""
        raise NotImplementedError


def compile(source: Source) -> Compiled:
    """The content made ready to send. Raises ContentError, with the first thing that is wrong."""
    raise NotImplementedError


def load(dumped: bytes) -> Compiled:
    """The content `dump` stored. Raises ContentError: not made by `dump`, or by a version we no longer read."""
    raise NotImplementedError
