# A secret that is made up on its way to the Parameter Store: neither the state nor a plan ever holds it.

# From where is all the same.
ephemeral "aws_secretsmanager_random_password" "this" {
  provider = aws.random

  password_length     = 48
  exclude_punctuation = true
}

resource "aws_ssm_parameter" "this" {
  name             = var.name
  description      = var.description
  type             = "SecureString"
  value_wo         = ephemeral.aws_secretsmanager_random_password.this.random_password
  value_wo_version = 1
}
