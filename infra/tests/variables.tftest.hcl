# What a person can get wrong is refused by the variable's name, before anything is made.

mock_provider "google" {
  override_during = plan
  source          = "./tests/mocks"
}

variables {
  project   = "my-project"
  image     = "europe-west1-docker.pkg.dev/my-project/audiodup/audiodup@sha256:0000000000000000000000000000000000000000000000000000000000000000"
  snowflake = { account = "myorg-account1" }
}

run "an_image_by_tag" {
  command = plan
  variables { image = "europe-west1-docker.pkg.dev/my-project/audiodup/audiodup:latest" }
  expect_failures = [var.image]
}

run "a_project_by_number" {
  command = plan
  variables { project = "123456789012" }
  expect_failures = [var.project]
}

run "a_zone_for_a_region" {
  command = plan
  variables { region = "europe-west1-b" }
  expect_failures = [var.region]
}

run "a_schedule_in_words" {
  command = plan
  variables { schedules = { scheduler = "every 5 minutes" } }
  expect_failures = [var.schedules]
}

run "an_hour_that_no_day_has" {
  command = plan
  variables { schedules = { matcher = "0 24 * * *" } }
  expect_failures = [var.schedules]
}

run "a_label_in_capitals" {
  command = plan
  variables { labels = { "Cost Centre" = "A B" } }
  expect_failures = [var.labels]
}

run "no_instances" {
  command = plan
  variables { fingerprint = { instances = 0 } }
  expect_failures = [var.fingerprint]
}

run "three_cpus" {
  command = plan
  variables { fingerprint = { cpus = 3 } }
  expect_failures = [var.fingerprint]
}

run "a_matcher_with_more_memory_than_its_cpus_get" {
  command = plan
  variables { matcher = { cpus = 1, memory_gib = 8 } }
  expect_failures = [var.matcher]
}

run "a_number_in_words" {
  command = plan
  variables { settings = { ROOM = "many" } }
  expect_failures = [var.settings]
}

run "a_provider_without_hosts" {
  command = plan
  variables { audio_providers = { artlist = { url = "https://api.example.com/{asset_id}", hosts = [] } } }
  expect_failures = [var.audio_providers]
}

run "a_provider_without_https" {
  command = plan
  variables { audio_providers = { artlist = { url = "http://api.example.com/{asset_id}", hosts = ["s3.example.com"] } } }
  expect_failures = [var.audio_providers]
}

run "a_token_for_a_secret_s_name" {
  command = plan
  variables { audio_providers = { artlist = { url = "https://api.example.com/{asset_id}", hosts = ["s3.example.com"], secret = "Bearer abc" } } }
  expect_failures = [var.audio_providers]
}

run "a_key_s_path_for_its_secret" {
  command = plan
  variables { snowflake = { account = "myorg-account1", user = "AUDIODUP", private_key_secret = "/home/me/key.pem" } }
  expect_failures = [var.snowflake]
}

run "a_channel_by_mail" {
  command = plan
  variables { notification_channels = ["ops@example.com"] }
  expect_failures = [var.notification_channels]
}

run "a_setting_that_does_not_exist" {
  command = plan
  variables { settings = { FINGERPRINT_SECOND = "0" } }
  expect_failures = [var.settings]
}

run "a_setting_that_is_computed_here" {
  command = plan
  variables { settings = { THREADS = "8" } }
  expect_failures = [var.settings]
}

run "another_audience" {
  command = plan
  variables { settings = { REVIEW_AUDIENCE = "/projects/1/locations/europe-west1/services/other" } }
  expect_failures = [var.settings]
}

run "a_user_without_a_key" {
  command = plan
  variables { snowflake = { account = "myorg-account1", user = "AUDIODUP" } }
  expect_failures = [var.snowflake]
}

run "everybody_as_operator" {
  command = plan
  variables { operators = "allAuthenticatedUsers" }
  expect_failures = [var.operators]
}

run "everybody_as_reviewer" {
  command = plan
  variables { reviewers = ["group:music-editors@example.com", "allUsers"] }
  expect_failures = [var.reviewers]
}

run "a_reviewer_by_address_alone" {
  command = plan
  variables { reviewers = ["ann@example.com"] }
  expect_failures = [var.reviewers]
}

run "a_retention_of_a_year" {
  command = plan
  variables { dead_letter_retention = "31536000s" }
  expect_failures = [var.dead_letter_retention]
}

run "a_retention_in_days" {
  command = plan
  variables { dead_letter_retention = "14d" }
  expect_failures = [var.dead_letter_retention]
}

run "quiet_for_two_days" {
  command = plan
  variables { quiet_hours = 48 }
  expect_failures = [var.quiet_hours]
}

run "no_account" {
  command = plan
  variables { snowflake = {} }
  expect_failures = [check.snowflake_account]
}

# Budgets. Each of these would let a request outlive what waits for it.

run "a_download_longer_than_the_request" {
  command = plan
  variables { settings = { DOWNLOAD_SECONDS = "400" } }
  expect_failures = [google_cloud_run_v2_service.function]
}

run "a_request_as_long_as_the_service_waits" {
  command = plan
  variables { settings = { REQUEST_SECONDS = "590" } }
  expect_failures = [google_cloud_run_v2_service.function]
}

run "more_files_than_an_instance_has_memory" {
  command = plan
  variables { settings = { FILES_IN_FLIGHT_BYTES = "30000000000" } }
  expect_failures = [google_cloud_run_v2_service.function]
}

# The alert counts lines of level INFO.
run "an_alert_on_lines_that_are_not_logged" {
  command = plan
  variables {
    settings         = { LOG_LEVEL = "WARNING" }
    log_based_alerts = true
  }
  expect_failures = [google_monitoring_alert_policy.no_success]
}
