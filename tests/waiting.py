"""Waits until something is so, and fails the test when it does not become so: a wait is an assertion too."""

import time
from collections.abc import Callable
from typing import Any

import pytest


def wait_for(is_so: Callable[[], Any], seconds: float = 60, *, every: float = 0.02) -> None:
    """Ask `is_so` every so many seconds until it is true.

    A server that takes a request and does not answer it in time (TimeoutError) is not ready yet.
    """
    until = time.monotonic() + seconds
    while not _is_so_now(is_so):
        if time.monotonic() > until:
            pytest.fail(f"it did not become so within {seconds} s")
        time.sleep(every)


def _is_so_now(is_so: Callable[[], Any]) -> bool:
    try:
        return bool(is_so())
    except TimeoutError:
        return False
