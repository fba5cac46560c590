# Terraform's state, of infra/ and of this folder. A bucket that holds one is not destroyed: Google refuses it.
resource "google_storage_bucket" "state" {
  # checkov:skip=CKV_GCP_62: usage logs would need another bucket; who read the state is in Cloud Audit Logs where Data Access is switched on
  name                        = "${var.project}-audiodup-state"
  location                    = upper(var.region)
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"

  # A state that was spoilt is brought back from the version before.
  versioning {
    enabled = true
  }

  # Both must hold: the newest 20 stay for ever, and all of a month that had more.
  lifecycle_rule {
    condition {
      num_newer_versions         = 20
      days_since_noncurrent_time = 30
    }
    action {
      type = "Delete"
    }
  }

  depends_on = [google_project_service.api]
}
