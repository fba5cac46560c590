# One for each function, and one for whoever calls it, so that each may do just its part.

resource "google_service_account" "function" {
  for_each = local.functions

  account_id   = "audiodup-${replace(each.key, "_", "-")}"
  display_name = "audiodup: runs ${each.key}"
}

resource "google_service_account" "caller" {
  for_each = local.functions

  account_id   = "audiodup-call-${replace(each.key, "_", "-")}"
  display_name = "audiodup: calls ${each.key}"
}
