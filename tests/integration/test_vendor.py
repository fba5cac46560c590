"""The script of others that the page uses is the one in its npm package, unchanged."""

from __future__ import annotations

import filecmp
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
VENDOR = ROOT / "functions" / "audiodup" / "pages" / "static" / "vendor"


def test_what_is_vendored_is_what_the_package_holds(tmp_path: Path) -> None:
    """Nobody has mended it here, where the next version would lose that."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed: the vendored script is not compared with its package")
    command = [ROOT / "scripts" / "vendor" / "vendor.sh", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    if done.returncode and os.environ.get("CI") != "true":
        pytest.skip("no npm registry in reach: the vendored script is not compared with its package")
    assert done.returncode == 0, done.stderr
    names = sorted(path.name for path in VENDOR.iterdir())
    assert names == sorted(path.name for path in tmp_path.iterdir())
    assert filecmp.cmpfiles(VENDOR, tmp_path, names, shallow=False)[0] == names


def test_the_lock_names_no_registry() -> None:
    lock = json.loads((ROOT / "scripts" / "vendor" / "package-lock.json").read_text())
    assert not [name for name, package in lock["packages"].items() if "resolved" in package]
    assert lock["packages"]["node_modules/wavesurfer.js"]["integrity"].startswith("sha512-")
