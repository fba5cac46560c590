# One for each function, and one for whoever calls it (people have their own), so that each may do just its part.

resource "google_service_account" "function" {
  for_each = local.functions

  account_id   = "audiodup-${replace(each.key, "_", "-")}"
  display_name = "audiodup: runs ${each.key}"
  # Made again it would have another unique id, and Snowflake knows it by that.
  deletion_policy = local.deletion_policy
}

resource "google_service_account" "caller" {
  for_each = local.for_callers

  account_id      = "audiodup-call-${replace(each.key, "_", "-")}"
  display_name    = "audiodup: calls ${each.key}"
  deletion_policy = local.deletion_policy
}
