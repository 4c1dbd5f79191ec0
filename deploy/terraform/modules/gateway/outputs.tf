output "id" {
  description = "The gateway's id."
  value       = aws_apigatewayv2_api.this.id
}

output "arn" {
  description = "What a function permits to call it."
  value       = aws_apigatewayv2_api.this.execution_arn
}

output "host" {
  description = "The host that it answers at."
  value       = trimprefix(aws_apigatewayv2_api.this.api_endpoint, "https://")
}
