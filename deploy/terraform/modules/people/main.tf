# Who may sign in. Nobody signs up by themselves; the owner invites others with the AWS console or command line.

data "aws_caller_identity" "this" {}
data "aws_region" "this" {}

resource "aws_cognito_user_pool" "this" {
  name                     = var.name
  username_attributes      = ["email"]
  auto_verified_attributes = ["email"]
  deletion_protection      = var.protect ? "ACTIVE" : "INACTIVE"
  mfa_configuration        = "OPTIONAL"

  admin_create_user_config {
    allow_admin_create_user_only = true

    invite_message_template {
      email_subject = "Your account of imgtag"
      email_message = "You can sign in at ${var.url} as {username} with the password {####} for seven days; you will be asked for one of your own."
      sms_message   = "imgtag: {username} {####}"
    }
  }

  account_recovery_setting {
    recovery_mechanism {
      name     = "verified_email"
      priority = 1
    }
  }

  password_policy {
    minimum_length                   = 12
    require_lowercase                = false
    require_numbers                  = false
    require_symbols                  = false
    require_uppercase                = false
    temporary_password_validity_days = 7
  }

  software_token_mfa_configuration {
    enabled = true
  }

  username_configuration {
    case_sensitive = false
  }
}

# The prefix is unique in a region, of all accounts.
resource "aws_cognito_user_pool_domain" "this" {
  user_pool_id = aws_cognito_user_pool.this.id
  domain       = "${var.name}-${data.aws_caller_identity.this.account_id}"
}

# A public client: the code flow with PKCE, run by the server, needs no secret that would have to be kept.
resource "aws_cognito_user_pool_client" "this" {
  name         = var.name
  user_pool_id = aws_cognito_user_pool.this.id

  generate_secret                      = false
  allowed_oauth_flows_user_pool_client = true
  allowed_oauth_flows                  = ["code"]
  allowed_oauth_scopes                 = ["email", "openid", "profile"]
  supported_identity_providers         = ["COGNITO"]
  callback_urls                        = ["${var.url}/api/auth/callback"]
  logout_urls                          = ["${var.url}/"]
  explicit_auth_flows                  = ["ALLOW_REFRESH_TOKEN_AUTH"]
  prevent_user_existence_errors        = "ENABLED"
  enable_token_revocation              = true
  id_token_validity                    = 60
  access_token_validity                = 60
  refresh_token_validity               = 14

  token_validity_units {
    id_token      = "minutes"
    access_token  = "minutes"
    refresh_token = "days"
  }
}

# Cognito mails a first password.
resource "aws_cognito_user" "owner" {
  user_pool_id             = aws_cognito_user_pool.this.id
  username                 = var.email
  desired_delivery_mediums = ["EMAIL"]

  attributes = {
    email          = var.email
    email_verified = true
  }
}
