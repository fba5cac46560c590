"""infra/ and the image before checkov's rules. What is passed over says why where it stands.

checkov has a hundred dependencies that clash with ours, so it has a lock and an environment of its own.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
INFRA = ROOT / "infra"
ENVIRONMENT = ROOT / ".cache" / "checkov"
LOCK = INFRA / "requirements-checkov.lock"
KINDS = ("passed", "failed", "skipped")
PLANTED = """
resource "google_storage_bucket" "public" {
  name                     = "public"
  location                 = "EU"
  public_access_prevention = "inherited"
}

resource "google_pubsub_topic" "no_reason" {
  # checkov:skip=CKV_GCP_83:
  name = "no-reason"
}
"""


@pytest.fixture(scope="module")
def checkov() -> list[str]:
    """The command; its environment is made anew when the lock or this Python is another (36 MB to download)."""
    stamp = ENVIRONMENT / "made-from"
    wanted = f"{sys.base_prefix} {sys.version}\n{LOCK.read_text()}"
    if not stamp.exists() or stamp.read_text() != wanted:
        uv = Path(sys.executable).with_name("uv")
        _or_skip([uv, "venv", "--quiet", "--clear", "--python", sys.executable, ENVIRONMENT])
        _or_skip([uv, "pip", "sync", "--quiet", "--python", ENVIRONMENT, "--require-hashes", LOCK])
        stamp.write_text(wanted)
    return [str(ENVIRONMENT / "bin" / "python"), "-m", "checkov.main"]


@pytest.fixture(scope="module")
def results(checkov: list[str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    """What it says of what is there, and of a planted file with mistakes: one run, since it takes seconds to start."""
    folder = tmp_path_factory.mktemp("scanned")
    shutil.copytree(INFRA, folder / "infra", ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*", "*.tfvars"))
    (folder / "functions").mkdir()
    shutil.copy(ROOT / "functions" / "Dockerfile", folder / "functions")
    (folder / "planted").mkdir()
    (folder / "planted" / "main.tf").write_text(PLANTED)
    frameworks = ["--framework", "terraform", "dockerfile"]
    command = [*checkov, "--directory", str(folder), *frameworks, "--skip-download", "--output", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1, f"the planted mistakes are findings: {done.stdout[-500:]} {done.stderr[-500:]}"
    reports = json.loads(done.stdout)
    assert {report["check_type"] for report in reports} == {"terraform", "dockerfile"}
    assert not any(report["summary"]["parsing_errors"] for report in reports)
    return {kind: [check for report in reports for check in report["results"][f"{kind}_checks"]] for kind in KINDS}


def found(results: dict[str, list[dict[str, Any]]], kind: str, *folders: str) -> Iterator[tuple[str, str, str]]:
    """Rule, file and resource, with the reason of what is skipped."""
    for check in results[kind]:
        path = check["file_path"]
        if path.split("/")[1] in folders:
            what = check["check_result"].get("suppress_comment") if kind == "skipped" else check["check_name"]
            yield check["check_id"], f"{path} {check['resource']}", what or ""


def test_nothing_is_found(results: dict[str, list[dict[str, Any]]]) -> None:
    """Mend it, or write `# checkov:skip=RULE: why` into the block."""
    assert not list(found(results, "failed", "infra", "functions"))
    looked_at = {where.split()[0] for _, where, _ in found(results, "passed", "infra", "functions")}
    assert {"/infra/iam.tf", "/infra/bootstrap/state.tf", "/functions/Dockerfile"} <= looked_at


def test_each_skip_is_justified(results: dict[str, list[dict[str, Any]]]) -> None:
    """Where it stands, in words."""
    unjustified = [skip for skip in found(results, "skipped", "infra", "functions", "planted") if len(skip[2]) < 20]
    assert [(rule, where.split()[0]) for rule, where, _ in unjustified] == [("CKV_GCP_83", "/planted/main.tf")]


def test_a_public_bucket_is_found(results: dict[str, list[dict[str, Any]]]) -> None:
    """The rules are there without checkov's own server."""
    rules = {rule for rule, _, _ in found(results, "failed", "planted")}
    assert {"CKV_GCP_114", "CKV_GCP_29"} <= rules


def _or_skip(command: list[str | Path]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        words = f"checkov cannot be installed: {' '.join(done.stderr.split())[:300]}"
        if os.environ.get("CI") == "true":
            pytest.fail(words)
        pytest.skip(words)
