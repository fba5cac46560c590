# Counters of what the functions log. Which lines count stands in log_metrics.json, which a test holds to what the
# functions really write: a line that was renamed would make an alert silent.

resource "google_logging_metric" "count" {
  for_each = jsondecode(file("${path.module}/log_metrics.json"))

  name        = "audiodup_${each.key}"
  description = each.value.description

  filter = join(" AND ", concat(
    [
      "resource.type=\"cloud_run_revision\"",
      "resource.labels.service_name=\"${google_cloud_run_v2_service.function[each.value.function].name}\"",
    ],
    [
      for field, values in each.value.fields :
      "(${join(" OR ", [for value in values : "jsonPayload.${field}=${jsonencode(value)}"])})"
    ],
  ))

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"

    dynamic "labels" {
      for_each = each.value.labels
      content {
        key = labels.key
      }
    }
  }

  label_extractors = each.value.labels
}
