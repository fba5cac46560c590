"""What `make deploy` says before it does anything: wrong usage, missing programs, a folder that is no checkout."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.checkout import Checkout
from tests.loopback import serving
from tests.registry import require_terraform

from stack.processes import HOST, free_port

PINNED = f"europe-west1-docker.pkg.dev/my-project/audiodup/audiodup@sha256:{'5f' * 32}"


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """Its registry is away, and there is no builder: what is asked of them is said too."""
    checkout = Checkout(tmp_path / "checkout", f"{HOST}:{free_port()}/project/audiodup", {})
    checkout.program("buildah", "exit 1")
    return checkout


def refused(checkout: Checkout, *arguments: str, status: int) -> str:
    """What it says in one line, having done nothing."""
    run = checkout.deploy(*arguments)
    assert run.status == status, run.stderr
    assert run.stdout == ""
    assert run.stderr.count("\n") == 1
    assert not checkout.state.exists()
    return run.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--repository", "https://europe-west1-docker.pkg.dev/p/r"), "HOST/PROJECT/REPO is wanted"),
        (("--repository", "europe-west1-docker.pkg.dev/P/r"), "lower case"),
        (("--repository", "europe-west1-docker.pkg.dev/p/r:latest"), "without scheme, tag and digest"),
        (("--repository", ""), "REPOSITORY is missing"),
        (("--image", "europe-west1-docker.pkg.dev/p/r/audiodup:latest"), "named by its digest"),
        (("--image", PINNED, "--rebuild"), "--rebuild builds"),
        (("--plan", "--yes"), "--plan applies nothing"),
    ],
)
def test_wrong_usage_is_one_line(checkout: Checkout, arguments: tuple[str, ...], words: str) -> None:
    """Exit code 2, and the form that is wanted."""
    assert words in refused(checkout, *arguments, status=2)


def test_the_environments_repository_is_held_to_the_same_form(checkout: Checkout) -> None:
    """`make deploy REPOSITORY=...` comes that way."""
    checkout.repository = "my-project/audiodup"
    assert "HOST/PROJECT/REPO is wanted" in refused(checkout, status=2)


def test_without_terraform_it_is_named(checkout: Checkout) -> None:
    """Before anything is built."""
    checkout.environment["PATH"] = str(checkout.programs)
    assert "terraform is not installed" in refused(checkout, status=3)


def test_a_registry_that_is_away_is_named(checkout: Checkout) -> None:
    """It is no reason to build."""
    require_terraform()
    assert f"{checkout.repository.partition('/')[0]} cannot be asked" in refused(checkout, "--yes", status=3)


def test_a_terraform_that_does_not_start_says_why(checkout: Checkout) -> None:
    """Its own words follow; the first time it is the bucket that is missing."""
    require_terraform()
    (checkout.folder / "infra/backend.tf").write_text('terraform {\n  backend "none" {}\n}\n')
    run = checkout.deploy("--yes")
    assert run.status == 3
    assert "-backend-config=bucket=NAME" in run.stderr
    assert 'There is no backend type named "none"' in run.stderr


def test_a_folder_that_is_no_checkout_is_named(checkout: Checkout) -> None:
    """The file that is missing, and no traceback."""
    require_terraform()
    (checkout.folder / "requirements.lock").unlink()
    assert "requirements.lock: No such file or directory" in refused(checkout, "--yes", status=3)


def test_a_gcloud_that_is_signed_out_ends_it(checkout: Checkout) -> None:
    """For an image that is there already, too."""
    require_terraform()
    checkout.program("gcloud", 'echo "ERROR: (gcloud) You are not signed in." >&2; exit 1')
    assert "You are not signed in. Run `gcloud auth login`" in refused(checkout, "--image", PINNED, status=3)


@pytest.mark.parametrize(
    ("buildah", "words"),
    [("exit 1", "install docker, podman or buildah"), ("exit 0", "was pushed, and")],
)
def test_an_image_that_does_not_come_to_be_is_not_deployed(checkout: Checkout, buildah: str, words: str) -> None:
    """No builder works here; or one says that all is well, and the registry still has nothing."""
    require_terraform()
    checkout.program("buildah", buildah)
    with serving() as registry:
        checkout.repository = f"{HOST}:{registry.port}/project/audiodup"
        run = checkout.deploy("--yes")
    assert run.status == 3
    assert words in run.stderr
    assert "Traceback" not in run.stderr
    assert not checkout.state.exists()
