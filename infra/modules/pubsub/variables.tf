variable "topics" {
  description = "Names of the topics."
  type        = object({ request = string, dead_letter = string })
}

variable "subscriptions" {
  description = "Names of the subscriptions."
  type        = object({ request_push = string, dead_letter_push = string, dead_letter_pull = string })
}

variable "times" {
  description = "Attempts, back-off, deadline and retention: one block of pubsub.json."
  type = object({
    max_delivery_attempts     = number
    minimum_backoff_seconds   = number
    maximum_backoff_seconds   = number
    ack_deadline_seconds      = number
    message_retention_seconds = number
  })
}

variable "dead_letter_retention" {
  description = "How long dead letters are kept, in seconds as in 1209600s."
  type        = string
}

variable "deletion_policy" {
  description = "PREVENT refuses to destroy topics and subscriptions; DELETE allows it."
  type        = string
  default     = "DELETE"
}

variable "push" {
  description = "Where each push subscription delivers, and as which service account (null: unsigned, as to the emulator)."
  type = object({
    request_push     = object({ endpoint = string, service_account = optional(string) })
    dead_letter_push = object({ endpoint = string, service_account = optional(string) })
  })
}
