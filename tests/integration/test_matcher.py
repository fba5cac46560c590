"""The matcher as functions-framework serves it, over Snowflake's stand-in."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import requests
from tests.frames import music, worn
from tests.integration.test_functions import function_environment, logged, served
from tests.shelf import Shelf

from audiodup.wiring import local_parts
from stack.processes import Processes
from stack.warehouse import start_warehouse

NOTHING = {"indexed": 0, "removed": 0, "refused": 0, "tracks": 0, "candidates": 0, "aligned": 0, "found": {}}


def test_health_needs_neither_snowflake_nor_numpy(tmp_path: Path) -> None:
    """A start-up probe is answered before any of them was imported."""
    program = (
        "import sys, functions_framework\n"
        "client = functions_framework.create_app().test_client()\n"
        "assert client.get('/health').status_code == 200\n"
        "heavy = {'snowflake.connector', 'numpy', 'google.cloud.pubsub_v1', 'duckdb'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    environment = {**os.environ, **function_environment("matcher", tmp_path)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_an_outage_is_answered_503(tmp_path: Path) -> None:
    """Cloud Scheduler comes again."""
    with served("matcher", tmp_path) as (url, _):
        answer = requests.post(url, timeout=60)
    assert (answer.status_code, answer.text) == (503, "STORE_UNAVAILABLE\n")


def test_a_call_that_has_no_time_says_so_and_the_next_goes_on(tmp_path: Path) -> None:
    """However short it is, what it has filled stays."""
    no_time = {"API_SECONDS": "0.001", "DOWNLOAD_SECONDS": "0.001", "FPCALC_SECONDS": "0.001"}
    no_time |= {"STORE_SECONDS": "1", "REQUEST_SECONDS": "1.01"}
    with Processes(tmp_path / "stack") as processes:
        warehouse = start_warehouse(processes, tmp_path / "store")
        environment = {**function_environment("matcher", tmp_path), **warehouse.environment}
        environment["SNOWFLAKE_NETWORK_SECONDS"] = "20"
        parts = local_parts(environment, tmp_path)
        shelf = Shelf(parts.store)
        shelf.put("original", music(1))
        shelf.put("copy", worn(music(1), 0.02, seed=5))
        parts.store.close()
        settings = {name: value for name, value in environment.items() if name.startswith("SNOWFLAKE")}
        with served("matcher", tmp_path, **settings, **no_time) as (url, _):
            first = requests.post(url, timeout=120).json()
        with served("matcher", tmp_path, **settings) as (url, _):
            second = requests.post(url, timeout=120).json()
    assert (first["indexed"], first["tracks"], first["stopped"]) == (2, 0, True)
    assert (second["indexed"], second["tracks"], second["stopped"]) == (0, 2, False)


def test_a_call_matches_what_is_new_and_answers_with_its_counts(tmp_path: Path) -> None:
    """The second one finds nothing to do."""
    with Processes(tmp_path / "stack") as processes:
        warehouse = start_warehouse(processes, tmp_path / "store")
        environment = {**function_environment("matcher", tmp_path), **warehouse.environment}
        environment["SNOWFLAKE_NETWORK_SECONDS"] = "20"
        parts = local_parts(environment, tmp_path)
        shelf = Shelf(parts.store)
        shelf.put("original", music(1))
        shelf.put("copy", worn(music(1), 0.02, seed=5), codec="vorbis")
        settings = {name: value for name, value in environment.items() if name.startswith("SNOWFLAKE")}
        with served("matcher", tmp_path, **settings) as (url, running):
            first = requests.post(url, timeout=120)
            second = requests.post(url, timeout=120)
            lines = [line for line in logged(running) if line["message"] == "matched"]
        parts.store.close()
    assert (first.status_code, second.status_code) == (200, 200)
    done = first.json()
    assert done["found"] == {"SAME_CONTENT": 1}
    assert (done["indexed"], done["tracks"], done["groups"], done["stopped"]) == (2, 2, 1, False)
    assert second.json() | NOTHING == second.json()
    assert second.json()["groups"] == 1
    assert [line["indexed"] for line in lines] == [2, 0]
