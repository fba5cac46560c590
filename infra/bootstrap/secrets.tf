# Empty: a person adds the value (output `next_steps`), so that it is in no state, no plan and no variable.
resource "google_secret_manager_secret" "secret" {
  for_each = var.secrets

  secret_id           = each.key
  deletion_protection = var.deletion_protection # its values would go with it, and nobody has a copy

  replication {
    auto {}
  }

  depends_on = [google_project_service.api]
}
