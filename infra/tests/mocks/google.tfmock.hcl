# What Google would answer: names that tell which account or service they belong to, so that a plan shows who may do what.

mock_data "google_project" {
  defaults = { number = "123456789012" }
}

override_resource {
  target = google_service_account.function["scheduler"]
  values = {
    email     = "audiodup-scheduler@my-project.iam.gserviceaccount.com"
    member    = "serviceAccount:audiodup-scheduler@my-project.iam.gserviceaccount.com"
    unique_id = "101"
  }
}

override_resource {
  target = google_service_account.caller["scheduler"]
  values = {
    email     = "audiodup-call-scheduler@my-project.iam.gserviceaccount.com"
    member    = "serviceAccount:audiodup-call-scheduler@my-project.iam.gserviceaccount.com"
    unique_id = "102"
  }
}

override_resource {
  target = google_cloud_run_v2_service.function["scheduler"]
  values = { uri = "https://audiodup-scheduler.run.app" }
}

override_resource {
  target = google_service_account.function["fingerprint"]
  values = {
    email     = "audiodup-fingerprint@my-project.iam.gserviceaccount.com"
    member    = "serviceAccount:audiodup-fingerprint@my-project.iam.gserviceaccount.com"
    unique_id = "103"
  }
}

override_resource {
  target = google_service_account.caller["fingerprint"]
  values = {
    email     = "audiodup-call-fingerprint@my-project.iam.gserviceaccount.com"
    member    = "serviceAccount:audiodup-call-fingerprint@my-project.iam.gserviceaccount.com"
    unique_id = "104"
  }
}

override_resource {
  target = google_cloud_run_v2_service.function["fingerprint"]
  values = { uri = "https://audiodup-fingerprint.run.app" }
}

override_resource {
  target = google_service_account.function["dead_letter"]
  values = {
    email     = "audiodup-dead-letter@my-project.iam.gserviceaccount.com"
    member    = "serviceAccount:audiodup-dead-letter@my-project.iam.gserviceaccount.com"
    unique_id = "105"
  }
}

override_resource {
  target = google_service_account.caller["dead_letter"]
  values = {
    email     = "audiodup-call-dead-letter@my-project.iam.gserviceaccount.com"
    member    = "serviceAccount:audiodup-call-dead-letter@my-project.iam.gserviceaccount.com"
    unique_id = "106"
  }
}

override_resource {
  target = google_cloud_run_v2_service.function["dead_letter"]
  values = { uri = "https://audiodup-dead-letter.run.app" }
}

override_resource {
  target = google_service_account.function["matcher"]
  values = {
    email     = "audiodup-matcher@my-project.iam.gserviceaccount.com"
    member    = "serviceAccount:audiodup-matcher@my-project.iam.gserviceaccount.com"
    unique_id = "107"
  }
}

override_resource {
  target = google_service_account.caller["matcher"]
  values = {
    email     = "audiodup-call-matcher@my-project.iam.gserviceaccount.com"
    member    = "serviceAccount:audiodup-call-matcher@my-project.iam.gserviceaccount.com"
    unique_id = "108"
  }
}

override_resource {
  target = google_cloud_run_v2_service.function["matcher"]
  values = { uri = "https://audiodup-matcher.run.app" }
}

override_resource {
  target = google_service_account.function["review"]
  values = {
    email     = "audiodup-review@my-project.iam.gserviceaccount.com"
    member    = "serviceAccount:audiodup-review@my-project.iam.gserviceaccount.com"
    unique_id = "109"
  }
}

override_resource {
  target = google_cloud_run_v2_service.function["review"]
  values = { uri = "https://audiodup-review.run.app" }
}

override_resource {
  target = module.pubsub.google_pubsub_topic.request
  values = { id = "projects/my-project/topics/audio-fingerprint-request" }
}

override_resource {
  target = module.pubsub.google_pubsub_topic.dead_letter
  values = { id = "projects/my-project/topics/audio-fingerprint-dead-letter" }
}

override_resource {
  target = module.pubsub.google_pubsub_subscription.push["request_push"]
  values = { id = "projects/my-project/subscriptions/audio-fingerprint-request-push" }
}

override_resource {
  target = module.pubsub.google_pubsub_subscription.push["dead_letter_push"]
  values = { id = "projects/my-project/subscriptions/audio-fingerprint-dead-letter-push" }
}

override_resource {
  target = module.pubsub.google_pubsub_subscription.dead_letter_pull
  values = { id = "projects/my-project/subscriptions/audio-fingerprint-dead-letter-pull" }
}
