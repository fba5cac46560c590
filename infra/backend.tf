# The bucket is made by bootstrap/ and named at init: terraform init -backend-config=bucket=NAME
terraform {
  backend "gcs" {
    prefix = "audiodup"
  }
}
