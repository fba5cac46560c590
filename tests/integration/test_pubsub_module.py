"""infra/modules/pubsub, applied to the Pub/Sub emulator by the provider itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.parts import require_emulator
from tests.terraform import Terraform, set_up_terraform

from stack.emulator import Emulator, start_emulator
from stack.processes import HOST, Processes

ROOT_MODULE = """
variable "address" { type = string }

locals { pubsub = jsondecode(file("${path.module}/../pubsub.json")) }

provider "google" {
  project                = "emulated"
  access_token           = "none"
  pubsub_custom_endpoint = "http://${var.address}/v1/"
}

module "pubsub" {
  source                = "../modules/pubsub"
  topics                = local.pubsub.topics
  subscriptions         = local.pubsub.subscriptions
  times                 = local.pubsub.local
  dead_letter_retention = "${local.pubsub.local.dead_letter_retention_seconds}s"
  push = {
    request_push     = { endpoint = "http://127.0.0.1:9/request" }
    dead_letter_push = { endpoint = "http://127.0.0.1:9/dead" }
  }
}
"""


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[Emulator]:
    require_emulator()
    with Processes(tmp_path / "logs") as processes:
        yield start_emulator(processes)


@pytest.fixture
def terraform(tmp_path: Path) -> Terraform:
    terraform = set_up_terraform(tmp_path)
    if terraform.prefix:
        pytest.skip("the provider itself is not here: no registry is in reach")
    root = terraform.infra / "emulated"
    root.mkdir()
    (root / "main.tf").write_text(ROOT_MODULE)
    assert terraform.run("emulated", "init", "-input=false").returncode == 0
    return terraform


def test_module_applies_to_the_emulator(
    terraform: Terraform, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Made, unchanged by a second plan, as pubsub.json says, and gone again."""
    from google.cloud import pubsub_v1

    variables = ["-input=false", f"-var=address={emulator.address}"]
    done = terraform.run("emulated", "apply", "-auto-approve", *variables)
    assert done.returncode == 0, done.stderr
    done = terraform.run("emulated", "plan", "-detailed-exitcode", *variables)
    assert done.returncode == 0, done.stdout

    config = json.loads((terraform.infra / "pubsub.json").read_text())
    limits = config["local"]
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", emulator.address)
    with pubsub_v1.SubscriberClient() as client:
        found = {
            each.name.rsplit("/", 1)[1]: each
            for each in client.list_subscriptions(request={"project": "projects/emulated"})
        }
    assert set(found) == set(config["subscriptions"].values())
    requests = found[config["subscriptions"]["request_push"]]
    assert requests.dead_letter_policy.dead_letter_topic.endswith(config["topics"]["dead_letter"])
    assert requests.dead_letter_policy.max_delivery_attempts == limits["max_delivery_attempts"]
    assert requests.retry_policy.minimum_backoff.total_seconds() == limits["minimum_backoff_seconds"]
    assert requests.retry_policy.maximum_backoff.total_seconds() == limits["maximum_backoff_seconds"]
    assert requests.ack_deadline_seconds == limits["ack_deadline_seconds"]
    assert requests.push_config.push_endpoint == f"http://{HOST}:9/request"
    assert not requests.push_config.oidc_token.service_account_email

    done = terraform.run("emulated", "destroy", "-auto-approve", *variables)
    assert done.returncode == 0, done.stderr
    with pubsub_v1.PublisherClient() as client:
        assert not list(client.list_topics(request={"project": "projects/emulated"}))
