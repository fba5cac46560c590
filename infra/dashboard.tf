# One page: what comes out, what waits, and how the functions do.

resource "google_monitoring_dashboard" "audiodup" {
  # Decoded and encoded again, so that a mistake in the file fails the plan. In the file no place is 0: Monitoring leaves
  # that out of what it gives back, and each plan would show a difference.
  dashboard_json = jsonencode(jsondecode(templatefile("${path.module}/dashboard.json.tftpl", {
    outcomes         = google_logging_metric.count["outcomes"].name
    services         = join("|", [for service in google_cloud_run_v2_service.function : service.name])
    request_push     = module.pubsub.subscriptions.request_push.name
    dead_letter_push = module.pubsub.subscriptions.dead_letter_push.name
    dead_letter_pull = module.pubsub.subscriptions.dead_letter_pull.name
    lease_seconds    = local.lease_seconds
  })))
}
