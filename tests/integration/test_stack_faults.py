"""What the fault campaign asks of the stand-ins: bad bodies, a store that comes back, requests that wait, kills."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
import snowflake.connector
from google.pubsub_v1 import PubsubMessage, ReceivedMessage

from stack import pusher
from stack.processes import HOST, Processes, free_port
from stack.provider import Provider, ProviderConfig, start_provider
from stack.pusher import Push, _Deliverer
from stack.warehouse import Warehouse, new_private_key, start_warehouse

CONTENT = bytes(range(256)) * 400


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    folder = tmp_path_factory.mktemp("audio")
    for name in ("reset.wav", "slow one.wav"):
        (folder / name).write_bytes(CONTENT)
    faults = {"reset.wav": [{"reset": True}], "slow one.wav": [{"seconds": 0.2}]}
    with Processes(tmp_path_factory.mktemp("stack")) as processes:
        yield start_provider(processes, ProviderConfig(str(folder), body_faults=faults))


def signed(provider: Provider, name: str) -> str:
    url = provider.url_template.format(asset_id="1", file_key=requests.utils.quote(name))
    answer = requests.get(url, headers={"Authorization": provider.config.authorization}, timeout=10)
    return str(answer.json()["data"]["url"])


def test_a_body_is_reset_half_way_once(provider: Provider) -> None:
    """Headers and length promise all of it."""
    url = signed(provider, "reset.wav")
    with pytest.raises(requests.RequestException, match=r"reset|IncompleteRead"):
        _ = requests.get(url, timeout=10).content
    assert requests.get(url, timeout=10).content == CONTENT
    counts = requests.get(provider.counts_url, timeout=10).json()
    assert counts["bodies"] == {"reset.wav": 1}
    assert len(CONTENT) * 1.5 <= counts["sent_bytes"] < len(CONTENT) * 2


def test_a_slow_body_comes_byte_by_byte(provider: Provider) -> None:
    """A client that only limits the wait for the next byte would stay for hours."""
    with requests.get(signed(provider, "slow one.wav"), stream=True, timeout=10) as answer:
        assert answer.headers["Content-Length"] == str(len(CONTENT))
        began = time.monotonic()
        assert answer.raw.read(4) == CONTENT[:4]
        assert time.monotonic() - began > 0.5


def connect(warehouse: Warehouse) -> Any:
    _, key = new_private_key()
    return snowflake.connector.connect(
        account="local",
        user="audiodup",
        host=warehouse.host,
        port=warehouse.port,
        protocol="http",
        authenticator="SNOWFLAKE_JWT",
        private_key=key,
        database="BI_PROD",
        schema="AI_DATA",
        network_timeout=20,
        socket_timeout=2,
    )


def test_a_store_that_was_killed_has_what_was_committed(tmp_path: Path) -> None:
    """Its sessions are gone, which their clients hear at once, by Snowflake's number."""
    with Processes(tmp_path / "logs") as processes:
        warehouse = start_warehouse(processes, tmp_path / "store")
        before = connect(warehouse)
        before.cursor().execute("CREATE TABLE NOTES (N INT)")
        before.cursor().execute("INSERT INTO NOTES VALUES (1)")
        before.cursor().execute("BEGIN")
        before.cursor().execute("INSERT INTO NOTES VALUES (2)")
        processes.kill(processes.by_name()["warehouse"])
        start_warehouse(processes, tmp_path / "store", warehouse.port)
        began = time.monotonic()
        with pytest.raises(snowflake.connector.Error) as lost:
            before.cursor().execute("SELECT 1")
        assert lost.value.errno == 390104
        assert time.monotonic() - began < 5
        with connect(warehouse) as after:
            assert after.cursor().execute("SELECT N FROM NOTES").fetchall() == [(1,)]


def test_no_primary_key_is_enforced(tmp_path: Path) -> None:
    """As on Snowflake: whatever leans on it writes a row twice, and is seen."""
    with Processes(tmp_path / "logs") as processes, connect(start_warehouse(processes, tmp_path / "store")) as here:
        here.cursor().execute("CREATE TABLE NOTES (ID VARCHAR NOT NULL, N INT, PRIMARY KEY (ID, N))")
        for _ in range(2):
            here.cursor().execute("INSERT INTO NOTES VALUES ('a', 1)")
        assert here.cursor().execute("SELECT COUNT(*) FROM NOTES").fetchone() == (2,)


def test_a_statement_that_is_sent_again_spoils_no_session(tmp_path: Path) -> None:
    """The connector repeats a BEGIN whose answer does not come, and the store does all of them once it can."""
    with Processes(tmp_path / "logs") as processes, connect(start_warehouse(processes, tmp_path / "store")) as here:
        cursor = here.cursor()
        cursor.execute("CREATE TABLE NOTES (N INT)")
        server = processes.by_name()["warehouse"].pid
        os.kill(server, signal.SIGSTOP)
        threading.Timer(5, os.kill, (server, signal.SIGCONT)).start()
        cursor.execute("BEGIN")
        cursor.execute("BEGIN")
        cursor.execute("INSERT INTO NOTES VALUES (1)")
        cursor.execute("COMMIT")
        cursor.execute("BEGIN")
        cursor.execute("INSERT INTO NOTES VALUES (2)")
        cursor.execute("ROLLBACK")
        assert cursor.execute("SELECT N FROM NOTES").fetchall() == [(1,)]


class Answering(BaseHTTPRequestHandler):
    """Says yes."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


def delivered(ports: list[int], monkeypatch: pytest.MonkeyPatch, hold: float) -> int | None:
    monkeypatch.setattr(pusher, "HOLD_SECONDS", hold)
    push = Push("s", [f"http://{HOST}:{port}/" for port in ports], 4, 10)
    deliverer = _Deliverer(None, push, threading.Event())  # type: ignore[arg-type]
    return deliverer._post(ReceivedMessage(ack_id="1", message=PubsubMessage(data=b"x", message_id="1")))


def test_a_request_waits_for_an_instance_that_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    """As Cloud Run has it; only so long."""
    port = free_port()
    assert delivered([port], monkeypatch, 0.3) is None
    with ThreadPoolExecutor(1) as pool:
        status = pool.submit(delivered, [port], monkeypatch, 20)
        time.sleep(0.5)
        with HTTPServer((HOST, port), Answering) as server:
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
            assert status.result() == 204
            # Of two instances the one that lives takes it.
            assert delivered([free_port(), port], monkeypatch, 5) == 204
            server.shutdown()


def test_who_is_killed_has_not_ended_by_itself(tmp_path: Path) -> None:
    """Nor does anything of its group live on."""
    with Processes(tmp_path) as processes:
        running = processes.start(
            "sleeper", [sys.executable, "-c", "import time; x = bytearray(50_000_000); time.sleep(99)"]
        )
        end = time.monotonic() + 20
        while running.memory_bytes() < 50_000_000 and Path("/proc/self/stat").exists():
            assert time.monotonic() < end
            time.sleep(0.05)
        processes.kill(running)
        processes.check()
        assert not running.alive
        assert running.memory_bytes() == 0
