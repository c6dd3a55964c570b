# A state for each branch. Terraform allows no variables here, so the key comes from the command line:
#   terraform init -reconfigure -backend-config="key=branches/$BRANCH/terraform.tfstate"
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
