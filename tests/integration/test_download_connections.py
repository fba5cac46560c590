"""Connections are used again, by one thread and by many."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.download import Api, leftovers, names
from tests.loopback import Server

from audiodup.model import Asset
from audiodup.steps import Deadline

# Servers that drip never end by themselves: without the remedy these tests hang, and the time-out is their failure.
pytestmark = pytest.mark.timeout(60)


def test_connections_are_used_again(api: Api, server: Server) -> None:
    """API and file on one host, ten files: one connection."""
    for _ in range(10):
        api.get()
    assert len(server.requests) == 20
    assert server.connections == 1


def test_many_threads_use_one_source(server: Server, tmp_path: Path) -> None:
    """Each gets its own file, over no more connections than threads."""
    contents = {str(number): os.urandom(50_000 + number) for number in range(8)}
    for name, content in contents.items():
        server.on(f"/assets/{name}/files/k", names(server, f"/content/{name}"))
        server.on(f"/content/{name}", lambda exchange, content=content: exchange.answer(200, content))  # type: ignore[misc]
    api = Api(server, tmp_path)
    wrong: list[str] = []

    def get_all(first: int) -> None:
        for number in range(8):
            name = str((first + number) % 8)
            with api.source.open(Asset(name, "k", provider="artlist"), Deadline(30)) as file:
                sha256 = hashlib.sha256(contents[name]).hexdigest()
                if Path(file.path).read_bytes() != contents[name] or file.identity.sha256 != sha256:
                    wrong.append(name)

    run_all([lambda first=first: get_all(first) for first in range(8)])  # type: ignore[misc]

    assert wrong == []
    assert len(server.requests) == 8 * 8 * 2
    assert server.connections <= 8
    assert api.source.bytes_in_flight == 0
    assert leftovers(tmp_path) == []
    api.source.close()


def run_all(calls: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=call) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
