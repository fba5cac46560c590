"""infra/: what a plan holds, whatever its resources are called. The values themselves are in infra/tests/."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.terraform import INFRA, ROOT, Terraform, set_up_terraform

from audiodup.pubsub import read_pubsub_config
from audiodup.settings import Settings

Plan = Sequence[Mapping[str, Any]]

PROJECT = "my-project"
AGENT = "serviceAccount:service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com"
CALLED = ("scheduler", "fingerprint", "dead_letter", "matcher")
FUNCTIONS = (*CALLED, "review")
IAP = "serviceAccount:service-123456789012@gcp-sa-iap.iam.gserviceaccount.com"
REVIEWERS = ("group:music-editors@example.com", "user:ann@example.com")
# What the function's own settings would make of an environment that is not the plan's.
FOREIGN = ("FUNCTION_SOURCE", "FUNCTION_TARGET")


@pytest.fixture(scope="module")
def terraform(tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    return set_up_terraform(tmp_path_factory.mktemp("terraform"))


@pytest.fixture(scope="module")
def plans(terraform: Terraform) -> Mapping[str, Plan]:
    """Both plans of infra/tests/plan.tftest.hcl; that all of infra/tests passes is asserted on the way."""
    return terraform.plans(".")


@pytest.fixture(params=["defaults", "everything"])
def plan(request: pytest.FixtureRequest, plans: Mapping[str, Plan]) -> Plan:
    return plans[request.param]


def of_type(plan: Plan, kind: str) -> list[Mapping[str, Any]]:
    return [resource for resource in plan if resource["type"] == kind]


def key(resource: Mapping[str, Any]) -> str:
    """What stands in the brackets of an address."""
    return re.search(r'\["(.+)"\]$', resource["address"])[1]  # type: ignore[index]


def environment(service: Mapping[str, Any]) -> dict[str, str]:
    return {variable["name"]: variable["value"] for variable in service["template"][0]["containers"][0]["env"]}


def account(name: str, *, caller: bool = False) -> str:
    return f"audiodup-{'call-' if caller else ''}{name.replace('_', '-')}@{PROJECT}.iam.gserviceaccount.com"


def texts(value: Any) -> Iterator[str]:
    """Every text in a plan."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from texts(inner)
    elif isinstance(value, Sequence):
        for inner in value:
            yield from texts(inner)


@pytest.mark.parametrize("root", [".", "bootstrap", "modules/pubsub"])
def test_configuration_is_valid(terraform: Terraform, root: str) -> None:
    """By the provider's own schema."""
    if root == "modules/pubsub":
        assert terraform.run(root, "init", "-backend=false", "-input=false").returncode == 0
    done = terraform.run(root, "validate", "-json")
    answer = json.loads(done.stdout)
    assert answer["valid"], answer["diagnostics"]
    assert answer["warning_count"] == 0, answer["diagnostics"]


def test_configuration_is_formatted(terraform: Terraform) -> None:
    """Ours; the reader's terraform.tfvars is not in the copy."""
    done = terraform.run(".", "fmt", "-check", "-recursive")
    assert done.returncode == 0, f"terraform fmt -recursive infra: {done.stdout}"


def test_bootstrap_tests_pass(terraform: Terraform) -> None:
    assert terraform.plans("bootstrap")


def test_protection_is_of_all_that_would_be_missed(plans: Mapping[str, Plan]) -> None:
    """`terraform destroy` would take the queue and the accounts before it came to a protected service."""
    missed = (
        "google_pubsub_topic",
        "google_pubsub_subscription",
        "google_service_account",
        "google_cloud_scheduler_job",
    )
    for name, policy in (("defaults", "DELETE"), ("everything", "PREVENT")):
        for kind in missed:
            assert {each["deletion_policy"] for each in of_type(plans[name], kind)} == {policy}, kind


def test_only_services_know_the_image(plans: Mapping[str, Plan]) -> None:
    """So another digest changes exactly the services."""
    [image] = {service["template"][0]["containers"][0]["image"] for service in _services(plans["defaults"]).values()}
    knowing = {resource["type"] for resource in plans["defaults"] if image in list(texts(resource))}
    assert knowing == {"google_cloud_run_v2_service"}


def test_no_subscription_expires(plan: Plan) -> None:
    subscriptions = of_type(plan, "google_pubsub_subscription")
    assert len(subscriptions) == 3
    for subscription in subscriptions:
        assert subscription["expiration_policy"] == [{"ttl": ""}], subscription["name"]


def test_requests_have_dead_letters_that_are_kept(plan: Plan) -> None:
    """With the grants without which dead-lettering is silently off, and somebody who reads the dead letters."""
    subscriptions = of_type(plan, "google_pubsub_subscription")
    requests = [each for each in subscriptions if each["topic"].endswith("/audio-fingerprint-request")]
    assert len(requests) == 1
    for subscription in requests:
        [policy] = subscription["dead_letter_policy"]
        dead = policy["dead_letter_topic"]
        grants = _grants(plan)
        assert ("roles/pubsub.publisher", dead, AGENT) in grants
        assert (
            "roles/pubsub.subscriber",
            f"projects/{PROJECT}/subscriptions/{subscription['name']}",
            AGENT,
        ) in grants
        readers = [each for each in subscriptions if each["topic"] == dead]
        assert sorted(bool(each["push_config"]) for each in readers) == [False, True], "one pushed, one to redrive from"


def test_pubsub_has_the_production_values(plan: Plan) -> None:
    """What is tested with the local block is deployed with the production block of the same file."""
    config = read_pubsub_config(INFRA / "pubsub.json", "production")
    by_name = {each["name"]: each for each in of_type(plan, "google_pubsub_subscription")}
    assert set(by_name) == {config.request_push, config.dead_letter_push, config.dead_letter_pull}
    assert {topic["name"] for topic in of_type(plan, "google_pubsub_topic")} == {
        config.request_topic,
        config.dead_letter_topic,
    }
    requests = by_name[config.request_push]
    assert requests["dead_letter_policy"][0]["max_delivery_attempts"] == config.max_delivery_attempts
    assert requests["message_retention_duration"] == f"{config.message_retention_seconds}s"
    for name in (config.request_push, config.dead_letter_push):
        assert by_name[name]["ack_deadline_seconds"] == config.ack_deadline_seconds
        assert by_name[name]["retry_policy"] == [
            {
                "minimum_backoff": f"{config.minimum_backoff_seconds}s",
                "maximum_backoff": f"{config.maximum_backoff_seconds}s",
            }
        ]


@pytest.mark.parametrize(("name", "retention"), [("defaults", "1209600s"), ("everything", "604800s")])
def test_dead_letter_retention(plans: Mapping[str, Plan], name: str, retention: str) -> None:
    """pubsub.json's 14 days, unless the variable says otherwise."""
    kept = [each for each in of_type(plans[name], "google_pubsub_subscription") if not each["dead_letter_policy"]]
    assert [each["message_retention_duration"] for each in kept] == [retention, retention]


def test_push_is_signed_by_the_one_who_may_call(plan: Plan) -> None:
    """Each subscription and each job has an identity of its own, good for one service."""
    addresses = {name: f"https://audiodup-{name.replace('_', '-')}.run.app" for name in CALLED}
    called = {}
    for subscription in of_type(plan, "google_pubsub_subscription"):
        for push in subscription["push_config"]:
            called[push["push_endpoint"]] = push["oidc_token"][0]
    for job in of_type(plan, "google_cloud_scheduler_job"):
        called[job["http_target"][0]["uri"]] = job["http_target"][0]["oidc_token"][0]
    assert set(called) == set(addresses.values())
    for name, address in addresses.items():
        assert called[address] == {
            **called[address],
            "service_account_email": account(name, caller=True),
            "audience": address,
        }
        assert (
            "roles/run.invoker",
            f"audiodup-{name.replace('_', '-')}",
            f"serviceAccount:{account(name, caller=True)}",
        ) in _grants(plan)


def test_nothing_is_public(plan: Plan) -> None:
    """No invoker but the callers; reached from inside the project only, save what people open, and that through IAP."""
    assert not {"allUsers", "allAuthenticatedUsers"} & set(texts(list(plan)))
    services = _services(plan)
    assert set(services) == set(FUNCTIONS)
    reached = {name: (service["ingress"], bool(service["iap_enabled"])) for name, service in services.items()}
    assert reached == {
        **dict.fromkeys(CALLED, ("INGRESS_TRAFFIC_INTERNAL_ONLY", False)),
        "review": ("INGRESS_TRAFFIC_ALL", True),
    }
    assert not any(service["invoker_iam_disabled"] for service in services.values())


def test_only_iap_calls_what_people_open(plan: Plan) -> None:
    """A second invoker would reach it past IAP; it has neither caller nor job nor subscription."""
    name = "audiodup-review"
    assert {member for role, on, member in _grants(plan) if (role, on) == ("roles/run.invoker", name)} == {IAP}
    callers = {key(each) for each in of_type(plan, "google_service_account") if ".caller[" in each["address"]}
    assert callers == set(CALLED)


def test_the_audience_is_the_services_own_name(plan: Plan) -> None:
    """IAP signs for it; were it another's, nobody could come in, or with the other's header."""
    for name, service in _services(plan).items():
        own = f"/projects/123456789012/locations/{service['location']}/services/{service['name']}"
        assert environment(service).get("REVIEW_AUDIENCE") == (own if name == "review" else None)


def test_each_account_holds_just_its_roles(plans: Mapping[str, Plan]) -> None:
    """Every grant there is, and none on the project."""
    topics, subscriptions = f"projects/{PROJECT}/topics", f"projects/{PROJECT}/subscriptions"
    member = {name: f"serviceAccount:{account(name)}" for name in FUNCTIONS}
    own = {
        ("roles/pubsub.publisher", f"{topics}/audio-fingerprint-request", member["scheduler"]),
        ("roles/pubsub.publisher", f"{topics}/audio-fingerprint-dead-letter", member["fingerprint"]),
        ("roles/pubsub.publisher", f"{topics}/audio-fingerprint-dead-letter", AGENT),
        ("roles/pubsub.subscriber", f"{subscriptions}/audio-fingerprint-request-push", AGENT),
        *(
            (
                "roles/run.invoker",
                f"audiodup-{name.replace('_', '-')}",
                f"serviceAccount:{account(name, caller=True)}",
            )
            for name in CALLED
        ),
        ("roles/run.invoker", "audiodup-review", IAP),
    }
    assert _grants(plans["defaults"]) == own
    operators = "group:audio-ops@example.com"
    assert _grants(plans["everything"]) == own | {
        *(("roles/secretmanager.secretAccessor", "snowflake-private-key", member[name]) for name in FUNCTIONS),
        *(("roles/secretmanager.secretAccessor", "artlist-token", member[name]) for name in ("fingerprint", "review")),
        *(("roles/iap.httpsResourceAccessor", "audiodup-review", each) for each in REVIEWERS),
        ("roles/pubsub.publisher", f"{topics}/audio-fingerprint-request", operators),
        ("roles/pubsub.subscriber", f"{subscriptions}/audio-fingerprint-dead-letter-pull", operators),
    }


def test_each_function_runs_as_itself(plan: Plan) -> None:
    for name, service in _services(plan).items():
        assert service["template"][0]["service_account"] == account(name)
        values = environment(service)
        assert values["FUNCTION_TARGET"] == name
        source = (ROOT / values["FUNCTION_SOURCE"]).read_text()
        assert re.search(rf"^def {name}\(", source, re.MULTILINE), "the function is in its source"


def test_no_secret_is_in_the_plan(plans: Mapping[str, Plan]) -> None:
    """Secrets are read at run time by name; no version is made, none is mounted, none is a variable's value."""
    for plan in plans.values():
        assert not [each["address"] for each in plan if "secret_version" in each["type"]]
        for service in _services(plan).values():
            assert not any(each["value_source"] for each in service["template"][0]["containers"][0]["env"])
            assert not service["template"][0]["volumes"]
    text = "".join(file.read_text() for file in INFRA.rglob("*.tf"))
    assert not re.search(r"secret_data|secret_version|secret_version_access", text)
    values = environment(_services(plans["everything"])["fingerprint"])
    assert values["SNOWFLAKE_PRIVATE_KEY"] == "snowflake-private-key"
    assert json.loads(values["PROVIDERS"])["artlist"]["secret"] == "artlist-token"


def test_functions_take_their_environment(plans: Mapping[str, Plan], monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings that a service gets are settings, and right."""
    known = {name.upper() for name in Settings.model_fields}
    for name, service in _services(plans["everything"]).items():
        values = environment(service)
        assert set(values) - known == set(FOREIGN)
        for variable, value in values.items():
            monkeypatch.setenv(variable, value)
        settings = Settings()
        assert settings.google_cloud_project == PROJECT
        assert settings.fingerprint_seconds == 0
        assert settings.room == 10_000
        if name in ("fingerprint", "review"):
            assert set(settings.providers) == {"artlist", "motionarray"}
            assert settings.providers["motionarray"].pointer == "/data/url", "what is not given has its default"
            assert settings.fpcalc_processes == (8 if name == "fingerprint" else 1)
        else:
            assert not settings.providers
        assert settings.snowflake_warehouse == ("AUDIODUP_MATCHER" if name == "matcher" else "AUDIODUP")
        duty = {"scheduler": "SCHEDULER", "matcher": "MATCHER", "review": "REVIEWER"}.get(name, "INGEST")
        assert settings.snowflake_role == f"AUDIODUP_{duty}"
        monkeypatch.undo()


def test_a_busy_instance_still_answers_its_probe(plan: Plan) -> None:
    """Otherwise the liveness probe of an instance at work would wait for a thread, and the instance be killed."""
    for name, service in _services(plan).items():
        concurrency = service["template"][0]["max_instance_request_concurrency"]
        assert int(environment(service)["THREADS"]) > concurrency
        assert concurrency == {"fingerprint": 80, "dead_letter": 32, "review": 8}.get(name, 1)
        container = service["template"][0]["containers"][0]
        for probe in (*container["startup_probe"], *container["liveness_probe"]):
            assert probe["http_get"][0]["path"] == "/health"
            assert probe["timeout_seconds"] <= probe["period_seconds"], "Cloud Run refuses it otherwise"


def test_times_fit_into_each_other(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    """api + download + fpcalc + store < own deadline < service - 10 s; service <= ack deadline <= 600 s."""
    deadlines = {
        push["push_endpoint"]: subscription["ack_deadline_seconds"]
        for subscription in of_type(plan, "google_pubsub_subscription")
        for push in subscription["push_config"]
    }
    jobs = {key(job): job for job in of_type(plan, "google_cloud_scheduler_job")}
    for name, service in _services(plan).items():
        for variable, value in environment(service).items():
            monkeypatch.setenv(variable, value)
        settings = Settings()
        monkeypatch.undo()
        timeout = int(service["template"][0]["timeout"].removesuffix("s"))
        work = settings.api_seconds + settings.download_seconds + settings.fpcalc_seconds + settings.store_seconds
        assert work < settings.request_seconds < timeout - 10
        if name == "review":
            assert timeout == 300, "what a person may wait"
        elif name in jobs:
            assert 600 <= timeout <= 1800
            assert jobs[name]["attempt_deadline"] == f"{timeout}s"
        else:
            assert timeout <= deadlines[f"https://audiodup-{name.replace('_', '-')}.run.app"] <= 600


def test_size_and_life_of_the_services(plans: Mapping[str, Plan]) -> None:
    """CPUs, memory, requests at once, instances, time-out in seconds; how an instance begins and is found dead."""
    sizes = {}
    for name, service in _services(plans["defaults"]).items():
        [template] = service["template"]
        [container] = template["containers"]
        [resources] = container["resources"]
        sizes[name] = (
            *(resources["limits"]["cpu"], resources["limits"]["memory"], template["max_instance_request_concurrency"]),
            *(template["scaling"][0]["max_instance_count"], template["timeout"]),
        )
        assert template["scaling"][0]["min_instance_count"] == 0
        assert resources["cpu_idle"], "paid for requests only"
        assert resources["startup_cpu_boost"]
        assert template["execution_environment"] == "EXECUTION_ENVIRONMENT_GEN2"
        [start], [life] = container["startup_probe"], container["liveness_probe"]
        assert (start["period_seconds"], start["timeout_seconds"], start["failure_threshold"]) == (5, 5, 24)
        assert (life["period_seconds"], life["timeout_seconds"], life["failure_threshold"]) == (60, 30, 3)
        assert int(environment(service)["THREADS"]) == template["max_instance_request_concurrency"] + 4
        assert service["deletion_protection"] is False
    assert sizes == {
        "scheduler": ("1", "1Gi", 1, 1, "900s"),
        "fingerprint": ("8", "20Gi", 80, 2, "600s"),
        "dead_letter": ("1", "1Gi", 32, 2, "600s"),
        "matcher": ("2", "8Gi", 1, 1, "1800s"),
        "review": ("1", "3Gi", 8, 4, "300s"),
    }
    [more] = _services(plans["everything"])["fingerprint"]["template"][0]["scaling"]
    assert more["max_instance_count"] == 3


def test_memory_holds_the_files_in_flight(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file system is memory: the files, each decoder at its limit, and a gigabyte for Python."""
    for name in ("fingerprint", "review"):
        service = _services(plan)[name]
        for variable, value in environment(service).items():
            monkeypatch.setenv(variable, value)
        settings = Settings()
        monkeypatch.undo()
        needed = settings.files_in_flight_bytes + settings.fpcalc_processes * settings.fpcalc_memory_bytes + 10**9
        gib = int(service["template"][0]["containers"][0]["resources"][0]["limits"]["memory"].removesuffix("Gi"))
        assert needed / 2**30 <= gib < needed / 2**30 + 1


def test_jobs(plans: Mapping[str, Plan]) -> None:
    """What Cloud Scheduler does, and when."""
    jobs = {key(job): job for job in of_type(plans["defaults"], "google_cloud_scheduler_job")}
    assert {name: job["schedule"] for name, job in jobs.items()} == {
        "scheduler": "*/5 * * * *",
        "matcher": "17 * * * *",
    }
    for job in jobs.values():
        assert (job["time_zone"], job["paused"], job["http_target"][0]["http_method"]) == ("Etc/UTC", False, "POST")
        assert job["retry_config"][0]["retry_count"] == 2


def test_alerts_ask_what_they_say(plans: Mapping[str, Plan]) -> None:
    """Metric, comparison and threshold of each condition."""
    found = {}
    for alert in of_type(plans["everything"], "google_monitoring_alert_policy"):
        for number, condition in enumerate(alert["conditions"]):
            for threshold in condition["condition_threshold"]:
                metric = re.search(r'metric\.type = "([^"]+)"', threshold["filter"])
                assert metric
                found[f"{alert['address'].split('.')[1]} {number}"] = (
                    metric[1].rsplit("/", 1)[1],
                    threshold["comparison"],
                    threshold["threshold_value"],
                )
            for query in condition["condition_prometheus_query_language"]:
                assert query["query"].rstrip().endswith("== 0")
                assert alert["enabled"] is False, "`paused`, as here, silences it"
    lease = 12_000
    assert found == {
        "dead_letters 0": ("num_undelivered_messages", "COMPARISON_GT", 0),
        'oldest_message["fingerprint"] 0': ("oldest_unacked_message_age", "COMPARISON_GT", lease),
        'oldest_message["dead_letter"] 0': ("oldest_unacked_message_age", "COMPARISON_GT", lease),
        **{f'errors["{name}"] 0': ("request_count", "COMPARISON_GT", 0.5) for name in FUNCTIONS},
        **{f'errors["{name}"] 1': ("request_count", "COMPARISON_GT", 10) for name in ("fingerprint", "dead_letter")},
        **{f'errors["{name}"] 1': ("request_count", "COMPARISON_GT", 0) for name in ("scheduler", "matcher", "review")},
    }


def test_each_root_keeps_a_state_of_its_own() -> None:
    """Both are in one bucket: with one prefix the one would take the other's for its own."""
    prefixes = [
        re.findall(r'prefix += "(\w+)"', (INFRA / file).read_text()) for file in ("backend.tf", "bootstrap/outputs.tf")
    ]
    assert prefixes == [["audiodup"], ["bootstrap"]]


def test_what_the_bill_shows(plans: Mapping[str, Plan]) -> None:
    """Services bear the function's name; the provider adds the labels of all (default_labels)."""
    for name, service in _services(plans["everything"]).items():
        assert service["labels"] == {"function": name.replace("_", "-")}
    assert "default_labels = local.labels" in (INFRA / "versions.tf").read_text()


def test_alerts_go_somewhere_and_say_what_to_do(plans: Mapping[str, Plan]) -> None:
    """Their thresholds follow from pubsub.json; the one on what is logged is made by a second apply only."""
    alerts = {
        name: {each["address"].split(".")[1]: each for each in of_type(plans[name], "google_monitoring_alert_policy")}
        for name in ("defaults", "everything")
    }
    assert len(alerts["defaults"]) == 1 + 2 + len(FUNCTIONS)
    assert set(alerts["everything"]) - set(alerts["defaults"]) == {"no_success[0]"}
    for alert in alerts["everything"].values():
        assert alert["notification_channels"] == [f"projects/{PROJECT}/notificationChannels/1"]
        content = alert["documentation"][0]["content"]
        assert f"--project={PROJECT}" in content
        assert not content.startswith(" "), "what is indented is shown as code"
    config = read_pubsub_config(INFRA / "pubsub.json", "production")
    for name, subscription in (("fingerprint", config.request_push), ("dead_letter", config.dead_letter_push)):
        [threshold] = alerts["defaults"][f'oldest_message["{name}"]']["conditions"][0]["condition_threshold"]
        assert threshold["threshold_value"] == config.lease_seconds
        assert f'"{subscription}"' in threshold["filter"]
    [query] = alerts["everything"]["no_success[0]"]["conditions"][0]["condition_prometheus_query_language"]
    for metric in of_type(plans["defaults"], "google_logging_metric"):
        assert f"logging_googleapis_com:user_{metric['name']}{{" in query["query"]


def test_the_dashboard_names_what_there_is(plan: Plan) -> None:
    """No name is left over from the template; no place is 0, which Monitoring leaves out: a difference for ever."""
    [dashboard] = of_type(plan, "google_monitoring_dashboard")
    tiles = json.loads(dashboard["dashboard_json"])["mosaicLayout"]["tiles"]
    assert all(tile.get("xPos") != 0 and tile.get("yPos") != 0 for tile in tiles)
    filters = "\n".join(text for text in texts(tiles) if "metric.type" in text)
    assert "${" not in filters
    for service in _services(plan).values():
        assert service["name"] in filters
    for subscription in of_type(plan, "google_pubsub_subscription"):
        assert f'"{subscription["name"]}"' in filters


@pytest.mark.parametrize("kind", ["variable", "output"])
def test_every_variable_and_output_is_described(kind: str) -> None:
    """And every variable has a type."""
    found = 0
    for file in INFRA.rglob("*.tf"):
        for name, body in _blocks(file, kind):
            found += 1
            assert re.search(r'^ {2}description = ".{15,}"$', body, re.MULTILINE), f"{file.name}: {kind} {name}"
            if kind == "variable":
                assert re.search(r"^ {2}type +=", body, re.MULTILINE), f"{file.name}: {name}"
    assert found > 5


def test_only_project_and_image_must_be_given() -> None:
    required = {name for name, body in _blocks(INFRA / "variables.tf", "variable") if "\n  default" not in body}
    assert required == {"project", "image"}


def _blocks(file: Path, kind: str) -> list[tuple[str, str]]:
    return re.findall(rf'^{kind} "(\w+)" {{\n(.*?)^}}', file.read_text(), re.MULTILINE | re.DOTALL)


def _services(plan: Plan) -> dict[str, Mapping[str, Any]]:
    return {key(service): service for service in of_type(plan, "google_cloud_run_v2_service")}


def _grants(plan: Plan) -> set[tuple[str, str, str]]:
    """Role, what it is on, and who has it, of all IAM resources."""
    grants = [each for each in plan if "_iam_" in each["type"]]
    assert all(each["type"].endswith("_iam_member") for each in grants), "a binding or policy would take others' away"
    on = {
        "google_pubsub_topic_iam_member": "topic",
        "google_pubsub_subscription_iam_member": "subscription",
        "google_secret_manager_secret_iam_member": "secret_id",
        "google_cloud_run_v2_service_iam_member": "name",
        "google_iap_web_cloud_run_service_iam_member": "cloud_run_service_name",
    }
    return {(each["role"], each[on[each["type"]]], each["member"]) for each in grants}
