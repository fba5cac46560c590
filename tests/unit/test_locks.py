"""The locks hold a hash for everything, no address, and what pyproject.toml asks for."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
RUNTIME = PYPROJECT["project"]["dependencies"]
EXTRAS = [requirement for extra in PYPROJECT["project"]["optional-dependencies"].values() for requirement in extra]
BUILD = PYPROJECT["build-system"]["requires"]


@dataclass(frozen=True)
class Entry:
    """One pinned package of a lock; a universal lock may pin one package twice, for different machines."""

    requirement: Requirement
    hashes: tuple[str, ...]

    @property
    def name(self) -> str:
        return canonicalize_name(self.requirement.name)

    @property
    def version(self) -> str:
        return str(self.requirement.specifier).removeprefix("==")


def read_lock(text: str) -> list[Entry]:
    """The entries of a lock as `uv pip compile --generate-hashes` writes it."""
    lines = re.sub(r"\\\n", " ", text).splitlines()
    entries = []
    for line in lines:
        if line.strip() and not line.lstrip().startswith("#"):
            requirement, *hashes = re.split(r"\s--hash=", line)
            entries.append(Entry(Requirement(requirement), tuple(item.strip() for item in hashes)))
    return entries


def unsatisfied(requirements: list[str], entries: list[Entry]) -> list[str]:
    """The requirements that a machine which installs these entries would not have."""
    missing = []
    for text in requirements:
        wanted = Requirement(text)
        pins = [entry for entry in entries if entry.name == canonicalize_name(wanted.name)]
        if not pins or not all(wanted.specifier.contains(pin.version, prereleases=True) for pin in pins):
            missing.append(text)
    return missing


def addresses(text: str) -> list[str]:
    """Lines that name where a package comes from: that differs from machine to machine and is nobody's business."""
    return [
        line
        for line in text.splitlines()
        if re.search(r"://|@ |--(extra-)?index-url|--find-links|--trusted-host", line)
    ]


@pytest.fixture(params=["requirements.lock", "requirements-dev.lock", "infra/requirements-checkov.lock"])
def lock(request: pytest.FixtureRequest) -> str:
    """The text of each lock."""
    return (ROOT / request.param).read_text()


def test_every_entry_is_pinned_and_has_hashes(lock: str) -> None:
    """`pip install --require-hashes` takes it."""
    entries = read_lock(lock)
    assert len(entries) > 20
    assert not [entry.name for entry in entries if not re.fullmatch(r"==[^*,]+", str(entry.requirement.specifier))]
    assert not [entry.name for entry in entries if not entry.hashes]
    assert not [
        entry.name for entry in entries for hash_ in entry.hashes if not re.fullmatch(r"sha256:[0-9a-f]{64}", hash_)
    ]


def test_no_lock_names_an_address(lock: str) -> None:
    """No registry's host gets into a commit."""
    assert not addresses(lock)


def test_the_runtime_lock_satisfies_the_dependencies() -> None:
    """After a change of pyproject.toml: `make lock`."""
    assert not unsatisfied(RUNTIME, read_lock((ROOT / "requirements.lock").read_text()))


def test_the_development_lock_satisfies_everything() -> None:
    """The extras and the build backend too, since `.venv` is made from it alone."""
    assert not unsatisfied(RUNTIME + EXTRAS + BUILD, read_lock((ROOT / "requirements-dev.lock").read_text()))


def test_what_is_tested_is_what_runs() -> None:
    """The development lock pins everything that the image has to the same version."""
    runtime, development = (
        {(entry.name, entry.version) for entry in read_lock((ROOT / name).read_text())}
        for name in ("requirements.lock", "requirements-dev.lock")
    )
    assert runtime <= development


def test_the_rules_can_fail() -> None:
    """Each of them finds what it is for."""
    alpha_text = "alpha==1.0 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n    # via x\n"
    alpha, beta = read_lock(f"{alpha_text}beta==2.0 ; sys_platform == 'win32'\n")
    assert (alpha.name, alpha.version, alpha.hashes) == ("alpha", "1.0", ("sha256:aa", "sha256:bb"))
    assert (beta.name, beta.version, beta.hashes) == ("beta", "2.0", ())
    assert unsatisfied(["Alpha>=1", "beta[server]>=3", "gamma"], [alpha, beta]) == ["beta[server]>=3", "gamma"]
    assert addresses("alpha @ file:///x\n--index-url x\nbeta==1\n") == ["alpha @ file:///x", "--index-url x"]
