"""The functions as functions-framework serves them, without the cloud: what is answered, logged, and when."""

from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from audiodup.messages import FingerprintRequest
from audiodup.model import Asset
from stack.processes import HOST, Processes, Running, answers, free_port

FUNCTIONS = Path(__file__).resolve().parents[2] / "functions"
# Ports on which nobody listens: whatever is asked of Snowflake or Pub/Sub fails at once.
NOWHERE = {
    "SNOWFLAKE_ACCOUNT": "nowhere",
    "SNOWFLAKE_HOST": HOST,
    "SNOWFLAKE_PORT": "1",
    "SNOWFLAKE_PROTOCOL": "http",
    "SNOWFLAKE_LOGIN_SECONDS": "2",
    "SNOWFLAKE_NETWORK_SECONDS": "2",
    "SNOWFLAKE_USER": "u",
    "SNOWFLAKE_PRIVATE_KEY": "key",
    "PUBSUB_EMULATOR_HOST": f"{HOST}:1",
    "GOOGLE_CLOUD_PROJECT": "project-1",
    "PUBLISH_SECONDS": "1",
    "ALLOW_LOOPBACK": "true",
    "HOST": HOST,
}
REQUEST = FingerprintRequest(Asset("a1", "k.wav", "wav", "nobody"), datetime(2026, 1, 1, tzinfo=UTC)).encode()
GUNICORN = [sys.executable, "-m", "gunicorn", "-c", str(FUNCTIONS / "gunicorn.conf.py")]
SERVE = [*GUNICORN, "functions_framework:create_app()"]


def envelope(data: bytes | None, **attributes: str) -> dict[str, Any]:
    message: dict[str, Any] = {"messageId": "17", "attributes": attributes}
    if data is not None:
        message["data"] = base64.b64encode(data).decode()
    return {"message": message, "subscription": "projects/p/subscriptions/s"}


def function_environment(name: str, folder: Path, **more: str) -> dict[str, str]:
    from stack.warehouse import new_private_key

    (folder / "key").write_bytes(new_private_key()[0])
    return {
        **NOWHERE,
        "SECRETS": str(folder),
        "FUNCTION_SOURCE": str(FUNCTIONS / f"{name}.py"),
        "FUNCTION_TARGET": name,
        **more,
    }


@contextmanager
def served(name: str, folder: Path, **more: str) -> Iterator[tuple[str, Running]]:
    """A function under gunicorn; its address."""
    with Processes(folder / "logs") as processes:
        port = free_port()
        running = processes.start(
            name, SERVE, env={**function_environment(name, folder, **more), "PORT": str(port)}, cwd=folder
        )
        running.wait_until(answers(f"http://{HOST}:{port}/health"), seconds=60)
        yield f"http://{HOST}:{port}", running


def logged(running: Running) -> list[dict[str, Any]]:
    """Its JSON lines."""
    lines = running.log.read_text().splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]


@pytest.mark.parametrize("name", ["fingerprint", "dead_letter", "scheduler"])
def test_health_needs_neither_snowflake_nor_google(name: str, tmp_path: Path) -> None:
    """A start-up probe is answered before any SDK was imported: they take seconds."""
    program = (
        "import sys, functions_framework\n"
        "client = functions_framework.create_app().test_client()\n"
        "assert client.get('/health').status_code == 200\n"
        "heavy = {'snowflake.connector', 'google.cloud.pubsub_v1', 'google.cloud.secretmanager', 'numpy', 'requests',"
        " 'fakesnow', 'duckdb', 'grpc'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    environment = {**os.environ, **function_environment(name, tmp_path)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_wrong_settings_end_the_start_with_one_line(tmp_path: Path) -> None:
    """All of them are named; no traceback, no worker started again and again."""
    environment = {**os.environ, **function_environment("fingerprint", tmp_path)}
    environment |= {"FINGERPRINT_SECONDS": "soon", "SNOWFLAKE_SCHEMA": "x; DROP TABLE", "PORT": str(free_port())}
    done = subprocess.run(SERVE, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode != 0
    [line] = [line for line in done.stderr.splitlines() if "SETTINGS_INVALID" in line]
    assert "FINGERPRINT_SECONDS" in line
    assert "SNOWFLAKE_SCHEMA" in line
    assert "DROP TABLE" not in done.stderr
    assert "Traceback" not in done.stderr


def test_an_outage_is_answered_503_and_logged_without_a_traceback(tmp_path: Path) -> None:
    """Pub/Sub comes again: neither the store, nor the topics, nor the source are there."""
    with served("fingerprint", tmp_path) as (url, running):
        # The provider is unknown, a permanent error; but its row cannot be stored.
        answer = requests.post(url, json=envelope(REQUEST), timeout=60, headers={"traceparent": f"00-{'a' * 32}-1-01"})
        assert (answer.status_code, answer.text) == (503, "STORE_UNAVAILABLE\n")
        # A malformed message is acknowledged only when the dead-letter topic has it.
        answer = requests.post(url, json=envelope(b"junk"), timeout=60)
        assert (answer.status_code, answer.text) == (503, "PUBLISH_FAILED\n")
        store, publish = logged(running)
    assert (store["severity"], store["code"], store["message_id"]) == ("WARNING", "STORE_UNAVAILABLE", "17")
    assert store["logging.googleapis.com/trace"] == f"projects/project-1/traces/{'a' * 32}"
    assert publish["code"] == "PUBLISH_FAILED"
    assert "Traceback" not in running.log.read_text()


def test_logs_come_through_although_the_framework_sets_up_logging(tmp_path: Path) -> None:
    """LOG_EXECUTION_ID installs a root handler at WARNING, after which logging.basicConfig does nothing."""
    with served("dead_letter", tmp_path, LOG_EXECUTION_ID="true") as (url, running):
        assert requests.post(url, json=envelope(b"junk"), timeout=60).status_code == 204
        [line] = logged(running)
    assert line["severity"] == "ERROR"
    assert "names no asset" in line["message"]


def test_a_message_with_attributes_alone_reaches_the_function(tmp_path: Path) -> None:
    """A `@cloud_event` function would answer 400, for ever."""
    with served("dead_letter", tmp_path) as (url, _):
        assert requests.post(url, json=envelope(None, reason="x"), timeout=60).status_code == 204


@pytest.mark.parametrize(("threads", "answered"), [("1", False), ("2", True)])
def test_a_probe_needs_a_thread_that_no_request_has(threads: str, answered: bool, tmp_path: Path) -> None:
    """As many threads as requests, and the liveness probe of a busy instance waits until Cloud Run kills it: infra/
    gives more of them than its concurrency.
    """
    with socket.create_server((HOST, 0)) as silent:
        asked = f"http://{HOST}:{silent.getsockname()[1]}/{{asset_id}}"
        providers = json.dumps({"nobody": {"url": asked, "hosts": [HOST]}})
        with served("fingerprint", tmp_path, THREADS=threads, PROVIDERS=providers, API_SECONDS="20") as (url, _):
            threading.Thread(target=_post_and_forget, args=(url,), daemon=True).start()
            connection, _ = silent.accept()  # the one request is at work now, and will be for long
            try:
                assert requests.get(f"{url}/health", timeout=5).status_code == 200
            except requests.ReadTimeout:
                assert not answered
            else:
                assert answered
            connection.close()


def _post_and_forget(url: str) -> None:
    with suppress(requests.RequestException):
        requests.post(url, json=envelope(REQUEST), timeout=60)


def test_functions_of_one_process_do_not_overwrite_each_other(tmp_path: Path) -> None:
    """Two files called main.py would: each function has a name of its own."""
    program = (
        "import os, sys, functions_framework\n"
        f"for name in ('fingerprint', 'dead_letter', 'scheduler'):\n"
        f"    source = os.path.join({str(FUNCTIONS)!r}, name + '.py')\n"
        "    app = functions_framework.create_app(target=name, source=source)\n"
        "    assert sys.modules[name].__file__ == source\n"
        "    assert app.test_client().get('/health').status_code == 200\n"
    )
    environment = {**os.environ, **function_environment("fingerprint", tmp_path)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
