variable "project" {
  description = "Id of the Google Cloud project, which must be there and have billing."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "A project's id has 6 to 30 lower-case letters, digits and hyphens (it is not the project's name or number)."
  }
}

variable "region" {
  description = "Region of the state bucket and the images; infra/ takes the same."
  type        = string
  default     = "europe-west1"

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "A region is written as in europe-west1."
  }
}

variable "secrets" {
  description = "Names of the secrets: Snowflake's private key (none with workload identity) and the download APIs' tokens. Taking a name out destroys that secret with its values, which deletion_protection refuses."
  type        = set(string)
  default     = ["snowflake-private-key"]

  validation {
    condition     = alltrue([for name in var.secrets : can(regex("^[A-Za-z0-9_-]{1,255}$", name))])
    error_message = "A secret's name has 1 to 255 letters, digits, hyphens and underscores."
  }
}

variable "deletion_protection" {
  description = "Refuse to destroy the secrets: a name left out of `secrets` by mistake would take its values with it."
  type        = bool
  default     = true
}

variable "keep_images" {
  description = "So many of the newest images are kept whatever their age: how far back a roll-back reaches. A push may count as three: index, image, provenance."
  type        = number
  default     = 60

  validation {
    condition     = var.keep_images >= 2 && var.keep_images <= 1000 && floor(var.keep_images) == var.keep_images
    error_message = "keep_images is a whole number from 2 (the image that runs, and one to go back to) to 1000."
  }
}
