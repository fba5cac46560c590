# Alerts. Each says what it means and what to do next; without var.notification_channels they show in the console only.

locals {
  # After so long nobody can still be working on a request, and the scheduler publishes it again (functions/audiodup/pubsub.py).
  lease_seconds = local.production.max_delivery_attempts * (local.production.maximum_backoff_seconds + local.production.ack_deadline_seconds)

  subscription_filter = {
    for key, subscription in module.pubsub.subscriptions :
    key => "resource.type = \"pubsub_subscription\" AND resource.labels.subscription_id = \"${subscription.name}\""
  }
  requests_filter = {
    for name, service in google_cloud_run_v2_service.function :
    name => "resource.type = \"cloud_run_revision\" AND resource.labels.service_name = \"${service.name}\" AND metric.type = \"run.googleapis.com/request_count\""
  }

  # How Prometheus's language writes the names of log_metrics.tf's counters.
  counter = { for key, metric in google_logging_metric.count : key => "logging_googleapis_com:user_${metric.name}" }

  # For the alerts' documentation: what went wrong in a function, and how to hold the scheduler.
  hold_scheduler = "gcloud scheduler jobs pause ${google_cloud_scheduler_job.call["scheduler"].name} --location=${var.region} --project=${var.project}"
  read_log = {
    for name, service in google_cloud_run_v2_service.function :
    name => "gcloud logging read 'resource.labels.service_name=\"${service.name}\" AND severity>=WARNING' --project=${var.project} --freshness=6h --limit=20 --format='value(timestamp,jsonPayload.message,jsonPayload.code,jsonPayload.error,textPayload)'"
  }
}

resource "google_monitoring_alert_policy" "dead_letters" {
  display_name          = "audiodup: dead letters are waiting"
  combiner              = "OR"
  severity              = "WARNING"
  notification_channels = var.notification_channels
  user_labels           = local.labels

  conditions {
    display_name = "Messages in ${module.pubsub.subscriptions.dead_letter_pull.name}"

    condition_threshold {
      filter          = "${local.subscription_filter.dead_letter_pull} AND metric.type = \"pubsub.googleapis.com/subscription/num_undelivered_messages\""
      comparison      = "COMPARISON_GT"
      threshold_value = 0
      duration        = "0s"

      aggregations {
        alignment_period   = "300s"
        per_series_aligner = "ALIGN_MAX"
      }
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = <<-EOT
      Requests failed ${local.production.max_delivery_attempts} times, or could not be read. Their rows are FAILED (`RETRIES_EXHAUSTED`, `MALFORMED`), so nothing circles; nothing comes again by itself either.

      1. What has failed, and how each letter stands (nothing is changed):
         `GOOGLE_CLOUD_PROJECT=${var.project} uv run scripts/redrive.py`
      2. Why did they fail?
         `${local.read_log.fingerprint}`
      3. When the cause is gone, publish those files again, which acknowledges their letters: `GOOGLE_CLOUD_PROJECT=${var.project} uv run scripts/redrive.py --code RETRIES_EXHAUSTED` (`--dry-run` first; `--asset-ids "1,2,3"` for some)
      4. What still waits then says why. `in flight`: run step 3 again later. Nobody will do it: `uv run scripts/redrive.py --discard malformed` (or `gone`, `failed`; rows stay as they are), which ends this alert.
    EOT
  }
}

resource "google_monitoring_alert_policy" "oldest_message" {
  for_each = local.pushed

  display_name          = "audiodup: messages to ${each.key} wait too long"
  combiner              = "OR"
  severity              = "ERROR"
  notification_channels = var.notification_channels
  user_labels           = local.labels

  conditions {
    display_name = "Oldest message in ${module.pubsub.subscriptions[each.value].name} above the lease"

    condition_threshold {
      filter          = "${local.subscription_filter[each.value]} AND metric.type = \"pubsub.googleapis.com/subscription/oldest_unacked_message_age\""
      comparison      = "COMPARISON_GT"
      threshold_value = local.lease_seconds
      duration        = "0s"

      aggregations {
        alignment_period   = "300s"
        per_series_aligner = "ALIGN_MAX"
      }
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = <<-EOT
      A message is older than the lease of ${local.lease_seconds} s, which is enough for every attempt and every pause. From now on the scheduler publishes such files again while the old messages still wait, so the queue grows by itself.

      1. Hold the scheduler: `${local.hold_scheduler}`
      2. Does ${each.key} answer?
         `${local.read_log[each.key]}`
         Nothing at all there: it is not called (look for 403 in its requests: its caller lacks roles/run.invoker) or does not start.
      3. It works, and is too slow for what waits: raise `max_instances`, or lower `settings.ROOM`, and apply.
      4. Let the scheduler go on: the same command with `resume`.
    EOT
  }
}

resource "google_monitoring_alert_policy" "errors" {
  for_each = local.functions

  display_name          = "audiodup: ${each.key} fails"
  combiner              = "AND"
  severity              = "ERROR"
  notification_channels = var.notification_channels
  user_labels           = local.labels

  # Half: a 503 is how a full instance sends a message back for a while.
  conditions {
    display_name = "More than half of the requests of half an hour answered 5xx"

    condition_threshold {
      filter             = "${local.requests_filter[each.key]} AND metric.labels.response_code_class = \"5xx\""
      denominator_filter = local.requests_filter[each.key]
      comparison         = "COMPARISON_GT"
      threshold_value    = 0.5
      duration           = "0s"

      aggregations {
        alignment_period     = "1800s"
        per_series_aligner   = "ALIGN_DELTA"
        cross_series_reducer = "REDUCE_SUM"
      }
      denominator_aggregations {
        alignment_period     = "1800s"
        per_series_aligner   = "ALIGN_DELTA"
        cross_series_reducer = "REDUCE_SUM"
      }
    }
  }

  # At night all requests may be the attempts of one message, which ends as a dead letter and has its own alert.
  conditions {
    display_name = "More of them than one message makes"

    condition_threshold {
      filter          = "${local.requests_filter[each.key]} AND metric.labels.response_code_class = \"5xx\""
      comparison      = "COMPARISON_GT"
      threshold_value = contains(keys(local.pushed), each.key) ? local.production.max_delivery_attempts : 0
      duration        = "0s"

      aggregations {
        alignment_period     = "1800s"
        per_series_aligner   = "ALIGN_DELTA"
        cross_series_reducer = "REDUCE_SUM"
      }
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = <<-EOT
      Most requests of ${google_cloud_run_v2_service.function[each.key].name} fail. ${contains(local.for_people, each.key) ? "People see an error page; what they have decided is stored." : "They come again, so nothing is lost yet."}

      1. Why? `${local.read_log[each.key]}`
      2. `to be tried again` (of review `page refused`) names what is away (`STORE_UNAVAILABLE`: Snowflake, its warehouse or the key; `API_UNAVAILABLE`: the download API; `KEYS_UNAVAILABLE`: the keys of IAP); `cannot work` says what to mend; `unforeseen error` is a bug, with its traceback in the log.
      3. Since the last deployment? Go back to the image before: infra/README.md.
      4. ${contains(local.for_people, each.key) ? "Does it last, people decide in Snowflake meanwhile, as ${var.snowflake.name}_LIBRARIAN." : "Does it last, hold the scheduler, so that requests do not end as dead letters: `${local.hold_scheduler}`"}
    EOT
  }
}

# In a second apply: for some minutes Monitoring refuses an alert on a metric that it does not know yet.
resource "google_monitoring_alert_policy" "no_success" {
  count = var.log_based_alerts ? 1 : 0

  display_name          = "audiodup: nothing succeeds"
  combiner              = "OR"
  severity              = "CRITICAL"
  enabled               = !var.paused
  notification_channels = var.notification_channels
  user_labels           = local.labels

  conditions {
    display_name = "For ${var.quiet_hours} hours no fingerprint, and no tick without anything to do"

    # A scheduler that does not run gives neither, and is found too. A counter without any line has no value at all:
    # hence the zeros.
    condition_prometheus_query_language {
      query               = <<-EOT
        (sum(increase(${local.counter.outcomes}{monitored_resource="cloud_run_revision", status=~"SUCCESS|SHORT"}[${var.quiet_hours}h])) or vector(0))
        + (sum(increase(${local.counter.idle_ticks}{monitored_resource="cloud_run_revision"}[${var.quiet_hours}h])) or vector(0))
        == 0
      EOT
      evaluation_interval = "300s"
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = <<-EOT
      For ${var.quiet_hours} hours something was always waiting, and no file got its fingerprint; or the scheduler does not run at all.

      1. Does the scheduler run, and what does it find? `in_flight` is what waits:
         `gcloud logging read 'resource.labels.service_name="${google_cloud_run_v2_service.function["scheduler"].name}" AND jsonPayload.message="tick"' --project=${var.project} --limit=5 --format='value(timestamp,jsonPayload.merged,jsonPayload.in_flight,jsonPayload.published)'`
      2. No tick: `${local.read_log.scheduler}`, and is the job held? `gcloud scheduler jobs describe ${google_cloud_scheduler_job.call["scheduler"].name} --location=${var.region} --project=${var.project}`
      3. Ticks, and nothing done: `${local.read_log.fingerprint}`
         Only FAILED lines there: their code says what is wrong with all files at once (NOT_FOUND, FORBIDDEN_HOST: look at `audio_providers`).
    EOT
  }

  lifecycle {
    precondition {
      condition     = contains(["DEBUG", "INFO"], local.settings.LOG_LEVEL)
      error_message = "This alert counts lines of level INFO: with LOG_LEVEL = ${local.settings.LOG_LEVEL} it would never be quiet. Leave LOG_LEVEL out of `settings`, or set log_based_alerts = false."
    }
  }
}
