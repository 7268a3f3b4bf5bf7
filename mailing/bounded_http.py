"""Answers over HTTP from servers that we do not trust: of a bounded size, within a bounded time."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from campaigns.annotations import Argument
from campaigns.sentences import keep, mark
from mailing.deadlines import Deadline, end_after

CHUNK = 8192  # bytes read at once


class _Connection(HTTPConnection):
    """A connection that ends with the deadline of its pool, from the look-up of the host on."""

    deadline: Deadline

    def _new_conn(self) -> socket.socket:
        try:
            return self.deadline.open_socket(self.host, self.port or self.default_port)
        except TimeoutError as error:
            raise ConnectTimeoutError(
                self, keep("%(host)s did not answer in time.", host=self.host)
            ) from error
        except (OSError, ValueError) as error:
            raise NewConnectionError(self, str(error)) from error


class _SecureConnection(_Connection, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection
    deadline: Deadline

    def _new_conn(self) -> _Connection:
        made = super()._new_conn()
        assert isinstance(made, _Connection)
        made.deadline = self.deadline
        return made


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection
    deadline: Deadline

    def _new_conn(self) -> _SecureConnection:
        made = super()._new_conn()
        assert isinstance(made, _SecureConnection)
        made.deadline = self.deadline
        return made


POOLS = {"http": _Pool, "https": _SecurePool}


class BoundedAdapter(HTTPAdapter):
    """Reads each answer whole before anybody else sees it.

    Args:
        most: bytes of an answer, unpacked.
        seconds: for all of the exchange, from the look-up of the host to the last byte.
    """

    def __init__(self, *, most: int, seconds: float) -> None:
        self._most, self._seconds = most, seconds
        super().__init__(pool_connections=1, pool_maxsize=1)

    def init_poolmanager(self, *args: Argument, **kwargs: Argument) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = POOLS

    def proxy_manager_for(self, *args: Argument, **kwargs: Argument) -> Argument:
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = POOLS
        return manager

    def send(
        self, request: requests.PreparedRequest, *args: Argument, **kwargs: Argument
    ) -> requests.Response:
        """Send a request and read its answer.

        Raises:
            requests.RequestException: the answer is too long, or takes too long, or there is none.
        """
        with end_after(self._seconds) as deadline, _name_end(deadline):
            self._deadline = deadline
            response = super().send(request, *args, **kwargs | {"stream": True})
            body = bytearray()
            try:
                for chunk in response.iter_content(CHUNK):
                    body += chunk
                    if len(body) > self._most:
                        raise requests.exceptions.ContentDecodingError(mark("The answer is too long."))
            finally:
                response.close()
            deadline.count_seconds_left()  # what was cut off may look like an end
        response._content = bytes(body)
        return response

    def get_connection_with_tls_context(self, *args: Argument, **kwargs: Argument) -> Argument:
        pool = super().get_connection_with_tls_context(*args, **kwargs)
        assert isinstance(pool, (_Pool, _SecurePool))
        pool.deadline = self._deadline
        return pool


@contextmanager
def _name_end(deadline: Deadline) -> Iterator[None]:
    """Say of an error that comes after the end of the time that the time was over."""
    try:
        yield
    except (OSError, ValueError) as error:
        if not deadline.is_over:
            raise
        raise requests.exceptions.ReadTimeout(mark("The answer takes too long.")) from error


def bound_answers(session: requests.Session, *, most: int, seconds: float) -> None:
    """Bound the answers that a session gets; see BoundedAdapter."""
    for scheme in ("https://", "http://"):
        session.mount(scheme, BoundedAdapter(most=most, seconds=seconds))
