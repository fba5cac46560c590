# Empty: a person adds the value (output `next_steps`), so that it is in no state, no plan and no variable.
resource "google_secret_manager_secret" "secret" {
  for_each = var.secrets

  secret_id = each.key

  replication {
    auto {}
  }

  depends_on = [google_project_service.api]
}
