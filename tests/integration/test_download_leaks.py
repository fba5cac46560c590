"""Whatever happens, no URL or secret gets out, and no file or connection stays behind."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path

import pytest
from tests.download import ASSET, QUESTION, SIGNATURE, Api, expired, leftovers, open_files, sends, status, whole
from tests.loopback import Handler, Server, floods, raw

from audiodup.errors import AudioDupError
from audiodup.steps import Deadline

# Servers that drip never end by themselves: without the remedy these tests hang, and the time-out is their failure.
pytestmark = pytest.mark.timeout(60)
FAILURES: dict[str, tuple[str, Handler]] = {
    "API 500": (QUESTION, status(500)),
    "API refuses": (QUESTION, status(403)),
    "API resets": (QUESTION, sends("", reset=True)),
    "API no JSON": (QUESTION, lambda exchange: exchange.answer(200, f"oops {SIGNATURE}".encode())),
    "API no URL": (QUESTION, lambda exchange: exchange.answer_json({"data": {"url": f"x?{SIGNATURE}"}})),
    "API odd URL": (QUESTION, lambda exchange: exchange.answer_json({"data": {"url": f"https://u@h/?{SIGNATURE}"}})),
    "API other host": (QUESTION, lambda exchange: exchange.answer_json({"data": {"url": f"https://h/?{SIGNATURE}"}})),
    "nobody there": (
        QUESTION,
        lambda exchange: exchange.answer_json({"data": {"url": f"http://127.0.0.1:1/?{SIGNATURE}"}}),
    ),
    "file missing": ("/file", status(404)),
    "file expired": ("/file", expired),
    "file 503": ("/file", status(503)),
    "file short": ("/file", sends("Content-Length: 100\r\n", b"half")),
    "file resets": ("/file", sends("Content-Length: 100\r\n", b"half", reset=True)),
    "file no HTTP": ("/file", raw(b"nonsense\r\n\r\n")),
    "file compressed": ("/file", sends("Content-Encoding: gzip\r\n")),
    "file too large": ("/file", sends("Content-Length: 99999999\r\n")),
    "file redirects away": ("/file", lambda exchange: exchange.redirect(f"https://h/?{SIGNATURE}")),
    "file redirects for ever": ("/file", lambda exchange: exchange.redirect(f"/file?{SIGNATURE}")),
    "file malformed header": ("/file", sends("no colon\r\nContent-Length: 100\r\n", b"half")),
    "success": ("/file", whole),
}


@pytest.mark.parametrize("name", FAILURES)
def test_neither_url_nor_secret_gets_out(api: Api, server: Server, caplog: pytest.LogCaptureFixture, name: str) -> None:
    """Not by the error, its arguments, its causes and contexts, hidden ones included, nor by any log at DEBUG."""
    for logger in ("urllib3", "urllib3.connection", "urllib3.connectionpool"):
        caplog.set_level(logging.DEBUG, logger=logger)
    caplog.set_level(logging.DEBUG)
    path, handler = FAILURES[name]
    server.on(path, handler)

    texts = [caplog.text]
    try:
        api.get()
    except AudioDupError as error:
        chain: list[BaseException] = [error]
        while chain:
            link = chain.pop()
            texts += [str(link), repr(link), repr(link.args), repr(vars(link)), *traceback.format_exception(link)]
            chain += [other for other in (link.__cause__, link.__context__) if other is not None]
    else:
        assert name == "success"
    texts += [caplog.text, *(record.getMessage() for record in caplog.records)]
    for text in texts:
        assert "0123456789abcdef" not in text
        assert "top-secret-token" not in text


@pytest.mark.parametrize("name", FAILURES)
def test_nothing_stays_open_after_a_failure(server: Server, tmp_path: Path, name: str) -> None:
    """Descriptors, sockets and temporary files: as many as before."""
    path, handler = FAILURES[name]
    server.on(path, handler)
    server.on("/warm", status(404))
    before = len([path for path in open_files() if not path.startswith("socket:")])

    api = Api(server, tmp_path)
    errors = []  # whose tracebacks hold what was not closed
    for _ in range(3):
        try:
            api.get()
        except AudioDupError as error:
            errors.append(error)
    assert leftovers(tmp_path) == []
    assert api.source.bytes_in_flight == 0
    assert len([path for path in open_files() if not path.startswith("socket:")]) == before

    # What was kept for another request is closed with the pool, and the server sees it closed.
    api.source.close()
    server.wait_until_closed()


def test_an_error_of_whoever_uses_the_file_passes_through(api: Api) -> None:
    """And the file is gone all the same."""
    with pytest.raises(ZeroDivisionError), api.source.open(ASSET, Deadline(30)):
        raise ZeroDivisionError


DOWNLOADER = """
import sys
from tests.download import ASSET, Provider
from audiodup.source import DownloadApi
from audiodup.steps import Deadline

source = DownloadApi({"artlist": Provider(sys.argv[1])}, lambda name: "x", api_seconds=30, download_seconds=30,
    max_file_bytes=10**9, files_in_flight_bytes=10**9, allow_loopback=True, temporary_folder=sys.argv[2])
with source.open(ASSET, Deadline(30)):
    pass
"""


@pytest.mark.skipif(not hasattr(os, "O_TMPFILE"), reason="this system has no O_TMPFILE")
def test_kill_9_in_the_middle_of_a_download_leaves_nothing(server: Server, tmp_path: Path) -> None:
    """The file never had a name."""
    server.on("/file", floods)
    url = server.url("/assets/{asset_id}/files/{file_key}")
    process = subprocess.Popen(
        [sys.executable, "-c", DOWNLOADER, url, str(tmp_path)], cwd=Path(__file__).parents[2], stderr=subprocess.PIPE
    )
    try:
        while not any(path.startswith(str(tmp_path)) for path in open_files(process.pid)):
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)
    finally:
        process.kill()
        process.communicate()

    assert process.returncode == -signal.SIGKILL
    assert list(tmp_path.iterdir()) == []
