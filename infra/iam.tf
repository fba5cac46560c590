# Who may do what: every grant of the system. None is on the project as a whole.

data "google_project" "this" {}

locals {
  pubsub_agent = "serviceAccount:service-${data.google_project.this.number}@gcp-sa-pubsub.iam.gserviceaccount.com"
  iap_agent    = "serviceAccount:service-${data.google_project.this.number}@gcp-sa-iap.iam.gserviceaccount.com"

  publishers = merge(
    {
      scheduler    = { topic = "request", member = google_service_account.function["scheduler"].member }
      fingerprint  = { topic = "dead_letter", member = google_service_account.function["fingerprint"].member } # malformed messages
      pubsub_agent = { topic = "dead_letter", member = local.pubsub_agent }                                    # attempts used up
    },
    var.operators == null ? {} : { operators = { topic = "request", member = var.operators } },
  )

  subscribers = merge(
    # Without it dead-lettering is silently off.
    { pubsub_agent = { subscription = "request_push", member = local.pubsub_agent } },
    var.operators == null ? {} : { operators = { subscription = "dead_letter_pull", member = var.operators } },
  )

  secret_readers = {
    for grant in flatten([
      for name, function in local.functions : [for secret in function.secrets : { function = name, secret = secret }]
    ]) : "${grant.function}/${grant.secret}" => grant
  }
}

# Topic and subscription by id: where one is replaced its grants are made anew with it.
resource "google_pubsub_topic_iam_member" "publisher" {
  for_each = local.publishers

  topic  = module.pubsub.topics[each.value.topic].id
  role   = "roles/pubsub.publisher"
  member = each.value.member

  # An account that is made again under its name is another one to IAM, and its old grants are nobody's.
  lifecycle {
    replace_triggered_by = [google_service_account.function]
  }
}

resource "google_pubsub_subscription_iam_member" "subscriber" {
  for_each = local.subscribers

  subscription = module.pubsub.subscriptions[each.value.subscription].id
  role         = "roles/pubsub.subscriber"
  member       = each.value.member
}

# The secrets are bootstrap's, their versions made outside of Terraform: no value is ever in its state.
resource "google_secret_manager_secret_iam_member" "reader" {
  for_each = local.secret_readers

  secret_id = each.value.secret
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.function[each.value.function].member

  lifecycle {
    replace_triggered_by = [google_service_account.function]
  }
}

resource "google_cloud_run_v2_service_iam_member" "caller" {
  for_each = local.for_callers

  name     = google_cloud_run_v2_service.function[each.key].name
  location = var.region
  role     = "roles/run.invoker"
  member   = google_service_account.caller[each.key].member

  # A service that is made again has lost its grants, though its name is the same.
  lifecycle {
    replace_triggered_by = [google_cloud_run_v2_service.function[each.key].id, google_service_account.caller[each.key].unique_id]
  }
}

# What people open is called by IAP alone, after it has seen who they are.
resource "google_cloud_run_v2_service_iam_member" "iap" {
  for_each = local.for_people

  name     = google_cloud_run_v2_service.function[each.key].name
  location = var.region
  role     = "roles/run.invoker"
  member   = local.iap_agent

  lifecycle {
    replace_triggered_by = [google_cloud_run_v2_service.function[each.key].id]
  }
}

resource "google_iap_web_cloud_run_service_iam_member" "reviewer" {
  for_each = var.reviewers

  cloud_run_service_name = google_cloud_run_v2_service.function["review"].name
  location               = var.region
  role                   = "roles/iap.httpsResourceAccessor"
  member                 = each.value

  lifecycle {
    replace_triggered_by = [google_cloud_run_v2_service.function["review"].id]
  }
}
