locals {
  # Which functions Cloud Scheduler calls, and when.
  scheduled = var.schedules
}

resource "google_cloud_scheduler_job" "call" {
  for_each = local.scheduled

  name             = "audiodup-${each.key}"
  description      = "Calls the ${each.key} function of audiodup."
  region           = var.region
  schedule         = each.value
  time_zone        = "Etc/UTC"
  paused           = var.paused
  attempt_deadline = "${local.functions[each.key].timeout}s"

  retry_config {
    retry_count          = 2
    min_backoff_duration = "30s"
    max_backoff_duration = "300s"
  }

  http_target {
    http_method = "POST"
    uri         = google_cloud_run_v2_service.function[each.key].uri

    oidc_token {
      service_account_email = google_service_account.caller[each.key].email
      audience              = google_cloud_run_v2_service.function[each.key].uri
    }
  }

  depends_on = [google_cloud_run_v2_service_iam_member.caller]
}
