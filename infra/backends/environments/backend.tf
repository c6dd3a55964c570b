# One configuration for every environment: the key comes from the environment's file.
#   terraform init -reconfigure -backend-config=production.s3.tfbackend
terraform {
  required_version = ">= 1.10"
  backend "s3" {
    bucket         = "example-states"
    region         = "eu-central-1"
    encrypt        = true
    use_lockfile   = true
    dynamodb_table = "example-locks"
  }
}
