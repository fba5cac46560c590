resource "google_cloud_run_v2_service" "function" {
  for_each = local.functions

  name     = "audiodup-${replace(each.key, "_", "-")}"
  location = var.region
  # Pub/Sub and Cloud Scheduler of this project count as internal; people come from anywhere, and meet IAP first.
  ingress             = contains(local.for_people, each.key) ? "INGRESS_TRAFFIC_ALL" : "INGRESS_TRAFFIC_INTERNAL_ONLY"
  iap_enabled         = contains(local.for_people, each.key)
  deletion_protection = var.deletion_protection
  labels              = { function = replace(each.key, "_", "-") }

  template {
    service_account                  = google_service_account.function[each.key].email
    timeout                          = "${each.value.timeout}s"
    max_instance_request_concurrency = each.value.concurrency
    execution_environment            = "EXECUTION_ENVIRONMENT_GEN2" # the limits and sessions that fpcalc runs under are Linux's own
    labels                           = { function = replace(each.key, "_", "-") }

    scaling {
      min_instance_count = 0
      max_instance_count = each.value.instances
    }

    containers {
      image = var.image

      resources {
        limits            = { cpu = tostring(each.value.cpus), memory = "${each.value.memory_gib}Gi" }
        cpu_idle          = true # paid for requests only; all outcomes are stored before the answer
        startup_cpu_boost = true
      }

      dynamic "env" {
        for_each = local.environment[each.key]
        content {
          name  = env.key
          value = env.value
        }
      }

      startup_probe {
        period_seconds    = 5
        timeout_seconds   = 5
        failure_threshold = 24
        http_get {
          path = "/health"
        }
      }

      liveness_probe {
        period_seconds    = 60
        timeout_seconds   = 30
        failure_threshold = 3
        http_get {
          path = "/health"
        }
      }
    }
  }

  lifecycle {
    precondition {
      condition     = local.work_seconds[each.key] < local.request_seconds[each.key]
      error_message = "API_SECONDS + DOWNLOAD_SECONDS + FPCALC_SECONDS + STORE_SECONDS = ${local.work_seconds[each.key]} of ${each.key} must be less than REQUEST_SECONDS = ${local.request_seconds[each.key]}."
    }
    precondition {
      condition     = local.request_seconds[each.key] < each.value.timeout - 10
      error_message = "REQUEST_SECONDS = ${local.request_seconds[each.key]} of ${each.key} must be more than 10 s below its service's time-out of ${each.value.timeout} s, so that it can answer."
    }
    precondition {
      condition     = !contains(keys(local.pushed), each.key) || (each.value.timeout <= local.production.ack_deadline_seconds && local.production.ack_deadline_seconds <= 600)
      error_message = "The time-out of ${each.key} (${each.value.timeout} s) must be within the acknowledgement deadline, and that within 600 s: a later answer acknowledges nothing."
    }
    precondition {
      condition     = !contains(keys(var.schedules), each.key) || (each.value.timeout >= 600 && each.value.timeout <= 1800)
      error_message = "The time-out of ${each.key} (${each.value.timeout} s) must be from 600 to 1800 s, the most that Cloud Scheduler waits."
    }
    precondition {
      condition     = each.value.memory_gib <= 4 * each.value.cpus
      error_message = "${each.value.memory_gib} GiB are more than Cloud Run gives to ${each.value.cpus} CPUs: lower FILES_IN_FLIGHT_BYTES or FPCALC_MEMORY_BYTES."
    }
  }
}

check "snowflake_account" {
  assert {
    condition     = var.snowflake.account != ""
    error_message = "snowflake.account is not set: the functions start, and answer 503 to everything until it is."
  }
}
