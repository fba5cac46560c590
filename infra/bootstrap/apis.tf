locals {
  apis = toset([
    "artifactregistry",
    "cloudresourcemanager", # Terraform itself: the project's number, its APIs
    "cloudscheduler",
    "iam",
    "iap",
    "logging",
    "monitoring",
    "pubsub",
    "run",
    "secretmanager",
    "storage",
  ])
}

# Left enabled when this is destroyed: others in the project may use them.
resource "google_project_service" "api" {
  for_each = local.apis

  service            = "${each.key}.googleapis.com"
  disable_on_destroy = false
}
