output "issuer" {
  description = "Who signs people in."
  value       = "https://${aws_cognito_user_pool.this.endpoint}"
}

output "client_id" {
  description = "imgtag, as the issuer knows it."
  value       = aws_cognito_user_pool_client.this.id
}

output "pool_id" {
  description = "The user pool, for inviting others."
  value       = aws_cognito_user_pool.this.id
}

output "sign_in_host" {
  description = "The host of the page on which one signs in."
  value       = "${aws_cognito_user_pool_domain.this.domain}.auth.${data.aws_region.this.name}.amazoncognito.com"
}
