"""`make deploy` with a real registry, buildah and Terraform: what is built, pushed and applied, and what is not."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.checkout import SERVICES, Checkout
from tests.processor import wait_until
from tests.registry import (
    Registry,
    RegistryOptions,
    buildah_environment,
    require_terraform,
    start_registry,
)

from stack.processes import Processes

SLOW = """
resource "terraform_data" "slow" {
  depends_on = [terraform_data.service]
  provisioner "local-exec" {
    command = "touch started; exec sleep 100"
  }
}
"""


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    with Processes(tmp_path_factory.mktemp("stack")) as running:
        yield running


@pytest.fixture(scope="module")
def registry(processes: Processes, tmp_path_factory: pytest.TempPathFactory) -> Registry:
    return start_registry(processes, tmp_path_factory.mktemp("registry") / "registry")


@pytest.fixture(scope="module")
def buildah(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return buildah_environment(tmp_path_factory.mktemp("buildah") / "buildah")


@pytest.fixture
def checkout(registry: Registry, buildah: dict[str, str], tmp_path: Path) -> Checkout:
    """A checkout with an empty repository of its own."""
    require_terraform()
    return Checkout(tmp_path / "checkout", f"{registry.host}/project/{tmp_path.name.strip('_').lower()}", buildah)


def test_the_image_is_built_and_pushed_once_and_its_digest_deployed(checkout: Checkout, registry: Registry) -> None:
    """Absent: built. Again: not built, and nothing to apply. The tag's digest is the one that Terraform got."""
    first = checkout.deployed()
    assert first.built
    assert first.image == f"{checkout.image}@{registry.digest(checkout.path, first.tag)}"
    assert checkout.resources == {
        "fingerprint": first.image,
        "scheduler": first.image,
        "topic": "requests",
    }
    again = checkout.deployed()
    assert (again.image, again.tag, again.built) == (first.image, first.tag, False)
    assert "already in the registry" in again.said
    assert "No changes." in again.said
    assert registry.pushes(checkout.path) == 1


def test_one_changed_byte_changes_exactly_the_services(checkout: Checkout, registry: Registry) -> None:
    """And changed back it is the image from before, which nobody builds again."""
    first = checkout.deployed()
    checkout.change()
    second = checkout.deployed()
    assert second.built
    assert second.tag != first.tag
    assert "0 added, 2 changed, 0 destroyed" in second.said
    assert set(checkout.resources.values()) == {second.image, "requests"}
    source = checkout.folder / "functions/main.py"
    source.write_text(source.read_text()[:-1])
    assert checkout.deployed().image == first.image
    assert registry.pushes(checkout.path) == 2


def test_what_is_not_in_the_image_does_not_change_it(checkout: Checkout) -> None:
    """Another README is no reason for new instances."""
    first = checkout.deployed()
    (checkout.folder / "README.md").write_text("new")
    assert not checkout.deployed().built
    assert checkout.resources["scheduler"] == first.image


def test_rebuild_pushes_again_under_the_same_tag(checkout: Checkout, registry: Registry) -> None:
    """The base image's security updates: the sources have not changed, the digest has."""
    first = checkout.deployed()
    rebuilt = checkout.deployed("--rebuild")
    assert (rebuilt.built, rebuilt.tag) == (True, first.tag)
    assert rebuilt.digest == registry.digest(checkout.path, first.tag) != first.digest
    assert "0 added, 2 changed, 0 destroyed" in rebuilt.said
    assert checkout.deployed().image == rebuilt.image


def test_an_image_that_is_there_is_rolled_back_to_without_building(checkout: Checkout, registry: Registry) -> None:
    """No builder is needed, and the sources of the day do not matter."""
    first = checkout.deployed()
    checkout.change()
    checkout.deployed()
    checkout.program("buildah", "exit 1")
    back = checkout.deployed("--image", first.image)
    assert (back.image, back.tag, back.built) == (first.image, None, False)
    assert set(checkout.resources.values()) == {first.image, "requests"}
    assert registry.pushes(checkout.path) == 2


def test_an_image_that_is_not_there_is_not_rolled_back_to(checkout: Checkout) -> None:
    """Said before Terraform begins, not by a service that does not start."""
    run = checkout.deploy("--yes", "--image", f"{checkout.image}@sha256:{'0' * 64}")
    assert run.status == 3
    assert f"has no {checkout.path}@sha256:000" in run.stderr
    assert run.stderr.count("\n") == 1
    assert not checkout.state.exists()


def test_a_tag_whose_manifest_is_gone_is_built_again(checkout: Checkout, registry: Registry) -> None:
    """Its name alone starts no service."""
    first = checkout.deployed()
    registry.lose_manifest(first.digest)
    assert registry.digest(checkout.path, first.tag) is None
    again = checkout.deployed()
    assert again.built
    assert registry.digest(checkout.path, first.tag) == again.digest


def test_plan_applies_nothing(checkout: Checkout, registry: Registry) -> None:
    """The image is there afterwards, so that the plan is the one that an apply would make."""
    run = checkout.deploy("--plan")
    assert run.status == 0
    assert "Plan: 3 to add" in run.stdout
    assert not checkout.state.exists()
    assert registry.pushes(checkout.path) == 1


@pytest.mark.parametrize(("answer", "status", "words"), [("yes", 0, "Apply complete!"), ("no", 1, "Apply cancelled.")])
def test_terraform_asks_before_it_applies(checkout: Checkout, answer: str, status: int, words: str) -> None:
    """Its question, its answer and its words; a no is no success."""
    run = checkout.deploy(stdin=f"{answer}\n")
    assert run.status == status
    assert words in run.stdout
    assert "\x1b" not in run.stdout
    assert ("terraform apply ended with status 1" in run.stderr) == (status == 1)


def test_json_lines_are_all_that_is_on_stdout(checkout: Checkout) -> None:
    """Also where Terraform fails, whose status the summary has."""
    with (checkout.folder / "infra/main.tf").open("a") as file:
        file.write('resource "terraform_data" "never" {\n  lifecycle {\n    precondition {\n')
        file.write('      condition     = var.image == ""\n      error_message = "never"\n    }\n  }\n}\n')
    run = checkout.deploy("--yes", "--json")
    assert run.status == 1
    assert len(run.records) == 1
    assert run.summary["status"] == 1
    assert "never" in run.stderr


def test_a_push_that_fails_names_the_repository_that_may_be_missing(
    checkout: Checkout, processes: Processes, tmp_path: Path
) -> None:
    """Whether a repository is missing, or only its image, a registry does not say when it is asked."""
    closed = start_registry(processes, tmp_path / "closed", RegistryOptions(read_only=True))
    checkout.repository = f"{closed.host}/project/audiodup"
    run = checkout.deploy("--yes")
    assert run.status == 3
    assert "apply infra/bootstrap first" in run.stderr
    assert not checkout.state.exists()


@pytest.fixture(params=[signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def stop(request: pytest.FixtureRequest) -> Callable[[int], None]:
    """Ctrl-C goes to all at the terminal, SIGTERM to the one process."""
    number = request.param
    return lambda process: (os.killpg if number is signal.SIGINT else os.kill)(process, number)


def test_terraform_ends_before_a_stopped_deploy_does(checkout: Checkout, stop: Callable[[int], None]) -> None:
    """The state is saved, and its lock free."""
    with (checkout.folder / "infra/main.tf").open("a") as file:
        file.write(SLOW)
    with checkout.started("--yes") as process:
        wait_until((checkout.folder / "infra/started").exists)
        stop(process.pid)
        run = checkout.ended(process)
    assert run.status == 130, run.stderr
    assert "Interrupt received" in run.stdout
    assert "Stopped." in run.stderr
    assert "Traceback" not in run.stderr
    # The services were made before, and the next command finds them in the state and gets its lock.
    (checkout.folder / "infra/main.tf").write_text(SERVICES)
    assert len(checkout.resources) == 4
    assert "0 added, 0 changed, 1 destroyed" in checkout.deployed().said


def test_ctrl_c_is_not_passed_on(checkout: Checkout) -> None:
    """Terraform has it from the terminal; told twice, it would exit at once and save nothing. This one notes it."""
    checkout.program(
        "terraform",
        """[ "$2" = init ] && exit
        trap 'echo told >>"$HOME/told"' INT TERM
        echo $$ >"$HOME/terraform"
        until [ -e "$HOME/both" ]; do sleep 0.05; done
        sleep 0.5
        exit 1""",
    )
    pid, told, both = (checkout.folder / name for name in ("terraform", "told", "both"))
    with checkout.started("--yes") as process:
        wait_until(lambda: pid.exists() and pid.read_text().endswith("\n"))
        os.kill(int(pid.read_text()), signal.SIGINT)
        wait_until(told.exists)
        os.kill(process.pid, signal.SIGINT)
        both.touch()
        run = checkout.ended(process)
    assert run.status == 130
    assert told.read_text() == "told\n"


def test_a_stopped_build_leaves_nothing_behind(checkout: Checkout, stop: Callable[[int], None]) -> None:
    """No context among the temporary files, and nothing applied."""
    checkout.program("buildah", 'case $1 in info) ;; *) touch "$HOME/building"; exec sleep 100 ;; esac')
    with checkout.started("--yes") as process:
        wait_until((checkout.folder / "building").exists)
        stop(process.pid)
        run = checkout.ended(process)
    assert run.status == 130
    assert "Traceback" not in run.stderr
    assert not checkout.state.exists()
