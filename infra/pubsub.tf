locals {
  # Which function each push subscription calls.
  pushed = {
    fingerprint = "request_push"
    dead_letter = "dead_letter_push"
  }
}

module "pubsub" {
  source = "./modules/pubsub"

  topics                = local.pubsub.topics
  subscriptions         = local.pubsub.subscriptions
  times                 = local.production
  dead_letter_retention = coalesce(var.dead_letter_retention, "${local.production.dead_letter_retention_seconds}s")

  deletion_policy = local.deletion_policy

  push = {
    for function, subscription in local.pushed : subscription => {
      endpoint        = google_cloud_run_v2_service.function[function].uri
      service_account = google_service_account.caller[function].email
    }
  }
}
