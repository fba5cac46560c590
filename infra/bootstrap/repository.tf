# Tags may move: `make deploy --rebuild` pushes the same tag again, and what is deployed is named by its digest.
resource "google_artifact_registry_repository" "images" {
  # checkov:skip=CKV_GCP_84: Google's keys encrypt it; there is no secret in the image, and a key of one's own is one more thing to lose
  repository_id          = "audiodup"
  description            = "The image of audiodup's functions."
  format                 = "DOCKER"
  location               = var.region
  cleanup_policy_dry_run = false

  # What to keep goes before what to delete. (Cloud Run has a copy of its own of what serves.) One push of docker's
  # buildx counts as three: index, image, provenance.
  cleanup_policies {
    id     = "keep-newest"
    action = "KEEP"
    most_recent_versions {
      keep_count = var.keep_images
    }
  }

  # Tagged or not: a rebuild leaves the image before it without a tag.
  cleanup_policies {
    id     = "delete-old"
    action = "DELETE"
    condition {
      tag_state  = "ANY"
      older_than = "2592000s" # 30 days
    }
  }

  depends_on = [google_project_service.api]
}
