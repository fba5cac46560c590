output "topics" {
  description = "Name and id of each topic."
  value = {
    for key, topic in { request = google_pubsub_topic.request, dead_letter = google_pubsub_topic.dead_letter } :
    key => { name = topic.name, id = topic.id }
  }
}

output "subscriptions" {
  description = "Name and id of each subscription."
  value = {
    for key, subscription in {
      request_push     = google_pubsub_subscription.push["request_push"]
      dead_letter_push = google_pubsub_subscription.push["dead_letter_push"]
      dead_letter_pull = google_pubsub_subscription.dead_letter_pull
    } : key => { name = subscription.name, id = subscription.id }
  }
}
