# Two plans: a first apply with nothing but project, image and the Snowflake account, and one with everything given. The
# provider is mocked, so no account is needed. What must hold for every resource of a plan, whatever it is called, is
# asserted by ../../tests/integration/test_infra.py on the plans that these runs print.

mock_provider "google" {
  override_during = plan
  source          = "./tests/mocks"
}

variables {
  project   = "my-project"
  image     = "europe-west1-docker.pkg.dev/my-project/audiodup/audiodup@sha256:0000000000000000000000000000000000000000000000000000000000000000"
  snowflake = { account = "myorg-account1" }
}

run "defaults" {
  command = plan

  assert {
    condition     = length(google_pubsub_topic_iam_member.publisher) == 3 && length(google_pubsub_subscription_iam_member.subscriber) == 1
    error_message = "Without operators only the system's own parts publish and subscribe."
  }
  assert {
    condition     = alltrue([for name, id in output.service_account_ids : id == google_service_account.function[name].unique_id]) && length(distinct(values(output.service_account_ids))) == 5
    error_message = "Snowflake's users with workload identity are known by the accounts' unique ids."
  }
  assert {
    condition     = length(google_secret_manager_secret_iam_member.reader) == 0
    error_message = "With workload identity and no provider nobody needs a secret."
  }
  assert {
    condition     = google_cloud_run_v2_service.function["fingerprint"].template[0].containers[0].resources[0].limits == tomap({ cpu = "8", memory = "20Gi" })
    error_message = "8 CPUs, and memory for 8 GB of files, 8 processes of 1.5 GB and Python: 20 GiB."
  }
  assert {
    condition     = length(google_iap_web_cloud_run_service_iam_member.reviewer) == 0
    error_message = "Nobody opens the review page who was not named."
  }
  assert {
    condition     = output.review == "https://audiodup-review.run.app"
    error_message = "The page's address is told: ${output.review}."
  }
}

run "everything" {
  command = plan

  variables {
    labels    = { cost_centre = "music" }
    operators = "group:audio-ops@example.com"
    reviewers = ["group:music-editors@example.com", "user:ann@example.com"]
    paused    = true
    settings  = { FINGERPRINT_SECONDS = "0", ROOM = "10000" }
    schedules = { scheduler = "*/10 * * * *" }
    snowflake = { account = "myorg-account1", user = "AUDIODUP", private_key_secret = "snowflake-private-key" }
    audio_providers = {
      artlist     = { url = "https://api.example.com/{asset_id}/{file_key}", hosts = ["*.s3.example.com"], secret = "artlist-token" }
      motionarray = { url = "https://download.example.org/{asset_id}", hosts = ["files.example.org"] }
    }
    deletion_protection   = true
    dead_letter_retention = "604800s"
    fingerprint           = { instances = 3 }
    notification_channels = ["projects/my-project/notificationChannels/1"]
    log_based_alerts      = true
  }

  assert {
    condition     = alltrue([for job in google_cloud_scheduler_job.call : job.paused])
    error_message = "`paused` holds both jobs."
  }
  assert {
    condition     = google_cloud_scheduler_job.call["scheduler"].schedule == "*/10 * * * *" && google_cloud_scheduler_job.call["matcher"].schedule == "17 * * * *"
    error_message = "One schedule given leaves the other as it is."
  }
  assert {
    condition     = alltrue([for service in google_cloud_run_v2_service.function : service.deletion_protection])
    error_message = "`deletion_protection` is each service's."
  }
}
