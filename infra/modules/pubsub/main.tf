# Topics and subscriptions without IAM, so that they apply to the Pub/Sub emulator as they are: it answers 501 to IAM.

resource "google_pubsub_topic" "request" {
  # checkov:skip=CKV_GCP_83: Google's keys encrypt it; messages hold asset ids and file keys, no audio and no secret
  name            = var.topics.request
  deletion_policy = var.deletion_policy
}

resource "google_pubsub_topic" "dead_letter" {
  # checkov:skip=CKV_GCP_83: Google's keys encrypt it; messages hold asset ids and file keys, no audio and no secret
  name            = var.topics.dead_letter
  deletion_policy = var.deletion_policy
}

locals {
  push = {
    request_push = {
      topic        = google_pubsub_topic.request.id
      retention    = "${var.times.message_retention_seconds}s"
      dead_letters = [google_pubsub_topic.dead_letter.id]
    }
    # Writes the FAILED row. It has no dead letters of its own: a store that is away for hours is waited for.
    dead_letter_push = {
      topic        = google_pubsub_topic.dead_letter.id
      retention    = var.dead_letter_retention
      dead_letters = []
    }
  }
}

resource "google_pubsub_subscription" "push" {
  for_each = local.push

  name                       = var.subscriptions[each.key]
  topic                      = each.value.topic
  ack_deadline_seconds       = var.times.ack_deadline_seconds
  message_retention_duration = each.value.retention
  deletion_policy            = var.deletion_policy

  push_config {
    push_endpoint = var.push[each.key].endpoint

    dynamic "oidc_token" {
      for_each = compact([var.push[each.key].service_account])
      content {
        service_account_email = oidc_token.value
        audience              = var.push[each.key].endpoint
      }
    }
  }

  retry_policy {
    minimum_backoff = "${var.times.minimum_backoff_seconds}s"
    maximum_backoff = "${var.times.maximum_backoff_seconds}s"
  }

  dynamic "dead_letter_policy" {
    for_each = each.value.dead_letters
    content {
      dead_letter_topic     = dead_letter_policy.value
      max_delivery_attempts = var.times.max_delivery_attempts
    }
  }

  # Otherwise it is gone after 31 idle days.
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
  deletion_policy            = var.deletion_policy

  expiration_policy {
    ttl = ""
  }
}
