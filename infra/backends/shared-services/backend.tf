# What the environments share, such as DNS and networks. Give each service a key of its own.
terraform {
  required_version = ">= 1.10"
  backend "s3" {
    bucket         = "example-states"
    key            = "shared-services/network/terraform.tfstate"
    region         = "eu-central-1"
    encrypt        = true
    use_lockfile   = true
    dynamodb_table = "example-locks"
  }
}
