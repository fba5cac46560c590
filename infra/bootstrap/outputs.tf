output "state_bucket" {
  description = "Bucket of Terraform's state: terraform -chdir=infra init -backend-config=bucket=..."
  value       = google_storage_bucket.state.name
}

output "repository" {
  description = "Where the image is pushed to, as REPOSITORY/audiodup."
  value       = "${var.region}-docker.pkg.dev/${var.project}/${google_artifact_registry_repository.images.repository_id}"
}

output "backend" {
  description = "Text of backend.tf, which moves this folder's own state into the bucket."
  value       = <<-EOT
    terraform {
      backend "gcs" {
        bucket = "${google_storage_bucket.state.name}"
        prefix = "bootstrap"
      }
    }
  EOT
}

output "next_steps" {
  description = "Commands to run now, in this order, from the repository's folder."
  value = join("\n", concat(
    [
      "# This folder's state goes into the bucket; keep backend.tf with the code.",
      "terraform -chdir=infra/bootstrap output -raw backend > infra/bootstrap/backend.tf",
      "terraform -chdir=infra/bootstrap init -migrate-state -force-copy",
      "# The service agents of Pub/Sub and IAP: in a new project they may not exist yet, and infra/ grants them roles.",
      "gcloud beta services identity create --service=pubsub.googleapis.com --project=${var.project}",
      "gcloud beta services identity create --service=iap.googleapis.com --project=${var.project}",
      "# The value of each secret, from a file.",
    ],
    [for name in sort(var.secrets) : "gcloud secrets versions add ${name} --data-file=FILE --project=${var.project}"],
    [
      "# Where infra/ keeps its state; then `make deploy`.",
      "terraform -chdir=infra init -backend-config=bucket=${google_storage_bucket.state.name}",
      "",
    ],
  ))
}
