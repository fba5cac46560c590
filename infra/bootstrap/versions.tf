# What has to be there before the image can be pushed and infra/ applied. Applied once by a person; its state begins as a
# file and moves into the bucket it has made (output `backend`), so that a lost laptop loses nothing. No secret is in it.

terraform {
  required_version = ">= 1.11"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 7.0, < 8.0"
    }
  }
}

provider "google" {
  project        = var.project
  region         = var.region
  default_labels = { app = "audiodup" }
}
