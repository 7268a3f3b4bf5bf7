"""Opens the SMTP connections of one run."""

import asyncio
from collections.abc import Callable

from campaigns.sentences import keep
from mailing.smtp import client
from mailing.smtp.client import Cause, ConnectFailed, Connection, Server
from mailing.smtp.replies import Stage


class ConnectionOpener:
    """Opens connections to the server of one run. links: the open connections.

    over: set when no more connection may be opened. shut_out: is called for each connection that failed.
    """

    def __init__(
        self, server: Server, over: asyncio.Event, shut_out: Callable[[ConnectFailed], None]
    ) -> None:
        self.links: set[Connection] = set()
        self._server = server
        self._over = over
        self._shut_out = shut_out
        self._opening: set[asyncio.Timeout] = set()
        self._alone = asyncio.Lock()

    async def reopen(self, link: Connection | None) -> Connection | None:
        """Return a new connection to the server in place of `link`; None when none can be opened now."""
        if link:
            self.links.discard(link)
            await link.quit()
        if not self.links:
            # a server of which nobody knows that it works is asked once, not by all places
            async with self._alone:
                if not self.links:
                    return await self._open()
        return await self._open()

    def cut_short(self) -> None:
        """Stop waiting for connections that are being opened."""
        for timeout in self._opening:
            timeout.reschedule(0)

    async def _open(self) -> Connection | None:
        if self._over.is_set():
            return None
        try:
            async with asyncio.timeout(None) as timeout:
                self._opening.add(timeout)
                link = await client.connect(self._server)
        except TimeoutError:
            self._shut_out(
                ConnectFailed(
                    Cause.TIMED_OUT,
                    Stage.CONNECT,
                    None,
                    keep("%(server)s did not answer in time.", server=self._server),
                )
            )
            return None
        except ConnectFailed as error:
            self._shut_out(error)
            return None
        finally:
            self._opening.discard(timeout)
        self.links.add(link)
        return link
