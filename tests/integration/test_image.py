"""The container image: built for real, started as Cloud Run starts it, and asked to do its work."""

from __future__ import annotations

import base64
import json
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from tests.audio import Audio
from tests.fpcalc import agreement, fingerprint
from tests.frames import music, worn
from tests.image import ROOT, Container, Image, built_image, require_image_tools
from tests.shelf import Shelf

from audiodup.messages import FingerprintRequest
from audiodup.model import Asset, Fingerprint
from audiodup.wiring import Parts, local_parts
from image.source import source_files, source_tag
from stack.processes import HOST, Processes
from stack.provider import ProviderConfig, start_provider
from stack.system import KEY, LOCAL_SETTINGS, NAMES, TOKEN
from stack.warehouse import new_private_key, start_warehouse

MODULES = "app/venv/lib/python3.13/site-packages"
# The first build takes as long as Debian and PyPI need.
pytestmark = pytest.mark.timeout(1200)


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    require_image_tools()
    with built_image() as image:
        yield image


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder of the host that a container can be shown."""
    with tempfile.TemporaryDirectory(prefix="audiodup-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def status(container: Container) -> int:
    """The container's exit status; Cloud Run kills after these 10 s."""
    return container.running._process.wait(timeout=10)


def test_the_reference_is_the_tag_of_the_sources(image: Image) -> None:
    """Who finds it in the registry need not build."""
    print(f"{image.reference}: {image.size}")
    assert image.reference == f"audiodup:{source_tag(ROOT)}"


@pytest.mark.parametrize("name", NAMES)
def test_each_function_starts_answers_and_ends(image: Image, name: str, tmp_path: Path) -> None:
    """By the image's own command, without any privilege; asked to stop, it ends well within Cloud Run's 10 s."""
    with Processes(tmp_path) as processes:
        started = time.monotonic()
        container = Container(processes, image, name, {"HOST": HOST})
        print(f"{name}: {time.monotonic() - started:.2f} s to /health, {container.memory() / 1e6:.0f} MB")
        of_process = dict(
            line.split(":\t", 1) for line in Path(f"/proc/{container.first}/status").read_text().splitlines()
        )
        assert set(of_process["Uid"].split()) == {image.config["User"].partition(":")[0]}
        assert of_process["Groups"].strip() == ""
        assert int(of_process["CapEff"], 16) == 0
        container.terminate()
        assert status(container) == 0, container.running.tail()


def test_wrong_settings_end_it_with_one_line(image: Image) -> None:
    """Cloud Run shows it where the deployment failed."""
    done = image.run(
        environment={
            "FUNCTION_SOURCE": "functions/fingerprint.py",
            "FUNCTION_TARGET": "fingerprint",
            "FINGERPRINT_SECONDS": "soon",
        }
    )
    assert done.returncode != 0
    said = (done.stdout + done.stderr).splitlines()
    [line] = [line for line in said if "SETTINGS_INVALID" in line]
    assert "FINGERPRINT_SECONDS" in line
    assert not [line for line in said if "Traceback" in line]


def test_a_function_that_is_not_there_ends_it(image: Image) -> None:
    """It does not start workers for ever."""
    done = image.run(environment={"FUNCTION_SOURCE": "functions/nothing.py", "FUNCTION_TARGET": "nothing"})
    assert done.returncode != 0
    assert "functions/nothing.py" in done.stdout + done.stderr


def test_only_tmp_can_be_written(image: Image) -> None:
    """And that is so for the tests above and below too."""
    done = image.run("sh", "-c", "find / -xdev -writable; touch /tmp/x && ls /tmp; touch /app/x")
    assert done.stdout.split() == ["/tmp", "x"]
    assert "Read-only file system" in done.stderr


def test_nobody_in_it_can_become_root_or_build_something(image: Image) -> None:
    """No file with the rights of its owner, no compiler, nothing that installs."""
    files = [path for path in image.folder.rglob("*") if path.is_file() and not path.is_symlink()]
    assert [path for path in files if path.stat().st_mode & (stat.S_ISUID | stat.S_ISGID)] == []
    programs = {
        path.name
        for folder in ("usr/bin", "usr/sbin", "usr/local/bin", "app/venv/bin")
        for path in (image.folder / folder).iterdir()
    }
    assert programs >= {"fpcalc", "ffmpeg", "gunicorn", "setpriv", "python3"}
    assert not programs & {"cc", "c++", "gcc", "g++", "clang", "as", "ld", "make", "pip", "pip3", "uv", "git", "curl"}
    modules = {path.name for path in (image.folder / MODULES).iterdir()}
    assert modules >= {"gunicorn", "pyarrow"}
    assert not modules & {"pip", "setuptools", "fakesnow", "moto", "pytest"}


def test_nothing_superfluous_is_in_it(image: Image) -> None:
    """Lists of packages, logs, the renderer that ffmpeg never loads, packages' own tests."""
    for folder in ("var/lib/apt/lists", "var/cache/apt", "var/log", "tmp"):
        assert list((image.folder / folder).rglob("*")) == [], folder
    assert not list(image.folder.glob("usr/lib/*/lib*LLVM*")) + list(image.folder.glob("usr/lib/*/libgallium*"))
    assert not [path for path in (image.folder / MODULES).rglob("tests") if path.is_dir()]


def test_the_sources_are_in_it_byte_by_byte(image: Image) -> None:
    """With the bytecode of each, so that no start compiles."""
    app = image.folder / "app"
    wanted = [path for path in source_files(ROOT) if path.parts[0] in {"functions", "infra"}]
    assert [path for path in wanted if (app / path).read_bytes() != (ROOT / path).read_bytes()] == []
    in_it = {path.relative_to(app) for folder in ("functions", "infra") for path in (app / folder).rglob("*.*")}
    assert {path for path in in_it if "__pycache__" not in path.parts and (app / path).is_file()} <= set(wanted)
    modules = [path for folder in ("functions", "venv/lib") for path in (app / folder).rglob("*.py")]
    compiled = [path.parent / "__pycache__" / f"{path.stem}.cpython-313.pyc" for path in modules]
    assert len(compiled) > 3000
    # Flags 1: taken without a look at the source's time, which another tool's layer may have changed.
    assert [path for path in compiled if path.read_bytes()[4:8] != b"\1\0\0\0"] == []


def test_what_was_taken_out_is_not_missed(image: Image) -> None:
    """Everything that the functions import when they are first asked."""
    program = (
        "import boto3, cryptography, mutagen, numpy, pyarrow, pyarrow.parquet, requests, snowflake.connector\n"
        "import google.cloud.pubsub_v1, google.cloud.secretmanager\n"
        "boto3.client('sts', region_name='eu-west-1')\n"
        "from audiodup import wiring\n"
        "print(wiring.parts().pubsub.request_topic)\n"
        "table = pyarrow.table({'KEY': numpy.arange(9)})\n"
        "pyarrow.parquet.write_table(table, '/tmp/x.parquet')\n"
        "assert pyarrow.parquet.read_table('/tmp/x.parquet') == table\n"
    )
    done = image.run("python", "-c", program)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == json.loads((ROOT / "infra/pubsub.json").read_text())["topics"]["request"]


def stand_ins(processes: Processes, shared: Path) -> tuple[dict[str, str], Parts]:
    """A warehouse, and what a function in a container needs to reach it."""
    warehouse = start_warehouse(processes, processes.folder / "store")
    (shared / KEY).write_bytes(new_private_key()[0])
    environment = {**LOCAL_SETTINGS, **warehouse.environment, "SECRETS": str(shared), "SNOWFLAKE_PRIVATE_KEY": KEY}
    return environment, local_parts(environment, shared)


def rows(parts: Parts, sql: str) -> list[tuple[Any, ...]]:
    session = parts.session
    with session._lock:
        return [tuple(row) for row in session._execute(sql)]


def pushed(request: FingerprintRequest) -> dict[str, Any]:
    """What Pub/Sub sends."""
    data = base64.b64encode(request.encode()).decode()
    return {"message": {"messageId": "1", "data": data, "attributes": {}}, "subscription": "projects/p/subscriptions/s"}


def test_a_pushed_file_becomes_its_row(image: Image, audio: Audio, shared: Path, tmp_path: Path) -> None:
    """Downloaded, decoded and stored from inside; the fingerprint is what this machine's fpcalc gives."""
    library = tmp_path / "library"
    library.mkdir()
    for path in (
        audio.wav(30),
        audio.make("flac", seconds=30),
        audio.make("mp3", "-b:a", "128k", seconds=30),
        audio.make("m4a", "-c:a", "aac", seconds=30),
        audio.make("ogg", "-c:a", "libopus", seconds=30),
    ):
        (library / f"made{path.suffix}").symlink_to(path)
    for path in sorted((ROOT / ".cache/music").glob("*.ogg"))[:1]:
        (library / path.name).symlink_to(path)
    keys = sorted(path.name for path in library.iterdir())
    with Processes(tmp_path / "processes") as processes:
        environment, parts = stand_ins(processes, shared)
        config = ProviderConfig(folder=str(library), files=[(key, key, str(library / key)) for key in keys])
        provider = start_provider(processes, config)
        (shared / TOKEN).write_text(config.authorization)
        hosts = [f"{HOST}:{config.object_port}"]
        environment["PROVIDERS"] = json.dumps(
            {"local": {"url": provider.url_template, "secret": TOKEN, "hosts": hosts}}
        )
        container = Container(processes, image, "fingerprint", environment, [shared])
        for key in keys:
            asset = Asset(key, key, key.rpartition(".")[2], "local")
            started = time.monotonic()
            answer = requests.post(
                container.url, json=pushed(FingerprintRequest(asset, parts.store.clock())), timeout=120
            )
            print(f"{key}: {time.monotonic() - started:.2f} s")
            assert answer.status_code == 204, container.running.tail()
        print(f"{container.memory() / 1e6:.0f} MB after {len(keys)} files")
        # The file system is the instance's memory: a file left behind would stay there for good.
        assert [path.name for path in Path("/proc", str(container.first), "root", "tmp").iterdir()] == [shared.name]
        assert parts.store.merge()
        columns = "FILE_KEY, PROCESSING_STATUS, ERROR_MESSAGE, FINGERPRINT"
        found = rows(parts, f"SELECT {columns} FROM AUDIO_FINGERPRINT ORDER BY 1")
        heard = rows(parts, "SELECT BANDWIDTH FROM AUDIO_FILE")
        parts.store.close()
        container.terminate()
    assert [(key, status, error) for key, status, error, _ in found] == [(key, "SUCCESS", None) for key in keys]
    # ffmpeg did its part too.
    assert len(heard) == len(keys)
    assert all(bandwidth for (bandwidth,) in heard)
    for key, _, _, text in found:
        here = fingerprint(library / key)
        inside = Fingerprint(text, None, here.algorithm, here.seconds, "")
        print(f"{key}: {'equal' if text == here.text else agreement(inside, here)}")
        # Another version of FFmpeg decodes lossy files with other roundings.
        assert agreement(inside, here) > 0.99


def test_the_matcher_finds_a_duplicate(image: Image, shared: Path, tmp_path: Path) -> None:
    """Arrow, numpy and the connector's uploads work from inside."""
    with Processes(shared / "processes") as processes:
        environment, parts = stand_ins(processes, shared)
        shelf = Shelf(parts.store)
        shelf.put("original", music(1))
        shelf.put("copy", worn(music(1), 0.02, seed=5), codec="vorbis")
        container = Container(processes, image, "matcher", environment, [shared])
        answer = requests.post(container.url, timeout=120)
        parts.store.close()
        assert answer.status_code == 200, container.running.tail()
        container.terminate()
    assert answer.json()["found"] == {"SAME_CONTENT": 1}
