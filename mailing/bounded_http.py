"""Answers over HTTP from servers that we do not trust: of a bounded size, within a bounded time.

The timeouts of requests are for each read, so a server that sends a byte a second would keep its caller for ever.
"""

import time

import requests
from requests.adapters import HTTPAdapter

from campaigns.annotations import Argument

CHUNK = 8192  # bytes read at once


class BoundedAdapter(HTTPAdapter):
    """Reads each answer whole before anybody else sees it.

    Args:
        most: bytes of an answer, unpacked.
        seconds: for all of the answer, from the first byte of the question.
    """

    def __init__(self, *, most: int, seconds: float) -> None:
        super().__init__()
        self._most, self._seconds = most, seconds

    def send(
        self, request: requests.PreparedRequest, *args: Argument, **kwargs: Argument
    ) -> requests.Response:
        """Send a request and read its answer.

        Raises:
            requests.RequestException: the answer is too long, or takes too long, or there is none.
        """
        deadline = time.monotonic() + self._seconds
        response = super().send(request, *args, **kwargs | {"stream": True})
        body = bytearray()
        try:
            for chunk in response.iter_content(CHUNK):
                body += chunk
                if len(body) > self._most:
                    raise requests.exceptions.ContentDecodingError("The answer is too long.")
                if time.monotonic() > deadline:
                    raise requests.exceptions.ReadTimeout("The answer takes too long.")
        finally:
            response.close()
        response._content = bytes(body)
        return response
