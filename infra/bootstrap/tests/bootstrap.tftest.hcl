# What bootstrap would make, and what it refuses. The provider is mocked: no account.

mock_provider "google" {
  override_during = plan
}

variables {
  project = "my-project"
}

run "defaults" {
  command = plan

  assert {
    condition     = google_storage_bucket.state.public_access_prevention == "enforced" && google_storage_bucket.state.uniform_bucket_level_access
    error_message = "Nobody outside may ever read the state."
  }

  assert {
    condition     = google_storage_bucket.state.versioning[0].enabled
    error_message = "A spoilt state has to have a version before it."
  }

  assert {
    condition = alltrue([
      for rule in google_storage_bucket.state.lifecycle_rule : one(rule.condition).num_newer_versions >= 10
    ])
    error_message = "The newest versions of the state stay, whatever their age."
  }

  assert {
    condition     = alltrue([for api in google_project_service.api : !api.disable_on_destroy])
    error_message = "An API that others use would be switched off with this."
  }

  assert {
    condition = sum([
      for policy in google_artifact_registry_repository.images.cleanup_policies : one(policy.most_recent_versions).keep_count if policy.action == "KEEP"
    ]) == 60
    error_message = "The newest images must be kept: a clean-up of an old repository would leave nothing to go back to."
  }

  assert {
    condition     = length([for policy in google_artifact_registry_repository.images.cleanup_policies : policy if policy.action == "DELETE"]) == 1 && !google_artifact_registry_repository.images.cleanup_policy_dry_run
    error_message = "Old images must go."
  }

  assert {
    condition     = keys(google_secret_manager_secret.secret) == ["snowflake-private-key"]
    error_message = "The default secret is Snowflake's key."
  }

  # A test sees the resources it names only; what must not be there is looked for in the text.
  assert {
    condition = alltrue([
      for file in fileset(path.module, "*.tf") : !can(regex("secret_data|google_secret_manager_secret_version", file("${path.module}/${file}")))
    ])
    error_message = "No secret's value may pass Terraform."
  }

  assert {
    condition     = output.repository == "europe-west1-docker.pkg.dev/my-project/audiodup"
    error_message = "The repository's name is that of the region's registry: ${output.repository}."
  }

  assert {
    condition     = alltrue([for agent in ["pubsub", "iap"] : strcontains(output.next_steps, "\ngcloud beta services identity create --service=${agent}.googleapis.com --project=my-project\n") && contains(keys(google_project_service.api), agent)])
    error_message = "infra/ grants roles to these service agents: ${output.next_steps}"
  }

  assert {
    condition     = strcontains(output.next_steps, "\ngcloud secrets versions add snowflake-private-key --data-file=FILE --project=my-project\n")
    error_message = "Each secret has its command, on a line of its own: ${output.next_steps}"
  }
}

run "several_secrets" {
  command = plan

  variables {
    secrets = ["snowflake-private-key", "artlist-token"]
  }

  assert {
    condition     = length(google_secret_manager_secret.secret) == 2 && length(regexall("(?m)^gcloud secrets versions add ", output.next_steps)) == 2
    error_message = "Each name is a secret with its command: ${output.next_steps}"
  }
}

run "no_secret" {
  command = plan

  variables {
    secrets = []
  }

  assert {
    condition     = length(google_secret_manager_secret.secret) == 0
    error_message = "With workload identity and open download APIs there is none."
  }
}

run "a_project_number_is_refused" {
  command = plan

  variables {
    project = "123456789012"
  }

  expect_failures = [var.project]
}

run "a_zone_is_refused" {
  command = plan

  variables {
    region = "europe-west1-b"
  }

  expect_failures = [var.region]
}

run "a_secret_with_a_path_is_refused" {
  command = plan

  variables {
    secrets = ["projects/my-project/secrets/token"]
  }

  expect_failures = [var.secrets]
}

run "keeping_no_image_to_go_back_to_is_refused" {
  command = plan

  variables {
    keep_images = 1
  }

  expect_failures = [var.keep_images]
}
