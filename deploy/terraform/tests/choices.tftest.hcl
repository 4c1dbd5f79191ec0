# What each choice makes, and what is refused, without an account. What is made of the defaults is applied and used by
# tests/infra, at the top of the checkout.

mock_provider "aws" {
  source = "./tests/mocks"
}

# Terraform's mocks can't stand for what is ephemeral. No secret is made up here, and so nobody is asked.
provider "aws" {
  alias                       = "us_east_1"
  region                      = "us-east-1"
  access_key                  = "none"
  secret_key                  = "none"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

variables {
  email      = "ada@example.com"
  region     = "eu-central-1"
  page       = "tests/page"
  parameters = "/photos"
}

run "sleeps_by_default" {
  command = plan

  assert {
    condition     = length(module.api_function) == 1 && length(module.api_service) == 0 && length(module.link) == 0
    error_message = "The API is a function."
  }

  assert {
    condition     = length(module.firewall) == 0 && length(module.domain) == 0
    error_message = "Nothing that costs something asleep is made unless it is asked for."
  }
}

run "is_always_on_where_that_is_wanted" {
  command = plan

  variables {
    always_on      = true
    image          = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/imgtag:1.0.0"
    import_sources = ["s3://camera/2026", "s3://phone"]
  }

  assert {
    condition     = length(module.api_function) == 0 && length(module.api_service) == 1 && length(module.link) == 1
    error_message = "The API is a task that the gateway reaches by a link."
  }

  assert {
    condition     = output.image == var.image
    error_message = "An image that is there is used as it is."
  }

  assert {
    condition     = output.settings.IMGTAG_IMPORT_SOURCES == "s3://camera/2026,s3://phone"
    error_message = "imgtag is told what it may import from."
  }
}

run "has_a_name_and_a_firewall_of_its_own" {
  command = plan

  variables {
    domain   = { name = "photos.example.com", zone_id = "Z0000000000000000000" }
    firewall = true
  }

  assert {
    condition     = output.url == "https://photos.example.com" && output.settings.IMGTAG_PUBLIC_URL == output.url
    error_message = "The address is the name that was given, and imgtag knows it."
  }
}

run "refuses_what_aws_would_refuse_later" {
  command         = plan
  expect_failures = [var.email, var.name, var.archive_after_days, var.image, var.import_sources, var.log_days]

  variables {
    email              = "ada"
    name               = "my-aws-photos"
    archive_after_days = { archive = 30 }
    image              = "docker.io/imgtag/imgtag:latest"
    import_sources     = ["file:///photos"]
    log_days           = 6
  }
}
