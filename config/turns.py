"""Turns of the clients that wait for a thread of the page server, so that nobody keeps all others waiting."""

from collections import OrderedDict, deque
from collections.abc import Callable

from campaigns.annotations import Argument


class Turns:
    """The queue of waitress's threads, in which each client has its turn.

    `find_client` names the client of a task. `most`: how many tasks of one client run at once. The dispatcher holds its
    lock for each call.
    """

    def __init__(self, find_client: Callable[[Argument], str], most: int, dispatcher: Argument) -> None:
        self._find_client, self._most, self._dispatcher = find_client, most, dispatcher
        self._waiting: OrderedDict[str, deque[Argument]] = OrderedDict()  # whose turn is next stands first
        self._running: dict[str, int] = {}

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def __bool__(self) -> bool:
        return self._next_client() is not None

    def append(self, task: Argument) -> None:
        self._waiting.setdefault(self._find_client(task), deque()).append(task)

    def popleft(self) -> "Turn":
        client = self._next_client()
        if client is None:
            raise IndexError("nobody's turn")
        tasks = self._waiting.pop(client)
        task = tasks.popleft()
        if tasks:
            self._waiting[client] = tasks  # behind all others
        self._running[client] = self._running.get(client, 0) + 1
        return Turn(task, lambda: self._end(client))

    def _next_client(self) -> str | None:
        return next((each for each in self._waiting if self._running.get(each, 0) < self._most), None)

    def _end(self, client: str) -> None:
        with self._dispatcher.lock:
            self._running[client] -= 1
            if not self._running[client]:
                del self._running[client]
            self._dispatcher.queue_cv.notify()


class Turn:
    """A task that says when it is done."""

    def __init__(self, task: Argument, end: Callable[[], None]) -> None:
        self._task, self._end = task, end

    def service(self) -> None:
        try:
            self._task.service()
        finally:
            self._end()

    def cancel(self) -> None:
        self._task.cancel()
