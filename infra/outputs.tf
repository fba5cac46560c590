output "services" {
  description = "Address of each function; only its caller may call it, from inside the project, and review's only IAP."
  value       = { for name, service in google_cloud_run_v2_service.function : name => service.uri }
}

output "review" {
  description = "The page where people decide, for those whom `reviewers` names."
  value       = google_cloud_run_v2_service.function["review"].uri
}

output "service_accounts" {
  description = "Whom each function runs as."
  value       = { for name, account in google_service_account.function : name => account.email }
}

output "service_account_ids" {
  description = "Unique ids of the same: the subjects of Snowflake's users with workload identity (infra/snowflake)."
  value       = { for name, account in google_service_account.function : name => account.unique_id }
}

output "topics" {
  description = "Names of the topics."
  value       = { for key, topic in module.pubsub.topics : key => topic.name }
}

output "subscriptions" {
  description = "Names of the subscriptions; dead_letter_pull is where dead letters are read."
  value       = { for key, subscription in module.pubsub.subscriptions : key => subscription.name }
}

output "dashboard" {
  description = "Page with what comes out, what waits, and how the functions do."
  value       = "https://console.cloud.google.com/monitoring/dashboards/builder/${reverse(split("/", google_monitoring_dashboard.audiodup.id))[0]}?project=${var.project}"
}

output "image" {
  description = "The image that is deployed: `make deploy ARGS=\"--image ...\"` comes back to it."
  value       = var.image
}
