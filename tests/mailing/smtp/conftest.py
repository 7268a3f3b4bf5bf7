"""What the SMTP tests share: both event loops."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import uvloop


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request) -> Callable[[Coroutine[Any, Any, Any]], Any]:
    """Run a coroutine to its end, on each of the two event loops."""

    def run(main: Coroutine[Any, Any, Any]) -> Any:
        factory = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}[request.param]
        with asyncio.Runner(loop_factory=factory) as runner:
            return runner.run(main)

    return run
