"""Ctrl-C and SIGTERM: the first ends what runs in good order, whatever it is doing, and the next one at once."""

from __future__ import annotations

import os
import signal
import threading
from typing import Any

import pytest

from cli import stopping_gently


@pytest.mark.timeout(20)
def test_a_signal_between_two_waits_is_no_deadlock() -> None:
    """Whoever waits for an event holds its lock for a moment; Python runs the handler in that very thread."""
    stop, calls = threading.Event(), []
    lock: Any = stop._cond
    with stopping_gently(stop, lambda: calls.append("at once"), "Stopping ..."):
        with lock:
            os.kill(os.getpid(), signal.SIGINT)
        assert stop.wait(10)
        assert calls == []
        os.kill(os.getpid(), signal.SIGTERM)
        assert calls == ["at once"]
