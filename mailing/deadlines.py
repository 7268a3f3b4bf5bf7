"""The end of a conversation with a server that we do not trust, whatever the server does.

The time limits of sockets hold for each read, so a server that sends a byte a second would keep its caller for ever.
Here one clock runs for all of a conversation: the look-up of the host, the connection, the encryption, and all that is
said. When its time is over, the sockets are shut down, and whoever reads from them or writes to them gets an error.
"""

import contextlib
import queue
import socket
import threading
import time
from collections.abc import Iterator

from campaigns.sentences import keep, mark

Address = tuple[str, int]


class Deadline:
    """The end of one conversation; made by `end_after`.

    step: what is under way, in words for people, as “at the login”.
    """

    def __init__(self, seconds: float) -> None:
        self._ends = time.monotonic() + seconds
        self._watched: list[socket.socket] = []
        self._lock = threading.Lock()
        self._timer = threading.Timer(seconds, self._shut_down)
        self._timer.daemon = True
        self._is_over = False
        self.step = ""

    @property
    def is_over(self) -> bool:
        return self._is_over or time.monotonic() >= self._ends

    def count_seconds_left(self) -> float:
        """Return the seconds that are left.

        Raises:
            TimeoutError: none are.
        """
        left = self._ends - time.monotonic()
        if left <= 0:
            raise TimeoutError(mark("The time for this conversation is over."))
        return left

    def begin(self, step: str) -> None:
        """Note which step begins. What was cut off may look like the end of the one before.

        Raises:
            TimeoutError: the time was over before.
        """
        self.count_seconds_left()
        self.step = step

    def open_socket(self, host: str, port: int, *, most: float | None = None) -> socket.socket:
        """Look up a host, connect to it, and watch the connection.

        Args:
            most: seconds for each wait, where that is less than what is left.

        Raises:
            OSError: the host is not known, or cannot be reached, or not in time.
        """
        trouble: OSError = OSError(keep("There is no address of %(host)s.", host=host))
        for address in look_up(host, port, self._limit(most)):
            seconds = self._limit(most)
            try:
                opened = socket.create_connection(address, seconds)
            except OSError as error:
                trouble = error
                continue
            try:
                self.watch(opened)
            except BaseException:
                opened.close()
                raise
            return opened
        raise trouble

    def _limit(self, most: float | None) -> float:
        left = self.count_seconds_left()
        return left if most is None else min(most, left)

    def watch(self, opened: socket.socket) -> None:
        """Shut a connection down when the time is over, whatever wraps it by then."""
        kept = opened.dup()  # the same connection, which a TLS socket would take away from `opened`
        with self._lock:
            self._watched.append(kept)
            if self._is_over:
                _shut_connection(kept)

    def _shut_down(self) -> None:
        with self._lock:
            self._is_over = True
            for kept in self._watched:
                _shut_connection(kept)

    def start(self) -> None:
        self._timer.start()

    def end(self) -> None:
        """Watch no longer. The connections stay as they are."""
        self._timer.cancel()
        with self._lock:
            for kept in self._watched:
                kept.close()
            self._watched.clear()


def _shut_connection(kept: socket.socket) -> None:
    with contextlib.suppress(OSError):  # the other side was quicker
        kept.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def end_after(seconds: float) -> Iterator[Deadline]:
    """Give the conversations in the block so many seconds together."""
    deadline = Deadline(seconds)
    deadline.start()
    try:
        yield deadline
    finally:
        deadline.end()


def look_up(host: str, port: int, seconds: float) -> list[Address]:
    """Return the addresses of a host, each once.

    The system's own look-up knows no limit, so it runs in a thread that nobody waits for longer than that.

    Raises:
        OSError: the host is not known, or DNS did not answer in time.
        ValueError: no host has this name.
    """
    found: queue.SimpleQueue[list[Address] | OSError | ValueError] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            found.put(list(dict.fromkeys((str(each[4][0]), port) for each in answers)))
        except (OSError, ValueError) as error:  # ValueError: letters that no name of a host has
            found.put(error)

    threading.Thread(target=ask, name=f"Look-up of {host!r}", daemon=True).start()
    try:
        answer = found.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError(keep("DNS did not answer for %(host)s in time.", host=host)) from None
    if isinstance(answer, list):
        return answer
    raise answer
