# Topics and subscriptions without IAM, so that they apply to the Pub/Sub emulator as they are: it answers 501 to IAM.

resource "google_pubsub_topic" "request" {
  # checkov:skip=CKV_GCP_83: Google's keys encrypt it; messages hold asset ids and file keys, no audio and no secret
  name = var.topics.request
}

resource "google_pubsub_topic" "dead_letter" {
  # checkov:skip=CKV_GCP_83: Google's keys encrypt it; messages hold asset ids and file keys, no audio and no secret
  name = var.topics.dead_letter
}

resource "google_pubsub_subscription" "request_push" {
  name                       = var.subscriptions.request_push
  topic                      = google_pubsub_topic.request.id
  ack_deadline_seconds       = var.times.ack_deadline_seconds
  message_retention_duration = "${var.times.message_retention_seconds}s"

  push_config {
    push_endpoint = var.push.request_push.endpoint

    dynamic "oidc_token" {
      for_each = var.push.request_push.service_account == null ? [] : [var.push.request_push]
      content {
        service_account_email = oidc_token.value.service_account
        audience              = oidc_token.value.endpoint
      }
    }
  }

  retry_policy {
    minimum_backoff = "${var.times.minimum_backoff_seconds}s"
    maximum_backoff = "${var.times.maximum_backoff_seconds}s"
  }

  dead_letter_policy {
    dead_letter_topic     = google_pubsub_topic.dead_letter.id
    max_delivery_attempts = var.times.max_delivery_attempts
  }

  # Otherwise it is gone after 31 idle days.
  expiration_policy {
    ttl = ""
  }
}

# Writes the FAILED row. It has no dead letters of its own: a store that is away for hours is waited for.
resource "google_pubsub_subscription" "dead_letter_push" {
  name                       = var.subscriptions.dead_letter_push
  topic                      = google_pubsub_topic.dead_letter.id
  ack_deadline_seconds       = var.times.ack_deadline_seconds
  message_retention_duration = var.dead_letter_retention

  push_config {
    push_endpoint = var.push.dead_letter_push.endpoint

    dynamic "oidc_token" {
      for_each = var.push.dead_letter_push.service_account == null ? [] : [var.push.dead_letter_push]
      content {
        service_account_email = oidc_token.value.service_account
        audience              = oidc_token.value.endpoint
      }
    }
  }

  retry_policy {
    minimum_backoff = "${var.times.minimum_backoff_seconds}s"
    maximum_backoff = "${var.times.maximum_backoff_seconds}s"
  }

  expiration_policy {
    ttl = ""
  }
}

# Keeps the letters themselves, to look at and to publish again.
resource "google_pubsub_subscription" "dead_letter_pull" {
  name                       = var.subscriptions.dead_letter_pull
  topic                      = google_pubsub_topic.dead_letter.id
  ack_deadline_seconds       = var.times.ack_deadline_seconds
  message_retention_duration = var.dead_letter_retention

  expiration_policy {
    ttl = ""
  }
}
