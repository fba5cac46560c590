"""Terraform over infra/, with the provider where a registry is in reach, otherwise with its schema alone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
INFRA = ROOT / "infra"
# Serves the provider's schema on a socket: enough for validate, and for test with a mocked provider.
STAND_IN = ROOT.parent / "shared" / "terraform" / "offline_google.py"


@dataclass(frozen=True)
class Terraform:
    """How terraform is run on a copy of infra/, so that nothing is left in the checkout."""

    infra: Path
    prefix: tuple[str, ...]

    def run(self, root: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run terraform in a root, as `.` or `bootstrap`."""
        return _run([*self.prefix, "terraform", f"-chdir={self.infra / root}", *arguments])

    def plans(self, root: str) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """The resources that each `run` of a root's tests plans to make: address, type and planned values."""
        done = self.run(root, "test", "-json", "-verbose")
        messages = [json.loads(line) for line in done.stdout.splitlines()]
        assert done.returncode == 0, "\n".join(
            f"{message['@message']} {message['diagnostic'].get('detail', '')}"
            for message in messages
            if message["type"] == "diagnostic"
        )
        return {
            message["@testrun"]: [
                {"address": change["address"], "type": change["type"], **change["change"]["after"]}
                for change in message["test_plan"]["resource_changes"]
            ]
            for message in messages
            if message["type"] == "test_plan"
        }


def set_up_terraform(folder: Path) -> Terraform:
    """Copy infra/ into the folder and initialise it, or skip where no provider can be had."""
    if shutil.which("terraform") is None:
        pytest.skip("terraform is not on the PATH")
    infra = folder / "infra"
    shutil.copytree(INFRA, infra, ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*", "*.tfvars"))
    for prefix in ((), (sys.executable, str(STAND_IN), "--")):
        if prefix and not STAND_IN.exists():
            continue
        terraform = Terraform(infra, prefix)
        done = [
            terraform.run(root, "init", "-backend=false", "-input=false", "-no-color") for root in (".", "bootstrap")
        ]
        words = "".join(process.stderr for process in done)
        if not words:
            return terraform
        # Anything but a provider that is out of reach is a mistake in the configuration.
        assert "Failed to query available provider packages" in words, words
    pytest.skip("terraform finds no google provider: no registry is in reach")


def _run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1"}
    # A configuration that is named and missing is a warning on each call.
    if not Path(environment.get("TF_CLI_CONFIG_FILE", os.devnull)).exists():
        environment["TF_CLI_CONFIG_FILE"] = os.devnull
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
