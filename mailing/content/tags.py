"""Our own Liquid tags, which the compiler writes in place of spintax and of links that differ by recipient."""

import html
from collections.abc import Iterable
from hashlib import blake2s
from typing import TextIO

from liquid.ast import BlockNode, Node
from liquid.parser import get_parser
from liquid.stream import TokenStream
from liquid.tag import Tag
from liquid.token import TOKEN_EXPRESSION, TOKEN_TAG, Token

from mailing.content.source import LiquidContext

from .markup import unescape_value
from .urls import add_utm, tidy_url


class SpinNode(Node):
    """One of several wordings, the same for the same seed."""

    __slots__ = ("group", "options")

    def __init__(self, token: Token, group: str, options: list[BlockNode]) -> None:
        super().__init__(token)
        self.group = group
        self.options = options
        self.blank = False
        for option in options:
            option.blank = False  # a blank option is meant; Liquid would drop it

    def choose_option(self, seed: object) -> int:
        """Return the index of the wording for `seed`: a hash of both, so that groups choose independently."""
        digest = blake2s(f"{seed}/{self.group}".encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big") % len(self.options)

    def render_to_output(self, context: LiquidContext, buffer: TextIO) -> int:
        return self.options[self.choose_option(context.seed)].render(context, buffer)

    def children(self, static_context: LiquidContext, *, include_partials: bool = True) -> Iterable[Node]:
        return self.options


class SpinTag(Tag):
    """One of several wordings: {% __spin b0 %}Hello{% __or %}Good day{% end__spin %}."""

    name = "__spin"
    end = "end__spin"

    def parse(self, stream: TokenStream) -> Node:
        token = stream.eat(TOKEN_TAG)
        group = stream.eat(TOKEN_EXPRESSION).value
        parse_block = get_parser(self.env).parse_block
        options = [parse_block(stream, ("__or", self.end))]
        while stream.current.is_tag("__or"):
            next(stream)
            options.append(parse_block(stream, ("__or", self.end)))
        stream.expect(TOKEN_TAG, value=self.end)
        return SpinNode(token, group, options)


class UrlNode(Node):
    """An address that needs the recipient's values. It is cleaned, and gets its UTM parameters."""

    __slots__ = ("block",)

    def __init__(self, token: Token, block: BlockNode) -> None:
        super().__init__(token)
        self.block = block
        self.blank = False

    def render_to_output(self, context: LiquidContext, buffer: TextIO) -> int:
        inner = context.get_buffer()
        self.block.render(context, inner)
        url = inner.getvalue()
        if not context.autoescape:
            return buffer.write(add_utm(tidy_url(url), context.settings.utm))
        return buffer.write(html.escape(add_utm(tidy_url(unescape_value(url)), context.settings.utm)))

    def children(self, static_context: LiquidContext, *, include_partials: bool = True) -> Iterable[Node]:
        return [self.block]


class UrlTag(Tag):
    """An address with values: {% __url %}{{ shop_page }}{% end__url %}."""

    name = "__url"
    end = "end__url"

    def parse(self, stream: TokenStream) -> Node:
        token = stream.eat(TOKEN_TAG)
        block = get_parser(self.env).parse_block(stream, (self.end,))
        stream.expect(TOKEN_TAG, value=self.end)
        return UrlNode(token, block)


class LinkNode(UrlNode):
    """An address written out in a text part; nothing for an address that leads nowhere, such as a script."""

    __slots__ = ("manner",)

    def __init__(self, token: Token, block: BlockNode, manner: str) -> None:
        super().__init__(token, block)
        self.manner = manner

    def render_to_output(self, context: LiquidContext, buffer: TextIO) -> int:
        written = context.get_buffer()
        super().render_to_output(context, written)
        url = written.getvalue()
        if not url or url[0] == "#":
            return 0
        return buffer.write({"alone": url, "first": f"<{url}>"}.get(self.manner, f" <{url}>"))


class LinkTag(Tag):
    """{% __link behind %}{{ shop_page }}{% end__link %}: behind its words, first in its line, or alone."""

    name = "__link"
    end = "end__link"

    def parse(self, stream: TokenStream) -> Node:
        token = stream.eat(TOKEN_TAG)
        manner = stream.eat(TOKEN_EXPRESSION).value
        block = get_parser(self.env).parse_block(stream, (self.end,))
        stream.expect(TOKEN_TAG, value=self.end)
        return LinkNode(token, block, manner)
