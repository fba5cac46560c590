"""Who builds the image: docker, podman or buildah, each a stand-in here that writes down what it was asked.

Building, logging in and pushing for real: test_image.py and test_deploy*.py.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from audiodup.errors import SettingsInvalid
from image.builder import Builder, ImageError, find_builder
from stack.processes import Processes

SCRIPT = Path(__file__).resolve().parents[2] / "scripts/build_image.py"


class Tools:
    """A folder that is the whole PATH: whatever this machine has, they find nothing but these."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "bin"
        self.folder.mkdir()
        self.log = folder / "asked"
        for name in ("cat", "mv", "seq", "sleep"):
            (self.folder / name).symlink_to(str(shutil.which(name)))

    def add(self, name: str, script: str = "") -> None:
        file = self.folder / name
        file.write_text(f'#!/bin/sh\nprintf "%s\\n" {name} "$@" >>{self.log}\n{script}\n')
        file.chmod(0o755)

    def asked(self) -> list[str]:
        """The arguments of the last command."""
        return self.log.read_text().splitlines()


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tools:
    """Three tools that are there and do not work."""
    tools = Tools(tmp_path)
    monkeypatch.setenv("PATH", str(tools.folder))
    monkeypatch.delenv("IMAGE_BUILD_ARGS", raising=False)
    for name in ("docker", "podman", "buildah"):
        tools.add(name, f"echo first >&2; echo {name} has no engine >&2; exit 1")
    return tools


def test_a_docker_client_without_an_engine_is_passed_over(tools: Tools) -> None:
    """It is on the PATH, and cannot build."""
    tools.add("buildah")
    assert find_builder() == Builder("buildah")
    tools.add("podman")
    assert find_builder() == Builder("podman")
    tools.add("docker")
    tools.log.unlink()
    assert find_builder() == Builder("docker")
    assert tools.asked() == ["docker", "info"]


def test_without_any_each_says_why(tools: Tools) -> None:
    """In one error."""
    tools.add("podman", "exit 5")
    (tools.folder / "buildah").unlink()
    with pytest.raises(ImageError) as caught:
        find_builder()
    first, docker, podman, buildah = caught.value.words.splitlines()
    assert "install docker, podman or buildah" in first
    assert docker == "docker: docker has no engine"
    assert podman == "podman: `podman info` ended with 5"
    assert buildah == "buildah: not installed"
    (tools.folder / "buildah").write_text("#!/nowhere\n")
    (tools.folder / "buildah").chmod(0o755)
    with pytest.raises(ImageError, match=r"buildah: .*No such file"):
        find_builder()


@pytest.mark.parametrize("name", ["docker", "podman", "buildah"])
def test_a_build_is_for_cloud_runs_machines(tools: Tools, tmp_path: Path, name: str) -> None:
    """From the Dockerfile of the context; buildah is told to keep its layers."""
    tools.add(name)
    Builder(name).build(tmp_path, "audiodup:x")
    layers = ["--layers"] if name == "buildah" else []
    assert tools.asked() == [
        *(name, "build", "--platform=linux/amd64", f"--file={tmp_path}/functions/Dockerfile", "--tag=audiodup:x"),
        *layers,
        str(tmp_path),
    ]


def test_a_fresh_build_takes_the_newest_base_and_nothing_from_before(tools: Tools, tmp_path: Path) -> None:
    """Else Debian's security updates would stay out as long as the Dockerfile is the same."""
    tools.add("docker")
    Builder("docker").build(tmp_path, "audiodup:x", fresh=True)
    assert tools.asked()[-3:] == ["--pull", "--no-cache", str(tmp_path)]


def test_a_machine_may_add_options(tools: Tools, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They come last, so that they win; quoted as in a shell."""
    tools.add("podman")
    monkeypatch.setenv("IMAGE_BUILD_ARGS", "--volume '/my certificates:/x:ro' --pull=never")
    Builder("podman").build(tmp_path, "audiodup:x", fresh=True)
    assert tools.asked()[-5:] == ["--no-cache", "--volume", "/my certificates:/x:ro", "--pull=never", str(tmp_path)]
    monkeypatch.setenv("IMAGE_BUILD_ARGS", "--volume '/my")
    with pytest.raises(SettingsInvalid, match="IMAGE_BUILD_ARGS: No closing quotation"):
        Builder("podman").build(tmp_path, "audiodup:x")


def test_a_password_is_never_an_argument(tools: Tools, tmp_path: Path) -> None:
    """Every user of the machine could read it; the tool gets all of it on stdin, and that is all."""
    tools.add("docker", f"cat >{tmp_path}/password")
    Builder("docker").login("registry.example.com", "me", "päss wörd")
    assert tools.asked() == ["docker", "login", "--username=me", "--password-stdin", "registry.example.com"]
    assert (tmp_path / "password").read_text(encoding="utf-8") == "päss wörd"


def test_what_the_tool_says_is_shown_as_it_comes_and_its_end_is_in_the_error(
    tools: Tools, capfd: pytest.CaptureFixture[str]
) -> None:
    """On stderr, so that stdout stays the result; bytes that are no text do no harm."""
    tools.add("docker", "for line in $(seq 20); do echo $line; done; printf '\\377 denied\\n' >&2; exit 4")
    with pytest.raises(ImageError) as caught:
        Builder("docker").push("registry.example.com/x:1")
    shown = capfd.readouterr()
    assert shown.out == ""
    assert [line[-6:] for line in shown.err.splitlines()] == [*map(str, range(1, 21)), "denied"]
    assert "denied\n  Check the reference's host" in caught.value.words
    assert "20" not in caught.value.words, "the rest was shown already"


def test_a_tool_that_does_not_read_its_password_fails_by_its_status(tools: Tools) -> None:
    """Not by a broken pipe."""
    tools.add("docker", "exec <&-; echo no such host; exit 1")
    with pytest.raises(ImageError, match="no such host"):
        Builder("docker").login("registry.example.com", "me", "x" * 1_000_000)


def test_an_image_that_is_not_there_has_no_size(tools: Tools) -> None:
    """docker says nothing and exits 0, the others exit 125."""
    tools.add("docker")
    tools.add("podman", "exit 125")
    tools.add("buildah", "echo 650 MB")
    for name in ("docker", "podman"):
        with pytest.raises(ImageError, match=f"{name} has no image audiodup:x"):
            Builder(name).size("audiodup:x")
    assert Builder("buildah").size("audiodup:x") == "650 MB"


def build(tools: Tools, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`make image`."""
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_the_command_line_ends_with_one_line_where_nothing_can_build(tools: Tools) -> None:
    """And the exit code of what is out of reach."""
    done = build(tools, "--json")
    assert (done.returncode, done.stdout) == (3, "")
    assert "docker: docker has no engine" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_command_line_calls_unreadable_options_wrong_usage(tools: Tools) -> None:
    """They are the user's own words."""
    tools.add("docker")
    done = build(tools, IMAGE_BUILD_ARGS="'")
    assert done.returncode == 2
    assert "SETTINGS_INVALID: IMAGE_BUILD_ARGS" in done.stderr
    assert build(tools, "--tag").returncode == 2


def test_the_command_line_prints_reference_and_size(tools: Tools) -> None:
    """What a person then gives to `push` or `run`."""
    tools.add("docker", '[ "$1" = images ] && echo 650MB; echo building >&2')
    done = build(tools, "--reference", "mine:1", "--fresh")
    assert (done.returncode, done.stdout) == (0, "mine:1  650MB\n")
    assert "building" in done.stderr
    assert {"--tag=mine:1", "--no-cache"} <= set(tools.asked())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_build_that_is_stopped_leaves_nothing(tools: Tools, tmp_path: Path, number: signal.Signals) -> None:
    """Not the tool, which would go on without its context, and not the context."""
    tools.add(
        "docker",
        f'[ "$1" = info ] && exit; echo $$ >{tmp_path}/pid; mv {tmp_path}/pid {tmp_path}/begun; exec sleep 300',
    )
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    with Processes(tmp_path / "logs") as processes:
        running = processes.start("build", [sys.executable, str(SCRIPT)], env={"TMPDIR": str(temporary)})
        running.wait_until((tmp_path / "begun").exists)
        assert len(list(temporary.iterdir())) == 1
        os.kill(running.pid, number)
        end = time.monotonic() + 30
        while running.alive and time.monotonic() < end:
            time.sleep(0.02)
        assert running._process.wait(timeout=1) == 130, running.tail()
        tool = int((tmp_path / "begun").read_text())
        with pytest.raises(ProcessLookupError):
            os.kill(tool, 0)
    assert list(temporary.iterdir()) == []
    assert "Stopped" in running.tail()
