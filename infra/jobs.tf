locals {
  # Minute, hour, day, month, day of the week; each is *, a number, a range, a step or a list.
  cron_fields = ["[0-5]?[0-9]", "[01]?[0-9]|2[0-3]", "[1-9]|[12][0-9]|3[01]", "[1-9]|1[0-2]|[a-z]{3}", "[0-7]|[a-z]{3}"]
  cron_parts  = [for field in local.cron_fields : format("([*]|(%s)(-(%s))?)(/[0-9]+)?(,(%s)(-(%s))?)*", field, field, field, field)]
  cron        = format("^%s$", join(" ", local.cron_parts))
}

resource "google_cloud_scheduler_job" "call" {
  for_each = var.schedules

  name             = "audiodup-${each.key}"
  description      = "Calls the ${each.key} function of audiodup."
  region           = var.region
  schedule         = each.value
  time_zone        = "Etc/UTC"
  paused           = var.paused
  deletion_policy  = local.deletion_policy
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
