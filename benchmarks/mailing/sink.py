"""An SMTP server that accepts everything and keeps nothing: `python -m benchmarks.mailing.sink PORT`."""

import asyncio
import sys
from typing import cast

from mailing.smtp.server import Tls, loop_factory

HELLO = b"250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 50000000\r\n"


class Sink(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transport does not derive from asyncio's
        self.transport = cast(asyncio.Transport, transport)
        self.rest, self.in_data = b"", False
        self.transport.write(b"220 sink\r\n")

    def data_received(self, data: bytes) -> None:
        data = self.rest + data if self.rest else data
        answers = []
        while data:
            if self.in_data:
                end = data.find(b"\r\n.\r\n")
                if end < 0:
                    break
                data, self.in_data = data[end + 5 :], False
                answers.append(b"250 2.0.0 Ok\r\n")
                continue
            line, newline, after = data.partition(b"\n")
            if not newline:
                break
            data, verb = after, line[:4].upper()
            if verb == b"DATA":
                self.in_data = True
                answers.append(b"354 go ahead\r\n")
            elif verb == b"QUIT":
                answers.append(b"221 bye\r\n")
            else:
                answers.append(HELLO if verb == b"EHLO" else b"250 2.1.0 Ok\r\n")
        self.rest = data
        self.transport.write(b"".join(answers))
        if answers and answers[-1].startswith(b"221"):
            self.transport.close()


async def serve(port: int) -> None:
    """Take mail on a port of this machine for ever."""
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=loop_factory(Tls.NONE)) as runner:
        runner.run(serve(int(sys.argv[1])))
